/**
 * Accepts the payloads of changes as PostgREST does: `{}`, `[]`, missing keys, and any number of rows.
 *
 * The differences:
 * - for rows without keys lite writes `insert into t () values ()`, which is not valid SQL: they are rows of default
 *   values;
 * - lite accepts an update without anything to set as `{}`, but not as `[]`, `[{}]`, with a single object as the
 *   result, or without a filter;
 * - with `columns=`, lite uses the column's default for a key that a row does not have, and returns null. It should be
 *   null, or the default if the client prefers `missing=default`;
 * - lite passes each value as a parameter, and a statement has at most 65,535 of them. PostgREST passes all rows as one
 *   JSON value. That is done here, too, unless some rows leave a column to its default: those are refused.
 * Goes when: lite does so itself.
 */

import {
  ColumnNode,
  type InsertQueryNode,
  type KyselyPlugin,
  type OperationNode,
  type PrimitiveValueListNode,
  RawNode,
  type RootOperationNode,
  sql,
  type ValueListNode,
  ValueNode,
} from "kysely";
import type { ChangePlan, ConnectionInternals } from "./lite_internals.ts";
import { notSingle } from "./single_object.ts";

/** The maximum number of parameters in postgres.js, which is two less than in the protocol. */
const MAX_PARAMETERS = 65_533;

type Row = Record<string, unknown>;

export function takePayloads(connection: ConnectionInternals): void {
  const prepare = connection.onPostgrestAST.bind(connection);
  connection.onPostgrestAST = async (plan, vars) => {
    const prepared = await prepare(plan, vars);
    if (prepared.values !== undefined && prepared.values !== null) settle(prepared);
    return prepared;
  };
  const withContext = connection.withContext.bind(connection);
  connection.withContext = (vars, work, options) =>
    withContext(vars, (database) => work(database.withPlugin(new Inserts())), options);
}

function settle(plan: ChangePlan): void {
  if (typeof plan.values !== "object") plan.values = []; // A number or a string has no rows.
  const isUpdate = plan.type === "update";
  if (isUpdate && Array.isArray(plan.values)) plan.values = plan.values[0] ?? {};
  for (const row of Array.isArray(plan.values) ? plan.values : [plan.values]) {
    if (isRow(row)) complete(row, plan);
  }
  if (!isUpdate || !isRow(plan.values) || Object.keys(plan.values).length > 0) return;
  if (plan.$meta?.cardinality === "one") throw notSingle(0);
  // Nothing will be executed, so nothing needs to be filtered.
  if (Object.keys(plan.where ?? {}).length === 0) plan.where = { $and: [] };
}

/** Sets the columns that a row does not have. For Kysely, undefined means the default of a new row. */
function complete(row: Row, { type, $meta }: ChangePlan): void {
  const isDefault = $meta?.missing === "default";
  for (const column of $meta?.columns ?? []) {
    if (Object.hasOwn(row, column)) continue;
    row[column] = !isDefault ? null : type === "update" ? sql`default` : undefined;
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Inserts implements KyselyPlugin {
  transformQuery({ node }: { node: RootOperationNode }): RootOperationNode {
    if (node.kind !== "InsertQueryNode" || node.values?.kind !== "ValuesNode") return node;
    const rows = (node.values as OperationNode & { values: readonly RowNode[] }).values;
    if (!node.columns?.length) return defaults(node, rows.length);
    if (rows.length * node.columns.length <= MAX_PARAMETERS || !rows.every(isPlain)) return node;
    return asJson(node, node.columns, rows);
  }

  transformResult<T>({ result }: { result: T }): Promise<T> {
    return Promise.resolve(result);
  }
}

/** Kysely's two forms of a row. The second has a node for each value, which a default value needs. */
type RowNode = PrimitiveValueListNode | ValueListNode;

function isPlain(row: RowNode): row is PrimitiveValueListNode {
  return row.kind === "PrimitiveValueListNode";
}

/** Rows of default values. They have no values that could overwrite another row. */
function defaults(node: InsertQueryNode, count: number): InsertQueryNode {
  const { onConflict } = node;
  return {
    ...node,
    columns: undefined,
    values: raw(["select from generate_series(1, ", ")"], ValueNode.create(count)),
    onConflict: onConflict && { ...onConflict, updates: undefined, doNothing: true },
  };
}

/** All rows in one parameter. The row type of the table determines how each column is read. */
function asJson(
  node: InsertQueryNode,
  columns: readonly ColumnNode[],
  rows: readonly PrimitiveValueListNode[],
): InsertQueryNode {
  const names = columns.map(({ column }) => column.name);
  const objects = rows.map(({ values }) => Object.fromEntries(names.map((name, i) => [name, values[i]])));
  const separators = names.map((_, i) => i === 0 ? "select " : ", ");
  return {
    ...node,
    values: raw(
      [...separators, " from json_populate_recordset(null::", ", ", "::text::json)"],
      ...names.map((name) => ColumnNode.create(name)),
      node.into!,
      ValueNode.create(JSON.stringify(objects)),
    ),
  };
}

function raw(fragments: string[], ...parameters: OperationNode[]): RawNode {
  return RawNode.create(fragments, parameters);
}
