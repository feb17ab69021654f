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

/** A table as a role may use it. */
export interface Table {
  schema: string;
  name: string;
  rowSecurity: boolean;
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
  readonly #byRelation = new Map<number, Map<string, Table | null>>();

  static async describe(
    transaction: Transaction,
    wanted: Iterable<{ relation: Relation; role: string }>,
  ): Promise<Tables> {
    const tables = new Tables();
    const work: Promise<void>[] = [];
    for (const { relation, role } of wanted) {
      const byRole = tables.#byRelation.get(relation.id) ?? new Map<string, Table | null>();
      tables.#byRelation.set(relation.id, byRole);
      if (byRole.has(role)) continue;
      byRole.set(role, null);
      work.push(describeForRole(transaction, relation, role).then((table) => void byRole.set(role, table)));
    }
    await Promise.all(work);
    return tables;
  }

  /** Null where there is no such table or role any more. */
  seenBy(role: string, relation: Relation): Table | null {
    return this.#byRelation.get(relation.id)?.get(role) ?? null;
  }

  /** For what is the same for all roles: the columns and their types. */
  seenByAny(relation: Relation): Table | null {
    return this.#byRelation.get(relation.id)?.values().find((table) => table !== null) ?? null;
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
