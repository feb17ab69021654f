"""How long a newsletter takes to reach the mailboxes of a large space, and whether memory grows with the space.

    .venv/bin/python -m benchmarks.delivery.members [MEMBERS ...]

Each size runs on a stack of its own: publish, then wait until every member's mail is in the stack's mailbox, sent by
the function `deliver` over SMTP. The peak is that of the function's own process.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from monogram_sdk import Monogram
from monogram_sdk.local.stack import Stack

SIZES = (250, 500, 1000)


@dataclass(frozen=True)
class Run:
    members: int
    publish_ms: float
    seconds: float
    peak_mb: float


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
            with psycopg.connect(stack.db_url) as connection:  # The letter alone is measured.
                connection.execute("delete from private.mails where newsletter_id is null")
            start = time.perf_counter()
            letter = ada.newsletters.publish(draft.id)
            published = time.perf_counter()
            while not _all_sent(stack, str(letter.id)):
                time.sleep(0.25)
            sent = time.perf_counter()
            found = httpx.get(f"{stack.api_url}/api/v1/search", params={"query": f'subject:"{letter.title}"'}).json()
            assert found["messages_count"] == members, found["messages_count"]
            return Run(members, 1000 * (published - start), sent - published, _peak_mb(stack))


def _fill(stack: Stack, space_id: str, people: int) -> None:
    with psycopg.connect(stack.db_url) as connection:
        connection.execute(
            """
            with made as (
              insert into auth.users (id, aud, role, email, raw_user_meta_data)
              select gen_random_uuid(), 'authenticated', 'authenticated', 'member' || n || '@example.test',
                jsonb_build_object('display_name', 'Member ' || n)
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


def _all_sent(stack: Stack, newsletter_id: str) -> bool:
    with psycopg.connect(stack.db_url) as connection:
        row = connection.execute(
            "select bool_and(state = 'SENT') from private.mails where newsletter_id = %s", [newsletter_id]
        ).fetchone()
    return row is not None and bool(row[0])


def _peak_mb(stack: Stack) -> float:
    """Return the most memory that the running function ever had."""
    started = re.findall(r'"function started".*?"function":"deliver","pid":(\d+)', stack.server_log.read_text())
    try:
        status = Path(f"/proc/{started[-1]}/status").read_text() if started else ""
    except FileNotFoundError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    print("| members | publish() | all mails in the mailbox | mails a second | peak memory of the function |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for one in map(run, sizes):
        print(
            f"| {one.members} | {one.publish_ms:.0f} ms | {one.seconds:.1f} s | {one.members / one.seconds:.0f}"
            f" | {one.peak_mb:.0f} MB |"
        )


if __name__ == "__main__":
    main()
