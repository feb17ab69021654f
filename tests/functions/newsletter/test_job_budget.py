"""What the whole job of a newsletter costs: the platform gives a function two seconds of processor and 256 MB."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx

from monogram_sdk import Monogram
from monogram_sdk.local.stack import Stack
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.render.letters import prose
from tests.sdk.support import PASSWORD, new_email

SECONDS = 2.0
HALF_THE_BYTES = 128 * 1024 * 1024


def put(stack: Stack, name: str, content: bytes) -> None:
    """Replace a stored file."""
    headers = {"apikey": stack.secret_key, "content-type": "image/jpeg", "x-upsert": "true"}
    answer = httpx.post(f"{stack.api_url}/storage/v1/object/{name}", headers=headers, content=content)
    assert answer.status_code == 200, answer.text


def test_fifty_answers_with_twenty_pictures_fit(
    circle: Circle, fresh_pipeline: Callable[[], Pipeline], stack: Stack, picture: Path
) -> None:
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

    seconds, memory = [], []
    # Other work on the machine makes the processor slower, never faster: the best of three is nearest to the truth.
    for _ in range(3):
        pipeline = fresh_pipeline()
        idle = pipeline.peak_bytes()  # Deno itself.
        rendered = pipeline.render(newsletter)
        assert rendered["problems"] == []
        seconds.append(rendered["cpuSeconds"])
        memory.append(pipeline.peak_bytes() - idle)
    assert min(seconds) < SECONDS
    assert min(memory) < HALF_THE_BYTES
