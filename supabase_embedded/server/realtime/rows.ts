/** The values of changed rows: as the log has them, as JSON, and against filters. */

import { isDatabaseError, isUnreachable } from "../database.ts";
import type { TableColumn, Tables } from "./catalog.ts";
import { type Filter, passes, toSql } from "./filters.ts";
import type { Change, Tuple } from "./pgoutput.ts";
import { group, type Transaction } from "./transactions.ts";
import { toJson } from "./values.ts";

type Values = Map<string, string | null>;

/** The row after the change, by column; without large values that did not change. */
export function newValues(change: Change): Values {
  return change.row ? named(change, change.row) : new Map();
}

/** What identifies the row before the change: its key, or all of it where the table has `replica identity full`. */
export function oldValues(change: Change): Values {
  const { old, row, relation } = change;
  if (old && !old.keyOnly) return named(change, old.tuple);
  const keys = new Set(relation.columns.filter(({ key }) => key).map(({ name }) => name));
  // An update that leaves the key alone does not repeat it.
  const tuple = old?.tuple ?? (change.operation === "UPDATE" ? row : null);
  return new Map(tuple ? [...named(change, tuple)].filter(([name]) => keys.has(name)) : []);
}

function named({ relation }: Change, tuple: Tuple): Values {
  const values: Values = new Map();
  relation.columns.forEach(({ name }, i) => {
    const value = tuple[i];
    if (value !== undefined) values.set(name, value);
  });
  return values;
}

/** A changed row's values as JSON, by column. */
export interface ShownRow {
  row: Map<string, string>;
  old: Map<string, string>;
  /** How much JSON that is. */
  size: number;
}

export async function showRow(transaction: Transaction, tables: Tables, change: Change): Promise<ShownRow> {
  const columns = tables.seenByAny(change.relation)?.columns ?? [];
  const show = async (values: Values) =>
    new Map(
      await Promise.all(
        columns.filter(({ name }) => values.has(name)).map(async (column) => {
          const value = values.get(column.name)!;
          return [
            column.name,
            toJson(column, value) ?? await asDatabaseWrites(transaction, column, value),
          ] as const;
        }),
      ),
    );
  const old = oldValues(change);
  // What the log left out of the new row did not change.
  const [row, shownOld] = await Promise.all([
    show(change.row ? new Map([...old, ...newValues(change)]) : new Map()),
    show(old),
  ]);
  let size = 0;
  for (const value of [...row.values(), ...shownOld.values()]) size += value.length;
  return { row, old: shownOld, size };
}

/** Values that are JSON already, as a JSON object. */
export function jsonObject(values: Iterable<readonly [string, string]>): string {
  return `{${[...values].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

async function asDatabaseWrites(
  transaction: Transaction,
  { sqlType }: TableColumn,
  value: string | null,
): Promise<string> {
  const query = `select to_jsonb($1::text::${sqlType})::text as value`;
  const row = await firstRow(transaction, query, [value]);
  return row ? row.value as string : JSON.stringify(value);
}

/** Whether a change passes all filters. A delete is judged by what is left of the row. */
export async function fits(
  transaction: Transaction,
  tables: Tables,
  change: Change,
  filters: Filter[],
): Promise<boolean> {
  if (filters.length === 0) return true;
  const columns = tables.seenByAny(change.relation)?.columns ?? [];
  const values = change.operation === "DELETE" ? oldValues(change) : newValues(change);
  const answers = await Promise.all(filters.map((filter) => {
    const column = columns.find(({ name }) => name === filter.column);
    const value = values.get(filter.column);
    if (!column || value === undefined) return false;
    return passes(filter, column.type, value) ?? databasePasses(transaction, filter, column, value!);
  }));
  return answers.every((answer) => answer);
}

async function databasePasses(
  transaction: Transaction,
  filter: Filter,
  { sqlType }: TableColumn,
  value: string,
): Promise<boolean> {
  const type = filter.operator === "in" ? `${sqlType}[]` : sqlType;
  const query = `select ${toSql(filter, `$1::text::${sqlType}`, `$2::text::${type}`)} as passes`;
  return (await firstRow(transaction, query, [value, filter.value]))?.passes === true;
}

/** The first row, or undefined where the database refused the statement: the column's type may have changed since. */
async function firstRow(transaction: Transaction, query: string, parameters: (string | null)[]) {
  try {
    return (await group(transaction, transaction.unsafe(query, parameters, { prepare: true })))[0];
  } catch (error) {
    if (isDatabaseError(error) && !isUnreachable(error)) return undefined;
    throw error;
  }
}
