"""How long a newsletter takes to reach the mailboxes of a large space, and whether memory grows with the space.

    python -m benchmarks.delivery [--members 1000 2000 5000] [--write]

Each size runs on a stack of its own: publish, then wait until every member's email is in the stack's mailbox, sent by
the function `deliver` over SMTP. Processor and memory are those of the function's own process since it started, with
Deno itself and the rendering of the newsletter.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmarks.report import Table, machine, write
from monogram_sdk import Monogram
from monogram_sdk.local import Stack
from tests.support.memory import peak_bytes

EARLY = (250, 1500)
"""After how many emails the memory of the function is read before the end."""


@dataclass(frozen=True)
class Run:
    """What one newsletter cost."""

    members: int
    publish_ms: float
    seconds: float
    """Until the last email was sent."""
    cpu_seconds: float
    early_mb: list[float]
    """The peak memory of the function after each number of emails in `EARLY` that was reached."""
    peak_mb: float
    """The same at the end."""


def run(members: int) -> Run:
    options = {"bcrypt_cost": 4}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), seed=False, server_options=options) as stack:
        with Monogram(url=stack.api_url, key=stack.publishable_key) as ada:
            ada.auth.sign_up(email="ada@example.test", password="correct horse battery", display_name="Ada")
            space = ada.spaces.create(name="Everybody")
            _fill(stack, str(space.id), members - 1)
            prompt = ada.prompts.create(space.id, question="What did you read?")
            ada.prompts.publish(space.id)
            answer = ada.responses.submit(prompt.id, content="A book. " * 200)
            ada.responses.select(space.id, [answer.id])
            draft = ada.newsletters.generate(space.id)
            with psycopg.connect(stack.db_url) as connection:  # Only the newsletter is measured.
                connection.execute("delete from private.mails where newsletter_id is null")
            start = time.perf_counter()
            letter = ada.newsletters.publish(draft.id)
            published = time.perf_counter()
            early_mb: list[float] = []
            while (sent := _sent(stack, str(letter.id))) < members:
                if len(early_mb) < len(EARLY) and sent >= EARLY[len(early_mb)]:
                    early_mb.append(_peak_mb(stack))
                time.sleep(0.1)
            finished = time.perf_counter()
            found = httpx.get(f"{stack.api_url}/api/v1/search", params={"query": f'subject:"{letter.title}"'}).json()
            assert found["messages_count"] == members, found["messages_count"]
            peak_mb = _peak_mb(stack)
            return Run(
                members,
                publish_ms=1000 * (published - start),
                seconds=finished - published,
                cpu_seconds=_cpu_seconds(stack),
                early_mb=early_mb,
                peak_mb=peak_mb,
            )


def _fill(stack: Stack, space_id: str, people: int) -> None:
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(
            """
            with made as (
              insert into auth.users (id, aud, role, email, raw_user_meta_data, email_confirmed_at)
              select gen_random_uuid(), 'authenticated', 'authenticated', 'member' || n || '@example.test',
                jsonb_build_object('display_name', 'Member ' || n), now()
              from generate_series(1, %s) as n
              returning id
            )
            select count(*) from made
            """,
            [people],
        )
        connection.execute(
            "insert into public.memberships (user_id, space_id) select id, %s from public.users"
            " where id not in (select user_id from public.memberships)",
            [space_id],
        )


def _sent(stack: Stack, newsletter_id: str) -> int:
    with psycopg.connect(stack.db_url) as connection:
        row = connection.execute(
            "select count(*) from private.mails where newsletter_id = %s and state = 'SENT'", [newsletter_id]
        ).fetchone()
    return int(row[0]) if row else 0


def _process(stack: Stack) -> Path:
    """Return where the system tells about the running function."""
    started = re.findall(r'"function started".*?"function":"deliver","pid":(\d+)', stack.server_log.read_text())
    return Path(f"/proc/{started[-1]}")


def _peak_mb(stack: Stack) -> float:
    return peak_bytes(int(_process(stack).name)) / 2**20


def _cpu_seconds(stack: Stack) -> float:
    fields = (_process(stack) / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--members", type=int, nargs="+", default=[1000, 2000, 5000], help="how many get the newsletter"
    )
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    table = Table(
        "members",
        "publish()",
        "until all emails are in the mailbox",
        "emails a second",
        "processor time an email",
        *(f"peak after {count:,} emails" for count in EARLY),
        "peak after all",
    )
    for one in map(run, options.members):
        table.add(
            str(one.members),
            f"{one.publish_ms:.0f} ms",
            f"{one.seconds:.1f} s",
            f"{one.members / one.seconds:.0f}",
            f"{1000 * one.cpu_seconds / one.members:.1f} ms",
            *(f"{peak:.0f} MB" for peak in one.early_mb),
            *("" for _ in EARLY[len(one.early_mb) :]),
            f"{one.peak_mb:.0f} MB",
        )
    how = (
        "One newsletter for a whole space, sent by the function `deliver` over four SMTP connections: two statements "
        "and one SMTP transaction an email. Processor and memory are those of the function's process, Deno itself "
        "and the rendering among it; V8 lets its young generation grow for the first thousand emails or so. "
        f"The load average was {load:.1f} before it began."
    )
    text = "\n".join([f"{machine()} {how}", "", str(table)])
    print(text)
    if options.write:
        write(__file__, text)


if __name__ == "__main__":
    main()
