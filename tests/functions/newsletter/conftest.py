"""A space with a published newsletter, as the functions see it: through the real stack."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, Space
from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS, PICTURES
from tests.sdk.support import PASSWORD, new_email

HERE = Path(__file__).parent


class Pipeline:
    """A Deno process that renders and stores newsletters as `deliver` does."""

    def __init__(self, stack: Stack) -> None:
        self._process = subprocess.Popen(
            [
                executable(),
                "run",
                "--quiet",
                "--frozen",
                f"--config={FUNCTIONS / 'deno.json'}",
                "--v8-flags=--max-old-space-size=256",
                "--allow-read",
                "--allow-env",
                "--allow-net=127.0.0.1",
                HERE / "render_newsletter.ts",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self._ask(
            {
                "SUPABASE_URL": stack.api_url,
                "SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": stack.publishable_key}),
                "SUPABASE_SECRET_KEYS": json.dumps({"default": stack.secret_key}),
            }
        )

    def render(self, newsletter: Newsletter) -> dict[str, Any]:
        """Make all pictures ready that are due, render a newsletter (that must succeed), and return what came of it."""
        return self.render_by_id(str(newsletter.id))

    def render_by_id(self, newsletter_id: str) -> dict[str, Any]:
        """Do the same for a newsletter of which only the id is known."""
        rendered = self._ask(newsletter_id)
        assert "error" not in rendered, rendered
        return rendered

    def refuse(self, newsletter: Newsletter) -> str:
        """Try to render a newsletter, and return the name of the error."""
        return str(self._ask(str(newsletter.id))["error"])

    def derive(self) -> list[dict[str, Any]]:
        """Make all pictures ready that are due, and return what was noted of them."""
        notes: list[dict[str, Any]] = self._ask(None)["notes"]
        return notes

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, question: object) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        assert reply, "The pipeline has stopped; what it said is above."
        return json.loads(reply)


@pytest.fixture(scope="session")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    """The pipeline that tests share."""
    pipeline = Pipeline(stack)
    yield pipeline
    pipeline.close()


def derive(stack: Stack) -> None:
    """Call the function `pictures` until no picture is left to be converted."""
    more = True
    while more:
        url, body = f"{stack.api_url}/functions/v1/pictures", {"chain": False}
        reply = httpx.post(url, headers={"apikey": stack.secret_key}, json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        more = reply.json()["more"]


@dataclass(frozen=True)
class Circle:
    """A space with a leader and a member, and somebody outside it."""

    leader: Monogram
    member: Monogram
    outsider: Monogram
    space: Space

    def draft(self, responses: Sequence[str] = ("Middlemarch, again.",), *, image: Path | None = None) -> Newsletter:
        """Publish a question for each response of the member, the first with an image, and generate the newsletter."""
        for number, _ in enumerate(responses, start=1):
            self.leader.prompts.create(self.space.id, question=f"Question {number}?")
        prompts = self.leader.prompts.publish(self.space.id)
        given = [
            self.member.responses.submit(prompt.id, content=text, image=image if prompt.order == 1 else None)
            for prompt, text in zip(prompts, responses, strict=True)
        ]
        self.leader.responses.select(self.space.id, [response.id for response in given])
        return self.leader.newsletters.generate(self.space.id)

    def publish(self, newsletter: Newsletter) -> Newsletter:
        """Publish it."""
        return self.leader.newsletters.publish(newsletter.id)


@pytest.fixture
def circle(stack: Stack) -> Iterator[Circle]:
    """A space of this test's own."""
    with ExitStack() as exits:

        def person(name: str) -> Monogram:
            client = exits.enter_context(Monogram(url=stack.api_url, key=stack.publishable_key))
            client.auth.sign_up(email=new_email(name), password=PASSWORD, display_name=name)
            return client

        leader, member = person("Ada"), person("Boris")
        space = leader.spaces.create(name="Test Readers")
        member.spaces.join(invite_code=leader.spaces.create_invite(space.id, max_uses=1).code)
        yield Circle(leader, member, person("Sam"), space)


@pytest.fixture
def web(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody with a browser, who has neither key nor account."""
    with httpx.Client(base_url=f"{stack.api_url}/functions/v1", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def picture() -> Path:
    """A photograph."""
    return PICTURES / "tall.jpg"
