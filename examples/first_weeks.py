"""A space's first weeks, played by five people on an embedded stack that exists only while this runs.

    python -m examples.first_weeks

Everything is done through the SDK, and every number that is printed comes back from the database.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
import struct
import sys
import tempfile
import time
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from monogram_sdk import Monogram
from monogram_sdk.errors import InsufficientTokensError, MonogramError, PermissionDeniedError
from monogram_sdk.local import Stack
from monogram_sdk.models import MailState, Music, Newsletter, Profile, Space

NAMES = ("Ada", "Boris", "Chloe", "Dmitri", "Eleni")
# The questions of each week, and the responses of the five, in the order of NAMES.
WEEKS: dict[int, dict[str, tuple[str, ...]]] = {
    1: {
        "What did you read this week?": (
            "Middlemarch, again. Dorothea gets younger every time.",
            "Half of a very long novel, mostly on trams.",
            "A thin book on lichens. It was not thin enough to end.",
            "The back of the cereal box, all four sides.",
        ),
        "Where do you read best?": (
            "In the armchair by the radiator, October to April.",
            "Upstairs on the number 7, facing backwards.",
            "In the woods, until the midges find me.",
            "At the kitchen table, while something boils over.",
        ),
    },
    2: {
        "What did you cook?": (
            "Leek soup. It was going to be a pie.",
            "Nothing. I was cooked for, twice.",
            "Bread. It rose while I read.",
            "The soup on the cereal box.",
            "Dolmades, for eleven. There are three of us.",
        ),
        "Which song went with it?": (
            "Something slow, for the leeks.",
            "Whatever the neighbours had on.",
            "The kettle, mostly.",
            "The one about the sea.",
            "My aunt, singing.",
        ),
    },
    3: {
        "What are you looking forward to?": (
            "The first frost.",
            "The end of the very long novel.",
            "Moss.",
            "A second cookbook.",
            "Reading yours.",
        ),
    },
}
SONG = Music(url="https://music.example.org/tracks/la-mer", title="The Sea, Again", artist="The Neighbours")

KEPT = Path(".monogram-demo")
"""The folder for what remains after the stack has stopped: the newsletters, and the emails that were sent."""

console = Console(highlight=False)


def landscape(width: int = 480, height: int = 300) -> bytes:
    """Draw hills under an evening sky, as a PNG: what Chloe sees from where she reads."""

    def colour(x: int, y: int) -> tuple[int, int, int]:
        if (x - width * 0.7) ** 2 + (y - height * 0.3) ** 2 < (height * 0.09) ** 2:
            return 250, 236, 190
        for depth, hill in ((3, (23, 44, 42)), (2, (44, 82, 74)), (1, (92, 124, 106))):
            crest = height * (0.42 + 0.16 * depth) + 18 * math.sin(x / (width * 0.09) + depth * 2.1)
            if y > crest + 9 * math.sin(x / 23 + depth):
                return hill
        share = y / height
        return int(96 + 130 * share), int(140 + 60 * share), int(170 - 10 * share)

    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in colour(x, y)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@dataclass(frozen=True)
class Person:
    """Somebody with a client of their own, as on five phones."""

    name: str
    client: Monogram
    profile: Profile


def sign_up(name: str, client: Monogram) -> Person:
    """Make an account and stay signed in."""
    client.auth.sign_up(email=f"{name.lower()}@example.test", password=f"{name}-reads-2026", display_name=name)
    return Person(name, client, client.profiles.get())


def found_space(people: list[Person]) -> Space:
    """Let the first found a space and the others join by invite."""
    leader = people[0]
    space = leader.client.spaces.create(name="Test Book Club", description="Five people, one newsletter a week.")
    invite = leader.client.spaces.create_invite(space.id, max_uses=4)
    for person in people[1:]:
        person.client.spaces.join(invite_code=invite.code)
    console.print(
        f"[bold]{leader.name}[/] founds [bold]{space.name}[/]; {len(people) - 1} people join with her invite."
    )
    return space


def play_week(space: Space, people: list[Person]) -> Newsletter:
    """Ask, respond, select, publish."""
    leader = people[0]
    week = leader.client.spaces.week(space.id)
    assert week.curator is not None
    curator = next(person for person in people if person.profile.id == week.curator.user_id)
    console.rule(f"Week {week.week_number}")

    for question in WEEKS[week.week_number]:
        curator.client.prompts.create(space.id, question=question)
    prompts = curator.client.prompts.publish(space.id)
    console.print(
        f"[bold]{curator.name}[/] is the curator and publishes {len(prompts)} prompt{'s' if len(prompts) > 1 else ''}."
    )

    # Eleni takes her time: in the first week she only reads.
    for prompt in prompts:
        for person, answer in zip(people, WEEKS[week.week_number][prompt.question], strict=False):
            person.client.responses.submit(
                prompt.id,
                content=answer,
                image=landscape() if person.name == "Chloe" and prompt.order == 1 else None,
                music=SONG if "song" in prompt.question else None,
            )

    answered = leader.client.spaces.week(space.id)
    responses = [response for prompt in answered.prompts for response in prompt.responses]
    chosen = leader.client.responses.select(space.id, [response.id for response in responses[::2]])
    newsletter = leader.client.newsletters.generate(space.id)
    newsletter = leader.client.newsletters.publish(newsletter.id)
    after = leader.client.spaces.week(space.id)
    assert after.curator is not None
    console.print(
        f"{len(responses)} responses; [bold]{leader.name}[/] selects {len(chosen)} and publishes "
        f"[bold]{newsletter.title}[/]. The next curator is [bold]{after.curator.display_name}[/]."
    )
    return newsletter


def show_newsletter(newsletter: Newsletter) -> None:
    """Print the text of a newsletter as it was frozen when it was generated."""
    lines: list[str] = []
    for prompt in newsletter.content.prompts:
        lines.append(f"[bold]{prompt.question}[/]")
        for response in prompt.responses:
            extras = [label for label, part in (("picture", response.image_path), ("music", response.music)) if part]
            lines.append(
                f"  {response.author.display_name}: {response.content}" + "".join(f" [dim]({e})[/]" for e in extras)
            )
    console.print(Panel("\n".join(lines), title=newsletter.title, width=88))


def spend(people: list[Person]) -> None:
    """Gifts and shopping, with one wish too many."""
    console.rule("Tokens")
    boris, eleni = people[1], people[4]
    for number in range(5):
        boris.client.tokens.gift(eleni.profile.id, amount=5, message=f"For newsletter {number + 1}")
    console.print(f"[bold]Boris[/] sends Eleni {len(list(boris.client.tokens.gifts_sent()))} gifts.")

    cheapest = min(eleni.client.store.items(), key=lambda item: item.price)
    eleni.client.store.purchase(cheapest.id)
    console.print(f"[bold]Eleni[/] buys [bold]{cheapest.name}[/] for {cheapest.price} tokens.")
    theme = next(item for item in people[0].client.store.items() if item.code == "theme_midnight")
    purchase = people[0].client.store.purchase(theme.id)
    people[0].client.store.activate(purchase.id)
    console.print(f"[bold]Ada[/] buys the theme [bold]{theme.name}[/] and switches it on.")

    try:
        eleni.client.tokens.gift(boris.profile.id, amount=1_000_000)
    except InsufficientTokensError as refusal:
        console.print(f"[bold]Eleni[/] would give a million: [red]{refusal.code}[/] {refusal.message} {refusal.detail}")
    try:
        eleni.client.newsletters.generate(people[0].client.spaces.list().all()[0].id)
    except PermissionDeniedError as refusal:
        console.print(f"[bold]Eleni[/] would be the leader: [red]{refusal.code}[/] {refusal.message}")


def show_ledger(people: list[Person]) -> bool:
    """Print each person's ledger, and tell whether every one adds up."""
    table = Table("who", "earned", "spent", "rows", "sum", "balance", "streak", "badges", title="The ledger adds up")
    sound = True
    for person in people:
        rows = person.client.tokens.statement().all()
        total = sum(row.amount for row in rows)
        balance = person.client.tokens.balance()
        newest = rows[0].balance_after if rows else 0
        sound = sound and total == balance == newest
        table.add_row(
            person.name,
            str(sum(row.amount for row in rows if row.amount > 0)),
            str(sum(row.amount for row in rows if row.amount < 0)),
            str(len(rows)),
            str(total),
            str(balance),
            str(person.client.profiles.get().current_streak),
            ", ".join(badge.badge.name for badge in person.client.badges.earned()),
        )
    console.print(table)
    return sound


def keep_letters(people: list[Person], newsletters: list[Newsletter]) -> None:
    """Save each newsletter as a web page and as a PDF."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir()
    for newsletter in newsletters:
        reader = people[-1].client.newsletters
        name = KEPT / f"week-{newsletter.week_number}"
        name.with_suffix(".html").write_bytes(reader.html(newsletter.id))
        name.with_suffix(".pdf").write_bytes(reader.pdf(newsletter.id))


def keep_mails(stack: Stack, leader: Person, newsletters: list[Newsletter]) -> bool:
    """Wait until everybody has their emails, save those in the mailbox, and return True if nobody was left out."""
    give_up = time.monotonic() + 60
    while True:
        states = [row.state for letter in newsletters for row in leader.client.newsletters.delivery(letter.id)]
        if all(state is MailState.SENT for state in states) or time.monotonic() > give_up:
            break
        time.sleep(0.1)
    folder = KEPT / "mails"
    folder.mkdir()
    with httpx.Client(base_url=stack.status().mailpit_url) as mailbox:
        found = mailbox.get("/api/v1/messages", params={"limit": 1000}).json()["messages"]
        for number, message in enumerate(reversed(found), start=1):
            to = message["To"][0]["Address"].partition("@")[0]
            subject = re.sub(r"[^A-Za-z0-9]+", "-", message["Subject"]).strip("-").lower()[:40]
            raw = mailbox.get(f"/api/v1/message/{message['ID']}/raw").content
            (folder / f"{number:02}-{to}-{subject}.eml").write_bytes(raw)
    console.print(f"{len(found)} emails were sent, {len(states)} of them newsletters: one for each member and week.")
    return all(state is MailState.SENT for state in states)


def show_files() -> None:
    """Print where the newsletters are."""
    console.rule("To keep")
    for path in sorted(KEPT.glob("week-*")):
        console.print(f"  {path}  [dim]({path.stat().st_size / 1000:.0f} kB)[/]")
    console.print(f"  {KEPT / 'mails'}/  [dim](open them in a mail program)[/]")


def show_leaderboard(space: Space, people: list[Person]) -> None:
    """Print who has the most tokens, as the last of them sees it."""
    board = people[-1].client.tokens.leaderboard(space_id=space.id, limit=3)
    console.print(
        "Leaderboard: " + ", ".join(f"{entry.rank}. {entry.display_name} ({entry.token_balance})" for entry in board)
    )


def show_feed(space: Space, people: list[Person]) -> bool:
    """Count the events of the space, and tell whether their numbers have no hole."""
    events = people[-1].client.spaces.events(space.id).all()
    console.print(f"The feed of the space has {len(events)} events, numbered 1 to {events[-1].seq} without a hole.")
    return [event.seq for event in events] == list(range(1, len(events) + 1))


def play() -> int:
    """Play the story; return the exit code."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="monogram-demo-")))
        stack = exits.enter_context(
            Stack(
                folder / "stack",
                seed=False,
                durable=False,
                report=lambda line: console.print(line, style="dim", markup=False),
            )
        )
        console.print(f"The embedded stack listens on {stack.api_url}.")
        clients = [exits.enter_context(Monogram(url=stack.api_url, key=stack.publishable_key)) for _ in NAMES]
        people = [sign_up(name, client) for name, client in zip(NAMES, clients, strict=True)]

        space = found_space(people)
        newsletters = [play_week(space, people) for _ in WEEKS]
        show_newsletter(newsletters[1])
        spend(people)
        admin = exits.enter_context(Monogram.admin_client(url=stack.api_url, key=stack.secret_key))
        admin.admin.refresh_streaks()
        sound = show_ledger(people) and admin.admin.verify_ledger().first() is None
        show_leaderboard(space, people)
        whole = show_feed(space, people)
        week = people[0].client.spaces.week(space.id)
        assert week.curator is not None
        console.print(f"Week {week.week_number} is open; [bold]{week.curator.display_name}[/] is the curator.")
        keep_letters(people, newsletters)
        complete = keep_mails(stack, people[0], newsletters)
        show_files()
        return 0 if sound and whole and complete else 1


def main() -> None:
    """Run the story from a shell."""
    logging.basicConfig(level=logging.WARNING)
    try:
        sys.exit(play())
    except MonogramError as error:
        console.print(str(error), style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
