"""Queries of the catalog that tests share."""

from __future__ import annotations

from tests.support.actors import Row

OURS = "('public'::regnamespace, 'private'::regnamespace)"


def names(rows: list[Row]) -> list[str]:
    return sorted(str(next(iter(row.values()))) for row in rows)


FUNCTIONS = f"""
  select
    p.oid::regprocedure::text as name, p.pronamespace::regnamespace::text as schema, p.prosecdef as is_definer,
    coalesce(p.proconfig, '{{}}') as settings, coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
    p.prorettype = 'trigger'::regtype as is_trigger, p.oid
  from pg_catalog.pg_proc p
  where p.pronamespace in {OURS}
"""
