"""Accounts and sessions."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path

import httpx
import pytest

from monogram_sdk import AsyncMonogram, AuthEvent, FileSessionStorage, MemorySessionStorage, errors
from monogram_sdk._engine import call as calls
from monogram_sdk.models import Session
from tests.sdk.support import PASSWORD, async_together, new_email

from .conftest import AsyncPeople
from .faults import AsyncFaults


def aged(storage: MemorySessionStorage) -> MemorySessionStorage:
    """Return a copy of a storage whose session has run out."""
    copy = MemorySessionStorage()
    for key, text in storage._items.items():
        copy.set_item(key, json.dumps({**json.loads(text), "expires_at": 1}))
    return copy


async def test_signing_up_in_and_out(people: AsyncPeople) -> None:
    client, email = people.nobody(), new_email("ada")
    events: list[tuple[AuthEvent, Session | None]] = []
    stop = client.auth.on_auth_change(lambda event, session: events.append((event, session)))
    assert await client.auth.session() is None
    signed_up = await client.auth.sign_up(email=email, password=PASSWORD, display_name="Ada")
    assert signed_up.session is not None and signed_up.user.email == email
    assert (await client.profiles.get()).display_name == "Ada"
    await client.auth.sign_out()
    assert await client.auth.session() is None
    with pytest.raises(errors.NotSignedInError):
        await client.profiles.get()
    session = await client.auth.sign_in_with_password(email=email, password=PASSWORD)
    assert session.user.id == signed_up.user.id
    assert session.access_token not in repr(session) and session.refresh_token not in repr(session)
    assert (await client.auth.user()).email == email
    refreshed = await client.auth.refresh()
    assert refreshed.refresh_token != session.refresh_token
    updated = await client.auth.update_user(metadata={"theme": "dark"})
    assert updated.user_metadata["theme"] == "dark"
    assert [event for event, _ in events] == ["SIGNED_IN", "SIGNED_OUT", "SIGNED_IN", "TOKEN_REFRESHED", "USER_UPDATED"]
    stop()
    await client.auth.sign_out(scope="local")
    await client.auth.sign_out()
    assert len(events) == 5


async def test_signing_out_elsewhere_keeps_this_session(people: AsyncPeople) -> None:
    here, there, email = people.nobody(), people.nobody(), new_email("ada")
    await here.auth.sign_up(email=email, password=PASSWORD, metadata={"theme": "dark"})
    await there.auth.sign_in_with_password(email=email, password=PASSWORD)
    await here.auth.sign_out(scope="others")
    assert (await here.auth.user()).user_metadata["theme"] == "dark"
    with pytest.raises(errors.AuthenticationError):
        await there.auth.refresh()


async def test_what_needs_somebody_says_so(people: AsyncPeople) -> None:
    nobody = people.nobody()
    for call in (nobody.auth.user, nobody.auth.refresh, nobody.tokens.balance, nobody.badges.earned().all):
        with pytest.raises(errors.NotSignedInError):
            await call()
    with pytest.raises(errors.NotSignedInError):
        await nobody.auth.update_user(password="another horse battery 8")
    with pytest.raises(errors.InvalidValueError, match="nothing to change"):
        await nobody.auth.update_user()
    with pytest.raises(errors.InvalidValueError, match="token_hash"):
        await nobody.auth.verify_otp(token="123456")


async def test_a_change_of_address_takes_two_codes() -> None:
    first = {"code": "200", "msg": "Confirmation link accepted. Please proceed to confirm link sent to the other email"}
    user = {
        "id": "5eed0000-0000-4000-8000-000000000001",
        "created_at": "2026-11-29T12:00:00Z",
        "email": "b@example.test",
    }
    second = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "token_type": "bearer", "user": user}
    replies = [httpx.Response(200, json=first), httpx.Response(200, json=second)]
    transport = httpx.MockTransport(lambda _: replies.pop(0))
    async with AsyncMonogram(url="http://127.0.0.1:9", key="sb_publishable_x", transport=transport) as client:
        heard: list[str] = []
        client.auth.on_auth_change(lambda event, _session: heard.append(event.value))
        assert await client.auth.verify_otp(email="a@example.test", token="111111", type="email_change") is None
        assert await client.auth.session() is None
        session = await client.auth.verify_otp(token_hash="pkce_x", type="email_change")
        assert session is not None and session == await client.auth.session()
        assert heard == ["USER_UPDATED"], "the first code changes nothing"
        # Somebody changes it again, in a browser.
        replies.append(
            httpx.Response(200, json={**second, "refresh_token": "s", "user": {**user, "email": "c@x.test"}})
        )
        assert (await client.auth.refresh()).user.email == "c@x.test"
        assert heard[1:] == ["TOKEN_REFRESHED", "USER_UPDATED"]


async def test_each_refusal_has_its_own_error(people: AsyncPeople) -> None:
    client, email = people.nobody(), new_email("ada")
    await client.auth.sign_up(email=email, password=PASSWORD)
    with pytest.raises(errors.UserExistsError):
        await people.nobody().auth.sign_up(email=email, password=PASSWORD)
    with pytest.raises(errors.InvalidCredentialsError):
        await people.nobody().auth.sign_in_with_password(email=email, password="wrong")
    with pytest.raises(errors.WeakPasswordError):
        await people.nobody().auth.sign_up(email=new_email("ada"), password="1")
    with pytest.raises(errors.OneTimeCodeError):
        await people.nobody().auth.verify_otp(email=email, token="000000")
    with pytest.raises(errors.InvalidValueError, match="Nobody has an account with this address") as unknown:
        await people.nobody().auth.sign_in_with_otp(email=new_email("nobody"), create_user=False)
    assert "create_user" in str(unknown.value.hint)
    with pytest.raises(errors.InvalidValueError, match="token_hash"):
        await people.nobody().auth.verify_otp(email=email)
    with pytest.raises(errors.InvalidValueError, match="nothing to change"):
        await client.auth.update_user()
    with pytest.raises(errors.NotSignedInError):
        await people.nobody().auth.update_user(password=PASSWORD)
    with pytest.raises(errors.NotSignedInError):
        await people.nobody().auth.user()
    with pytest.raises(errors.AuthenticationError):
        await people.nobody().auth.set_session(access_token="nonsense", refresh_token="nonsense")


async def test_a_new_password_counts(people: AsyncPeople) -> None:
    client, email = people.nobody(), new_email("ada")
    await client.auth.sign_up(email=email, password=PASSWORD)
    await client.auth.update_user(password="another horse battery 8")
    with pytest.raises(errors.InvalidCredentialsError):
        await people.nobody().auth.sign_in_with_password(email=email, password=PASSWORD)
    await people.nobody().auth.sign_in_with_password(email=email, password="another horse battery 8")


async def test_a_session_moves_to_another_client(people: AsyncPeople) -> None:
    ada, other = await people.sign_up("Ada"), people.nobody()
    session = await ada.auth.session()
    assert session is not None
    taken = await other.auth.set_session(access_token=session.access_token, refresh_token=session.refresh_token)
    assert taken.user.id == session.user.id
    assert await other.profiles.get() == await ada.profiles.get()


async def test_a_session_outlives_the_program_in_a_private_file(people: AsyncPeople, tmp_path: Path) -> None:
    path, email = tmp_path / "deep" / "session.json", new_email("ada")
    api = people.api
    async with AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=FileSessionStorage(path)) as client:
        await client.auth.sign_up(email=email, password=PASSWORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=FileSessionStorage(path)) as client:
        session = await client.auth.session()
        assert session is not None and session.user.email == email
        await client.auth.sign_out()
    assert json.loads(path.read_text()) == {}


async def test_a_hundred_callers_refresh_once(people: AsyncPeople) -> None:
    api, fresh = people.api, MemorySessionStorage()
    async with AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=fresh) as client:
        await client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
    faults = AsyncFaults()
    events: list[AuthEvent] = []
    async with AsyncMonogram(
        url=api.url, key=api.publishable_key, session_storage=aged(fresh), transport=faults, timeout=120
    ) as client:
        client.auth.on_auth_change(lambda event, _session: events.append(event))
        balances = await async_together(100, client.tokens.balance)
    await faults.aclose()
    assert balances == [0] * 100
    assert faults.count("/auth/v1/token") == 1
    assert events == [AuthEvent.TOKEN_REFRESHED]


async def test_a_session_that_has_ended_is_never_replaced_by_nobody(people: AsyncPeople) -> None:
    api, storage = people.api, MemorySessionStorage()
    async with AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=storage) as client:
        await client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        text = next(iter(storage._items.values()))
        await client.auth.sign_out()
    ended = MemorySessionStorage()
    async with AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=ended) as client:
        spoiled = {**json.loads(text), "expires_at": 1, "refresh_token": "not-a-token"}
        ended.set_item(client.auth._sessions.storage_key, json.dumps(spoiled))
        events: list[AuthEvent] = []
        client.auth.on_auth_change(lambda event, _session: events.append(event))
        for _ in range(2):
            with pytest.raises(errors.SessionExpiredError):
                await client.badges.list().all()
        assert events == [AuthEvent.SIGNED_OUT]
        await client.auth.sign_out()
        assert await client.badges.list().all(), "now it is nobody on purpose"


class AsyncShelf:
    """Storage of a program's own."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}

    async def get_item(self, key: str) -> str | None:
        """Return what was stored, or ``None``."""
        return self.items.get(key)

    async def set_item(self, key: str, value: str) -> None:
        """Store a text."""
        self.items[key] = value

    async def remove_item(self, key: str) -> None:
        """Delete a text, if it exists."""
        self.items.pop(key, None)


async def test_programs_share_storage_of_their_own(people: AsyncPeople) -> None:
    api, shelf = people.api, AsyncShelf()
    faults = AsyncFaults()
    async with (
        AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=shelf) as one,
        AsyncMonogram(url=api.url, key=api.publishable_key, session_storage=shelf, transport=faults) as two,
    ):
        await one.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        assert await two.tokens.balance() == 0
        renewed = await one.auth.refresh()
        faults.then(401)
        assert await two.tokens.balance() == 0, "the other program was faster, so its session counts"
        assert faults.count("/auth/v1/token") == 0
        session = await two.auth.session()
        assert session is not None and session.refresh_token == renewed.refresh_token
        await two.auth.sign_out()
    await faults.aclose()
    assert shelf.items == {}


async def test_a_stored_session_that_cannot_be_read_is_ignored(
    people: AsyncPeople, caplog: pytest.LogCaptureFixture
) -> None:
    storage = MemorySessionStorage()
    async with AsyncMonogram(url=people.api.url, key=people.api.publishable_key, session_storage=storage) as client:
        storage.set_item(client.auth._sessions.storage_key, "{}")
        assert await client.auth.session() is None
    assert "cannot be read" in caplog.text


async def test_a_refused_token_is_renewed_once(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    ada = await people.sign_up("Ada", faults=faults)
    faults.then(401)
    assert await ada.tokens.balance() == 0
    assert faults.paths == ["/rest/v1/users", "/auth/v1/token", "/rest/v1/users"]
    faults.then(401, "ok", 401)
    with pytest.raises(errors.AuthenticationError):
        await ada.tokens.balance()


async def test_a_service_is_nobody_and_nobody_signs_in_on_it(people: AsyncPeople) -> None:
    service, ada = people.service(), await people.sign_up("Ada")
    assert service.is_admin and not ada.is_admin
    with pytest.raises(errors.SecretKeySessionError, match="another client"):
        await service.auth.sign_in_with_password(email="ada@example.test", password=PASSWORD)
    with pytest.raises(errors.NotSignedInError, match="secret key"):
        await service.tokens.balance()
    with pytest.raises(errors.SecretKeyRequiredError):
        await ada.admin.delete_user((await ada.profiles.get()).id)


async def test_a_service_keeps_accounts(people: AsyncPeople) -> None:
    service, email = people.service(), new_email("chloe")
    made = await service.admin.create_user(
        email=email, password=PASSWORD, display_name="Chloe", email_confirmed=True, app_metadata={"role": "admin"}
    )
    assert made.app_metadata["role"] == "admin"
    chloe = people.nobody()
    await chloe.auth.sign_in_with_password(email=email, password=PASSWORD)
    assert (await chloe.profiles.get()).display_name == "Chloe"
    assert (await service.admin.get_user(made.id)).email == email
    assert made.id in [user.id async for user in service.admin.users()]
    changed = await service.admin.update_user(made.id, password="another horse battery 8")
    assert changed.id == made.id
    await service.admin.delete_user(made.id)
    with pytest.raises(errors.NotFoundError):
        await service.admin.get_user(made.id)


async def test_a_service_sees_that_all_is_well(people: AsyncPeople) -> None:
    service, ada = people.service(), await people.sign_up("Ada")
    assert await service.admin.verify_ledger().all() == []
    assert await service.admin.award_all_badges() >= 0
    assert await service.admin.refresh_streaks() >= 0
    club = await people.club()
    draft = await club.leader.newsletters.generate(club.space.id)
    await club.leader.newsletters.publish(draft.id)
    assert sum(entry.jobs for entry in await service.admin.outbox_state()) > 0
    job, *_ = await service.admin.claim_jobs("tests", limit=1000, lease_seconds=30)
    assert await service.admin.fail_job(job.id, "somebody else", "mine?") is None
    assert not await service.admin.finish_job(job.id, "somebody else")
    assert await service.admin.fail_job(job.id, "tests", "no route to host") == "READY"
    assert not await service.admin.finish_job(job.id, "tests")
    with pytest.raises(errors.SecretKeyRequiredError):
        ada.admin.verify_ledger()


async def test_signing_in_elsewhere_begins_with_an_address_and_a_secret(people: AsyncPeople) -> None:
    client = people.nobody()
    start = await client.auth.sign_in_with_oauth(
        provider="github", redirect_to="https://app.example/callback", scopes="read:user"
    )
    assert start.url.startswith(f"{people.api.url}/auth/v1/authorize?")
    assert "scopes=read%3Auser" in start.url
    assert start.code_verifier is not None and start.code_verifier not in repr(start)
    sent = httpx.URL(start.url).params
    challenge = base64.urlsafe_b64encode(hashlib.sha256(start.code_verifier.encode()).digest()).decode().rstrip("=")
    assert (sent["provider"], sent["code_challenge"], sent["code_challenge_method"]) == ("github", challenge, "s256")
    with pytest.raises(errors.OneTimeCodeError) as refused:
        await client.auth.exchange_code("no-such-code")
    assert refused.value.code == "flow_state_not_found"
    with pytest.raises(errors.InvalidValueError, match="did not begin a sign-in"):
        await people.nobody().auth.exchange_code("no-such-code")


async def test_a_broken_listener_is_logged_and_everybody_is_told(
    people: AsyncPeople, caplog: pytest.LogCaptureFixture
) -> None:
    client, told = people.nobody(), list[AuthEvent]()

    def broken(_event: AuthEvent, _session: Session | None) -> None:
        raise LookupError("mine")

    client.auth.on_auth_change(broken)
    client.auth.on_auth_change(lambda event, _session: told.append(event))
    await client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
    before = await client.auth.session()
    assert before is not None
    assert (await client.auth.refresh()).refresh_token != before.refresh_token
    assert told == [AuthEvent.SIGNED_IN, AuthEvent.TOKEN_REFRESHED]
    logged = [record for record in caplog.records if record.name == "monogram_sdk" and record.exc_info]
    assert [record.exc_info[0] for record in logged if record.exc_info] == [LookupError, LookupError]
    assert PASSWORD not in caplog.text and before.access_token not in caplog.text


async def test_a_listener_calls_the_client_on_its_own_account(people: AsyncPeople) -> None:
    ada, found = await people.sign_up("Ada"), list[int]()

    def heard(event: AuthEvent, _session: Session | None) -> None:
        if event is AuthEvent.SIGNED_OUT:
            found.append(ada._core.engine.sessions.epoch)
            assert calls.innermost() is None

    ada.auth.on_auth_change(heard)
    await ada.auth.sign_out()
    assert len(found) == 1
