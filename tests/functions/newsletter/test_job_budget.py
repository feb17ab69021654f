"""The memory that a call of `deliver` takes that renders a newsletter: a function has 256 MB.

The processor is measured by `python -m benchmarks.paper`: other work on the machine makes it slower.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from monogram_sdk import Monogram, _metadata
from monogram_sdk.local import Stack
from tests.functions.newsletter.conftest import Circle, derive
from tests.functions.render.newsletters import prose
from tests.sdk.support import PASSWORD, new_email
from tests.support.memory import peak_bytes

BYTES = 256 * 1024 * 1024


def render_next(stack: Stack, key: str) -> None:
    """Queue a job again before all other work, as if it had never run."""
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(
            "update private.outbox set state = 'READY', attempts = 0, run_at = now(), finished_at = null,"
            " is_awaited = true, turn = -1, leased_by = null, leased_until = null where key = %s",
            [key],
        )


def deliverer(stack: Stack) -> psutil.Process | None:
    """Return the process of the function `deliver`, where it runs."""
    started = re.findall(r'"function started".*?"function":"deliver","pid":(\d+)', stack.server_log.read_text())
    try:
        return psutil.Process(int(started[-1])) if started else None
    except psutil.NoSuchProcess:
        return None


def deliver(stack: Stack, first: str) -> dict[str, Any]:
    """Call `deliver` once, and return what it did."""
    url, body = f"{stack.api_url}/functions/v1/deliver", {"chain": False, "first": first}
    reply = httpx.post(url, headers={"apikey": stack.secret_key}, json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    done: dict[str, Any] = reply.json()
    return done


def call_afresh(stack: Stack) -> int:
    """Call `deliver` in a new process; return the most bytes that it had, with Deno itself."""
    if (running := deliverer(stack)) is not None:
        running.kill()
        running.wait(10)
    done = deliver(stack, "jobs")
    assert done["jobs"] == 1, done
    process = deliverer(stack)
    assert process is not None
    return peak_bytes(process.pid)


@pytest.mark.long
def test_fifty_responses_with_twenty_pictures_fit(
    circle: Circle, stack: Stack, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything since the process started counts: modules, row, pictures, page, PDF, email, and storing them."""
    # Pictures go up as they are, as other clients send them.
    monkeypatch.setattr(_metadata, "strip", lambda data, _: data)
    for number in range(10):
        circle.leader.prompts.create(circle.space.id, question=f"Question {number}: {prose(60, number)}?")
    prompts = circle.leader.prompts.publish(circle.space.id)
    invite = circle.leader.spaces.create_invite(circle.space.id, max_uses=3)
    with ExitStack() as exits:
        people = [circle.leader, circle.member]
        for name in ("Chloe", "Dmitri", "Eleni"):
            person = exits.enter_context(Monogram(url=stack.api_url, key=stack.publishable_key))
            person.auth.sign_up(email=new_email(name), password=PASSWORD, display_name=name)
            person.spaces.join(invite_code=invite.code)
            people.append(person)
        responses = []
        for number in range(50):
            person, prompt = people[number % 5], prompts[number // 5]
            # As large as a photograph from a phone that was made smaller: what follows the end of a JPEG goes along.
            large = picture.read_bytes().ljust(300_000, bytes([number]))
            image = large if number < 40 and number % 2 == 0 else None
            responses.append(person.responses.submit(prompt.id, content=prose(600, number), image=image))
    circle.leader.responses.select(circle.space.id, [response.id for response in responses])
    newsletter = circle.publish(circle.leader.newsletters.generate(circle.space.id))

    derive(stack)
    for kind in ("newsletter.mail", "newsletter.render", "newsletter.pdf"):
        render_next(stack, f"{kind}:{newsletter.id}")
        assert call_afresh(stack) < BYTES, kind
    made = circle.leader.newsletters.get(newsletter.id)
    assert made.html_path is not None and made.pdf_path is not None
    with psycopg.connect(stack.db_url) as connection:  # Nothing of it is left for tests that send what is due.
        kept = connection.execute("delete from private.newsletter_mails where newsletter_id = %s", [newsletter.id])
    assert kept.rowcount == 1
