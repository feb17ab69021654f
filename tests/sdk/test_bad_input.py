"""Whatever is passed to whatever call: an error of the SDK comes out, and never anything else."""

from __future__ import annotations

import inspect
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from monogram_sdk import FileSessionStorage, MemorySessionStorage, Monogram, MonogramError, Pages, errors
from monogram_sdk.models import AuthUser, Session
from tests.support.counts import count
from tests.support.resources import resources

SOME = "00000000-0000-4000-8000-000000000001"


def deep(levels: int) -> list[object]:
    """Return lists in lists."""
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


def circle() -> list[object]:
    """Return a list that holds itself."""
    value: list[object] = []
    value.append(value)
    return value


ODD: dict[str, Any] = {
    "a lone surrogate": "x\ud800y",
    "NUL": "x\x00y",
    "the empty text": "",
    "a path": "../../../auth/v1/admin/users?x=1#y",
    "a header": "x\r\nhost: y",
    "10,000 letters": "x" * 10_000,
    "text in other scripts": "ab\u202ec \U0001f600 \u0301",
    "bytes": b"\xff\x00",
    "None": None,
    "True": True,
    "0": 0,
    "-1": -1,
    "more than 64 bits": 2**64,
    "thousands of digits": 10**5000,
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "an object": object(),
    "a function": deep,
    "nothing in a list": [],
    "NaN in a list": [math.nan],
    "a surrogate in a list": ["\udfff"],
    "NUL in a mapping": {"a": "\x00"},
    "a surrogate as a name": {"\ud800": 1},
    "odd names": {1: 2, None: 3, (1, 2): 4},
    "a set": {1, 2},
    "5,000 lists in one another": deep(5000),
    "a circle": circle(),
    "a year far away": datetime(9999, 12, 31, tzinfo=UTC),
    "no zone": datetime(1, 1, 1),
}


# What is good enough for an argument, so that the odd one is what the call meets.
USUAL: dict[str, Any] = {
    "amount": 1, "app_metadata": {"a": 1}, "code_verifier": None, "content": "Dune", "email":
    "ada@example.test", "image": None, "is_on": True, "job_id": 1, "limit": 1, "metadata": None, "page_size": 10,
    "poll_seconds": 1.0, "seconds": 60, "week_number": 1, "worker": "w", "display_name": "Ada", "music": None,
    "listener": lambda _event, _session: None, "role": "ADMIN", "image_paths": ["a/b.png"],
    "image_caption": "A cat", "scope": "everything",
    "keys": ["a"], "provider":
    "google", "notification_ids": None, "questions": ["Why?"], "url": "https://example.test/1", "on_status": None,
    "visibility": "PUBLIC", "kind": "THEME", "price": 1, "is_displayed": True, "event": "BOUNCED", "results": [],
    "if_version": 1,
}  # fmt: skip


def replying(request: httpx.Request) -> httpx.Response:
    """Reply that there is nothing."""
    if request.url.path.startswith("/auth/"):
        return httpx.Response(200, json={})
    return httpx.Response(200, json=[])


def signed_in() -> MemorySessionStorage:
    """Return a storage with a session that looks good."""
    user = AuthUser(id=UUID(SOME), created_at=datetime.now(UTC), email="ada@example.test")
    end = datetime.fromtimestamp(time.time() + 36_000, UTC)
    session = Session(access_token="eyJh.eyJh.x", refresh_token="r", expires_at=end, user=user)
    storage = MemorySessionStorage()
    storage.set_item("monogram-127.0.0.1:9-session", session.model_dump_json())
    return storage


def calls(client: Monogram) -> Iterator[tuple[str, Callable[..., Any], inspect.Signature]]:
    """Yield every public method of every resource."""
    for resource, api in resources(client).items():
        for name, _ in inspect.getmembers(type(api), inspect.isfunction):
            if not name.startswith("_"):
                method = getattr(api, name)
                yield f"{resource}.{name}", method, inspect.signature(method)


def usual(parameter: inspect.Parameter) -> Any:
    """Return a usual argument."""
    if str(parameter.annotation).startswith("Mapping") and parameter.default is parameter.empty:
        return {}
    if parameter.name in USUAL:
        return USUAL[parameter.name]
    if parameter.name.endswith("_ids"):
        return [SOME]
    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    return SOME


def outcome(method: Callable[..., Any], arguments: dict[str, Any], positional: list[str]) -> str:
    """Make a call, use what it returns, and return what came of it."""
    rest = {name: value for name, value in arguments.items() if name not in positional}
    try:
        result = method(*(arguments[name] for name in positional), **rest)
        if isinstance(result, Pages):
            result.first_page()
        elif inspect.isgenerator(result):
            next(result, None)
    except MonogramError as error:
        str(error), repr(error)
        return "MonogramError"
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__qualname__}: {str(error)[:200]}"
    return "done"


@pytest.mark.parametrize("secret", [False, True], ids=["a person", "a service"])
def test_every_argument_of_every_call_may_be_anything(
    secret: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # Some name a file to write.
    key = "sb_secret_x" if secret else "sb_publishable_x"
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    transport = Immediately()
    with Monogram(
        url="http://127.0.0.1:9", key=key, retries=0, session_storage=signed_in(), transport=transport
    ) as client:
        for name, method, signature in calls(client):
            parameters = list(signature.parameters.values())
            positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
            if name in ("auth.sign_out", "auth.refresh"):  # They end the session of those after them.
                continue
            for odd in parameters:
                if odd.name in ("listener", "on_status"):
                    continue
                for what, value in ODD.items():
                    arguments = {one.name: usual(one) for one in parameters} | {odd.name: value}
                    found = outcome(method, arguments, positional)
                    seen[found if found in ("done", "MonogramError") else "raw"] += 1
                    if found not in ("done", "MonogramError"):
                        wrong.append(f"{name}({odd.name}={what}): {found}")
    assert wrong == []
    assert sum(seen.values()) > 5_000
    assert seen["MonogramError"] > 1_000
    count("odd arguments", sum(seen.values()))


class Immediately(httpx.BaseTransport):
    """Replies at once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Reply."""
        return replying(request)


def test_every_argument_of_a_client_may_be_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong: list[str] = []
    good: dict[str, Any] = {"url": "http://127.0.0.1:9", "key": "sb_publishable_x"}
    for make in (Monogram, Monogram.admin_client):
        for name in ("url", "key", "timeout", "retries"):
            for what, value in ODD.items():
                try:
                    make(**{**good, name: value}).close()
                except (MonogramError, TypeError) as error:
                    str(error)
                except Exception as error:
                    wrong.append(f"{make.__name__}({name}={what}): {error!r}"[:300])
    for what, value in ODD.items():
        try:
            FileSessionStorage(value).get_item("x")
        except (MonogramError, TypeError) as error:
            str(error)
        except Exception as error:
            wrong.append(f"FileSessionStorage({what}): {error!r}"[:300])
    assert wrong == []


def test_a_dead_server_is_the_same_whatever_is_passed() -> None:
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", retries=0, session_storage=signed_in()) as client:
        for value in ("x\ud800", "x\x00"):
            with pytest.raises(errors.InvalidValueError):
                client.spaces.create(name=value)
            with pytest.raises(errors.InvalidValueError):
                client.auth.sign_in_with_password(email="ada@example.test", password=value)
            with pytest.raises(errors.InvalidValueError):
                client.profiles.avatar_url(value)
        for wrong in (1, True, b"x", ["x"]):
            with pytest.raises(errors.InvalidValueError, match="email must be text"):
                client.auth.sign_in_with_otp(email=wrong)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidValueError, match="No service of the name 'nobody'"):
            client.auth.sign_in_with_oauth(provider="nobody")
        with pytest.raises(errors.InvalidValueError, match="provider is empty"):
            client.auth.sign_in_with_oauth(provider="")
        assert client.auth.sign_in_with_oauth(provider="google").url.startswith("http://127.0.0.1:9/auth/v1/authorize?")
        with pytest.raises(errors.ConnectionFailedError):
            client.spaces.create(name="\\u0000 is no NUL")
