"""Programs that share a session file: each write looks at what is stored, and nobody becomes somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from monogram_sdk import AsyncMonogram, AuthEvent, FileSessionStorage, errors
from monogram_sdk.models import Session
from tests.sdk.support import PASSWORD, PNG, AsyncThunk, new_email

from .conftest import AsyncClub, AsyncPeople

PROMPT = {
    "id": str(UUID(int=1)),
    "space_id": str(UUID(int=2)),
    "curator_id": None,
    "week_number": 1,
    "order": 1,
    "place": 1,
    "updated_at": "2026-11-29T12:00:00Z",
    "question": "What did you read?",
    "is_published": True,
    "version": 1,
    "created_at": "2026-11-29T12:00:00Z",
    "published_at": "2026-11-29T12:00:00Z",
}


class AsyncProgram:
    """A program with a client on the file, and what its listener has heard."""

    def __init__(self, people: AsyncPeople, file: Path) -> None:
        self.client = people.sharing(FileSessionStorage(file))
        self.events: list[AuthEvent] = []
        self.last: Session | None = None
        self.client.auth.on_auth_change(self._heard)

    def _heard(self, event: AuthEvent, session: Session | None) -> None:
        self.events.append(event)
        self.last = session

    def heard(self) -> list[AuthEvent]:
        """Return what it has heard since the last time."""
        events, self.events = self.events, []
        return events


def in_file(file: Path) -> Session | None:
    """Return the session in a file."""
    texts = [text for key, text in json.loads(file.read_text()).items() if key.endswith("-session")]
    return Session.model_validate_json(texts[0]) if texts else None


async def two_of(people: AsyncPeople, file: Path, email: str) -> tuple[AsyncProgram, AsyncProgram]:
    """Return two programs that know the session of a new person."""
    one, two = AsyncProgram(people, file), AsyncProgram(people, file)
    await one.client.auth.sign_up(email=email, password=PASSWORD, display_name="Ada")
    assert await two.client.auth.session() == in_file(file)
    assert (one.heard(), two.heard()) == ([AuthEvent.SIGNED_IN], [])
    return one, two


async def test_a_changed_account_keeps_the_newer_session(people: AsyncPeople, tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    one, two = await two_of(people, file, new_email("ada"))
    await one.client.auth.refresh()
    newest = await one.client.auth.refresh()
    await two.client.auth.update_user(metadata={"x": 1})
    stored = in_file(file)
    assert stored is not None
    assert stored.refresh_token == newest.refresh_token and stored.user.user_metadata["x"] == 1
    assert two.heard() == [AuthEvent.TOKEN_REFRESHED, AuthEvent.USER_UPDATED]
    assert await one.client.auth.session() == stored == await two.client.auth.session()
    assert one.heard() == [AuthEvent.TOKEN_REFRESHED, AuthEvent.TOKEN_REFRESHED, AuthEvent.USER_UPDATED]
    three = AsyncProgram(people, file)
    assert (await three.client.auth.refresh()).user.id == stored.user.id


async def test_somebody_else_in_the_file_ends_the_session(people: AsyncPeople, tmp_path: Path) -> None:
    boris = new_email("boris")
    await people.nobody().auth.sign_up(email=boris, password=PASSWORD)

    def attempts(client: AsyncMonogram) -> dict[str, AsyncThunk[object]]:
        return {
            "session": client.auth.session,
            "user": client.auth.user,
            "refresh": client.auth.refresh,
            "update_user": lambda: client.auth.update_user(metadata={"x": 1}),
            "reauthenticate": client.auth.reauthenticate,
        }

    for name in attempts(people.nobody()):
        file = tmp_path / name / "session.json"
        one, two = await two_of(people, file, new_email("ada"))
        await one.client.auth.sign_in_with_password(email=boris, password=PASSWORD)
        stored = in_file(file)
        with pytest.raises(errors.SessionReplacedError, match="Somebody else has signed in"):
            await attempts(two.client)[name]()
        assert two.heard() == [AuthEvent.SIGNED_OUT] and two.last is None, name
        with pytest.raises(errors.SessionExpiredError):
            await two.client.tokens.balance()
        with pytest.raises(errors.SessionReplacedError):
            await two.client.auth.session()
        await two.client.auth.sign_out()
        assert await two.client.auth.session() is None
        assert in_file(file) == stored, "it is not the session of this program"
        assert (await one.client.auth.user()).email == boris
        again = await two.client.auth.sign_in_with_password(email=boris, password=PASSWORD)
        assert in_file(file) == again


async def test_a_session_that_has_run_out_is_not_renewed_as_somebody_else(people: AsyncPeople, tmp_path: Path) -> None:
    file, boris = tmp_path / "session.json", new_email("boris")
    await people.nobody().auth.sign_up(email=boris, password=PASSWORD)
    one, _ = await two_of(people, file, new_email("ada"))
    ((key, text),) = json.loads(file.read_text()).items()
    FileSessionStorage(file).set_item(key, json.dumps({**json.loads(text), "expires_at": 1}))
    old = AsyncProgram(people, file)
    # It has the session in memory, and has not used it.
    await old.client._core.engine.sessions._store.load()
    await one.client.auth.sign_out()
    await one.client.auth.sign_in_with_password(email=boris, password=PASSWORD)
    with pytest.raises(errors.SessionReplacedError):
        await old.client.tokens.balance()
    assert old.heard() == [AuthEvent.SIGNED_OUT]
    stored = in_file(file)
    assert stored is not None and stored.user.email == boris


async def test_signing_out_ends_no_other_session(people: AsyncPeople, tmp_path: Path) -> None:
    email, boris = new_email("ada"), new_email("boris")
    await people.nobody().auth.sign_up(email=boris, password=PASSWORD)
    file = tmp_path / "session.json"
    one, two = await two_of(people, file, email)
    # Another sign-in of the same person.
    another = await one.client.auth.sign_in_with_password(email=email, password=PASSWORD)
    await two.client.auth.sign_out(scope="local")
    assert two.heard() == [AuthEvent.SIGNED_OUT] and await two.client.auth.session() is None
    assert in_file(file) == another
    assert (await one.client.auth.refresh()).user.email == email
    # Somebody else.
    three = AsyncProgram(people, file)
    assert await three.client.auth.session() is not None
    await one.client.auth.sign_in_with_password(email=boris, password=PASSWORD)
    await three.client.auth.sign_out()
    assert (await one.client.auth.refresh()).user.email == boris
    # The same sign-in, which another program has refreshed.
    four = AsyncProgram(people, file)
    assert await four.client.auth.session() is not None
    await one.client.auth.refresh()
    await four.client.auth.sign_out(scope="local")
    assert in_file(file) is None
    with pytest.raises(errors.SessionExpiredError):
        await one.client.auth.session()


async def test_all_sessions_of_a_person_end_in_the_file_too(people: AsyncPeople, tmp_path: Path) -> None:
    email, file = new_email("ada"), tmp_path / "session.json"
    one, two = await two_of(people, file, email)
    await one.client.auth.sign_in_with_password(email=email, password=PASSWORD)
    await two.client.auth.sign_out(scope="global")
    assert in_file(file) is None


async def test_a_session_that_another_program_ended_is_not_returned(people: AsyncPeople, tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    one, two = await two_of(people, file, new_email("ada"))
    await one.client.auth.sign_out()
    with pytest.raises(errors.SessionExpiredError):
        await two.client.auth.session()
    assert two.heard() == [AuthEvent.SIGNED_OUT] and in_file(file) is None
    # A file that somebody has deleted ends nothing.
    one, two = await two_of(people, file, new_email("ada"))
    file.unlink()
    assert await two.client.auth.session() == in_file(file) is not None
    assert two.heard() == [AuthEvent.TOKEN_REFRESHED]


async def test_a_signed_out_session_does_not_come_back(people: AsyncPeople, tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    one, two = await two_of(people, file, new_email("ada"))
    user = await two.client.auth.user()
    await one.client.auth.sign_out()
    async with two.client._core.engine.sessions.changing():
        await two.client._core.engine.sessions.adopt_user(user)
    assert in_file(file) is None


async def test_the_code_of_another_program_survives_a_sign_out(people: AsyncPeople, tmp_path: Path) -> None:
    file, email = tmp_path / "session.json", new_email("ada")
    one, two = await two_of(people, file, email)
    await one.client.auth.sign_in_with_password(email=email, password=PASSWORD)
    await one.client.auth.sign_in_with_oauth(provider="github")
    await two.client.auth.sign_out(scope="local")
    with pytest.raises(errors.OneTimeCodeError):
        await one.client.auth.exchange_code("no-such-code")


async def test_a_list_is_read_to_its_end_by_who_began_it(club: AsyncClub, people: AsyncPeople) -> None:
    chloe = new_email("chloe")
    await people.nobody().auth.sign_up(email=chloe, password=PASSWORD)
    client = club.member
    me = (await client.auth.user()).email
    assert me is not None

    lists = (
        client.spaces.members(club.space.id, page_size=1),
        client.spaces.events(club.space.id, page_size=1),
        client.spaces.events(club.space.id, after=1, page_size=1),
    )
    for pages in lists:
        rows = pages.pages()
        await anext(rows)
        await client.auth.sign_in_with_password(email=me, password=PASSWORD)
        assert (await anext(rows)).items, "the same person may sign in again"
        await client.auth.sign_out(scope="local")
        with pytest.raises(errors.NotSignedInError):
            await anext(rows)
        await client.auth.sign_in_with_password(email=me, password=PASSWORD)
        rows = pages.pages()
        await anext(rows)
        await client.auth.sign_in_with_password(email=chloe, password=PASSWORD)
        with pytest.raises(errors.NotSignedInError, match="somebody else is signed in"):
            await anext(rows)
        await client.auth.sign_in_with_password(email=me, password=PASSWORD)


async def test_what_nobody_began_anybody_may_go_on_with(people: AsyncPeople) -> None:
    ada, nobody = await people.sign_up("Ada"), people.nobody()
    for _ in range(2):
        await ada.spaces.create(name="Open", is_public=True)
    rows = nobody.spaces.list_public(page_size=1).pages()
    await anext(rows)
    await nobody.auth.sign_up(email=new_email("boris"), password=PASSWORD)
    assert (await anext(rows)).items


async def test_a_call_ends_as_who_began_it() -> None:
    ada, boris = (
        {
            "id": f"5eed0000-0000-4000-8000-00000000000{number}",
            "created_at": "2026-11-29T12:00:00Z",
            "email": email,
            "aud": "authenticated",
            "app_metadata": {},
            "user_metadata": {},
        }
        for number, email in ((1, "ada@example.test"), (2, "boris@example.test"))
    )
    sent: list[tuple[str, str]] = []
    waits = [boris]

    async def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/v1/token":
            person = ada if b"ada@" in request.content else boris
            session = {
                "access_token": person["email"],
                "refresh_token": "r",
                "expires_in": 3600,
                "token_type": "bearer",
            }
            return httpx.Response(200, json={**session, "user": person})
        sent.append((request.method, request.headers["authorization"]))
        if request.method == "GET":
            return httpx.Response(200, json=[PROMPT])
        if waits:  # Meanwhile another task of the program signs somebody else in.
            waits.pop()
            await client.auth.sign_in_with_password(email="boris@example.test", password=PASSWORD)
        return httpx.Response(200, json={"Key": "responses/x", "Id": "x", "path": "x"})

    async with AsyncMonogram(
        url="http://127.0.0.1:9", key="sb_publishable_x", transport=httpx.MockTransport(reply)
    ) as client:
        await client.auth.sign_in_with_password(email="ada@example.test", password=PASSWORD)
        with pytest.raises(errors.NotSignedInError, match="somebody else is signed in"):
            await client.responses.submit(UUID(int=1), image=PNG)
        assert [method for method, _ in sent] == ["GET", "POST"], "nothing is changed as Boris"
        assert {token for _, token in sent} == {"Bearer ada@example.test"}
