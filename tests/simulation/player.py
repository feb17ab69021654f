"""Play a story on a real database whose clock the player sets, every event as the person whose doing it is.

Each command is a transaction of its own that is committed, with the role and the token that the Data API would give it.
What was accepted is kept in `Record`, in plain Python, for the oracles; what was refused must be refused in our words.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.simulation.story import ZONES, Event
from tests.simulation.streaks import Answer, calendar_streak, week_of

START = datetime(2027, 1, 4, tzinfo=UTC)
"""A Monday."""

NOTHING_LEFT = "no work is left that nobody can do"

_SET = (
    "select set_config('monogram.now', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('role', %s, true);"
)

_STATE = """
select
  leader_id as leader, current_curator_id as curator, current_week as week, rotation_type::text as rotation,
  array(select user_id from public.memberships where space_id = spaces.id) as members,
  array(
    select id from public.prompts
    where space_id = spaces.id and week_number = spaces.current_week and is_published order by "order"
  ) as prompts,
  array(
    select id from public.prompts where space_id = spaces.id and week_number = spaces.current_week order by "order"
  ) as all_prompts,
  array(
    select id from public.prompts where space_id = spaces.id and week_number = spaces.current_week - 1 order by "order"
  ) as old_prompts,
  array(
    select id from public.responses
    where space_id = spaces.id and week_number = spaces.current_week and is_published order by created_at, id
  ) as responses,
  array(
    select id from public.newsletters where space_id = spaces.id and is_published order by week_number
  ) as letters
from public.spaces where id = %s
"""


class Violation(Exception):
    """Something that must always hold does not. `rule` is which, the rest says where."""

    def __init__(self, rule: str, details: object = "") -> None:
        super().__init__(f"{rule}: {details}")
        self.rule = rule


@dataclass
class Record:
    """What was accepted, in plain Python: what oracles compute from."""

    people: dict[int, uuid.UUID] = field(default_factory=dict)
    zones: dict[int, str] = field(default_factory=dict)
    spaces: dict[int, uuid.UUID] = field(default_factory=dict)
    answers: dict[uuid.UUID, Answer] = field(default_factory=dict)
    drafts: dict[uuid.UUID, tuple[int, int]] = field(default_factory=dict)
    longest: dict[int, int] = field(default_factory=dict)
    closed_weeks: Counter[int] = field(default_factory=Counter)
    joined_in_week: dict[tuple[int, int], int] = field(default_factory=dict)
    """(space, person) -> the space's open week when they came in."""
    interfered: dict[int, int] = field(default_factory=dict)
    """The last week of each space whose curator somebody named, or in which the rotation was another one."""
    accepted_mails: set[str] = field(default_factory=set)
    """What the mail provider said yes to."""

    answered: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """How many answers of each person, not taken back, fell into each calendar week; also in spaces that are gone."""
    asked: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The calendar weeks in which each person was in a space that had prompts to answer."""
    published: dict[int, dict[uuid.UUID, datetime]] = field(default_factory=lambda: defaultdict(dict))
    """The published prompts of each space's open week, and since when."""
    joined_at: dict[tuple[int, int], datetime] = field(default_factory=dict)

    def active_weeks(self, person: int) -> set[int]:
        """In which calendar weeks somebody answered."""
        return {week for week, number in self.answered[person].items() if number > 0}

    def note_asked(self, now: datetime, space: int, person: int | None = None, since: datetime = START) -> None:
        """Note for a space's members in which weeks up to now they were asked."""
        if not self.published[space]:
            return
        opened = min(self.published[space].values())
        for (other, member), joined in self.joined_at.items():
            if other == space and member in self.people and person in (None, member):
                zone = self.zones[member]
                first = week_of(max(opened, joined, since), zone)
                self.asked[member].update(range(first, week_of(now, zone) + 1))

    def streaks_computed(self, now: datetime) -> None:
        """Note what the database notes whenever it computes streaks, and keep everybody's longest run."""
        for space in self.spaces:
            self.note_asked(now, space, since=now - timedelta(weeks=4))
        for person in self.people:
            _, longest = calendar_streak(
                self.active_weeks(person), self.asked[person], week_of(now, self.zones[person])
            )
            self.longest[person] = max(self.longest.get(person, 0), longest)


class Player:
    """Plays events on one database.

    Args:
        connection: To a database of its own whose clock was replaced (`replace_clock`), as `postgres`, autocommitting.
        seed: Of what the database itself draws: ids, and whose turn is RANDOM.
        is_trial: Everything happens in one transaction and is gone after `end()`.
    """

    def __init__(self, connection: psycopg.Connection[Any], seed: int, *, is_trial: bool = False) -> None:
        self.connection = connection
        self._before = b"release savepoint command; savepoint command; " if is_trial else b""
        if is_trial:
            self.connection.execute("begin")
            self.connection.execute("savepoint command")
        self.connection.execute("select setseed(%s)", [(seed % 10007) / 10007])
        self.seed = seed
        self.now = START
        self.record = Record()
        self.outcomes: Counter[str] = Counter()
        items = self.look("select id from public.store_items order by code")
        self.items = [row["id"] for row in items]

    def end(self) -> None:
        """End a trial: nothing of it remains."""
        self.connection.execute("rollback")

    # How things are said -------------------------------------------------------------------------------------------

    def look(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Read, or do, something as `postgres`, past all policies."""
        return self._send("none", None, query, arguments)

    def send(self, person: int | None, statement: str, *arguments: Any) -> list[dict[str, Any]] | None:
        """Do something as a person, or with a secret key as `None`; None where it was refused."""
        user_id = None if person is None else self.record.people.get(person)
        if person is not None and user_id is None:
            return None
        try:
            rows = self._send("service_role" if person is None else "authenticated", user_id, statement, arguments)
        except psycopg.Error as error:
            state = error.sqlstate or "none"
            if not (state.startswith("MG") or state == "42501"):
                raise Violation(f"a command was refused with {state}", f"{statement} {arguments}: {error}") from error
            self.outcomes[state] += 1
            return None
        self.outcomes["accepted"] += 1
        return rows

    def _send(
        self, role: str, user_id: uuid.UUID | None, statement: str, arguments: tuple[Any, ...]
    ) -> list[dict[str, Any]]:
        claims = "" if role == "none" else json.dumps({"role": role, **({"sub": str(user_id)} if user_id else {})})
        values = [self.now.isoformat(), claims, role, *arguments]
        with self.connection.cursor(row_factory=dict_row) as cursor:
            try:
                cursor.execute(self._before + (_SET + statement).encode(), values)
            except psycopg.Error:
                if self._before:
                    self.connection.execute("rollback to savepoint command")
                raise
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    # Events --------------------------------------------------------------------------------------------------------

    def play(self, event: Event) -> None:
        """Let one event happen, at its minute."""
        self.now = START + timedelta(minutes=event.minute)
        cast(Callable[[Event], None], getattr(self, event.kind))(event)

    def state(self, space: int) -> dict[str, Any] | None:
        space_id = self.record.spaces.get(space)
        rows = self.look(_STATE, space_id) if space_id else []
        return rows[0] if rows else None

    def number_of(self, user_id: uuid.UUID | None) -> int:
        return next((person for person, known in self.record.people.items() if known == user_id), -1)

    def sign_up(self, event: Event) -> None:
        user_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed} {event.person}")
        self.look(
            "insert into auth.users (id, aud, role, email, raw_user_meta_data, email_confirmed_at)"
            " values (%s, 'authenticated', 'authenticated', %s, %s, now())",
            user_id, f"person{event.person}@example.test", Jsonb({"display_name": f"Person {event.person}"}),
        )  # fmt: skip
        self.record.people[event.person] = user_id
        self.record.zones[event.person] = "UTC"
        self.move_house(event)

    def move_house(self, event: Event) -> None:
        zone = ZONES[event.number]
        if self.send(event.person, "update public.settings set timezone = %s", zone) is not None:
            self.record.zones[event.person] = zone

    def close_account(self, event: Event) -> None:
        user_id = self.record.people.pop(event.person, None)
        if user_id is None:
            return
        self.look("delete from auth.users where id = %s", user_id)
        record = self.record
        record.answers = {key: answer for key, answer in record.answers.items() if answer.person != event.person}
        record.drafts = {key: whose for key, whose in record.drafts.items() if whose[1] != event.person}
        alive = {row["id"] for row in self.look("select id from public.spaces")}
        for space in [number for number, space_id in record.spaces.items() if space_id not in alive]:
            self._forget_space(space)

    def found(self, event: Event) -> None:
        rotation = "ROUND_ROBIN" if event.number < 14 else "RANDOM" if event.number < 17 else "MANUAL"
        rows = self.send(
            event.person,
            "insert into public.spaces (name, rotation_type, is_public, newsletter_visibility)"
            " values (%s, %s, %s, %s) returning id",
            f"Space {event.space}", rotation, event.number % 4 == 0, "MEMBERS" if event.number % 3 == 0 else "PUBLIC",
        )  # fmt: skip
        if rows:
            self.record.spaces[event.space] = rows[0]["id"]
            self.record.joined_in_week[event.space, event.person] = 0
            self.record.joined_at[event.space, event.person] = self.now
            self.record.interfered[event.space] = 0

    def join(self, event: Event) -> None:
        state = self.state(event.space)
        if state is None:
            return
        space_id = self.record.spaces[event.space]
        if event.number == 0:
            joined = self.send(event.person, "insert into public.memberships (space_id) values (%s)", space_id)
        else:
            invite = self.send(
                self.number_of(state["leader"]), "select public.create_invite(%s, %s) as invite", space_id, event.number
            )
            if not invite:
                return
            code = invite[0]["invite"]["code"]
            joined = self.send(event.person, "select public.join_space(%s)", code)
        if joined is not None:
            self.record.joined_in_week[event.space, event.person] = state["week"]
            self.record.joined_at[event.space, event.person] = self.now

    def leave(self, event: Event) -> None:
        if space_id := self.record.spaces.get(event.space):
            if self.send(event.person, "select public.leave_space(%s)", space_id) is not None:
                self._left(event)

    def _left(self, event: Event) -> None:
        self.record.note_asked(self.now, event.space, event.person)
        self.record.joined_in_week.pop((event.space, event.person), None)
        self.record.joined_at.pop((event.space, event.person), None)

    def _as_leader(self, event: Event, statement: str, *arguments: Any) -> list[dict[str, Any]] | None:
        state = self.state(event.space)
        if state is None or (event.person >= 0 and event.person not in self.record.people):
            return None
        return self.send(self.number_of(state["leader"]), statement, *arguments)

    def remove(self, event: Event) -> None:
        space_id, user_id = self.record.spaces.get(event.space), self.record.people.get(event.person)
        if self._as_leader(event, "select public.remove_member(%s, %s)", space_id, user_id) is not None:
            self._left(event)

    def role(self, event: Event) -> None:
        role = ("MEMBER", "ADMIN", "CURATOR")[event.number]
        space_id, user_id = self.record.spaces.get(event.space), self.record.people.get(event.person)
        done = self._as_leader(event, "select public.set_member_role(%s, %s, %s)", space_id, user_id, role)
        if done is not None and role == "CURATOR":
            self._interfere(event.space)

    def transfer(self, event: Event) -> None:
        space_id, user_id = self.record.spaces.get(event.space), self.record.people.get(event.person)
        self._as_leader(event, "select public.transfer_leadership(%s, %s)", space_id, user_id)

    def assign(self, event: Event) -> None:
        space_id, user_id = self.record.spaces.get(event.space), self.record.people.get(event.person)
        if self._as_leader(event, "select public.assign_curator(%s, %s)", space_id, user_id) is not None:
            self._interfere(event.space)

    def _interfere(self, space: int) -> None:
        state = self.state(space)
        if state is not None:
            self.record.interfered[space] = state["week"]

    def change_rotation(self, event: Event) -> None:
        rotation = ("ROUND_ROBIN", "RANDOM", "MANUAL", "ROUND_ROBIN", "ROUND_ROBIN", "ROUND_ROBIN")[event.number]
        self._as_leader(
            event, "update public.spaces set rotation_type = %s where id = %s",
            rotation, self.record.spaces.get(event.space),
        )  # fmt: skip
        self._interfere(event.space)

    def change_visibility(self, event: Event) -> None:
        self._as_leader(
            event, "update public.spaces set is_public = %s, newsletter_visibility = %s where id = %s",
            event.number % 2 == 0, ("MEMBERS", "PUBLIC", "PUBLIC")[event.number % 3],
            self.record.spaces.get(event.space),
        )  # fmt: skip

    def close_space(self, event: Event) -> None:
        done = self._as_leader(event, "delete from public.spaces where id = %s", self.record.spaces.get(event.space))
        if done is not None:
            self.record.note_asked(self.now, event.space)
            self._forget_space(event.space)

    def _forget_space(self, space: int) -> None:
        record = self.record
        record.spaces.pop(space)
        record.answers = {key: answer for key, answer in record.answers.items() if answer.space != space}
        record.drafts = {key: whose for key, whose in record.drafts.items() if whose[0] != space}
        record.joined_in_week = {key: week for key, week in record.joined_in_week.items() if key[0] != space}
        record.joined_at = {key: at for key, at in record.joined_at.items() if key[0] != space}
        record.published.pop(space, None)

    # Prompts -------------------------------------------------------------------------------------------------------

    def ask(self, event: Event) -> None:
        self.ask_draft(event)
        if state := self.state(event.space):
            published = self.send(
                self.number_of(state["curator"]),
                "select id from public.publish_prompts(%s)",
                self.record.spaces[event.space],
            )
            for row in published or []:
                self.record.published[event.space].setdefault(row["id"], self.now)

    def ask_draft(self, event: Event) -> None:
        if state := self.state(event.space):
            for number in range(max(event.number, 1)):
                self.send(
                    self.number_of(state["curator"]), "insert into public.prompts (space_id, question) values (%s, %s)",
                    self.record.spaces[event.space], f"Question {number} at minute {event.minute}?",
                )  # fmt: skip

    def delete_prompt(self, event: Event) -> None:
        state = self.state(event.space)
        if state and state["all_prompts"]:
            prompt = state["all_prompts"][event.number % len(state["all_prompts"])]
            answers = self.look("select id from public.responses where prompt_id = %s and is_published", prompt)
            gone = self.send(
                self.number_of(state["curator"]), "delete from public.prompts where id = %s returning id", prompt
            )
            if gone and prompt in self.record.published[event.space]:
                self.record.note_asked(self.now, event.space)
                del self.record.published[event.space][prompt]
            for row in answers if gone else []:  # Only its writer, or who was removed, has answered it.
                answer = self.record.answers.pop(row["id"])
                self.record.answered[answer.person][week_of(answer.at, answer.zone)] -= 1
            remaining = {row["id"] for row in self.look("select id from public.responses where not is_published")}
            self.record.drafts = {key: whose for key, whose in self.record.drafts.items() if key in remaining}

    def reorder(self, event: Event) -> None:
        state = self.state(event.space)
        if state and state["all_prompts"]:
            self.send(
                self.number_of(state["curator"]), "select public.reorder_prompts(%s, %s)",
                self.record.spaces[event.space], state["all_prompts"][::-1],
            )  # fmt: skip

    # Responses -----------------------------------------------------------------------------------------------------

    def answer(self, event: Event, *, is_published: bool = True) -> None:
        state = self.state(event.space)
        if state is None or event.person not in self.record.people:
            return
        prompts = state["prompts"] or state["old_prompts"]
        if not prompts:
            return
        rows = self.send(
            event.person,
            "insert into public.responses (prompt_id, content, is_published) values (%s, %s, %s) returning id",
            prompts[event.number % len(prompts)], f"Answer at minute {event.minute}", is_published,
        )  # fmt: skip
        if not rows:
            return
        if not state["prompts"]:
            raise Violation("a closed week took an answer", event)
        if state["members"].count(self.record.people[event.person]) == 0:
            raise Violation("somebody who is no member answered", event)
        if is_published:
            self._answered(rows[0]["id"], event, state["week"])
        else:
            self.record.drafts[rows[0]["id"]] = (event.space, event.person)

    def _answered(self, response_id: uuid.UUID, event: Event, week_number: int) -> None:
        self.record.answers[response_id] = Answer(
            event.person, event.space, week_number, self.now, self.record.zones[event.person]
        )
        self.record.answered[event.person][week_of(self.now, self.record.zones[event.person])] += 1

    def draft(self, event: Event) -> None:
        self.answer(event, is_published=False)

    def publish_draft(self, event: Event) -> None:
        state = self.state(event.space)
        mine = [key for key, whose in self.record.drafts.items() if whose == (event.space, event.person)]
        if state is None or not mine:
            return
        rows = self.send(
            event.person, "update public.responses set is_published = true where id = %s returning id", mine[-1]
        )
        if rows:
            del self.record.drafts[mine[-1]]
            self._answered(mine[-1], event, state["week"])

    def _mine(self, event: Event) -> uuid.UUID | None:
        answers = self.record.answers.items()
        mine = [key for key, one in answers if (one.space, one.person) == (event.space, event.person)]
        return mine[-1] if mine else None

    def edit(self, event: Event) -> None:
        if mine := self._mine(event):
            self.send(
                event.person, "update public.responses set content = %s where id = %s", f"Better {event.minute}", mine
            )

    def withdraw(self, event: Event) -> None:
        if mine := self._mine(event):
            if self.send(event.person, "delete from public.responses where id = %s returning id", mine):
                answer = self.record.answers.pop(mine)
                self.record.answered[event.person][week_of(answer.at, answer.zone)] -= 1

    # Newsletters ---------------------------------------------------------------------------------------------------

    def letter(self, event: Event) -> None:
        state = self.state(event.space)
        if state is None:
            return
        space_id, leader = self.record.spaces[event.space], self.number_of(state["leader"])
        chosen = state["responses"]
        chosen = chosen[::2] if event.number in (6, 7) else [] if event.number == 8 else chosen
        self.send(leader, "select public.select_responses(%s, %s, %s)", space_id, chosen, state["week"])
        rows = self.send(leader, "select id from public.generate_newsletter(%s)", space_id)
        if not rows or event.number == 9:
            return
        if self.send(leader, "select public.publish_newsletter(%s)", rows[0]["id"]) is not None:
            self.record.closed_weeks[event.space] += 1
            self.record.note_asked(self.now, event.space)
            self.record.published[event.space].clear()
            if event.number == 5:  # Somebody presses the button twice.
                self.send(leader, "select public.publish_newsletter(%s)", rows[0]["id"])

    def delete_letter(self, event: Event) -> None:
        state = self.state(event.space)
        if state and state["letters"]:
            letter = state["letters"][event.number % len(state["letters"])]
            self.send(self.number_of(state["leader"]), "delete from public.newsletters where id = %s", letter)

    # Tokens --------------------------------------------------------------------------------------------------------

    def gift(self, event: Event) -> None:
        recipient = self.record.people.get(event.other)
        if recipient is None:
            return
        for _ in range(1 + (event.minute % 3 == 0)):  # An answer is lost, and the command sent again.
            self.send(
                event.person, "select public.transfer_tokens(%s, %s, %s, %s)",
                recipient, event.number, "For you", f"{event.minute} {event.person} {event.other}",
            )  # fmt: skip

    def buy(self, event: Event) -> None:
        item = self.items[event.number % len(self.items)]
        for _ in range(1 + (event.minute % 3 == 0)):
            rows = self.send(event.person, "select id from public.purchase_item(%s, %s)", item, f"{event.minute}")
            if rows and event.number % 2:
                self.send(event.person, "select public.activate_purchase(%s)", rows[0]["id"])

    # The clock, and what works outside the database ----------------------------------------------------------------

    def tick(self, event: Event) -> None:
        for _ in range(1 + event.minute % 2):
            done = self.send(None, "select public.tick()")
            if done and "streaks" in done[0]["tick"]:
                self.record.streaks_computed(self.now)
        failed = self.look("select name, last_error from private.chores where last_error is not null")
        if failed:
            raise Violation("a chore failed", failed)

    def render(self, event: Event) -> int:
        """Work off jobs: all is well up to 8; then a worker dies, fails, or is too late."""
        jobs = self.send(None, "select * from public.claim_jobs('renderer', 20)") or []
        for job in jobs:
            if event.number == 9:
                continue
            if event.number == 10:
                self.send(None, "select public.fail_job(%s, 'renderer', 'no')", job["id"])
                continue
            if job["kind"] == "newsletter.mail":
                self.send(
                    None, "select public.save_newsletter_mail(%s, %s)", job["payload"]["newsletter_id"],
                    Jsonb({"subject": "The week"}),
                )  # fmt: skip
            if event.number != 11:
                self.send(None, "select public.finish_job(%s, 'renderer')", job["id"])
        return len(jobs)

    def mail(self, event: Event) -> int:
        """Send a batch of mails: all is well up to 6; then a worker dies here or there, or the provider refuses."""
        claimed = self.send(None, "select public.claim_mails('mailer', 'provider', 50) as batch")
        batch = claimed[0]["batch"] if claimed else None
        if not batch or event.number == 7:
            return 0
        results = []
        waiting = [mail for mail in batch["mails"] if mail["state"] == "QUEUED"]
        for mail in batch["mails"]:
            if mail["state"] == "UNCERTAIN":  # The provider is asked.
                known = mail["id"] in self.record.accepted_mails
                results.append({"id": mail["id"], "outcome": "SENT" if known else "RETRY"})
        contents = {mail["id"]: None if mail["newsletter_id"] else {"subject": "News"} for mail in waiting}
        begun = self.send(None, "select * from public.begin_mails('mailer', %s, %s)", batch["id"], Jsonb(contents))
        if event.number == 8:
            return len(waiting)
        for mail in begun or []:
            mail_id = str(mail["id"])
            if event.number in (10, 11):
                results.append({"id": mail_id, "outcome": "RETRY" if event.number == 10 else "UNCERTAIN"})
                continue
            if mail_id in self.record.accepted_mails:
                raise Violation("a mail that was sent is sent again", mail)
            self.record.accepted_mails.add(mail_id)
            results.append({"id": mail_id, "outcome": "SENT", "provider_id": f"provider {mail_id}"})
        if event.number != 9:
            self.send(None, "select public.settle_mails('mailer', %s, %s)", batch["id"], Jsonb(results))
        return max(len(results), 1)

    def drain(self) -> None:
        """Let healthy workers work until there is nothing left to do."""
        for _ in range(400):
            self.now += timedelta(minutes=20)
            event = Event(int((self.now - START).total_seconds() // 60), "drain")
            if not self.render(event) + self.mail(event):
                left = self.look(
                    "select kind, state, jobs from public.outbox_state()"
                    " where state in ('READY', 'LEASED', 'QUEUED', 'SENDING', 'UNCERTAIN')"
                )
                if not left:
                    return
        raise Violation(NOTHING_LEFT, left)
