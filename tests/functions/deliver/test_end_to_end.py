"""From publishing to the mailbox, through the whole stack, without calling a function by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from monogram_sdk.models import MailState
from tests.sdk.support import PASSWORD, new_email

FUNCTIONS = ("deliver", "tick")


@dataclass
class Member:
    client: Monogram
    email: str


@pytest.fixture
def member(delivering: Stack) -> Iterator[Callable[[str], Member]]:
    """Sign somebody up."""
    clients: list[Monogram] = []

    def sign_up(name: str) -> Member:
        client = Monogram(url=delivering.api_url, key=delivering.publishable_key)
        clients.append(client)
        email = new_email(name)
        client.auth.sign_up(email=email, password=PASSWORD, display_name=name)
        return Member(client, email)

    yield sign_up
    for client in clients:
        client.close()


def eventually(look: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return found


def emails(stack: Stack, address: str, subject: str) -> list[dict[str, object]]:
    query = f'to:{address} subject:"{subject}"'
    reply = httpx.get(f"{stack.api_url}/api/v1/search", params={"query": query})
    messages: list[dict[str, object]] = reply.raise_for_status().json()["messages"]
    return messages


def test_publishing_sends_everybody_one_email(delivering: Stack, member: Callable[[str], Member]) -> None:
    ada, boris, chloe = (member(name) for name in ("Ada", "Boris", "Chloe"))
    space = ada.client.spaces.create(name="Reading Club")
    code = ada.client.spaces.create_invite(space.id).code
    for person in (boris, chloe):
        person.client.spaces.join(invite_code=code)
    chloe.client.settings.set_space_emails(space.id, is_on=False)
    prompt = ada.client.prompts.create(space.id, question="What did you read?")
    ada.client.prompts.publish(space.id)
    # Before the week ends: later nobody would be asked to respond.
    eventually(lambda: emails(delivering, boris.email, "New questions in Reading Club"))
    response = boris.client.responses.submit(prompt.id, content="A <b>bold</b> book")
    ada.client.responses.select(space.id, [response.id])
    newsletter = ada.client.newsletters.publish(ada.client.newsletters.generate(space.id).id)

    def states() -> dict[str, MailState]:
        return {entry.display_name: entry.state for entry in ada.client.newsletters.delivery(newsletter.id)}

    sent = {"Ada": MailState.SENT, "Boris": MailState.SENT, "Chloe": MailState.UNSUBSCRIBED}
    eventually(lambda: states() == sent)
    # Page and PDF are made apart from the email, and it waits for neither.
    eventually(lambda: ada.client.newsletters.get(newsletter.id).html_path)
    eventually(lambda: ada.client.newsletters.get(newsletter.id).pdf_path)

    assert emails(delivering, chloe.email, newsletter.title) == []
    for person in (ada, boris):
        (email,) = emails(delivering, person.email, newsletter.title)
        source = httpx.get(f"{delivering.api_url}/api/v1/message/{email['ID']}/raw").text
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in source
    # The notifications came as well, each to the right person.
    eventually(lambda: emails(delivering, boris.email, "You hold the pen in Reading Club"))
    assert len(emails(delivering, boris.email, "New questions in Reading Club")) == 1
    assert emails(delivering, chloe.email, "New questions in Reading Club") == []

    # One click, as a mail program does it.
    unfolded = re.sub(r"\r?\n[ \t]+", " ", source)
    (link,) = re.findall(r"List-Unsubscribe: <(\S+)>", unfolded)
    assert boris.client.settings.space_emails(space.id) is True
    httpx.post(link, data={"List-Unsubscribe": "One-Click"}).raise_for_status()
    assert boris.client.settings.space_emails(space.id) is False


def test_the_emails_go_out_though_no_pdf_can_be_made(delivering: Stack, member: Callable[[str], Member]) -> None:
    ada = member("Ada")
    space = ada.client.spaces.create(name="Poetry Club")
    prompt = ada.client.prompts.create(space.id, question="What did you read?")
    ada.client.prompts.publish(space.id)
    response = ada.client.responses.submit(prompt.id, content="A poem")
    ada.client.responses.select(space.id, [response.id])
    allow = "update storage.buckets set allowed_mime_types = {} where id = 'newsletters'"
    with psycopg.connect(delivering.db_url, autocommit=True) as connection:
        connection.execute(allow.format("array_remove(allowed_mime_types, 'application/pdf')").encode())
        try:
            newsletter = ada.client.newsletters.publish(ada.client.newsletters.generate(space.id).id)
            eventually(lambda: [entry.state for entry in ada.client.newsletters.delivery(newsletter.id)] == ["SENT"])
            eventually(lambda: ada.client.newsletters.get(newsletter.id).html_path)
            failed = "select last_error from private.outbox where key = %s and attempts > 0 and state = 'READY'"
            ((reason,),) = eventually(
                lambda: connection.execute(failed, [f"newsletter.pdf:{newsletter.id}"]).fetchall()
            )
            assert ".pdf" in reason
        finally:
            connection.execute(allow.format("array_append(allowed_mime_types, 'application/pdf')").encode())
    assert len(emails(delivering, ada.email, newsletter.title)) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_secret_keys_may_call(delivering: Stack, name: str) -> None:
    url = f"{delivering.api_url}/functions/v1/{name}"
    assert httpx.post(url).status_code == 401
    assert httpx.post(url, headers={"apikey": delivering.publishable_key}).status_code == 401
    assert httpx.get(url, headers={"apikey": delivering.secret_key}).status_code == 405
    assert httpx.post(url, headers={"apikey": delivering.secret_key}, json={}, timeout=60).status_code == 200


def test_bounces_come_in_by_a_webhook_that_needs_its_secret(delivering: Stack) -> None:
    reply = httpx.post(f"{delivering.api_url}/functions/v1/mail-events", json={})
    assert (reply.status_code, reply.json()["code"]) == (503, "NOT_CONFIGURED")
