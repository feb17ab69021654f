"""What a call of `deliver` that renders a newsletter costs: a function has two seconds of processor and 256 MB."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import psycopg

from monogram_sdk import Monogram
from monogram_sdk.local.stack import Stack
from tests.functions.newsletter.conftest import Circle
from tests.functions.render.letters import prose
from tests.sdk.support import PASSWORD, new_email

SECONDS = 2.0
BYTES = 256 * 1024 * 1024


def put(stack: Stack, name: str, content: bytes) -> None:
    """Replace a stored file."""
    headers = {"apikey": stack.secret_key, "content-type": "image/jpeg", "x-upsert": "true"}
    answer = httpx.post(f"{stack.api_url}/storage/v1/object/{name}", headers=headers, content=content)
    assert answer.status_code == 200, answer.text


def render_next(stack: Stack, newsletter_id: UUID) -> None:
    """Put the newsletter's rendering before all other work, as if it had never been done."""
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(
            "update private.outbox set state = 'READY', attempts = 0, run_at = 'epoch', finished_at = null,"
            " leased_by = null, leased_until = null where key = %s",
            [f"newsletter.render:{newsletter_id}"],
        )


def deliverer(stack: Stack) -> psutil.Process | None:
    """Return the process of the function `deliver`, where it runs."""
    started = re.findall(r'"function started".*?"function":"deliver","pid":(\d+)', stack.server_log.read_text())
    try:
        return psutil.Process(int(started[-1])) if started else None
    except psutil.NoSuchProcess:
        return None


def call_afresh(stack: Stack) -> tuple[float, int]:
    """Call `deliver` in a new process; return the seconds and the most bytes that this has cost, with Deno itself."""
    if (running := deliverer(stack)) is not None:
        running.kill()
        running.wait(10)
    answer = httpx.post(
        f"{stack.api_url}/functions/v1/deliver",
        headers={"apikey": stack.secret_key},
        json={"chain": False},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["jobs"]) == (200, 1), answer.text
    process = deliverer(stack)
    assert process is not None
    times, status = process.cpu_times(), Path(f"/proc/{process.pid}/status").read_text()
    return times.user + times.system, 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def test_fifty_answers_with_twenty_pictures_fit(circle: Circle, stack: Stack, picture: Path) -> None:
    """All that the process has cost since its start: modules, row, pictures, page, PDF, email, and storing them."""
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
        answers = []
        for number in range(50):
            person, prompt = people[number % 5], prompts[number // 5]
            image = picture if number < 40 and number % 2 == 0 else None
            answers.append(person.responses.submit(prompt.id, content=prose(600, number), image=image))
    for number, path in enumerate(answer.image_path for answer in answers if answer.image_path):
        # As large as a photograph from a phone that was made smaller: what follows the end of a JPEG is carried along.
        large = picture.read_bytes().ljust(300_000, bytes([number]))
        put(stack, f"responses/{path}", large)
    circle.leader.responses.select(circle.space.id, [answer.id for answer in answers])
    newsletter = circle.publish(circle.leader.newsletters.generate(circle.space.id))

    costs = []
    # Other work on the machine makes the processor slower, never faster: the best of three is nearest to the truth.
    for _ in range(3):
        render_next(stack, newsletter.id)
        costs.append(call_afresh(stack))
    assert circle.leader.newsletters.get(newsletter.id).pdf_path is not None
    assert min(seconds for seconds, _ in costs) < SECONDS
    assert min(peak for _, peak in costs) < BYTES
