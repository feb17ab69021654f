"""Play a story on a real database whose clock the player sets, every event as the person whose doing it is.

Each command is a transaction of its own that is committed, with the role and the token that the Data API would give it.
What was accepted is kept in `Record`, in plain Python, for the oracles; what was refused must be refused in our words.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from psycopg.types.json import Jsonb

from tests.simulation.people import PeopleAndSpaces
from tests.simulation.record import START, Violation
from tests.simulation.story import Event
from tests.simulation.streaks import Response, week_of

NOTHING_LEFT = "no work is left that nobody can do"


class Player(PeopleAndSpaces):
    """Plays all events of a story."""

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
            responses = self.look("select id from public.responses where prompt_id = %s and is_published", prompt)
            gone = self.send(
                self.number_of(state["curator"]), "delete from public.prompts where id = %s returning id", prompt
            )
            if gone and prompt in self.record.published[event.space]:
                self.record.note_asked(self.now, event.space)
                del self.record.published[event.space][prompt]
            for row in responses if gone else []:  # Only its writer, or removed members, have responded to it.
                respond = self.record.responses.pop(row["id"])
                self.record.responded[respond.person][week_of(respond.at, respond.zone)] -= 1
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

    def respond(self, event: Event, *, is_published: bool = True) -> None:
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
            self._responded(rows[0]["id"], event, state["week"])
        else:
            self.record.drafts[rows[0]["id"]] = (event.space, event.person)

    def _responded(self, response_id: uuid.UUID, event: Event, week_number: int) -> None:
        self.record.responses[response_id] = Response(
            event.person, event.space, week_number, self.now, self.record.zones[event.person]
        )
        self.record.responded[event.person][week_of(self.now, self.record.zones[event.person])] += 1

    def draft(self, event: Event) -> None:
        self.respond(event, is_published=False)

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
            self._responded(mine[-1], event, state["week"])

    def _mine(self, event: Event) -> uuid.UUID | None:
        responses = self.record.responses.items()
        mine = [key for key, one in responses if (one.space, one.person) == (event.space, event.person)]
        return mine[-1] if mine else None

    def edit(self, event: Event) -> None:
        if mine := self._mine(event):
            self.send(
                event.person, "update public.responses set content = %s where id = %s", f"Better {event.minute}", mine
            )

    def withdraw(self, event: Event) -> None:
        if mine := self._mine(event):
            if self.send(event.person, "delete from public.responses where id = %s returning id", mine):
                respond = self.record.responses.pop(mine)
                self.record.responded[event.person][week_of(respond.at, respond.zone)] -= 1

    # Newsletters ---------------------------------------------------------------------------------------------------

    def newsletter(self, event: Event) -> None:
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

    def delete_newsletter(self, event: Event) -> None:
        state = self.state(event.space)
        if state and state["newsletters"]:
            newsletter = state["newsletters"][event.number % len(state["newsletters"])]
            self.send(self.number_of(state["leader"]), "delete from public.newsletters where id = %s", newsletter)

    # Tokens --------------------------------------------------------------------------------------------------------

    def gift(self, event: Event) -> None:
        recipient = self.record.people.get(event.other)
        if recipient is None:
            return
        for _ in range(1 + (event.minute % 3 == 0)):  # The reply is lost, and the command sent again.
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

    def email(self, event: Event) -> int:
        """Send a batch of emails: all is well up to 6; then a worker dies here or there, or the provider refuses."""
        claimed = self.send(None, "select public.claim_mails('mailer', 'provider', 50) as batch")
        batch = claimed[0]["batch"] if claimed else None
        if not batch or event.number == 7:
            return 0
        results = []
        waiting = [email for email in batch["mails"] if email["state"] == "QUEUED"]
        for email in batch["mails"]:
            if email["state"] == "UNCERTAIN":  # The provider is asked.
                known = email["id"] in self.record.accepted_emails
                results.append({"id": email["id"], "outcome": "SENT" if known else "RETRY"})
        contents = {email["id"]: None if email["newsletter_id"] else {"subject": "News"} for email in waiting}
        begun = self.send(None, "select * from public.begin_mails('mailer', %s, %s)", batch["id"], Jsonb(contents))
        if event.number == 8:
            return len(waiting)
        for email in begun or []:
            email_id = str(email["id"])
            if event.number in (10, 11):
                results.append({"id": email_id, "outcome": "RETRY" if event.number == 10 else "UNCERTAIN"})
                continue
            if email_id in self.record.accepted_emails:
                raise Violation("an email that was sent is sent again", email)
            self.record.accepted_emails.add(email_id)
            results.append({"id": email_id, "outcome": "SENT", "provider_id": f"provider {email_id}"})
        if event.number != 9:
            self.send(None, "select public.settle_mails('mailer', %s, %s)", batch["id"], Jsonb(results))
        return max(len(results), 1)

    def drain(self) -> None:
        """Let healthy workers work until there is nothing left to do."""
        for _ in range(400):
            self.now += timedelta(minutes=20)
            event = Event(int((self.now - START).total_seconds() // 60), "drain")
            if not self.render(event) + self.email(event):
                left = self.look(
                    "select kind, state, jobs from public.outbox_state()"
                    " where state in ('READY', 'LEASED', 'QUEUED', 'SENDING', 'UNCERTAIN')"
                )
                if not left:
                    return
        raise Violation(NOTHING_LEFT, left)
