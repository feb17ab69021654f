"""Signing in with what a message brings, read from the stack's mailbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Literal

import httpx
import psycopg
import pytest

from monogram_sdk import AsyncMonogram, AuthEvent, MemorySessionStorage, errors
from monogram_sdk.local import Stack
from tests.sdk.support import PASSWORD, new_email


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncMonogram]:
    """A client on which nobody has signed in."""
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key) as client:
        yield client


def newest_text(stack: Stack, email: str) -> str:
    """Return what the newest message to an address says."""
    mailbox = f"{stack.status().mailpit_url}/api/v1"
    found = httpx.get(f"{mailbox}/search", params={"query": f"to:{email}"}).json()["messages"]
    return str(httpx.get(f"{mailbox}/message/{found[0]['ID']}").json()["Text"])


def count(stack: Stack, email: str) -> int:
    """Return how many messages an address got."""
    found = httpx.get(f"{stack.status().mailpit_url}/api/v1/search", params={"query": f"to:{email}"}).json()
    return len(found["messages"])


def newest_code(stack: Stack, email: str) -> str:
    """Return the code in the newest message to an address."""
    code = re.search(r"\b\d{6}\b", newest_text(stack, email))
    assert code is not None
    return code.group()


def followed(stack: Stack, email: str) -> httpx.URL:
    """Open the link in the newest message to an address; return where it leads."""
    link = re.search(r"https?://\S+/auth/v1/verify\S+", newest_text(stack, email))
    assert link is not None
    return httpx.URL(httpx.get(link.group()).headers["location"])


async def test_a_new_person_signs_in_with_a_code(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("otto")
    await client.auth.sign_in_with_otp(email=email, display_name="Otto", redirect_to="http://127.0.0.1:3000/in")
    with pytest.raises(errors.OneTimeCodeError):
        await client.auth.verify_otp(email=email, token="000000")
    session = await client.auth.verify_otp(email=email, token=newest_code(stack, email))
    assert session.user.email == email
    assert (await client.profiles.get()).display_name == "Otto"


async def test_a_forgotten_password_is_replaced(stack: Stack, client: AsyncMonogram) -> None:
    email, events = new_email("ada"), list[AuthEvent]()
    await client.auth.sign_up(email=email, password=PASSWORD)
    await client.auth.sign_out()
    client.auth.on_auth_change(lambda event, _session: events.append(event))
    await client.auth.reset_password(email=email, redirect_to="http://127.0.0.1:3000/new")
    await client.auth.verify_otp(email=email, token=newest_code(stack, email), type="recovery")
    await client.auth.update_user(password="another horse battery 8")
    await client.auth.sign_out()
    await client.auth.sign_in_with_password(email=email, password="another horse battery 8")
    assert events == ["PASSWORD_RECOVERY", "USER_UPDATED", "SIGNED_OUT", "SIGNED_IN"]


async def test_an_old_session_sets_a_password_with_a_code_from_the_mailbox(stack: Stack, client: AsyncMonogram) -> None:
    with pytest.raises(errors.NotSignedInError):
        await client.auth.reauthenticate()
    email, new = new_email("ada"), "another horse battery 8"
    signed_up = await client.auth.sign_up(email=email, password=PASSWORD)
    with psycopg.connect(stack.databases.dsn(user="supabase_auth_admin")) as connection:
        connection.execute(
            "update auth.sessions set created_at = created_at - interval '25 hours' where user_id = %s",
            [signed_up.user.id],
        )
    await client.auth.refresh()
    with pytest.raises(errors.ReauthenticationRequiredError, match=r"auth\.reauthenticate"):
        await client.auth.update_user(password=new)
    await client.auth.reauthenticate()
    with pytest.raises(errors.OneTimeCodeError) as refused:
        await client.auth.update_user(password=new, nonce="000000")
    assert refused.value.code == "reauthentication_not_valid"
    await client.auth.update_user(password=new, nonce=newest_code(stack, email))
    await client.auth.sign_out()
    await client.auth.sign_in_with_password(email=email, password=new)


async def test_a_new_password_deletes_no_account_and_the_mailbox_does(stack: Stack, client: AsyncMonogram) -> None:
    email, new = new_email("ada"), "another horse battery 8"
    await client.auth.sign_up(email=email, password=PASSWORD)
    await client.auth.update_user(password=new)
    await client.auth.sign_in_with_password(email=email, password=new)
    with pytest.raises(errors.SignInTooOldError, match="more than the password") as refused:
        await client.auth.delete_account(confirm=email)
    assert refused.value.detail == "new_password"
    assert "a link or a code that is sent" in str(refused.value.hint)
    await client.auth.sign_in_with_otp(email=email, create_user=False)
    await client.auth.verify_otp(email=email, token=newest_code(stack, email))
    await client.auth.refresh()
    await client.auth.delete_account(confirm=email)
    assert await client.auth.session() is None


async def test_a_link_in_a_message_brings_a_code_for_whoever_asked(stack: Stack, client: AsyncMonogram) -> None:
    email, events = new_email("mina"), list[AuthEvent]()
    client.auth.on_auth_change(lambda event, _session: events.append(event))
    await client.auth.sign_in_with_otp(email=email, display_name="Mina", redirect_to="http://127.0.0.1:3000/in")
    place = followed(stack, email)
    assert str(place.copy_with(query=None)) == "http://127.0.0.1:3000/in" and place.fragment == ""
    code = place.params["code"]
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key) as thief:
        await thief.auth.sign_in_with_oauth(provider="github")
        with pytest.raises(errors.OneTimeCodeError) as stolen:
            await thief.auth.exchange_code(code)
        assert stolen.value.code == "bad_code_verifier"
    session = await client.auth.exchange_code(code)
    assert session.user.email == email and events == [AuthEvent.SIGNED_IN]
    assert (await client.profiles.get()).display_name == "Mina"
    with pytest.raises(errors.InvalidValueError, match="exchanged already"):
        await client.auth.exchange_code(code)


async def test_whoever_has_the_verifier_may_complete_it(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("mina")
    start = await client.auth.sign_in_with_oauth(provider="github")
    sent = httpx.URL(start.url).params
    challenge = {name: sent[name] for name in ("code_challenge", "code_challenge_method")}
    key = {"apikey": stack.publishable_key}
    httpx.post(f"{stack.api_url}/auth/v1/otp", headers=key, json={"email": email, **challenge}).raise_for_status()
    code = followed(stack, email).params["code"]
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key) as other:
        session = await other.auth.exchange_code(code, code_verifier=start.code_verifier)
        assert session.user.email == email
        with pytest.raises(errors.OneTimeCodeError) as again:
            await other.auth.exchange_code(code, code_verifier=start.code_verifier)
        assert again.value.code == "flow_state_not_found"


async def test_a_program_that_began_anew_completes_what_it_had_begun(stack: Stack) -> None:
    email, storage, events = new_email("ada"), MemorySessionStorage(), list[AuthEvent]()
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key, session_storage=storage) as before:
        await before.auth.sign_up(email=email, password=PASSWORD)
        await before.auth.sign_out()
        await before.auth.reset_password(email=email, redirect_to="http://127.0.0.1:3000/new")
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key, session_storage=storage) as after:
        after.auth.on_auth_change(lambda event, _session: events.append(event))
        await after.auth.exchange_code(followed(stack, email).params["code"])
        await after.auth.update_user(password="another horse battery 8")
    assert events == [AuthEvent.PASSWORD_RECOVERY, AuthEvent.USER_UPDATED]


async def test_asking_again_for_nobodys_confirmation_tells_nothing(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("nobody")
    await client.auth.resend(email=email)
    await client.auth.resend(email=email, type="email_change")
    assert count(stack, email) == 0


async def resend_too_often(client: AsyncMonogram, email: str, type: Literal["signup", "email_change"]) -> int:
    """Ask for a message without a pause, until that is too much; return how many were sent."""
    impatient = client.with_options(retries=0)
    for sent in range(20):
        try:
            await impatient.auth.resend(email=email, type=type)
        except errors.RateLimitError as error:
            assert (error.status, error.code) == (429, "over_email_send_rate_limit")
            return sent
    raise AssertionError("nobody minds")


async def test_a_confirmation_is_sent_again(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("ada")
    async with AsyncMonogram.admin_client(url=stack.api_url, key=stack.secret_key) as service:
        await service.admin.create_user(email=email, password=PASSWORD)
    with pytest.raises(errors.EmailNotConfirmedError):
        await client.auth.sign_in_with_password(email=email, password=PASSWORD)
    sent = await resend_too_often(client, email, "signup")
    assert sent >= 1 and count(stack, email) == sent
    # A call that may be tried again waits until it is not too early any more.
    patient = client.with_options(retries=10)
    await patient.auth.resend(email=email, redirect_to="http://127.0.0.1:3000/confirmed")
    assert count(stack, email) == sent + 1
    place = followed(stack, email)
    assert str(place.copy_with(fragment=None)) == "http://127.0.0.1:3000/confirmed"
    brought = httpx.QueryParams(place.fragment)
    tokens = {name: brought[name] for name in ("access_token", "refresh_token")}
    assert (await client.auth.set_session(**tokens)).user.email == email
    await client.auth.resend(email=email)
    assert count(stack, email) == sent + 1, "it is confirmed"


async def test_a_change_of_address_is_sent_again(stack: Stack, client: AsyncMonogram) -> None:
    email, new = new_email("ada"), new_email("new")
    await client.auth.sign_up(email=email, password=PASSWORD)
    await client.auth.update_user(email=new)
    before = newest_code(stack, email)
    sent = await resend_too_often(client, email, "email_change")
    await client.with_options(retries=10).auth.resend(email=email, type="email_change")
    assert count(stack, email) == count(stack, new) == sent + 2
    newest = newest_code(stack, email)
    if newest != before:
        with pytest.raises(errors.OneTimeCodeError):
            await client.auth.verify_otp(email=email, token=before, type="email_change")
    assert await client.auth.verify_otp(email=email, token=newest, type="email_change") is None
    session = await client.auth.verify_otp(email=new, token=newest_code(stack, new), type="email_change")
    assert session is not None and session.user.email == new


async def test_the_link_to_confirm_a_change_of_address_brings_a_code(stack: Stack, client: AsyncMonogram) -> None:
    email, new = new_email("ada"), new_email("new")
    await client.auth.sign_up(email=email, password=PASSWORD)
    await client.auth.update_user(email=new, redirect_to="http://127.0.0.1:3000/moved")
    assert "code" not in followed(stack, email).params
    place = followed(stack, new)
    assert str(place.copy_with(query=None)) == "http://127.0.0.1:3000/moved"
    assert (await client.auth.exchange_code(place.params["code"])).user.email == new
    await client.auth.sign_in_with_password(email=new, password=PASSWORD)
