/** Writes values of changed rows as JSON, as `to_jsonb` and the Data API do. */

import { isoTimestamp } from "../shims/postgres_types.ts";
import type { TableColumn } from "./catalog.ts";

const NUMBERS = new Set(["int2", "int4", "int8", "float4", "float8", "numeric", "oid"]);
const JSON_TYPES = new Set(["json", "jsonb"]);
const TIMESTAMPS = new Set(["timestamp", "timestamptz"]);
const STRINGS = new Set([
  "text",
  "varchar",
  "bpchar",
  "name",
  "char",
  "uuid",
  "date",
  "time",
  "timetz",
  "interval",
  "bytea",
  "inet",
  "cidr",
  "macaddr",
  "macaddr8",
  "bit",
  "varbit",
  "money",
  "xml",
  "tsvector",
  "tsquery",
]);

/** A value as JSON; null if only the database can write it: arrays, composites, domains and types of extensions. */
export function toJson(column: TableColumn, value: string | null): string | null {
  if (value === null) return "null";
  const { type, kind } = column;
  if (kind === "e" || kind === "r") return JSON.stringify(value);
  if (type === "bool") return value === "t" ? "true" : "false";
  if (NUMBERS.has(type)) return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value) ? value : JSON.stringify(value);
  if (JSON_TYPES.has(type)) return value;
  if (TIMESTAMPS.has(type)) return JSON.stringify(isoTimestamp(value));
  return STRINGS.has(type) ? JSON.stringify(value) : null;
}
