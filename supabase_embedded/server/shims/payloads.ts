/**
 * Takes what a change is to write as PostgREST takes it: `{}`, `[]`, keys that are missing, and as many rows as there are.
 *
 * Why, one by one:
 * - lite writes `insert into t () values ()` for rows without keys, which is no SQL: they are rows of default values;
 * - an update without anything to set is answered where it is `{}`, not where it is `[]`, `[{}]`, asked for as a single
 *   object, or without a filter;
 * - with `columns=`, lite leaves a key that a row does not have to the column's default, and says null all the same. It
 *   is null, or the default where the client prefers `missing=default`;
 * - lite gives each value a parameter, and a statement takes 65,535 of them. PostgREST gives all rows as one JSON. That
 *   is done here, too, unless some rows leave a column to its default: those are refused.
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

/** How many parameters postgres.js gives to a statement, which is two less than the protocol lets it. */
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
  if (typeof plan.values !== "object") plan.values = []; // A number or a text holds no rows.
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

/** Says of each column that was named what it becomes. To kysely, undefined is the default of a new row. */
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

/** kysely's two forms of a row. In the second, each value is a node, as those of it are that are left to the default. */
type RowNode = PrimitiveValueListNode | ValueListNode;

function isPlain(row: RowNode): row is PrimitiveValueListNode {
  return row.kind === "PrimitiveValueListNode";
}

/** So many rows of default values. There is nothing in them that could overwrite another row. */
function defaults(node: InsertQueryNode, count: number): InsertQueryNode {
  const { onConflict } = node;
  return {
    ...node,
    columns: undefined,
    values: raw(["select from generate_series(1, ", ")"], ValueNode.create(count)),
    onConflict: onConflict && { ...onConflict, updates: undefined, doNothing: true },
  };
}

/** All rows in one parameter. The table's own type says what each of its columns reads. */
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
