/**
 * Writes Postgres values as PostgREST does.
 *
 * Why: postgres.js turns times into `Date`, which has no microseconds (keyset paging needs them), lite leaves them
 * as Postgres prints them, with a space (the Python client refuses that), and both lose the trailing zeros or the
 * precision of `numeric`.
 * Goes when: lite returns these types as PostgREST does.
 */

import type { PostgresType } from "postgres";

const asIs = (value: unknown) => value;

/** `2026-11-23 00:04:29.673123+00` becomes `2026-11-23T00:04:29.673123+00:00`; `infinity` stays. */
export function isoTimestamp(value: string): string {
  const match = value.match(/^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?)?( BC)?$/);
  if (!match) return value;
  const [, day, time, hours, minutes = ":00", era = ""] = match;
  return `${day}T${time}${hours ? hours + minutes : ""}${era}`;
}

/** A number that JSON prints exactly as the database did. */
export function exactNumber(value: string): unknown {
  if (!/^-?\d+(\.\d+)?$/.test(value)) return value; // JSON does not have NaN and the infinities.
  const number = Number(value);
  return String(number) === value ? number : new ExactNumber(value);
}

/** Digits that a JavaScript number cannot hold, such as the last zero of `1.50`. */
class ExactNumber {
  constructor(private readonly digits: string) {}

  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.digits);
  }

  toString(): string {
    return this.digits;
  }
}

function type(oid: number, parse: (value: string) => unknown): PostgresType {
  return { to: oid, from: [oid], serialize: asIs, parse };
}

export const postgresTypes: Record<string, PostgresType> = {
  bigint: { ...type(20, exactNumber), serialize: String },
  json: json(114),
  jsonb: json(3802),
  date: type(1082, asIs),
  time: type(1083, asIs),
  timetz: type(1266, asIs),
  interval: type(1186, asIs),
  timestamp: type(1114, isoTimestamp),
  timestamptz: type(1184, isoTimestamp),
  numeric: { ...type(1700, exactNumber), serialize: String },
};

/**
 * The same for Auth, whose code passes JSON as text: the text must not be quoted again, or `raw_user_meta_data` becomes
 * a JSON string that triggers cannot read.
 */
export const authTypes: Record<string, PostgresType> = {
  ...postgresTypes,
  json: jsonText(114),
  jsonb: jsonText(3802),
};

function json(oid: number): PostgresType {
  return { to: oid, from: [oid], serialize: JSON.stringify, parse: JSON.parse };
}

function jsonText(oid: number): PostgresType {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
    parse: JSON.parse,
  };
}
