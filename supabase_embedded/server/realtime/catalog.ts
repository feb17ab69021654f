/** Reads descriptions of tables from the catalog, for Postgres Changes. */

import type { Row } from "postgres";
import { isDatabaseError, isUnreachable } from "../database.ts";
import type { Relation } from "./pgoutput.ts";
import { group, type Statement, type Transaction } from "./transactions.ts";

export interface TableColumn {
  name: string;
  /** As in `pg_type`: `int8`, `timestamptz`, `_text`. */
  type: string;
  /** For casts; quoted if necessary. */
  sqlType: string;
  /** `b` base, `e` enum, `c` composite, `d` domain, `r` range ... */
  kind: string;
  primaryKey: boolean;
  /** Whether the role may select it. */
  selectable: boolean;
}

/** How long a description stays valid, in milliseconds. */
const FRESH_MS = 500;

/** A table, described for one role. */
export interface Table {
  schema: string;
  name: string;
  rowSecurity: boolean;
  /** The select policies as an SQL condition over the columns of a row; null if none applies to this role. */
  policy: string | null;
  columns: TableColumn[];
}

/** Describes a table for a role; null if the table does not exist. Throws if the role does not exist. */
export async function describeTable(
  transaction: Transaction,
  schema: string,
  name: string,
  role: string,
): Promise<Table | null> {
  return toTable(schema, name, await tableStatement(transaction, schema, name, role));
}

/** The tables of recent changes, each described for the roles of its subscribers. */
export class Tables {
  // When a table's columns change, the log has a new relation object. Changed grants leave no trace in the log, so a
  // description stays valid for a short time only.
  readonly #known = new WeakMap<Relation, Map<string, { table: Table | null; until: number }>>();

  /** Reads the descriptions that are missing or no longer valid. */
  async describe(
    transaction: Transaction,
    wanted: Iterable<{ relation: Relation; role: string }>,
  ): Promise<void> {
    const work: Promise<void>[] = [];
    const now = performance.now();
    for (const { relation, role } of wanted) {
      const byRole = this.#known.get(relation) ?? new Map<string, { table: Table | null; until: number }>();
      this.#known.set(relation, byRole);
      const known = byRole.get(role);
      if (known && known.until > now) continue;
      const entry = { table: null as Table | null, until: now + FRESH_MS };
      byRole.set(role, entry);
      work.push(
        describeForRole(transaction, relation, role).then((table) => void (entry.table = table), (error) => {
          byRole.delete(role);
          throw error;
        }),
      );
    }
    await Promise.all(work);
  }

  /** Null if the table or the role no longer exists. */
  forRole(role: string, relation: Relation): Table | null {
    return this.#known.get(relation)?.get(role)?.table ?? null;
  }

  /** A description for any role, for what does not depend on it: the columns and their types. */
  forAnyRole(relation: Relation): Table | null {
    return this.#known.get(relation)?.values().find(({ table }) => table !== null)?.table ?? null;
  }
}

async function describeForRole(
  transaction: Transaction,
  { schema, table }: Relation,
  role: string,
): Promise<Table | null> {
  try {
    return toTable(schema, table, await group(transaction, tableStatement(transaction, schema, table, role)));
  } catch (error) {
    if (isDatabaseError(error) && !isUnreachable(error)) return null; // The role does not exist.
    throw error;
  }
}

function tableStatement(transaction: Transaction, schema: string, name: string, role: string): Statement {
  return transaction`
    select
      c.relrowsecurity as row_security,
      case when (select r.rolbypassrls or r.rolsuper from pg_catalog.pg_roles r where r.rolname = ${role}::name)
        then null
        else coalesce(p.permissive, 'false') || coalesce(' and ' || p.restrictive, '')
      end as policy,
      a.attname::text as name,
      t.typname::text as type,
      pg_catalog.format_type(a.atttypid, null) as sql_type,
      t.typtype::text as kind,
      coalesce(a.attnum = any (i.indkey), false) as primary_key,
      pg_catalog.has_column_privilege(${role}::name, c.oid, a.attnum, 'select') as selectable
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
    cross join lateral (
      select
        '(' || string_agg(expression, ' or ') filter (where polpermissive) || ')' as permissive,
        string_agg(expression, ' and ') filter (where not polpermissive) as restrictive
      from pg_catalog.pg_policy
      cross join lateral (select '(' || pg_catalog.pg_get_expr(polqual, polrelid) || ')' as expression) as e
      where polrelid = c.oid
        and polcmd in ('r', '*')
        and exists (
          select from unnest(polroles) as policy_role (id)
          where policy_role.id = 0 or pg_catalog.pg_has_role(${role}::name, policy_role.id, 'usage')
        )
    ) as p
    where n.nspname = ${schema} and c.relname = ${name}
    order by a.attnum
  `;
}

function toTable(schema: string, name: string, rows: Row[]): Table | null {
  if (rows.length === 0) return null;
  return {
    schema,
    name,
    rowSecurity: rows[0].row_security,
    policy: rows[0].policy,
    columns: rows.map((row) => ({
      name: row.name,
      type: row.type,
      sqlType: row.sql_type,
      kind: row.kind,
      primaryKey: row.primary_key,
      selectable: row.selectable,
    })),
  };
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
