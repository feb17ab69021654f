"""Events of people and spaces: who signs up, founds, joins, leads and leaves."""

from __future__ import annotations

import uuid
from typing import Any

from psycopg.types.json import Jsonb

from tests.simulation.stage import Stage
from tests.simulation.story import ZONES, Event


class PeopleAndSpaces(Stage):
    """Plays what people do to be in spaces, and to lead them."""

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
        record.responses = {
            key: response for key, response in record.responses.items() if response.person != event.person
        }
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
        record.responses = {key: response for key, response in record.responses.items() if response.space != space}
        record.drafts = {key: whose for key, whose in record.drafts.items() if whose[0] != space}
        record.joined_in_week = {key: week for key, week in record.joined_in_week.items() if key[0] != space}
        record.joined_at = {key: at for key, at in record.joined_at.items() if key[0] != space}
        record.published.pop(space, None)
