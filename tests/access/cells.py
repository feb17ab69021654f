"""The access table of the database, cell by cell: what may be tried, and who succeeds.

`N/A` in a cell means that no client role can do it at all: nobody is named, or only `service`, the secret key.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

CLIENTS = frozenset({"outsider", "ex_member", "member", "author", "curator", "leader", "admin"})
"""Everybody who is signed in."""

EVERYBODY = CLIENTS | {"anon", "service"}
MEMBERS = frozenset({"member", "author", "curator", "leader", "service"})
AUTHOR = frozenset({"author", "service"})
LEADER = frozenset({"leader", "service"})
CURATOR = frozenset({"curator", "service"})
ADMIN = frozenset({"admin", "service"})
SERVICE = frozenset({"service"})
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cell:
    """One thing to try. It succeeds when the statement returns or touches a row."""

    table: str
    command: str
    case: str
    statement: str
    """With named parameters: the ids of a `World`, and `me`."""
    allowed: Collection[str]
    before: str | None = None
    """Done as `postgres` first; the parameter `case` is the name of the cell."""

    def __str__(self) -> str:
        return f"{self.table}-{self.command}-{self.case}".replace(" ", "_")


def _cells(table: str, *cells: tuple[str, str, str, Collection[str]], before: str | None = None) -> list[Cell]:
    return [Cell(table, command, case, statement, allowed, before) for command, case, statement, allowed in cells]


CELLS: list[Cell] = [
    *_cells(
        "users",
        ("select", "own profile", "select from users where id = %(chloe)s", AUTHOR),
        ("insert", "never", "insert into users (id, display_name) values (gen_random_uuid(), 'Nobody')", NOBODY),
        ("update", "own profile", "update users set bio = 'Reads' where id = %(chloe)s", AUTHOR),
        ("delete", "never", "delete from users where id = %(chloe)s", NOBODY),
    ),
    *_cells(
        "spaces",
        ("select", "private", "select from spaces where id = %(club)s", MEMBERS),
        ("select", "public", "select from spaces where id = %(park)s", EVERYBODY),
        ("insert", "to lead it", "insert into spaces (name, leader_id) values ('New', %(me)s)", CLIENTS | SERVICE),
        ("insert", "for another to lead", "insert into spaces (name, leader_id) values ('New', %(ada)s)", LEADER),
        ("update", "name", "update spaces set name = 'Renamed' where id = %(club)s", LEADER),
        ("delete", "whole", "delete from spaces where id = %(club)s", LEADER),
    ),
    *_cells(
        "memberships",
        ("select", "another member", "select from memberships where id = %(membership)s", MEMBERS),
        (
            "insert",
            "public space",
            "insert into memberships (user_id, space_id) values (%(me)s, %(park)s)",
            CLIENTS - {"outsider"} | SERVICE,
        ),
        (
            "insert",
            "private space with a code",
            "insert into memberships (user_id, invite_code) values (%(me)s, %(invite_code)s)",
            {"outsider", "ex_member", "admin"},
        ),
        ("insert", "private space", "insert into memberships (user_id, space_id) values (%(me)s, %(club)s)", NOBODY),
        (
            "insert",
            "for another",
            "insert into memberships (user_id, space_id) values (%(chloe)s, %(park)s)",
            AUTHOR,
        ),
        ("update", "never", "update memberships set role = 'ADMIN' where id = %(membership)s", NOBODY),
        ("delete", "own", "delete from memberships where id = %(membership)s", AUTHOR),
    ),
    *_cells(
        "prompts",
        ("select", "published", "select from prompts where id = %(prompt)s", MEMBERS),
        ("select", "unpublished", "select from prompts where id = %(unpublished_prompt)s", CURATOR | LEADER),
        ("insert", "open week", "insert into prompts (space_id, question) values (%(club)s, 'And?')", CURATOR),
        ("update", "question", "update prompts set question = 'And?' where id = %(unpublished_prompt)s", CURATOR),
        ("delete", "unanswered", "delete from prompts where id = %(unpublished_prompt)s", CURATOR),
    ),
    *_cells(
        "responses",
        ("select", "published", "select from responses where id = %(response)s", MEMBERS),
        ("select", "draft", "select from responses where id = %(draft)s", AUTHOR),
        (
            "select",
            "own, of a space left",
            "select from responses where id = %(old_response)s",
            MEMBERS | {"ex_member"},
        ),
        (
            "insert",
            "own",
            "insert into responses (prompt_id, user_id, content) values (%(unanswered_prompt)s, %(me)s, 'Here')",
            MEMBERS,
        ),
        (
            "insert",
            "for another",
            "insert into responses (prompt_id, user_id, content) values (%(unanswered_prompt)s, %(chloe)s, 'Here')",
            AUTHOR,
        ),
        ("update", "own", "update responses set content = 'That one.' where id = %(response)s", AUTHOR),
        ("delete", "own", "delete from responses where id = %(response)s", AUTHOR),
        (
            "delete",
            "own, of a space left",
            "delete from responses where id = %(old_response)s",
            {"ex_member", "service"},
        ),
        before="delete from responses where id = %(draft)s and %(case)s like 'responses-insert%%'",
    ),
    *_cells(
        "newsletters",
        ("select", "published", "select from newsletters where id = %(newsletter)s", EVERYBODY),
        ("select", "published for members", "select from newsletters where id = %(family_newsletter)s", SERVICE),
        ("select", "draft", "select from newsletters where id = %(newsletter_draft)s", MEMBERS),
        ("insert", "open week", "insert into newsletters (space_id, title) values (%(club)s, 'Ours')", LEADER),
        ("update", "title", "update newsletters set title = 'Ours' where id = %(newsletter_draft)s", LEADER),
        ("delete", "draft", "delete from newsletters where id = %(newsletter_draft)s", LEADER),
        before="delete from newsletters where id = %(newsletter_draft)s and %(case)s like 'newsletters-insert%%'",
    ),
    *_cells(
        "transactions",
        ("select", "own", "select from transactions where id = %(transaction)s", AUTHOR),
        (
            "insert",
            "never",
            "insert into transactions (user_id, type, amount, balance_after, reference_type, idempotency_key)"
            " values (%(me)s, 'EARN_BADGE', 1, 1, 'badge', 'mine')",
            NOBODY,
        ),
        ("update", "never", "update transactions set amount = 2 where id = %(transaction)s", NOBODY),
        ("delete", "never", "delete from transactions where id = %(transaction)s", NOBODY),
    ),
    *_cells(
        "badges",
        ("select", "any", "select from badges where id = %(badge)s", EVERYBODY),
        (
            "insert",
            "never by clients",
            "insert into badges (code, name, description, icon, criteria)"
            """ values ('x', 'X', 'X', 'x', '{"metric": "purchases", "at_least": 1}')""",
            SERVICE,
        ),
        ("update", "never by clients", "update badges set name = 'X' where id = %(badge)s", SERVICE),
        ("delete", "never", "delete from badges where id = %(badge)s", NOBODY),
    ),
    *_cells(
        "user_badges",
        ("select", "own", "select from user_badges where id = %(user_badge)s", AUTHOR),
        ("insert", "never", "insert into user_badges (user_id, badge_id) values (%(me)s, %(other_badge)s)", NOBODY),
        ("update", "never", "update user_badges set is_displayed = false where id = %(user_badge)s", NOBODY),
        ("delete", "never", "delete from user_badges where id = %(user_badge)s", NOBODY),
    ),
    *_cells(
        "store_items",
        ("select", "available", "select from store_items where id = %(item)s", EVERYBODY),
        ("select", "owned, not for sale any more", "select from store_items where id = %(owned_item)s", AUTHOR | ADMIN),
        ("select", "not for sale", "select from store_items where id = %(withdrawn_item)s", ADMIN),
        (
            "insert",
            "admin",
            "insert into store_items (code, name, kind, price) values ('x', 'X', 'THEME', 1)",
            ADMIN,
        ),
        ("update", "admin", "update store_items set price = 1 where id = %(item)s", ADMIN),
        ("delete", "admin", "delete from store_items where id = %(item)s", ADMIN),
    ),
    *_cells(
        "purchases",
        ("select", "own", "select from purchases where id = %(purchase)s", AUTHOR),
        ("insert", "own", "insert into purchases (user_id, item_id) values (%(me)s, %(item)s)", CLIENTS | SERVICE),
        ("insert", "for another", "insert into purchases (user_id, item_id) values (%(chloe)s, %(item)s)", AUTHOR),
        ("update", "own", "update purchases set is_active = true where id = %(purchase)s", AUTHOR),
        ("delete", "never", "delete from purchases where id = %(purchase)s", NOBODY),
    ),
    *_cells(
        "token_gifts",
        ("select", "sent or received", "select from token_gifts where id = %(gift)s", AUTHOR | {"ex_member"}),
        (
            "insert",
            "own",
            "insert into token_gifts (sender_id, recipient_id, amount) values (%(me)s, %(stranger)s, 1)",
            CLIENTS | SERVICE,
        ),
        (
            "insert",
            "for another",
            "insert into token_gifts (sender_id, recipient_id, amount) values (%(chloe)s, %(stranger)s, 1)",
            AUTHOR,
        ),
        ("update", "never", "update token_gifts set message = 'x' where id = %(gift)s", NOBODY),
        ("delete", "never", "delete from token_gifts where id = %(gift)s", NOBODY),
    ),
    *_cells(
        "settings",
        ("select", "own", "select from settings where user_id = %(chloe)s", AUTHOR),
        ("insert", "own", "insert into settings (user_id) values (%(me)s)", CLIENTS | SERVICE),
        ("insert", "for another", "insert into settings (user_id) values (%(chloe)s)", AUTHOR),
        ("update", "own", "update settings set timezone = 'Europe/Athens' where user_id = %(chloe)s", AUTHOR),
        ("delete", "own", "delete from settings where user_id = %(chloe)s", AUTHOR),
        before="delete from settings where user_id in (%(me)s, %(chloe)s) and %(case)s like 'settings-insert%%'",
    ),
    # What the table of the document does not have.
    *_cells(
        "curator_rotations",
        ("select", "of the space", "select from curator_rotations where id = %(rotation)s", MEMBERS),
        (
            "insert",
            "never",
            "insert into curator_rotations (space_id, week_number, curator_id) values (%(club)s, 9, %(me)s)",
            NOBODY,
        ),
        ("update", "never", "update curator_rotations set curator_id = %(me)s where id = %(rotation)s", NOBODY),
        (
            "update",
            "delivery",
            "update curator_rotations set notification_status = 'SENT' where id = %(rotation)s",
            SERVICE,
        ),
        ("delete", "never", "delete from curator_rotations where id = %(rotation)s", NOBODY),
    ),
    *_cells(
        "space_invites",
        ("select", "admins of the space", "select from space_invites where id = %(invite)s", LEADER),
        ("insert", "never", "insert into space_invites (space_id) values (%(club)s)", NOBODY),
        ("update", "revoke", "update space_invites set revoked_at = now() where id = %(invite)s", LEADER),
        ("update", "uses", "update space_invites set uses = 0 where id = %(invite)s", NOBODY),
        ("delete", "never", "delete from space_invites where id = %(invite)s", NOBODY),
    ),
    *_cells(
        "notifications",
        ("select", "own", "select from notifications where id = %(notification)s", AUTHOR),
        (
            "insert",
            "never",
            "insert into notifications (user_id, kind, dedupe_key) values (%(me)s, 'BADGE_EARNED', 'x')",
            NOBODY,
        ),
        ("update", "read", "update notifications set read_at = now() where id = %(notification)s", AUTHOR),
        ("update", "payload", "update notifications set payload = '{}' where id = %(notification)s", NOBODY),
        ("delete", "never", "delete from notifications where id = %(notification)s", NOBODY),
    ),
    *_cells(
        "space_events",
        ("select", "of the space", "select from space_events where space_id = %(club)s", MEMBERS),
        (
            "insert",
            "never",
            "insert into space_events (space_id, seq, kind) values (%(club)s, 999, 'member.left')",
            NOBODY,
        ),
        ("update", "never", "update space_events set payload = '{}' where space_id = %(club)s", NOBODY),
        ("delete", "never", "delete from space_events where space_id = %(club)s", NOBODY),
    ),
    *_cells(
        "reward_rules",
        ("select", "signed in", "select from reward_rules where code = 'response'", CLIENTS | SERVICE),
        ("insert", "never", "insert into reward_rules (code, amount, description) values ('x', 1, 'X')", NOBODY),
        ("update", "never by clients", "update reward_rules set amount = 1000 where code = 'response'", SERVICE),
        ("delete", "never", "delete from reward_rules where code = 'response'", NOBODY),
    ),
]
