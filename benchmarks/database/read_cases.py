"""The queries whose time matters, as the Data API puts them, and how they would be without any rule.

`{me}` and the like are filled in for somebody who was drawn. Where `none` is not given, it is the same query: it names
its rows so that the rules remove nothing. Lists are written as the SDK asks for them, the middle page of a long one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Read:
    """A query.

    Attributes:
        name: What reports call it.
        query: What a signed-in person asks.
        none: What a role without rules asks for the same rows; empty where nothing compares.
        reads_membership: Whether a rule of the query has to read which spaces the person is in.
        role: Who asks.
        asker: Who of those that were drawn is signed in: `me`, `busy`, or a member of a large space.
        is_long: Whether it reads whole tables, so that it runs once a round.
    """

    name: str
    query: str
    none: str | None = None
    reads_membership: bool = False
    role: str = "authenticated"
    asker: str = "me"
    is_long: bool = False


_SPACE = """id, name, description, cover_path, leader_id, current_curator_id, rotation_type, current_week,
  is_public, newsletter_visibility, language, created_at, updated_at, version"""

_SPACES_LIST = f"select {_SPACE} from my_spaces() order by created_at, id limit 100"

_SPACES_LIST_NONE = f"""
select {_SPACE} from spaces
where id = any (array(select space_id from memberships where user_id = '{{me}}'))
order by created_at, id limit 100
"""

_RESPONSES_PAGE = """
select id, prompt_id, user_id, space_id, week_number, content, image_path, image_caption, music, is_published,
  published_at, calendar_week, is_selected, created_at, updated_at, version
from responses
where space_id = md5('space-large')::uuid and created_at >= '{created_at}'
  and (created_at > '{created_at}' or (created_at = '{created_at}' and id > '{response}'))
order by created_at, id limit 100
"""

_MEMBERS_PAGE = """
select user_id, display_name, username, avatar_path, bio, role, weekly_streak, total_submissions, joined_at,
  token_balance, badges
from member_profiles(md5('space-large')::uuid, '{joined_at}', '{member}', 100)
order by joined_at, user_id limit 100
"""

_MEMBERS_PAGE_NONE = """
select page.*, users.display_name, users.username, users.avatar_path, users.bio, users.token_balance,
  settings.show_on_leaderboard, badges.badges
from (
  select user_id, role, weekly_streak, total_submissions, joined_at
  from memberships
  where space_id = md5('space-large')::uuid and (joined_at, user_id) > ('{joined_at}', '{member}')
  order by joined_at, user_id limit 100
) as page
join users on users.id = page.user_id
left join settings on settings.user_id = page.user_id
cross join lateral (
  select coalesce(jsonb_agg(jsonb_build_object('code', badges.code, 'name', badges.name)), '[]') as badges
  from user_badges join badges on badges.id = user_badges.badge_id
  where user_badges.user_id = page.user_id and is_displayed
) as badges
order by page.joined_at, page.user_id
"""

_LEADERBOARD_NONE = """
select best.*, badges.badges
from (
  select users.id, display_name, username, avatar_path, token_balance
  from memberships
  join users on users.id = memberships.user_id
  left join settings on settings.user_id = users.id
  where memberships.space_id = '{space}' and coalesce(show_on_leaderboard, 'SPACES') <> 'NOBODY'
  order by token_balance desc, users.id limit 10
) as best
cross join lateral (
  select coalesce(jsonb_agg(jsonb_build_object('code', badges.code, 'name', badges.name)), '[]') as badges
  from user_badges join badges on badges.id = user_badges.badge_id
  where user_badges.user_id = best.id and is_displayed
) as badges
order by best.token_balance desc, best.id
"""

_ROTATION_NONE = """
select 10 + row_number() over (order by last_turn.week_number nulls first, joined_at, memberships.user_id),
  users.id, users.display_name
from memberships
join users on users.id = memberships.user_id
left join (
  select curator_id, max(week_number) as week_number
  from curator_rotations where space_id = '{space}' group by curator_id
) as last_turn on last_turn.curator_id = memberships.user_id
where memberships.space_id = '{space}'
order by last_turn.week_number nulls first, joined_at, memberships.user_id limit 4
"""

LARGE, MEDIUM = "md5('space-large')::uuid", "md5('space-medium')::uuid"


def _of_space(text: str, space: str) -> str:
    return text.replace("'{space}'", space)


READS = (
    Read(
        "a person's spaces",
        "select * from spaces where id in (select space_id from memberships where user_id = '{me}')",
        reads_membership=True,
    ),
    Read("spaces.list", _SPACES_LIST, _SPACES_LIST_NONE),
    Read("spaces.list in 50 spaces", _SPACES_LIST, _SPACES_LIST_NONE, asker="busy"),
    Read(
        "a week's prompts",
        "select * from prompts where space_id = '{space}' and week_number = 10 and is_published order by \"order\"",
        reads_membership=True,
    ),
    Read("a response to a prompt", "select * from responses where prompt_id = '{prompt}' and user_id = '{me}'"),
    Read(
        "a week's responses",
        "select * from responses where space_id = '{space}' and week_number = 10",
        reads_membership=True,
    ),
    Read("responses.list, a page of 8,000", _RESPONSES_PAGE, reads_membership=True, asker="member_of_large"),
    Read(
        "the newest 100 transactions",
        "select * from transactions where user_id = '{me}' order by created_at desc limit 100",
    ),
    Read(
        "a page of transactions",
        "select * from transactions where user_id = '{me}' and seq < {seq} order by seq desc limit 20",
    ),
    Read(
        "notifications",
        "select * from notifications where user_id = '{me}' order by created_at desc, id desc limit 20",
    ),
    Read(
        "newsletters of a space",
        "select * from newsletters where space_id = '{space}' order by week_number desc limit 100",
        reads_membership=True,
    ),
    Read(
        "100 missed events",
        "select * from space_events where space_id = '{space}' and seq > 0 order by seq limit 100",
        reads_membership=True,
    ),
    Read("members of 2,000, a page", _MEMBERS_PAGE, _MEMBERS_PAGE_NONE, asker="member_of_large"),
    Read("member_profiles(space)", "select * from member_profiles('{space}')", ""),
    Read("leaderboard()", "select * from leaderboard()", ""),
    Read("leaderboard(space)", "select * from leaderboard('{space}')", _LEADERBOARD_NONE),
    Read(
        "leaderboard(space of 2,000)",
        f"select * from leaderboard({LARGE})",
        _of_space(_LEADERBOARD_NONE, LARGE),
        asker="member_of_large",
    ),
    Read(
        "preview_rotation(200 members)",
        f"select * from preview_rotation({MEDIUM})",
        _of_space(_ROTATION_NONE, MEDIUM),
        asker="member_of_medium",
    ),
    Read(
        "preview_rotation(2,000 members)",
        f"select * from preview_rotation({LARGE})",
        _of_space(_ROTATION_NONE, LARGE),
        asker="member_of_large",
    ),
    Read("space_week(space)", "select * from space_week('{space}')", ""),
    Read("badge_progress()", "select * from badge_progress()", ""),
    Read("outbox_state()", "select * from outbox_state()", "", role="service_role", is_long=True),
    Read("verify_ledger(false)", "select * from verify_ledger(false)", "", role="service_role", is_long=True),
    Read("verify_ledger()", "select * from verify_ledger()", "", role="service_role", is_long=True),
)

MEMBERSHIP = "select space_id from memberships where user_id = '{me}'"
"""A bare read of which spaces somebody is in: what a rule that has to know that adds at the least."""
