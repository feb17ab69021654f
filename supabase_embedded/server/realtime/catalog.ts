/** What Postgres Changes must know of tables, from the catalog, as it is at the moment. */

import type { Row } from "postgres";
import { isDatabaseError, isUnreachable } from "../database.ts";
import type { Relation } from "./pgoutput.ts";
import { group, type Statement, type Transaction } from "./transactions.ts";

export interface TableColumn {
  name: string;
  /** As in `pg_type`: `int8`, `timestamptz`, `_text`. */
  type: string;
  /** For casts, quoted where need be. */
  sqlType: string;
  /** `b` base, `e` enum, `c` composite, `d` domain, `r` range ... */
  kind: string;
  primaryKey: boolean;
  /** Whether the role that was asked for may select it. */
  selectable: boolean;
}

/** How long a description is used, in milliseconds. */
const FRESH_MS = 500;

/** A table as a role may use it. */
export interface Table {
  schema: string;
  name: string;
  rowSecurity: boolean;
  /** What the select policies say of a row, as SQL over its columns; null where none is asked for this role. */
  policy: string | null;
  columns: TableColumn[];
}

/** Describes a table; null where there is none. Throws where there is no such role. */
export async function describeTable(
  transaction: Transaction,
  schema: string,
  name: string,
  role: string,
): Promise<Table | null> {
  return toTable(schema, name, await tableStatement(transaction, schema, name, role));
}

/** Tables of changes, each as the roles see it that want to hear of them. */
export class Tables {
  // A relation of the log is a new object when the table's columns were changed. Grants change more quietly, so
  // what was read is used for a short time only.
  readonly #known = new WeakMap<Relation, Map<string, { table: Table | null; until: number }>>();

  /** Reads what is not known, or not any more. */
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

  /** Null where there is no such table or role any more. */
  seenBy(role: string, relation: Relation): Table | null {
    return this.#known.get(relation)?.get(role)?.table ?? null;
  }

  /** For what is the same for all roles: the columns and their types. */
  seenByAny(relation: Relation): Table | null {
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
    if (isDatabaseError(error) && !isUnreachable(error)) return null; // There is no such role.
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
