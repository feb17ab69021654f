/** Checks bindings against the database, so that one that would fail at every change is refused at once. */

import { isDatabaseError, isUnreachable } from "../database.ts";
import { type Binding, BindingError, describeBinding } from "./bindings.ts";
import { describeTable, type Table, type TableColumn } from "./catalog.ts";
import { type Filter, toSql } from "./filters.ts";
import type { Transaction } from "./transactions.ts";

/** The publication whose tables can be followed. */
export const PUBLICATION = "supabase_realtime";

/** A column cannot be used as the client asked. */
class ColumnError extends Error {}

/** @throws BindingError The binding cannot work. Its message is the platform's. */
export async function checkBinding(transaction: Transaction, binding: Binding, role: string): Promise<void> {
  const refuse = (reason: string) =>
    new BindingError(
      `Unable to subscribe to changes with given parameters. ${reason} [${describeBinding(binding)}]`,
    );
  const tables = await transaction`
    select schemaname::text as schema, tablename::text as name
    from pg_catalog.pg_publication_tables
    where pubname = ${PUBLICATION}
      and (${binding.schema}::text = '*' or schemaname = ${binding.schema}::text)
      and (${binding.table}::text = '*' or tablename = ${binding.table}::text)
  `;
  if (tables.length === 0) {
    throw refuse("Please check Realtime is enabled for the given connect parameters:");
  }
  try {
    for (const { schema, name } of tables) {
      const table = await describeTable(transaction, schema, name, role);
      if (table) await checkColumns(transaction, table, binding);
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const { message } = refuse("An exception happened so please check your connect parameters:");
    throw new BindingError(`${message}. Exception: ERROR ${code} ${(error as Error).message}`);
  }
}

/** The platform's code for an error about a column; null for other errors. */
function errorCode(error: unknown): string | null {
  if (error instanceof ColumnError) return "P0001 (raise_exception)";
  return isDatabaseError(error) && !isUnreachable(error) ? error.code : null;
}

async function checkColumns(transaction: Transaction, table: Table, binding: Binding): Promise<void> {
  const selectable = table.columns.filter((column) => column.selectable);
  for (const filter of binding.filters) {
    const column = selectable.find(({ name }) => name === filter.column);
    if (!column) throw new ColumnError(`invalid column for filter ${filter.column}`);
    await checkFilter(transaction, filter, column);
  }
  for (const selected of binding.select ?? []) {
    if (!selectable.some(({ name }) => name === selected)) {
      throw new ColumnError(`invalid column for select ${selected}`);
    }
  }
}

async function checkFilter(transaction: Transaction, filter: Filter, column: TableColumn): Promise<void> {
  const { operator, value } = filter;
  if (operator === "is") {
    if (!["null", "true", "false", "unknown"].includes(value)) {
      throw new ColumnError("invalid value for is filter: must be null, true, false, or unknown");
    }
    if (value !== "null" && column.type !== "bool") {
      throw new ColumnError(`is ${value} filter requires a boolean column, got ${column.sqlType}`);
    }
  } else if (operator === "in") {
    const query = `select cardinality($1::text::${column.sqlType}[]) as count`;
    const [{ count }] = await transaction.unsafe(query, [value]);
    if (count > 100) throw new ColumnError("too many values for `in` filter. Maximum 100");
  } else {
    const operand = `$1::text::${column.sqlType}`;
    // Check the value first, so that a wrong value is not reported as a wrong operator.
    const isPattern = ["like", "ilike", "match", "imatch"].includes(operator);
    if (!isPattern) await transaction.unsafe(`select ${operand}`, [value]);
    try {
      await transaction.unsafe(`select ${toSql(filter, operand, operand)}`, [value]);
    } catch (error) {
      if (!isDatabaseError(error) || isUnreachable(error)) throw error;
      throw new ColumnError(
        `operator ${operator} is not supported on column ${column.name} of type ${column.sqlType}: ${error.message}`,
      );
    }
  }
}
