"""What something on the way replies in the server's place, with status 200: a login page, JSON of its own, nothing."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest

from monogram_sdk import Monogram, MonogramError, _query, errors
from monogram_sdk import _contents as contents
from monogram_sdk._engine import retrying
from monogram_sdk.asgi import LettersApp
from monogram_sdk.local import Stack
from monogram_sdk.models.enums import MailEvent
from tests.conftest import ROOT
from tests.sdk.test_bad_input import calls, signed_in

ID = "5eed0000-0000-4000-8000-000000000001"

LOGIN = (
    b"<!doctype html>\n<html><head><title>Welcome to the hotel</title></head><body>\n<main>Room?</main></body></html>"
)
LETTER = b'<!DOCTYPE html>\n<html lang="en"><body>\n<main id="letter" class="sheet">\n</main>\n</body>\n</html>\n'
PDF = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"

STRANGE = {
    "a login page": (LOGIN, "text/html"),
    "a login page called text": (LOGIN, "text/plain"),
    "a login page called a picture": (LOGIN, "image/png"),
    "one behind a byte order mark": (b"\xef\xbb\xbf\n" + LOGIN, "image/jpeg"),
    "JSON called a picture": (b'{"message": "Please log in."}', "image/png"),
    "nothing called a picture": (b"", "image/png"),
    "nothing": (b"", "text/html"),
    "JSON of a gateway": (b'{"message": "Please log in."}', "application/json"),
    "JSON with a code": (b'{"code": 200, "status": "OK"}', "application/json"),
    "text": (b"It works!", "text/plain"),
}

READS: dict[str, Callable[[Monogram], object]] = {
    "newsletters.html": lambda client: client.newsletters.html(ID),
    "newsletters.pdf": lambda client: client.newsletters.pdf(ID),
    "newsletters.preview": lambda client: client.newsletters.preview(ID),
    "newsletters.is_gone": lambda client: client.newsletters.is_gone(ID),
    "newsletters.list": lambda client: client.newsletters.list(ID).all(),
    "responses.image_bytes": lambda client: client.responses.image_bytes("a/b/c.png"),
    "responses.image_url": lambda client: client.responses.image_url("a/b/c.png"),
    "spaces.get": lambda client: client.spaces.get(ID),
    "spaces.week": lambda client: client.spaces.week(ID),
    "spaces.members": lambda client: client.spaces.members(ID).first_page(),
    "tokens.leaderboard": lambda client: client.tokens.leaderboard(),
    "auth.user": lambda client: client.auth.user(),
    "auth.export": lambda client: client.auth.export(),
}
WRITES: dict[str, Callable[[Monogram], object]] = {
    "spaces.create": lambda client: client.spaces.create(name="Book club"),
    "spaces.leave": lambda client: client.spaces.leave(ID),
    "tokens.gift": lambda client: client.tokens.gift(ID, amount=1),
    "responses.submit": lambda client: client.responses.submit(ID, content="By the radiator."),
    "auth.update_user": lambda client: client.auth.update_user(metadata={"a": 1}),
}


# The calls that return nothing.
DONE: dict[str, Callable[[Monogram], object]] = {
    "admin.delete_user": lambda client: client.admin.delete_user(ID),
    "auth.delete_account": lambda client: client.auth.delete_account(confirm="ada@example.test"),
    "auth.reauthenticate": lambda client: client.auth.reauthenticate(),
    "auth.resend": lambda client: client.auth.resend(email="ada@example.test"),
    "auth.reset_password": lambda client: client.auth.reset_password(email="ada@example.test"),
    "auth.sign_in_with_otp": lambda client: client.auth.sign_in_with_otp(email="ada@example.test"),
    "auth.sign_out": lambda client: client.auth.sign_out(),
    "mails.record_event": lambda client: client.mails.record_event(
        provider_id="1", event=MailEvent.BOUNCED, address="ada@example.test"
    ),
    "mails.save_newsletter": lambda client: client.mails.save_newsletter(ID, {"a": 1}),
    "newsletters.delete": lambda client: client.newsletters.delete(ID),
    "newsletters.withdraw_link": lambda client: client.newsletters.withdraw_link(ID),
    "prompts.delete": lambda client: client.prompts.delete(ID),
    "responses.delete": lambda client: client.responses.delete(ID),
    "settings.delete": lambda client: client.settings.delete(),
    "spaces.delete": lambda client: client.spaces.delete(ID),
    "spaces.leave": lambda client: client.spaces.leave(ID),
    "spaces.remove_member": lambda client: client.spaces.remove_member(ID, ID),
    "store.delete_item": lambda client: client.store.delete_item(ID),
}
SECRET = {"admin.delete_user", "mails.record_event", "mails.save_newsletter"}
MESSAGES = {"auth.reauthenticate", "auth.resend", "auth.reset_password", "auth.sign_in_with_otp"}
# What was deleted is replied, so that an empty list says that there was nothing.
DELETING = {
    "newsletters.delete",
    "prompts.delete",
    "responses.delete",
    "settings.delete",
    "spaces.delete",
    "store.delete_item",
}
# They look first, and come no further here.
READING_FIRST = {"responses.delete"}
NOT_DONE = ((b"null", "application/json"), (b"[]", "application/json"), (b'{"error":"login"}', "application/json"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "pause", lambda _failures, _wanted: 0.0)


def replying(body: bytes, kind: str, seen: list[str], *, key: str = "sb_publishable_x") -> Monogram:
    """Return a client of a server in whose place something replies this."""

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(200, content=body, headers={"content-type": kind})

    return Monogram(
        url="http://127.0.0.1:9",
        key=key,
        retries=2,
        session_storage=signed_in(),
        transport=httpx.MockTransport(reply),
    )


@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_a_strange_reply_is_asked_for_again_and_told(call: Callable[[Monogram], object]) -> None:
    for body, kind in STRANGE.values():
        seen: list[str] = []
        with replying(body, kind, seen) as client, pytest.raises(errors.InvalidReplyError) as caught:
            call(client)
        assert len(seen) == 3 and len({*seen}) == 1, body
        assert not caught.value.uncertain, "reading changes nothing"
        said = f"{kind} ({len(body)} bytes)" if body else "The reply is empty."
        assert said in caught.value.message
        assert "login page" in (caught.value.hint or "")


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_a_strange_reply_to_a_change_leaves_it_open(call: Callable[[Monogram], object]) -> None:
    for what, (body, kind) in STRANGE.items():
        with replying(body, kind, []) as client, pytest.raises(MonogramError) as caught:
            call(client)
        assert caught.value.uncertain, what
        assert isinstance(caught.value, errors.InvalidReplyError), what


def returning_nothing(client: Monogram) -> set[str]:
    """Return the names of the calls that return nothing, so that only the reply tells whether they were carried out."""
    return {name for name, _, signature in calls(client) if signature.return_annotation in ("None", None)}


def test_the_table_has_every_call_that_returns_nothing() -> None:
    with replying(b"", "text/plain", []) as client:
        assert returning_nothing(client) == {*DONE}


@pytest.mark.parametrize("name", DONE)
def test_what_is_nobodys_word_that_it_is_done_leaves_it_open(name: str) -> None:
    for body, kind in (*STRANGE.values(), *NOT_DONE):
        if body == b"[]" and name in DELETING:
            continue
        seen: list[str] = []
        with replying(body, kind, seen, key="sb_secret_x" if name in SECRET else "sb_publishable_x") as client:
            with pytest.raises(errors.InvalidReplyError) as caught:
                DONE[name](client)
            assert seen
            assert caught.value.uncertain == (name not in READING_FIRST), body
            assert "between this program and the server" in (caught.value.hint or ""), body
            if name not in SECRET:
                assert client.auth.session() is not None, "who is signed in stays so"


@pytest.mark.parametrize("name", sorted(DELETING))
def test_a_list_of_nothing_deleted_is_told_as_such(name: str) -> None:
    with replying(b"[]", "application/json", []) as client, pytest.raises(errors.NotFoundError):
        DONE[name](client)


def test_an_empty_reply_is_called_empty() -> None:
    said = {}
    for name in ("auth.sign_in_with_otp", "auth.resend", "auth.reset_password", "auth.delete_account"):
        with replying(b"", "text/plain", []) as client, pytest.raises(errors.InvalidReplyError) as caught:
            DONE[name](client)
        said[name] = caught.value.message
    assert said.pop("auth.delete_account") == 'The reply is not "204 No Content" but 200 and empty.'
    assert {*said.values()} == {"The reply is empty."}


@pytest.mark.parametrize("body", [b"{}", b' {"message_id": "a"}\n', b'{"message_id": null, "session": null}'])
def test_what_the_auth_service_says_of_a_message_is_taken(body: bytes) -> None:
    for name in MESSAGES:
        with replying(body, "application/json", []) as client:
            DONE[name](client)


def test_a_file_without_its_end_is_refused() -> None:
    for whole, call in ((PDF, READS["newsletters.pdf"]), (LETTER, READS["newsletters.html"])):
        with replying(whole, "application/octet-stream", []) as client:
            assert call(client) == whole, "whatever something on the way calls it"
        with replying(whole[:-9], "application/pdf", []) as client, pytest.raises(errors.InvalidReplyError):
            call(client)


def test_a_file_that_another_client_called_a_picture_is_returned() -> None:
    with replying(b"no picture", "image/png", []) as client:
        assert client.responses.image_bytes("a/b/c.png") == b"no picture"


def test_an_export_that_meets_a_login_page_leaves_no_file(tmp_path: Path) -> None:
    rows = {"key": "responses/a.png", "data": {"bucket_id": "responses", "name": "a.png"}}
    replies = {"export_parts": [["settings"]], "export_account": [[{"key": "1", "data": {"a": 1}}], [], [rows], []]}

    def reply(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name in replies:
            return httpx.Response(200, json=replies[name].pop(0))
        return httpx.Response(200, content=LOGIN, headers={"content-type": "text/html"})

    with Monogram(
        url="http://127.0.0.1:9",
        key="sb_publishable_x",
        session_storage=signed_in(),
        transport=httpx.MockTransport(reply),
    ) as client:
        with pytest.raises(errors.InvalidReplyError, match="not a picture but text/html"):
            client.auth.export(tmp_path / "mine.zip")
        assert [*tmp_path.iterdir()] == []
        replies["export_parts"] = [[]]
        replies["export_account"] = [
            [{**rows, "data": {**rows["data"], "metadata": {"size": 0}}}],  # type: ignore[dict-item]
            [],
        ]
        client.auth.export(tmp_path / "mine.zip")
        with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
            assert archive.read("files/responses/a.png") == b"", "what is empty is not asked for"


async def test_pages_of_something_on_the_way_are_not_the_applications() -> None:
    replies: list[httpx.Response] = []
    app = LettersApp(
        url="http://127.0.0.1:9", key="sb_publishable_x", transport=httpx.MockTransport(lambda _: replies.pop(0))
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://letters.example") as web:  # type: ignore[arg-type]
        for path in (f"/{ID}", f"/{ID}.pdf", f"/{ID}/pictures/1.jpeg", "/unsubscribe?token=x"):
            for body, kind in STRANGE.values():
                if path.startswith("/unsubscribe") and body == LOGIN:
                    continue  # It has a <main>, as ours do.
                for status in (200, 403, 500, 502):
                    replies.append(httpx.Response(status, content=body, headers={"content-type": kind}))
                    answer = await web.get(path)
                    if status != 200 and body == LOGIN:
                        continue
                    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/plain; charset=utf-8")
        replies.append(httpx.Response(200, content=LETTER, headers={"content-type": "text/plain"}))
        assert (await web.get(f"/{ID}")).content == LETTER
        replies.append(httpx.Response(404, json={"code": "NOT_FOUND", "message": "m"}))
        assert (await web.get(f"/{ID}.pdf")).status_code == 404


# What a call does, and not its method, says whether it may have had an effect ---------------------------------------


def test_functions_that_only_read_are_those_that_the_database_calls_so(stack: Stack) -> None:
    called = {
        node.value
        for file in (ROOT / "monogram_sdk" / "_async").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    with psycopg.connect(stack.db_url) as connection:
        reading = connection.execute(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace and provolatile <> 'v'"
        ).fetchall()
    assert {name for (name,) in reading} & called == _query.READING


def test_reading_by_post_leaves_nothing_open_and_a_get_that_sends_a_code_does() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("connection reset by peer", request=request)

    with Monogram(
        url="http://127.0.0.1:9",
        key="sb_publishable_x",
        retries=0,
        session_storage=signed_in(),
        transport=httpx.MockTransport(lost),
    ) as client:
        for name in READS:
            if name == "auth.export":
                continue
            with pytest.raises(errors.ConnectionFailedError) as caught:
                READS[name](client)
            assert not caught.value.uncertain, name
        for call in (*WRITES.values(), lambda client: client.auth.reauthenticate()):
            with pytest.raises(errors.ConnectionFailedError) as caught:
                call(client)
            assert caught.value.uncertain


@pytest.mark.parametrize(
    ("shape", "own"), [(bool, b"true"), (int, b"-12"), (list[int], b" [1]"), (dict[str, int], b"{}"), (str, b'"a"')]
)
def test_json_of_any_kind_is_told_by_its_form(shape: object, own: bytes) -> None:
    assert contents.of(shape).can_be(own, {})
    assert not contents.of(shape).can_be(LOGIN, {})
    assert not contents.of(shape).can_be(b"  ", {})
