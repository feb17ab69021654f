"""Signing in with what a message brings, read from the stack's mailbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from monogram_sdk import AsyncMonogram, AuthEvent, errors
from monogram_sdk.local.stack import Stack
from tests.sdk.support import PASSWORD, new_email


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncMonogram]:
    """A client on which nobody has signed in."""
    async with AsyncMonogram(url=stack.api_url, key=stack.publishable_key) as client:
        yield client


def newest_code(stack: Stack, email: str) -> str:
    """Return the code in the newest message to an address."""
    mailbox = f"{stack.status().mailpit_url}/api/v1"
    found = httpx.get(f"{mailbox}/search", params={"query": f"to:{email}"}).json()["messages"]
    text = httpx.get(f"{mailbox}/message/{found[0]['ID']}").json()["Text"]
    code = re.search(r"\b\d{6}\b", text)
    assert code is not None
    return code.group()


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


async def test_a_link_in_a_message_brings_a_session(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("mina")
    await client.auth.sign_in_with_otp(email=email, display_name="Mina", redirect_to="http://127.0.0.1:3000/in")
    mailbox = f"{stack.status().mailpit_url}/api/v1"
    found = httpx.get(f"{mailbox}/search", params={"query": f"to:{email}"}).json()["messages"]
    text = httpx.get(f"{mailbox}/message/{found[0]['ID']}").json()["Text"]
    link = re.search(r"https?://\S+/auth/v1/verify\S+", text)
    assert link is not None
    place, _, tokens = httpx.get(link.group()).headers["location"].partition("#")
    assert place == "http://127.0.0.1:3000/in"
    brought = httpx.QueryParams(tokens)
    session = await client.auth.set_session(
        access_token=brought["access_token"], refresh_token=brought["refresh_token"]
    )
    assert session.user.email == email
    assert (await client.profiles.get()).display_name == "Mina"


async def test_asking_again_for_nobodys_confirmation_tells_nothing(stack: Stack, client: AsyncMonogram) -> None:
    email = new_email("nobody")
    await client.auth.resend(email=email)
    mailbox = f"{stack.status().mailpit_url}/api/v1"
    assert httpx.get(f"{mailbox}/search", params={"query": f"to:{email}"}).json()["messages"] == []
