"""The story in which each pair happens: built once by the API, then copied row by row under new ids.

A copy takes milliseconds: its rows are written with triggers and foreign keys off, which only a superuser may.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import psycopg

from tests.support.actors import Actors
from tests.support.stories import found_club, grant_tokens

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(?:\+[\d:]+|Z)?"  # a time
    r"|[0-9A-F]{8}(?:-[0-9A-F]{8}){3}"  # the code of an invite
    r"|[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){3}"  # the code of a newsletter
    r"|\\+x[0-9a-f]+|\b[0-9a-f]{64}\b"  # a hash
    r"|\b(?:copy|new)-\d+"  # the code of an item
    r"|(?<![\w.-])\d{5,9}(?![\w.-])"  # the first version of settings
)

_CODE = re.compile(r"\b([0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-)[0-9A-HJKMNP-TV-Z]{5}\b")
"""The code of a newsletter, of which there is one only."""

# In this order, which is that of the foreign keys. Events are not needed: the feed knows how many there were.
_TABLES = (
    "public.users",
    "public.settings",
    "public.spaces",
    "private.space_feeds",
    "public.space_invites",
    "public.memberships",
    "public.curator_rotations",
    "public.prompts",
    "public.responses",
    "public.newsletters",
    "public.store_items",
    "public.purchases",
    "public.token_gifts",
    "public.transactions",
    "public.user_badges",
    "public.notifications",
)
_NUMBERED = {
    "transactions": ["seq"],
    "private.closed_accounts": ["id", "last_seq"],
    "private.ledger_heads": ["last_seq"],
    "private.newsletter_heads": ["last_seq", "position"],
    "private.open_weeks": ["id"],
}
"""Columns that count for all copies together, or come by chance."""

_IN_NO_ORDER = {
    "space_events": " || jsonb_build_object('seq', min(seq) over (partition by space_id, kind, one.xmin::text))",
}
"""Rows that a cascade deletes go in the order in which they lie in their table, and so do the events that tell of it:
the events of one kind in one transaction all count as the first."""

_OWN = ("id", "user_id", "space_id", "sender_id", "recipient_id")


@dataclass(frozen=True)
class Scene:
    """One copy of the story."""

    ids: dict[str, str]
    """What statements refer to, by name, as SQL."""
    names: dict[str, str]
    """The other way round: what an id stands for."""

    def fill(self, statement: str, who: str) -> str:
        """Return a statement with the ids of this copy."""
        return statement.format(**self.ids, who=self.ids.get(who, "null"))

    def told(self, text: str) -> str:
        """Return a text in which nothing differs between copies: ids by name, no times, no random numbers."""
        return _CHANGING.sub("*", _UUID.sub(lambda found: self.names.get(found.group(), "*"), text))


class Scenes:
    """Makes copies of the story in one database, and looks at them."""

    def __init__(self, dsn: str, superuser_dsn: str) -> None:
        with psycopg.connect(dsn) as connection, Actors(connection, commit=True) as actors:
            self._named = _play(actors)
        self._connection = psycopg.connect(superuser_dsn, autocommit=True)
        # What one waits for is the question here, and not for how long.
        self._connection.execute(
            "create or replace function private.longest_wait() returns interval language sql immutable"
            " set search_path = '' as $$ select interval '1 hour' $$"
        )
        self._connection.execute("set session_replication_role = replica")
        self._columns = {table: self._writable(table) for table in _TABLES}
        rows = {table: self._rows(table) for table in _TABLES}
        self._text = json.dumps(rows, default=str)
        born = self._born(rows)
        named = [one for one in self._named.values() if one in born]
        self._template_ids = [*named, *sorted(born - set(named))]
        self._number = 0
        self._look = self._looking()

    def close(self) -> None:
        self._connection.close()

    def copy(self, copies: int, seed: str) -> list[Scene]:
        """Write several copies. The order of the new ids, and with it of locks, depends on the seed alone."""
        chance = random.Random(seed)
        scenes = []
        whole: dict[str, list[Any]] = {table: [] for table in _TABLES}
        people: list[str] = []
        for _ in range(copies):
            self._number += 1
            new = {old: str(UUID(int=chance.getrandbits(128), version=4)) for old in self._template_ids}
            text = _UUID.sub(lambda found, new=new: new.get(found.group(), found.group()), self._text)  # type: ignore[misc]
            text = _CODE.sub(lambda found, number=self._number: f"{found.group(1)}{number:05}", text)  # type: ignore[misc]
            for table, rows in json.loads(text.replace("template-", f"copy-{self._number}-")).items():
                whole[table] += rows
            ids = {name: f"'{new[old]}'" for name, old in self._named.items() if old in new}
            ids["badge"] = f"'{self._named['badge']}'"
            names = {new[old]: name for name, old in self._named.items() if old in new}
            club, plain = ids["club"].strip("'"), {name: value.strip("'") for name, value in ids.items()}
            ids |= {
                "code": f"'CODE{self._number}'",
                "once_code": f"'ONCE{self._number}'",
                "new_code": f"'new-{self._number}'",
                "picture": f"'{club}/{plain['dmitri']}/a.png'",
                "avatar": f"'{plain['eleni']}/a.png'",
                "cover": f"'{club}/a.png'",
            }
            people += [row["id"] for row in json.loads(text)["public.users"]]
            scenes.append(Scene(ids, names))
            for name, code in (("invite", "CODE"), ("once", "ONCE")):
                self._connection.execute(
                    "insert into private.invite_secrets (invite_id, code_hash, salt, key_hash)"
                    " values (%s, private.hash_invite_code(%s), gen_random_uuid(), sha256(%s))",
                    [plain[name], f"{code}{self._number}", f"{code}{self._number}".encode()],
                )
        self._connection.execute(
            "insert into auth.users (id, aud, role, email, email_confirmed_at)"
            " select person::uuid, 'authenticated', 'authenticated', person || '@example.test', now()"
            " from unnest(%s::text[]) as person",
            [people],
        )
        # A session for each, under the id of the person: deleting one's account takes a fresh sign-in.
        self._connection.execute(
            "insert into auth.sessions (id, user_id, created_at)"
            " select person::uuid, person::uuid, now() from unnest(%s::text[]) as person",
            [people],
        )
        self._connection.execute(cast(Any, self._writing()), [json.dumps(whole)])
        return scenes

    def state(self, scene: Scene) -> str:
        """Return everything that there is of a copy, such that two copies can be compared."""
        ids = list(scene.names)
        found = self._connection.execute(cast(Any, self._look), {"ids": ids, "texts": ids}).fetchall()
        return "\n".join(sorted(scene.told(f"{table} {row}") for table, row in found))

    def _writable(self, table: str) -> list[str]:
        return [
            row[0]
            for row in self._connection.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
                " and attgenerated = '' and attidentity = '' order by attnum",
                [table],
            )
        ]

    def _rows(self, table: str) -> list[Any]:
        where = " where code like 'template-%'" if table == "public.store_items" else ""
        order = " order by seq" if table == "public.transactions" else ""
        query = f"select to_jsonb(one) from {table} as one{where}{order}"
        return [row[0] for row in self._connection.execute(cast(Any, query))]

    @staticmethod
    def _born(rows: dict[str, list[Any]]) -> set[str]:
        """The ids that the story made: those of its rows, but not of badges, which all copies share."""
        return {row["id"] for table in rows.values() for row in table if "id" in row}

    def _writing(self) -> str:
        parts = ["document as (select %s::jsonb as tables)"]
        for number, (table, columns) in enumerate(self._columns.items()):
            listed = ", ".join(f'"{column}"' for column in columns)
            parts.append(
                f"part_{number} as (insert into {table} ({listed}) select {listed} from document,"
                f" jsonb_populate_recordset(null::{table}, tables -> '{table}') returning 1)"
            )
        parts.append(
            "ids as (insert into private.used_ids (id) select distinct (row ->> 'id')::uuid from document,"
            " jsonb_each(tables) as one (name, list), jsonb_array_elements(list) as row where row ? 'id'"
            " and name <> 'private.space_feeds')"
        )
        return f"with {', '.join(parts)} select 1"

    def _looking(self) -> str:
        """Make the query that reads every row that names something of a copy, of whatever tables there are."""
        columns = self._connection.execute(
            "select relid::regclass::text, array_agg(attname::text) from pg_stat_user_tables"
            " join pg_attribute on attrelid = relid"
            " where schemaname in ('public', 'private') and attname = any(%s) and atttypid = 'uuid'::regtype"
            " and relname not in ('used_ids', 'mail_batches', 'invite_secrets')"
            " group by relid",
            [list(_OWN)],
        ).fetchall()
        parts = []
        for table, names in sorted(columns):
            mine = " or ".join(f"{name} = any(%(ids)s::uuid[])" for name in sorted(names))
            without = ["updated_at", *_NUMBERED.get(table, ())]
            changed = _IN_NO_ORDER.get(table, "")
            parts.append(
                f"select '{table}', (to_jsonb(one) - array{without}{changed})::text from {table} as one where {mine}"
            )
        parts.append(
            "select 'auth.users', id::text from auth.users where id = any(%(ids)s::uuid[])"
            " union all select 'storage.objects', bucket_id || name from storage.objects"
            " where split_part(name, '/', 1) = any(%(texts)s::text[])"
        )
        return " union all ".join(parts)


def _play(actors: Actors) -> dict[str, str]:
    """Play the story as the people themselves, and return the ids of who and what is in it."""
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni")
    ada, (boris, chloe, dmitri, eleni) = club.leader, club.members
    femi, olga, rosa = actors.person("Femi"), actors.person("Olga"), actors.person("Rosa", role="admin")
    for person in (ada, dmitri, femi, olga):
        grant_tokens(actors, person, 100)
    ada.call("set_member_role", space_id=club.id, user_id=chloe.id, role="ADMIN")
    club.week([dmitri])
    ada.call("assign_curator", space_id=club.id, user_id=boris.id)
    asked, opened = club.ask("What did you read?", "Where do you read?")
    hidden = boris.insert("prompts", space_id=club.id, question="Why?")
    (response,) = club.respond(asked, [dmitri])
    draft = dmitri.insert("responses", prompt_id=opened["id"], content="Perhaps")
    ada.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = ada.call("generate_newsletter", space_id=club.id)
    (old_newsletter,) = ada.select("newsletters", space_id=club.id, week_number=1)
    park = femi.insert("spaces", name="Park", is_public=True)
    invite = chloe.call("create_invite", space_id=club.id)
    once = chloe.call("create_invite", space_id=club.id, max_uses=1)
    service = actors.service()

    def item(code: str, **values: Any) -> str:
        row = service.insert("store_items", code=f"template-{code}", name=code, kind="THEME", price=50, **values)
        return str(row["id"])

    theme, rare, owned = item("theme"), item("rare", stock=1), item("owned")
    purchase = dmitri.call("purchase_item", item_id=owned)
    for person in (dmitri, olga):  # Enough for one thing, not for two.
        surplus = actors.one("select token_balance from public.users where id = %s", person.id) - 110
        actors.run(
            "select private.post_transaction(%s, %s::public.transaction_type, %s, 'test', null, 'test:surplus')",
            person.id,
            "SPEND_PURCHASE" if surplus > 0 else "EARN_STREAK",
            -surplus,
        )
    # Everybody has been in it for a while: what depends on the time must not depend on when a copy is made.
    actors.run("update public.memberships set joined_at = joined_at - interval '1 hour'")
    actors.run("delete from public.settings where user_id = %s", rosa.id)
    badge = actors.one("select badge_id from public.user_badges where user_id = %s limit 1", dmitri.id)
    people = {
        "ada": ada,
        "boris": boris,
        "chloe": chloe,
        "dmitri": dmitri,
        "eleni": eleni,
        "femi": femi,
        "olga": olga,
        "rosa": rosa,
    }
    things = {
        "club": club.id, "park": park["id"], "asked": asked["id"], "open": opened["id"], "hidden": hidden["id"],
        "response": response["id"], "draft": draft["id"],
        "newsletter": newsletter["id"], "old_newsletter": old_newsletter["id"],
        "invite": invite["id"], "once": once["id"], "theme": theme, "rare": rare, "owned": owned,
        "purchase": purchase["id"], "badge": badge,
    }  # fmt: skip
    return {name: str(person.id) for name, person in people.items()} | {
        name: str(value) for name, value in things.items()
    }
