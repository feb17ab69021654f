"""Wrong arguments are refused by name, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk._arguments import Arguments, is_checked
from monogram_sdk.models import MembershipRole
from tests.sdk.test_bad_input import SOME, Immediately, calls, signed_in, usual
from tests.support.counts import count


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
        (lambda c: c.auth.sign_up(email="a@x.test", password=""), "password is empty. Pass the password"),
        (lambda c: c.auth.sign_in_with_password(email="a@x.test", password=""), "password is empty"),
        (lambda c: c.auth.update_user(password=""), "password is empty"),
        (lambda c: c.admin.create_user(email="a@x.test", password=""), "password is empty"),
        (lambda c: c.admin.update_user(SOME, password=""), "password is empty"),
        (lambda c: c.responses.image_bytes("../avatars/x"), "'../avatars/x' is not the path of a picture"),
        (lambda c: c.responses.image_bytes("a/%2e%2e/b"), "is not the path of a picture"),
        (lambda c: c.responses.image_bytes(""), "path of the picture is empty"),
        (lambda c: c.profiles.avatar_url("a/../../x"), "is not the path of a picture"),
        (lambda c: c.spaces.cover_url("./x"), "is not the path of a picture"),
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
