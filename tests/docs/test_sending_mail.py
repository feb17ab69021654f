"""The program of the guide to sending email runs as it is written, and its emails arrive."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from monogram_sdk.models.enums import MailFault
from tests.conftest import ROOT, Api
from tests.docs.programs import run
from tests.sdk.support import PASSWORD, new_email

GUIDE = (ROOT / "docs" / "guides" / "sending-mail.md").read_text(encoding="utf-8")


def test_it_sends_what_is_due(stack: Stack, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    ada, boris = new_email("Ada"), new_email("Boris")
    with (
        Monogram(url=stack.api_url, key=stack.publishable_key) as leader,
        Monogram(url=stack.api_url, key=stack.publishable_key) as member,
        Monogram.admin_client(url=stack.api_url, key=stack.secret_key) as service,
    ):
        leader.auth.sign_up(email=ada, password=PASSWORD, display_name="Ada")
        member.auth.sign_up(email=boris, password=PASSWORD, display_name="Boris")
        space = leader.spaces.create(name="Test Book Club", is_public=True)
        member.spaces.join(space.id)
        leader.prompts.create(space.id, question="What did you read?")
        leader.prompts.publish(space.id)
        newsletter = leader.newsletters.publish(leader.newsletters.generate(space.id).id)
        member.prompts.create(space.id, question="And what next?")
        member.prompts.publish(space.id)
        service.mails.save_newsletter(newsletter.id, {"subject": "Week 1 of ours", "text": "Dune."})
        variables = {"SUPABASE_SECRET_KEY": stack.secret_key, "SMTP_PORT": str(stack.status().smtp_port)}
        status, output, errors = run(
            program, Api(stack.api_url, stack.publishable_key, stack.secret_key), tmp_path, **variables
        )
        assert (status, errors) == (0, "")
        assert re.fullmatch(r"(\d+ sent\n)+", output)
        assert {row.state for row in leader.newsletters.delivery(newsletter.id)} == {"SENT"}
    assert subjects(stack, ada).count("Week 1 of ours") == 1
    assert subjects(stack, boris).count("Week 1 of ours") == 1
    # Emails about the questions of a closed week are not sent.
    assert subjects(stack, ada).count("Prompts published: Test Book Club") == 1
    assert subjects(stack, boris).count("Prompts published: Test Book Club") == 0


def test_every_variable_is_named() -> None:
    functions = ROOT / "supabase" / "functions"
    read = "".join((functions / name).read_text(encoding="utf-8") for name in (
        "_shared/deliver/settings.ts", "_shared/newsletters/newsletters.ts", "mail-events/index.ts",
    ))  # fmt: skip
    variables = set(re.findall(r"""\b(?:get|address)\("([A-Z_]+)\"""", read))
    delivery = (ROOT / "docs" / "explanation" / "delivery.md").read_text(encoding="utf-8")
    assert len(variables) == 10
    assert not [name for name in variables if f"| `{name}` |" not in delivery or f"`{name}`" not in GUIDE]
    own = re.findall(r"""environ(?:\.get\(|\[)"(\w+)\"""", GUIDE)
    assert {"SMTP_HOST", "SMTP_PORT"} == set(own) and "| `SMTP_HOST`, `SMTP_PORT` |" in GUIDE


def subjects(stack: Stack, address: str) -> list[str]:
    """Return the subjects of what is in the mailbox for an address."""
    reply = httpx.get(f"{stack.status().mailpit_url}/api/v1/search", params={"query": f"to:{address}"})
    return [message["Subject"] for message in reply.raise_for_status().json()["messages"]]


def test_every_fault_of_a_mail_server_is_explained() -> None:
    text = (ROOT / "docs" / "explanation" / "delivery.md").read_text(encoding="utf-8")
    table = text.partition("| fault |")[2].partition("\n\n")[0]
    explained = re.findall(r"`([A-Z_]+)`", "\n".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert sorted(explained) == sorted(MailFault)
