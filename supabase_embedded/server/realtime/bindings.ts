/** A client's subscription to changes: an event, a table, filters, columns. */

import { type Filter, FilterError, parseFilters } from "./filters.ts";
import type { Operation } from "./pgoutput.ts";

export interface Binding {
  /** The client recognises the binding by it. */
  id: number;
  event: Operation | "*";
  /** `*` means all. */
  schema: string;
  table: string;
  filters: Filter[];
  /** The columns to send; null for all. */
  select: string[] | null;
}

/** A binding that can never work. The message is the platform's. */
export class BindingError extends Error {
  override name = "BindingError";
}

export function parseBinding(params: Record<string, unknown>): Binding {
  const { schema, table, filter } = params;
  const select = parseSelect(params.select);
  const binding: Binding = {
    id: bindingId(params),
    event: parseEvent(params.event),
    schema: "public",
    table: "*",
    filters: [],
    select,
  };
  if (typeof schema === "string" && typeof table === "string" && typeof filter === "string") {
    try {
      Object.assign(binding, { schema, table, filters: parseFilters(filter) });
    } catch (error) {
      if (error instanceof FilterError) {
        throw new BindingError(`Error parsing \`filter\` params: ${error.message}`);
      }
      throw error;
    }
  } else if (
    filter === undefined && typeof schema === "string" && (table === undefined || typeof table === "string")
  ) {
    Object.assign(binding, { schema, table: table ?? "*" });
  } else if (filter === undefined && typeof table === "string" && schema === undefined) {
    binding.table = table;
  } else {
    throw new BindingError(
      "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: " +
        JSON.stringify(params),
    );
  }
  if (select !== null && (binding.schema === "*" || binding.table === "*")) {
    throw new BindingError(
      "Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name.",
    );
  }
  return binding;
}

/** A hash of the parameters: never 0, and small enough for every client. */
export function bindingId(params: Record<string, unknown>): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify(params))) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 5) + 1;
}

export function concerns(binding: Binding, operation: Operation, schema: string, table: string): boolean {
  return (binding.event === "*" || binding.event === operation) &&
    (binding.schema === "*" || binding.schema === schema) &&
    (binding.table === "*" || binding.table === table);
}

function parseEvent(event: unknown): Binding["event"] {
  const name = typeof event === "string" ? event.toUpperCase() : "*";
  return name === "INSERT" || name === "UPDATE" || name === "DELETE" ? name : "*";
}

function parseSelect(select: unknown): string[] | null {
  if (typeof select === "string") {
    throw new BindingError(
      'Error parsing `select` params: expected a list of column name strings, e.g. select: ["col1", "col2"]',
    );
  }
  const columns = Array.isArray(select) ? select.filter((name) => typeof name === "string") : [];
  return columns.length > 0 ? columns : null;
}

/** A binding as the platform writes it in messages. */
export function describeBinding({ event, schema, table, filters, select }: Binding): string {
  const shown = filters.map(({ column, operator, value, negated }) =>
    `{${JSON.stringify(column)}, "${operator}", ${JSON.stringify(value)}, ${negated}}`
  );
  return `event: ${event}, schema: ${schema}, table: ${table}, filters: [${shown.join(", ")}], ` +
    `select: ${select ? JSON.stringify(select) : "nil"}`;
}
