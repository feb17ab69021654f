"""A stack that tests may hurt, and people with clients who live on a bad network."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import jwt
import psutil
import psycopg
import pytest

from monogram_sdk import MemorySessionStorage, Monogram
from monogram_sdk.local import Stack
from monogram_sdk.models import SpaceEvent
from supabase_embedded import _processes
from tests.live.proxy import Proxy
from tests.sdk.support import PASSWORD, new_email
from tests.support.actors import Actor, Actors
from tests.support.ready import stack_folder

EMIT = (
    "select private.emit(%(space)s, 'response.published', %(id)s, jsonb_build_object("
    "'response_id', %(id)s::uuid, 'prompt_id', gen_random_uuid(), 'user_id', gen_random_uuid(), 'week_number', %(n)s),"
    " null)"
)


@dataclass
class Ground:
    """A stack behind a bad network."""

    stack: Stack
    proxy: Proxy
    _keep: list[psycopg.Connection] = field(default_factory=list)

    def connect(self) -> psycopg.Connection:
        """Connect to the database as its owner, until the end."""
        self._keep.append(psycopg.connect(self.stack.db_url))
        return self._keep[-1]

    def session_of_somebody_new(self) -> tuple[UUID, MemorySessionStorage]:
        """Sign somebody up, and return who it is with their session."""
        storage = MemorySessionStorage()
        with Monogram(url=self.proxy.url, key=self.stack.publishable_key, session_storage=storage) as client:
            client.auth.sign_up(email=new_email("reader"), password=PASSWORD, display_name="Reader")
            return client.auth.user().id, storage

    def shorten(self, storage: MemorySessionStorage, seconds: float) -> None:
        """Let a session's access token end soon, though the client believes that it lasts an hour."""
        (key,) = [key for key in storage._items if key.endswith("-session")]
        session = json.loads(storage._items[key])
        secret = self.stack.jwt_secret
        claims = jwt.decode(session["access_token"], secret, algorithms=["HS256"], audience="authenticated")
        claims["exp"] = math.ceil(time.time() + seconds)
        session["access_token"] = jwt.encode(claims, secret, algorithm="HS256")
        storage.set_item(key, json.dumps(session))

    def spaces(self, count: int, members: list[UUID]) -> list[UUID]:
        """Found spaces with these members."""
        with Actors(self.connect(), commit=True) as actors:
            leader = actors.person("Ada")
            spaces = [leader.insert("spaces", name=f"Space {n}", is_public=True)["id"] for n in range(count)]
            for member in members:
                person: Actor = actors.known(member)
                for space in spaces:
                    person.insert("memberships", user_id=member, space_id=space)
        return spaces

    def table(self, space_id: UUID) -> list[bytes]:
        """Return the events of a space as the table has them, each as JSON."""
        with psycopg.connect(self.stack.db_url) as connection:
            rows = connection.execute(
                "select to_jsonb(space_events) from public.space_events where space_id = %s order by seq", [space_id]
            ).fetchall()
        return [as_bytes(SpaceEvent.model_validate(row)) for (row,) in rows]

    def last(self, space_id: UUID) -> int:
        """Return the number of the newest event."""
        with psycopg.connect(self.stack.db_url) as connection:
            row = connection.execute(
                "select last_seq from private.space_feeds where space_id = %s", [space_id]
            ).fetchone()
        assert row is not None
        return int(row[0])

    def emit(self, connection: psycopg.Connection, space_id: UUID, number: int = 1) -> None:
        """Let something happen."""
        connection.execute(EMIT, {"space": space_id, "id": uuid4(), "n": number})

    def kill_server(self) -> None:
        """Kill the process of Realtime and of the other services; the stack starts it again."""
        pid = self.stack._server.pid
        if pid is not None:
            process = psutil.Process(pid)
            process.kill()
            # It may send one more reply before it stops.
            while not _processes.has_ended(process):
                time.sleep(0.001)

    def close(self) -> None:
        """Close the connections to the database."""
        while self._keep:
            self._keep.pop().close()


def as_bytes(event: SpaceEvent) -> bytes:
    """Return an event as JSON."""
    return event.model_dump_json().encode()


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack that tests may hurt, as long as it recovers."""
    options = {"bcrypt_cost": 4}
    with (
        stack_folder(tmp_path_factory, "ground", seed=False) as folder,
        Stack(folder, durable=False, seed=False, deliver=False, server_options=options) as stack,
        Proxy(stack.api_url) as proxy,
    ):
        ground = Ground(stack, proxy)
        yield ground
        ground.close()
