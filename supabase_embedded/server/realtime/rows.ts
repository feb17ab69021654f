/** The values of changed rows: from the log, as JSON, and checked against filters. */

import { isDatabaseError, isUnreachable } from "../database.ts";
import type { TableColumn, Tables } from "./catalog.ts";
import { type Filter, passes, toSql } from "./filters.ts";
import type { Change, Tuple } from "./pgoutput.ts";
import { group, type Transaction } from "./transactions.ts";
import { toJson } from "./values.ts";

type Values = Map<string, string | null>;

/** The row after the change, by column, without unchanged large values. */
export function newValues(change: Change): Values {
  return change.row ? named(change, change.row) : new Map();
}

/** The key of the row before the change, or the whole row if the table has `replica identity full`. */
export function oldValues(change: Change): Values {
  const { old, row, relation } = change;
  if (old && !old.keyOnly) return named(change, old.tuple);
  const keys = new Set(relation.columns.filter(({ key }) => key).map(({ name }) => name));
  // For an update that does not change the key, the log does not repeat it.
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
  /** The length of this JSON, in characters. */
  size: number;
}

export async function showRow(transaction: Transaction, tables: Tables, change: Change): Promise<ShownRow> {
  const columns = tables.forAnyRole(change.relation)?.columns ?? [];
  const show = async (values: Values) =>
    new Map(
      await Promise.all(
        columns.filter(({ name }) => values.has(name)).map(async (column) => {
          const value = values.get(column.name)!;
          return [
            column.name,
            toJson(column, value) ?? await databaseJson(transaction, column, value),
          ] as const;
        }),
      ),
    );
  const old = oldValues(change);
  // Values that the log omits from the new row did not change.
  const [row, shownOld] = await Promise.all([
    show(change.row ? new Map([...old, ...newValues(change)]) : new Map()),
    show(old),
  ]);
  let size = 0;
  for (const value of [...row.values(), ...shownOld.values()]) size += value.length;
  return { row, old: shownOld, size };
}

/** A JSON object of values that are JSON already. */
export function jsonObject(values: Iterable<readonly [string, string]>): string {
  return `{${[...values].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

async function databaseJson(
  transaction: Transaction,
  { sqlType }: TableColumn,
  value: string | null,
): Promise<string> {
  const query = `select to_jsonb($1::text::${sqlType})::text as value`;
  const row = await firstRow(transaction, query, [value]);
  return row ? row.value as string : JSON.stringify(value);
}

/** Whether a change passes all filters. For a delete, the filters apply to the old row, as far as the log has it. */
export async function passesAll(
  transaction: Transaction,
  tables: Tables,
  change: Change,
  filters: Filter[],
): Promise<boolean> {
  if (filters.length === 0) return true;
  const columns = tables.forAnyRole(change.relation)?.columns ?? [];
  const values = change.operation === "DELETE" ? oldValues(change) : newValues(change);
  const results = await Promise.all(filters.map((filter) => {
    const column = columns.find(({ name }) => name === filter.column);
    const value = values.get(filter.column);
    if (!column || value === undefined) return false;
    return passes(filter, column.type, value) ?? databasePasses(transaction, filter, column, value!);
  }));
  return results.every((isPassed) => isPassed);
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

/** The first row; undefined if the database refused the statement: the column's type may have changed meanwhile. */
async function firstRow(transaction: Transaction, query: string, parameters: (string | null)[]) {
  try {
    return (await group(transaction, transaction.unsafe(query, parameters, { prepare: true })))[0];
  } catch (error) {
    if (isDatabaseError(error) && !isUnreachable(error)) return undefined;
    throw error;
  }
}
