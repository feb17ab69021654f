"""What must hold at the end of every simulated week, whatever people did in it."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Any, cast

from tests.simulation.player import Player
from tests.simulation.record import Violation
from tests.simulation.streaks import calendar_streak, streak, week_of, weekly_weeks
from tests.support.actors import Actors
from tests.support.ledger import check_ledger

RULES = {
    "the ledger verifies": "select * from public.verify_ledger()",
    "a week has ten prompts at most": """
        select space_id, week_number from public.prompts group by 1, 2 having count(*) > 10
    """,
    "a week of curation is paid once": """
        select reference_id from public.transactions where type = 'EARN_CURATOR' group by 1 having count(*) > 1
    """,
    "a badge is paid once": """
        select user_id, reference_id from public.transactions where type = 'EARN_BADGE' group by 1, 2
        having count(*) > 1
    """,
    "an answer pays what the rule says": """
        select id from public.transactions
        where type = 'EARN_RESPONSE' and amount <> (select amount from public.reward_rules where code = 'response')
    """,
    "stock is never oversold": "select id from public.store_items where stock < 0",
    "the feed counts 1, 2, 3": """
        select space_feeds.space_id
        from private.space_feeds left join public.space_events using (space_id)
        group by space_feeds.space_id, space_feeds.last_seq
        having count(seq) <> space_feeds.last_seq or min(seq) <> 1 or max(seq) <> space_feeds.last_seq
    """,
    "the feed's time does not run backwards": """
        select space_id from (
          select space_id, created_at, lag(created_at) over (partition by space_id order by seq) as before
          from public.space_events
        ) as events
        where created_at < before
    """,
    "a week has one newsletter": """
        select space_id, week_number from public.newsletters group by 1, 2 having count(*) > 1
    """,
    "only closed weeks have published newsletters": """
        select newsletters.id from public.newsletters join public.spaces on spaces.id = newsletters.space_id
        where is_published <> (week_number < current_week)
    """,
    "weeks are counted from one to the open one": """
        select responses.id from public.responses join public.prompts on prompts.id = responses.prompt_id
        join public.spaces on spaces.id = responses.space_id
        where responses.week_number <> prompts.week_number or responses.space_id <> prompts.space_id
          or responses.week_number > current_week
    """,
    "the leader is an ADMIN among the members": """
        select spaces.id from public.spaces left join public.memberships
          on memberships.space_id = spaces.id and memberships.user_id = leader_id and role = 'ADMIN'
        where memberships.id is null
    """,
    "one member is the curator": """
        select spaces.id from public.spaces left join public.memberships
          on memberships.space_id = spaces.id and memberships.user_id = current_curator_id
        where memberships.id is null or memberships.role = 'MEMBER'
    """,
    "nobody else is CURATOR": """
        select memberships.id from public.memberships join public.spaces on spaces.id = memberships.space_id
        where role = 'CURATOR' and user_id is distinct from current_curator_id
    """,
    "the rotation of the open week names the curator": """
        select spaces.id from public.spaces left join public.curator_rotations
          on curator_rotations.space_id = spaces.id and week_number = current_week
        where curator_rotations.curator_id is distinct from current_curator_id
    """,
    "every week has its rotation": """
        select spaces.id from public.spaces left join public.curator_rotations
          on curator_rotations.space_id = spaces.id
        group by spaces.id having count(*) <> current_week
    """,
    "submissions are counted": """
        select memberships.id from public.memberships
        where total_submissions <> (
          select count(*) from public.responses
          where responses.space_id = memberships.space_id and responses.user_id = memberships.user_id and is_published
        )
    """,
    "a selected answer is published": "select id from public.responses where is_selected and not is_published",
    "an answer pays its author": """
        select responses.id from public.responses
        where is_published and not exists (
          select from public.transactions
          where transactions.user_id = responses.user_id and type = 'EARN_RESPONSE'
        )
    """,
    "a person gets a newsletter's email once": """
        select newsletter_id, user_id from private.mails where newsletter_id is not null
        group by 1, 2 having count(*) > 1
    """,
    "a theme that is on is the active one": """
        select purchases.id from public.purchases join public.store_items on store_items.id = item_id
        join public.settings using (user_id)
        where kind = 'THEME' and is_active <> (active_theme_id is not distinct from item_id)
    """,
}


def check_week(player: Player) -> None:
    """Hold everything against what must be so.

    Raises:
        Violation: The first rule that does not hold.
    """
    check_badges(player, "array_remove(known_metrics, 'current_streak')")
    player.send(None, "select public.refresh_streaks()")
    for rule, query in RULES.items():
        if found := player.look(query):
            raise Violation(rule, found[:5])
    try:
        check_ledger(cast(Actors, _Reader(player)))
    except AssertionError as error:
        raise Violation("the ledger is whole", error) from error
    check_spaces(player)
    check_streaks(player)
    check_badges(player, "known_metrics")


class _Reader:
    """As much of `Actors` as reading takes."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def run(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        return self._player.look(query, *arguments)

    def one(self, query: str, *arguments: Any) -> Any:
        (row,) = self.run(query, *arguments)
        (value,) = row.values()
        return value


def check_spaces(player: Player) -> None:
    """Hold week numbers and whose turn it was against what was accepted."""
    record = player.record
    rows = {row["id"]: row for row in player.look("select * from public.spaces")}
    turns: dict[Any, dict[int, int]] = defaultdict(dict)
    numbers = {user_id: person for person, user_id in record.people.items()}
    for turn in player.look("select space_id, week_number, curator_id from public.curator_rotations"):
        turns[turn["space_id"]][turn["week_number"]] = numbers.get(turn["curator_id"], -1)
    if set(rows) != set(record.spaces.values()):
        raise Violation(
            "the spaces are those that were founded and not closed", set(rows) ^ set(record.spaces.values())
        )
    members: dict[Any, set[int]] = defaultdict(set)
    for membership in player.look("select space_id, user_id from public.memberships"):
        members[membership["space_id"]].add(numbers[membership["user_id"]])
    for space, space_id in record.spaces.items():
        if rows[space_id]["current_week"] != 1 + record.closed_weeks[space]:
            raise Violation("each newsletter closes one week", (space, rows[space_id]["current_week"]))
        joined = {person: week for (other, person), week in record.joined_in_week.items() if other == space}
        present = {person: week for person, week in joined.items() if person in record.people}
        if set(present) != members[space_id]:
            raise Violation("the members are those who came and did not go", (space, set(present) ^ members[space_id]))
        if rows[space_id]["rotation_type"] == "ROUND_ROBIN":
            check_turns(space, turns[space_id], present, record.interfered[space])


def check_turns(space: int, turns: dict[int, int], joined: dict[int, int], interfered: int) -> None:
    """Turns of people who were there throughout differ by at most one, where nobody interfered."""
    for one, other in combinations(sorted(joined), 2):
        first = max(interfered, joined[one], joined[other]) + 1
        counts = [sum(whose == person for week, whose in turns.items() if week >= first) for person in (one, other)]
        if abs(counts[0] - counts[1]) > 1:
            raise Violation("turns differ by at most one", (space, one, other, counts, f"since week {first}"))


def check_streaks(player: Player) -> None:
    """Hold both kinds of streaks against a plain reading of domain.md, section 6."""
    record = player.record
    weekly = weekly_weeks(record.responses)
    record.streaks_computed(player.now)
    stored = {row["id"]: row for row in player.look("select id, current_streak, longest_streak from public.users")}
    for person, user_id in record.people.items():
        now = week_of(player.now, record.zones[person])
        active, asked = record.active_weeks(person), record.asked[person]
        expected = (calendar_streak(active, asked, now)[0], record.longest[person])
        found = (stored[user_id]["current_streak"], stored[user_id]["longest_streak"])
        if found != expected:
            raise Violation("calendar streaks are as the oracle says", (person, found, expected, active, asked))
    numbers = {user_id: person for person, user_id in record.people.items()}
    spaces = {space_id: space for space, space_id in record.spaces.items()}
    for row in player.look(
        "select space_id, user_id, weekly_streak, current_week"
        " from public.memberships join public.spaces on spaces.id = space_id"
    ):
        key = (spaces[row["space_id"]], numbers[row["user_id"]])
        if row["weekly_streak"] != streak(weekly[key], row["current_week"]):
            raise Violation("weekly streaks are as the oracle says", (key, row["weekly_streak"], weekly[key]))


def check_badges(player: Player, metrics: str) -> None:
    """What was awarded as things happened is what a full look at everything would award."""
    found = player.look(
        "create temporary table more as select awarded.* from ("
        " select array_agg(distinct criteria ->> 'metric') as known_metrics from public.badges"
        f") as known cross join private.award_badges(array(select id from public.users), {metrics}) as awarded;"
        " select user_id, badge_id from more"
    )
    player.look("drop table more")
    if found:
        raise Violation("badges are awarded as they are earned", found)
