"""A change compares, and does nothing else: a pattern may take seconds while the change holds what others need."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actors
from tests.support.stories import found_club, grant_tokens


@pytest.mark.parametrize(
    "condition",
    ["bio ~ 'x'", "bio ~* 'x'", "bio !~ 'x'", "bio !~* 'x'", "not bio~'x'", "bio operator(pg_catalog.~) 'x'"],
)
@pytest.mark.parametrize("rows", ["true", "false"])
def test_a_regular_expression_in_a_change_is_refused(actors: Actors, condition: str, rows: str) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    change = f"update public.users set bio = 'new' where id = '{ada.id}' and ({rows} or {condition})"
    with ada.refused("MG001") as caught:
        ada.run(change)
    assert "compares columns" in str(caught.value.diag.message_hint)


@pytest.mark.parametrize(
    "condition",
    [
        "bio like 'x'",
        "bio ilike 'x'",
        "bio not like 'x'",
        "bio LIKE any (array['x'])",
        "bio similar to 'x'",
        "bio ~~ 'x'",
        "array[bio] @> array['x']",
        "array[bio] <@ array['x']",
        "array[bio] && array['x']",
        "bio ^@ 'x'",
        "int4range(0, version) << int4range(version, 3)",
        "int4range(0, version) -|- int4range(version, 3)",
        "to_jsonb(bio) -> 'x' is null",
        "to_jsonb(bio) ->> 'x' = 'y'",
        "to_jsonb(bio) #>> '{x}' = 'y'",
        "version + 1 = 2",
        "cast(bio as text) = 'x'",
        "bio @@ 'x'",
        "bio::tsvector is null",
        "not exists (select from public.newsletters n where n.content = '{}')",
        'not exists (select from public.newsletters n where n."content" is not distinct from null)',
        "not exists (select from public.newsletters n where n.content in ('{}'))",
        "(" + " or ".join(["bio = 'x'"] * 51) + ")",
        "(" + " or ".join(["bio is distinct from 'x'"] * 51) + ")",
    ],
)
def test_what_calculates_is_refused(actors: Actors, condition: str) -> None:
    ada = actors.person("Ada")
    with ada.refused("MG001") as caught:
        ada.run(f"update public.users set bio = 'new' where id = '{ada.id}' and {condition}")
    assert str(caught.value.diag.message_detail) == "request"


@pytest.mark.parametrize(
    "condition",
    [
        "bio = 'xyz'",
        "bio <> 'x' and bio != 'y' and bio > 'a' and bio <= 'z'",
        "bio in ('xyz', 'x')",
        "bio is not null",
        "bio = any (array['xyz'])",
        "(" + " or ".join(["bio = 'xyz'"] * 48) + ")",
        "bio = '' || 'xyz' and bio <> 'a ~ b like -> @> c'",
        '"users"."bio" = \'xyz\'::text',
        """(select count(*) from public.settings as "a-b ~ like") = 1""",
    ],
)
def test_what_compares_is_taken(actors: Actors, condition: str) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    assert ada.count(f"update public.users set bio = 'new' where id = '{ada.id}' and {condition}") == 1


@pytest.mark.parametrize(
    "condition",
    ['"content" = %s', '("content" <> %s)', '"id" is null or "content" > %s', 'not "content" = %s', '"content" in (%s)',
     "newsletters.content is not distinct from %s", '"newsletters"."content" = any (array[%s])', "content != %s"],
)  # fmt: skip
def test_a_content_is_written_and_not_compared(actors: Actors, condition: str) -> None:
    """The snapshot of a newsletter is long, and each comparison unpacks it."""
    club = found_club(actors, "Boris")
    (prompt,) = club.ask()
    club.respond(prompt)
    club.leader.run("select public.select_responses(%s, array(select id from public.responses))", club.id)
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    with club.leader.refused("MG001"):
        change = f"update public.newsletters set title = 'New' where id = %s and ({condition})"
        club.leader.run(change, draft["id"], Jsonb({}))
    with club.leader.refused("MG001"):
        call = f"select id from public.generate_newsletter(%s) newsletters where {condition}"
        club.leader.run(call, club.id, Jsonb({}))
    written = 'update public.responses set version = 1, "content" = %s where "content" is not null'
    assert club.leader.count(f"{written} and user_id = %s", "New", club.leader.id) == 1


def test_a_statement_is_looked_at_once_and_the_next_one_again(actors: Actors) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    with ada.refused("MG001"):
        ada.run("update public.users set bio = 'new' where bio like 'x'")
    ada.run("update public.users set bio = 'abc'")
    with ada.refused("MG001"):
        ada.run("update public.users set bio = 'new' where bio like 'a'")


def test_a_value_is_no_part_of_the_statement(actors: Actors) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = %s where bio is null", "a ~ b like c -> d")
    assert ada.run("select bio from public.users") == [{"bio": "a ~ b like c -> d"}]


# What PostgREST makes of an insert, and of a change with a reply.
POSTGREST = [
    """WITH pgrst_source AS (INSERT INTO "public"."spaces"("name") SELECT "pgrst_body"."name" FROM (SELECT $1 AS
    json_data) pgrst_payload, LATERAL (SELECT CASE WHEN json_typeof(pgrst_payload.json_data) = 'array' THEN
    pgrst_payload.json_data ELSE json_build_array(pgrst_payload.json_data) END AS val) pgrst_uniform_json, LATERAL
    (SELECT "name" FROM json_to_recordset(pgrst_uniform_json.val) AS _("name" text)) pgrst_body RETURNING
    "public"."spaces"."id") SELECT '' AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, CASE WHEN
    pg_catalog.count(_postgrest_t) = 1 THEN coalesce((WITH data AS (SELECT row_to_json(_) AS row FROM pgrst_source
    AS _ LIMIT 1) SELECT array_agg(json_data.key || '=' || coalesce('eq.' || json_data.value, 'is.null')) FROM data
    CROSS JOIN json_each_text(data.row) AS json_data WHERE json_data.key IN ('id')), array[]::text[]) ELSE
    array[]::text[] END AS header, ''::text AS body, nullif(current_setting('response.headers', true), '') AS
    response_headers FROM (SELECT "spaces".* FROM "pgrst_source" AS "spaces") _postgrest_t""",
    """WITH pgrst_source AS (UPDATE "public"."users" SET "bio" = "pgrst_body"."bio" FROM (SELECT $1 AS json_data)
    pgrst_payload, LATERAL (SELECT "bio" FROM json_to_record(pgrst_payload.json_data) AS _("bio" text)) pgrst_body
    WHERE "public"."users"."version" = ANY ('{1,2}') AND NOT "public"."users"."bio" IS NOT NULL RETURNING
    "public"."users".*) SELECT '' AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, array[]::text[]
    AS header, coalesce(json_agg(_postgrest_t), '[]') AS body FROM (SELECT "users".*, COALESCE(
    "users_settings_1"."users_settings_1", '[]') AS "settings" FROM "pgrst_source" AS "users" LEFT JOIN LATERAL (
    SELECT json_agg("users_settings_1")::jsonb AS "users_settings_1" FROM (SELECT "settings_1".* FROM
    "public"."settings" AS "settings_1" WHERE "settings_1"."user_id" = "users"."id" ORDER BY "settings_1"."user_id"
    DESC NULLS LAST LIMIT 5 OFFSET 0) AS "users_settings_1") AS "users_settings_1" ON TRUE) _postgrest_t""",
]


@pytest.mark.parametrize("statement", POSTGREST, ids=["insert", "update"])
def test_what_postgrest_writes_is_taken(actors: Actors, statement: str) -> None:
    ada = actors.person("Ada")
    body = '\'{"name": "Park", "bio": "like -> ~"}\'::json'
    (row,) = ada.run(statement.replace("$1", body))
    assert row["page_total"] == 1


def test_a_secret_key_may(actors: Actors) -> None:
    ada = actors.person("Ada")
    ada.run("update public.users set bio = 'xyz'")
    actors.service().run("update public.users set bio = 'new' where bio ~ 'y'")
    assert ada.run("select bio from public.users") == [{"bio": "new"}]


def test_a_regular_expression_on_what_a_function_returns_is_refused_before_it_holds_anything(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    grant_tokens(actors, club.leader, 10)
    boris = club.members[0]
    for call in (
        f"transfer_tokens('{boris.id}', 1, 'For the cake', 'k') as row where row.message ~ 'cake'",
        f"generate_newsletter('{club.id}') as row where row.title ~ 'a'",
    ):
        with club.leader.refused("MG001"):
            club.leader.run(f"select * from public.{call}")
