"""Odd requests over HTTP: refused with 4xx and in words, and nothing is changed by what was refused."""

from __future__ import annotations

import json
import time
from collections import Counter
from random import Random
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from monogram_sdk.local import Stack
from tests.fuzz.cases import Api, Case, resolve
from tests.fuzz.oracle import indiscretion
from tests.fuzz.test_commands import SEED, private_names
from tests.simulation.invariants import RULES
from tests.support.actors import Actors
from tests.support.counts import count
from tests.support.digest import digest
from tests.support.world import World, build_world

REQUESTS = 900
BUDGET = 150.0
"""Seconds."""

_DRIVER = "Database client error. Retrying the connection."
"""What the local server says to an object in the place of an array: its driver gives up. No rule of ours is in it."""


def send(client: httpx.Client, stack: Stack, world: World, case: Case, number: int) -> httpx.Response:
    """Send a case as a client would."""
    actor = world.cast[case.actor]
    key = stack.secret_key if actor.role == "service_role" else stack.publishable_key
    headers = {"apikey": key, "Prefer": "return=representation", "Content-Type": "application/json"}
    if actor.user_id is not None:
        claims = {
            "sub": str(actor.user_id), "role": "authenticated", "aud": "authenticated",
            "exp": int(time.time()) + 3600, "app_metadata": dict(actor.app_metadata),
        }  # fmt: skip
        headers["Authorization"] = f"Bearer {jwt.encode(claims, stack.jwt_secret, 'HS256')}"
    chance = Random(f"request {number}")
    body: Any = {name: _as_json(chance, resolve(value, world.ids)) for name, _, value in case.values}
    if case.verb == "call":
        return client.post(f"/rest/v1/rpc/{case.target}", headers=headers, content=json.dumps(body))
    parameters = {}
    if case.key is not None and case.verb != "upsert":
        parameters = {case.key[0]: f"eq.{resolve(case.key[1], world.ids)}"}
    if case.verb == "upsert":
        headers["Prefer"] += ",resolution=merge-duplicates"
    if chance.random() < 0.1:
        body = [body, body]
    method = {"insert": "POST", "upsert": "POST", "update": "PATCH", "delete": "DELETE"}[case.verb]
    content = None if case.verb == "delete" else json.dumps(body)
    return client.request(method, f"/rest/v1/{case.target}", headers=headers, params=parameters, content=content)


def _as_json(chance: Random, value: str | None) -> Any:
    """The value, as a JSON text or as what the text says."""
    if value is not None and chance.random() < 0.6:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value


def problem_with(response: httpx.Response, private: frozenset[str]) -> str | None:
    """What is wrong with a refusal; None where nothing is."""
    if _DRIVER in response.text:
        return None
    if response.status_code >= 500:
        return f"{response.status_code}: {response.text[:300]}"
    said = response.json()
    if not isinstance(said, dict) or not said.get("message"):
        return f"a refusal without words: {response.text[:300]}"
    words = " ".join(str(said.get(part) or "") for part in ("message", "details", "hint"))
    # A value of a type that no function of this name takes: the Data API says so itself.
    is_theirs = said.get("code", "").startswith("PGRST") or said.get("code") == "42883"
    return None if is_theirs else indiscretion(words, private)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_odd_requests(tmp_path_factory: pytest.TempPathFactory) -> None:
    options = {"bcrypt_cost": 4}
    found: dict[str, str] = {}
    statuses: Counter[int] = Counter()
    with (
        Stack(tmp_path_factory.mktemp("fuzz"), durable=False, deliver=False, server_options=options) as stack,
        psycopg.connect(stack.db_url) as connection,
        httpx.Client(base_url=stack.api_url, timeout=30) as client,
    ):
        with Actors(connection, commit=True) as actors:
            world = build_world(actors)
        connection.autocommit = True
        api = Api(connection, list(world.ids), list(world.cast))
        private = private_names(connection)
        end, before = time.monotonic() + BUDGET, digest(connection)
        for number in range(REQUESTS):
            if time.monotonic() > end:
                break
            case = api.make(SEED, 1_000_000 + number * 37)
            response = send(client, stack, world, case, number)
            statuses[response.status_code] += 1
            after, problem = digest(connection), None
            if response.is_error:
                problem = problem_with(response, frozenset() if case.actor == "service" else private)
                if problem is None and after != before:
                    problem = "a refused request has changed something"
            elif after != before:
                for rule, query in RULES.items():
                    if rows := connection.execute(query.encode()).fetchall():
                        problem = f"afterwards it is not so that {rule}: {rows[:3]}"
            before = after
            if problem is not None:
                kind = f"{case.verb} {case.target} {problem[:20]}"
                found.setdefault(kind, f"number {number}: {case}\n    {problem}")
    count("fuzz inputs over HTTP", sum(statuses.values()))
    assert statuses[200] + statuses[201] > 20 and statuses[403] > 20, statuses
    assert not found, "\n".join(["", *found.values()])
