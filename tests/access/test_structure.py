"""What must be true of every table, policy and function, whoever adds the next one."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.access.catalog import FUNCTIONS, OURS, names
from tests.support.actors import Actors
from tests.support.world import is_mistake


@pytest.fixture(scope="module")
def catalog(dsn: str) -> Iterator[Actors]:
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        yield actors


def test_every_table_has_row_level_security(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(
                f"""
            select oid::regclass from pg_catalog.pg_class
            where relkind in ('r', 'p') and relnamespace in {OURS} and not relrowsecurity
            """
            )
        )
        == []
    )


def test_there_are_no_views_and_no_sequences_to_read(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(
                f"""
                select oid::regclass from pg_catalog.pg_class
                where relkind in ('v', 'm', 'f') and relnamespace in {OURS}
                """
            )
        )
        == []
    )
    assert (
        names(
            catalog.run(
                f"""
            select c.oid::regclass
            from pg_catalog.pg_class c
            cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
            where relkind = 'S' and relnamespace in {OURS}
              and has_sequence_privilege(role, c.oid, 'usage, select, update')
            """
            )
        )
        == []
    )


def test_every_table_and_function_is_explained(catalog: Actors) -> None:
    assert names(catalog.run(f"select name from ({FUNCTIONS}) as functions where comment = ''")) == []
    assert (
        names(
            catalog.run(
                f"""
            select oid::regclass from pg_catalog.pg_class
            where relkind = 'r' and relnamespace in {OURS} and obj_description(oid, 'pg_class') is null
            """
            )
        )
        == []
    )


def test_every_function_has_an_empty_search_path(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(f"""select name from ({FUNCTIONS}) as functions where not 'search_path=""' = any (settings)""")
        )
        == []
    )


def test_definer_functions_are_private_and_say_why_they_are_safe(catalog: Actors) -> None:
    definers = catalog.run(f"select * from ({FUNCTIONS}) as functions where is_definer")
    assert definers
    assert [row["name"] for row in definers if row["schema"] != "private"] == []
    unexplained = [
        row["name"]
        for row in definers
        if "Definer" not in row["comment"]
        or not (
            "safe because" in row["comment"]
            or "not granted" in row["comment"]
            or "granted to the service role only" in row["comment"]
        )
    ]
    assert [name for name in unexplained if name != "private.require_member(uuid)"] == []


def test_who_runs_a_function_as_themselves_has_a_right_to_each_table_in_it(catalog: Actors) -> None:
    """PostgreSQL looks at the rights for a whole plan, also of the branch that is not taken."""
    runnable = catalog.run(
        f"""
        select
          role || ' runs ' || name || ' and has no right to ' || c.oid::regclass as missing,
          not (has_any_column_privilege(role, c.oid, 'select') or has_any_column_privilege(role, c.oid, 'insert')
            or has_any_column_privilege(role, c.oid, 'update') or has_table_privilege(role, c.oid, 'delete')
          ) as is_missing
        from ({FUNCTIONS}) as functions
        join pg_catalog.pg_proc p using (oid)
        cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
        join pg_catalog.pg_class c
          on c.relkind in ('r', 'p', 'v')
          and coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
            ~ ('\\m' || c.relnamespace::regnamespace || '\\.' || c.relname || '\\M(?!\\s*\\()')
        where not is_definer and (
          has_function_privilege(role, functions.oid, 'execute')
          -- The functions of triggers run without that.
          or exists (
            select from pg_catalog.pg_trigger t
            where t.tgfoid = functions.oid and (
              has_any_column_privilege(role, t.tgrelid, 'insert') or has_any_column_privilege(role, t.tgrelid, 'update')
              or has_table_privilege(role, t.tgrelid, 'delete')
            )
          )
        )
        union all
        select
          role || ' runs ' || polname || ' and has no right to ' || refobjid::regclass,
          not has_any_column_privilege(role, refobjid, 'select')
        from pg_catalog.pg_policy
        join pg_catalog.pg_depend
          on classid = 'pg_catalog.pg_policy'::regclass and objid = pg_policy.oid
          and refclassid = 'pg_catalog.pg_class'::regclass and refobjid <> polrelid
        cross join unnest(polroles::regrole[]::text[]) as role
        """
    )
    assert len(runnable) > 20
    assert sorted({row["missing"] for row in runnable if row["is_missing"]}) == []


def test_no_function_lacks_a_right_of_whoever_may_run_it(dsn: str) -> None:
    """Called with nulls only, a function returns or refuses for some reason, but never because a right is missing."""
    with psycopg.connect(dsn, options="-c plan_cache_mode=force_generic_plan") as connection, Actors(connection) as act:
        calls = act.run(
            f"""
            select
              role, format('select * from %%s(%%s)', p.oid::regproc, (
                select string_agg('null::' || format_type(argument, null), ', ' order by place)
                from unnest(p.proargtypes) with ordinality as arguments (argument, place)
              )) as call
            from pg_catalog.pg_proc p
            cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
            where p.pronamespace in {OURS} and p.prokind = 'f' and has_function_privilege(role, p.oid, 'execute')
              and not 'anyelement'::regtype = any (p.proargtypes)
            """
        )
        ada = act.person("Ada")
        roles = {"anon": act.anon(), "authenticated": ada, "service_role": act.service()}
        returned, mistakes = 0, []
        for row in calls:
            try:
                with connection.transaction(force_rollback=True):
                    roles[row["role"]].run(row["call"])
                    returned += 1
            except psycopg.Error as error:
                if is_mistake(error):
                    mistakes.append((row["role"], row["call"], str(error)))
        assert mistakes == []
        assert returned > 50


def test_definer_functions_that_are_not_granted_are_not(catalog: Actors) -> None:
    """What a comment says about grants is so."""
    granted = catalog.run(
        f"""
        select name, role, comment
        from ({FUNCTIONS}) as functions
        cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
        where has_function_privilege(role, functions.oid, 'execute')
        """
    )
    for row in granted:
        words = row["comment"]
        if row["role"] == "service_role":
            assert "Definer; not granted, only" not in words, row
        else:
            assert "not granted" not in words and "service role only" not in words and "Secret key only" not in words, (
                row
            )


def test_trigger_functions_cannot_be_called(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(
                f"""
            select distinct name
            from ({FUNCTIONS}) as functions
            cross join (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
            where is_trigger and has_function_privilege(role, functions.oid, 'execute')
            """
            )
        )
        == []
    )


def test_nothing_is_left_to_public(catalog: Actors) -> None:
    """`public` in the sense of every role there is."""
    assert (
        names(
            catalog.run(
                f"""
            select p.oid::regprocedure
            from pg_catalog.pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
            where p.pronamespace in {OURS} and acl.grantee = 0
            union all
            select c.oid::regclass
            from pg_catalog.pg_class c, aclexplode(c.relacl) as acl
            where c.relnamespace in {OURS} and acl.grantee = 0
            """.replace("select p.oid::regprocedure", "select p.oid::regprocedure::text").replace(
                    "select c.oid::regclass", "select c.oid::regclass::text"
                )
            )
        )
        == []
    )


def test_what_is_added_later_is_not_granted_either(catalog: Actors) -> None:
    catalog.run("create table public.later (id integer primary key)")
    catalog.run("create function public.later() returns integer language sql set search_path = '' as 'select 1'")
    reachable = catalog.run(
        """
        select role
        from (values ('anon'), ('authenticated'), ('service_role')) as roles (role)
        where has_table_privilege(role, 'public.later', 'select, insert, update, delete, truncate')
          or has_function_privilege(role, 'public.later()', 'execute')
        """
    )
    catalog.run("drop table public.later")
    catalog.run("drop function public.later()")
    assert reachable == []


def test_every_foreign_key_has_an_index_and_a_rule_for_deletes(catalog: Actors) -> None:
    assert (
        names(
            catalog.run(
                f"""
            select c.conrelid::regclass::text || ' ' || c.conname
            from pg_catalog.pg_constraint c
            where c.contype = 'f' and c.connamespace in {OURS}
              and not exists (
                select from pg_catalog.pg_index i
                where i.indrelid = c.conrelid and i.indpred is null
                  and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
              )
            """
            )
        )
        == []
    )
    assert names(
        catalog.run(
            f"""
            select conrelid::regclass::text || ' ' || conname from pg_catalog.pg_constraint
            where contype = 'f' and connamespace in {OURS} and confdeltype = 'a'
            """
        )
    ) == ["purchases purchases_item_id_fkey"]  # Written out there, with the reason.


def test_the_indexes_that_the_document_names(catalog: Actors) -> None:
    wanted = {
        "idx_memberships_user_id",
        "idx_prompts_space_id",
        "idx_prompts_week_number",
        "idx_users_token_balance",
        "idx_transactions_user_id",
        "idx_transactions_created_at",
    }
    found = set(names(catalog.run("select indexname from pg_catalog.pg_indexes where schemaname = 'public'")))
    assert wanted <= found


def test_no_refusal_becomes_a_server_error(catalog: Actors) -> None:
    """PostgREST makes a 500 of `no_data_found`, which `into strict` raises; only the lookup of our own codes may."""
    users = names(
        catalog.run(
            f"""
            select name from ({FUNCTIONS}) as functions
            join pg_catalog.pg_proc p using (oid)
            where p.prosrc ~* '\\minto\\s+strict\\M'
            """
        )
    )
    assert users == ["private.fail(text,text,text,text)"]


def test_conditions_of_triggers_on_the_platforms_tables_call_nothing_of_ours(dsn: str) -> None:
    """A condition is evaluated with the rights of who writes: the platform's own roles have none to our functions."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            """
            select tgname, pg_get_triggerdef(pg_trigger.oid)
            from pg_trigger join pg_class on pg_class.oid = tgrelid
            where not tgisinternal and relnamespace::regnamespace::text in ('auth', 'storage', 'realtime')
              and tgfoid in (select oid from pg_proc where pronamespace = 'private'::regnamespace)
            """
        ).fetchall()
    assert rows
    assert [name for name, text in rows if "private." in text.partition(" EXECUTE FUNCTION ")[0]] == []
