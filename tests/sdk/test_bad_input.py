"""Whatever is passed to whatever call: an error of the SDK comes out, and never anything else."""

from __future__ import annotations

import inspect
import json
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
from monogram_sdk._arguments import Arguments, is_checked
from monogram_sdk.models import AuthUser, MembershipRole, Session
from tests.support.counts import count

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
    for resource, api in vars(client).items():
        if not resource.startswith("_"):
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


class Counting(Immediately):
    """Replies at once, and counts."""

    def __init__(self) -> None:
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Reply."""
        self.requests += 1
        return super().handle_request(request)


@pytest.fixture
def transport() -> Counting:
    return Counting()


@pytest.fixture(params=[False, True], ids=["a person", "a service"])
def client(request: pytest.FixtureRequest, transport: Counting) -> Iterator[Monogram]:
    key = "sb_secret_x" if request.param else "sb_publishable_x"
    storage = signed_in()
    with Monogram(url="http://127.0.0.1:9", key=key, retries=0, session_storage=storage, transport=transport) as client:
        yield client


def test_every_public_method_checks_its_arguments(client: Monogram) -> None:
    found = 0
    for name, method, signature in calls(client):
        if signature.parameters:
            assert is_checked(method), name
            Arguments(getattr(type(method.__self__), method.__name__)).check((), {})  # type: ignore[attr-defined]
            found += 1
    assert found > 90
    count("checked methods", found)


class Stranger:
    """Something that no argument may be."""


def test_what_no_argument_may_be_is_refused_by_its_name_before_anything_is_sent(
    client: Monogram, transport: Counting
) -> None:
    tried = 0
    for name, method, signature in calls(client):
        parameters = list(signature.parameters.values())
        positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        for odd in parameters:
            wrong: list[Any] = [Stranger()]
            if "None" not in str(odd.annotation):
                wrong.append(None)
            if "int" in str(odd.annotation) and "str" not in str(odd.annotation):
                wrong += [1.5, True, "1", 2**63]
            if str(odd.annotation).startswith("Sequence"):
                wrong += ["", "abc", 5, [Stranger()]]
            for value in wrong:
                arguments = {one.name: usual(one) for one in parameters} | {odd.name: value}
                rest = {key: one for key, one in arguments.items() if key not in positional}
                with pytest.raises(errors.InvalidValueError) as caught:
                    method(*(arguments[key] for key in positional), **rest)
                assert caught.value.detail == odd.name, f"{name}({odd.name}={value!r}): {caught.value}"
                assert odd.name in caught.value.message
                tried += 1
    assert transport.requests == 0
    assert tried > 400
    count("refused arguments", tried)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: c.tokens.gift(SOME, amount=None), "amount must be a whole number"),
        (lambda c: c.tokens.gift(SOME, amount=1.5), "not 1.5"),
        (lambda c: c.badges.set_display(SOME, is_displayed=None), "is_displayed must be True or False, not None."),
        (lambda c: c.badges.list(page_size=None), "Leave the argument out for the default."),
        (lambda c: c.spaces.update(SOME, name=None), "name must be text, not None. It cannot be removed"),
        (lambda c: c.profiles.update(display_name=None), "It cannot be removed"),
        (lambda c: c.settings.update(timezone=None), "It cannot be removed"),
        (lambda c: c.settings.update(show_on_leaderboard="x"), "NOBODY, SPACES, EVERYBODY or True or False, not 'x'"),
        (lambda c: c.spaces.set_member_role(SOME, SOME, "admin"), "one of MEMBER, CURATOR, ADMIN, not 'admin'"),
        (lambda c: c.spaces.set_member_role(SOME, SOME, None), "one of MEMBER, CURATOR, ADMIN, not None"),
        (lambda c: c.newsletters.pdf(SOME, size="A3"), "size must be one of A4, LETTER, not 'A3'"),
        (lambda c: c.newsletters.pdf(SOME, paper="Gold"), "paper must be one of print, screen, not 'Gold'"),
        (lambda c: c.auth.sign_up(email="", password="x" * 12), "email is blank. Pass an address"),
        (lambda c: c.auth.sign_in_with_password(email=" ", password="x"), "email is blank"),
        (lambda c: c.auth.reset_password(email=""), "email is blank"),
        (lambda c: c.auth.update_user(email=""), "email is blank"),
        (lambda c: c.spaces.week(SOME, week_number=2**40), "up to 32 bits, not 1099511627776"),
        (lambda c: c.responses.select(SOME, ""), "response_ids must be a list, not a value of the type str"),
        (lambda c: c.responses.image_urls(None), "image_paths must be a list, not None"),
        (lambda c: c.prompts.create_many(SOME, ["Why?", 5]), "Each of questions must be text, not"),
        (lambda c: c.prompts.create(SOME, question={"a": 1}), "question must be text, not a value of the type dict"),
        (lambda c: c.profiles.avatar_url(None), "avatar_path must be text, not None"),
        (lambda c: c.profiles.avatar_url(""), "path of the picture is empty"),
        (lambda c: c.live.events(SOME, poll_seconds=None), "poll_seconds must be a number, not None"),
        (lambda c: c.live.events(SOME, on_status=5), "on_status must be a function, not 5"),
        (
            lambda c: c.admin.tick(at=datetime(2026, 1, 1)),
            "at needs a time zone, and datetime.datetime(2026, 1, 1, 0, 0) has none.",
        ),
        (lambda c: c.admin.tick(at="now"), "at must be a datetime with a time zone, not 'now'"),
        (lambda c: c.mails.settle(SOME, worker="w", results=None), "results must be a list, not None"),
        (lambda c: c.mails.claim("w", provider="smtp", lease_seconds=-1), "lease_seconds must be between 0 and 86400"),
        (lambda c: c.mails.claim("w", provider="smtp", lease_seconds=10**9), "lease_seconds must be between 0 and"),
        (lambda c: c.mails.claim("w", provider="smtp", limit=1001), "limit must be between 0 and 1000, not 1001"),
        (lambda c: c.mails.claim(" ", provider="smtp"), "worker is blank"),
        (lambda c: c.mails.claim("w", provider=""), "provider is blank"),
        (
            lambda c: c.mails.begin(SOME, worker="w", contents={}, lease_seconds=-1),
            "lease_seconds must be between 0 and",
        ),
        (lambda c: c.admin.claim_jobs("w", lease_seconds=86_401), "lease_seconds must be between 0 and"),
        (lambda c: c.admin.claim_jobs("w", limit=-1), "limit must be between 0 and 1000, not -1"),
        (lambda c: c.settings.set_space_emails(SOME, is_on=""), "is_on must be True or False, not ''"),
    ],
)
def test_a_refusal_says_what_an_argument_may_be(
    client: Monogram, transport: Counting, call: Callable[[Monogram], object], said: str
) -> None:
    if said.startswith(("worker is", "provider is", "lease_seconds must", "limit must")) and not client.is_admin:
        with pytest.raises(errors.SecretKeyRequiredError):
            call(client)
        return
    with pytest.raises(errors.InvalidValueError) as caught:
        call(client)
    assert said in str(caught.value)
    assert caught.value.detail is not None
    assert transport.requests == 0


def test_a_refusal_does_not_show_what_may_be_a_password(client: Monogram) -> None:
    for wrong in (b"hunter2", 4711, ["hunter2"]):
        with pytest.raises(errors.InvalidValueError) as caught:
            client.auth.sign_in_with_password(email="ada@example.test", password=wrong)  # type: ignore[arg-type]
        assert "hunter2" not in str(caught.value) and "4711" not in str(caught.value)


def test_a_value_that_a_newer_database_has_is_passed_on(client: Monogram, transport: Counting) -> None:
    with pytest.raises(errors.MonogramError):  # The reply is nothing.
        client.spaces.set_member_role(SOME, SOME, MembershipRole("GUEST"))
    assert transport.requests == 1


def test_limits_are_said_in_the_words_of_the_call_before_anything_is_sent() -> None:
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", session_storage=signed_in()) as client:
        with pytest.raises(errors.WeekFullError, match=r"can have 10 prompts, and these are 11\.") as full:
            client.prompts.create_many(SOME, ["Why?"] * 11)
        assert full.value.code == "MG203"
        for limit in (0, 101):
            with pytest.raises(
                errors.InvalidValueError, match=f"limit must be between 1 and 100, not {limit}"
            ) as caught:
                client.tokens.leaderboard(limit=limit)
            assert caught.value.detail == "limit"
        with pytest.raises(errors.InvalidValueError, match="order must be 0 or more, not -1") as caught:
            client.badges.set_display(SOME, is_displayed=True, order=-1)
        assert caught.value.detail == "order"


def test_a_blank_message_of_a_gift_is_none() -> None:
    sent: list[object] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content).get("message"))
        return httpx.Response(400, json={"code": "MG503", "message": "m"})

    with Monogram(
        url="http://127.0.0.1:9",
        key="sb_publishable_x",
        session_storage=signed_in(),
        transport=httpx.MockTransport(refuse),
    ) as client:
        for message in (None, "", "  \n\u3000", " Thanks "):
            with pytest.raises(errors.GiftToSelfError):
                client.tokens.gift(SOME, amount=1, message=message)
    assert sent == [None, None, None, " Thanks "]


def test_what_the_sdk_refuses_itself_has_no_code_of_a_server() -> None:
    with Monogram(url="http://127.0.0.1:9", key="sb_publishable_x", session_storage=signed_in()) as client:
        room = client.live.presence(SOME)
        with pytest.raises(errors.ConflictError, match="You are not in this room") as caught:
            room.set_writing(True)
        assert caught.value.code is None and "[" not in str(caught.value)
    for kind in (errors.ConflictError, errors.NotFoundError, errors.PermissionDeniedError, errors.SessionExpiredError):
        assert kind().code is None
    assert errors.WeekFullError().code == "MG203"
    assert errors.from_code("23505") is errors.ConflictError


def test_an_email_that_says_nothing_is_not_kept() -> None:
    with (
        Monogram.admin_client(url="http://127.0.0.1:9", key="sb_secret_x") as client,
        pytest.raises(errors.InvalidValueError, match="content is empty"),
    ):
        client.mails.save_newsletter(SOME, {})
