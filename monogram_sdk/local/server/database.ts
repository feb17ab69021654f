/**
 * Connections to Postgres, one pool a service, each with no more rights than the service needs.
 *
 * | pool | login | may |
 * | --- | --- | --- |
 * | Data API | `authenticator` | become `anon`, `authenticated`, `service_role` |
 * | Auth | `supabase_auth_admin` | use schema `auth`, which it owns |
 * | Storage | `supabase_storage_admin` | use schema `storage`, whose tables it owns, and become the caller's role |
 * | catalog | the superuser, read-only | see all tables and functions, and listen for schema changes |
 */

import postgres, { type Options, type PostgresType, type Sql } from "postgres";
import { postgresTypes } from "./shims/postgres_types.ts";

export type Database = Sql;

type PoolOptions = Options<Record<string, PostgresType>>;

/** What every pool shares, those inside lite included. */
export function poolOptions(max: number): PoolOptions {
  return {
    max,
    // Idle connections would hold up `drop database` for nothing, and make a restart slower to notice.
    idle_timeout: 30,
    connect_timeout: 5,
    // The database is on this machine: after a restart the next request must not wait out a long pause.
    backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 0.5),
    onnotice: () => {},
    connection: { application_name: "monogram" },
  };
}

export function openPool(
  url: string,
  max: number,
  types: Record<string, PostgresType> = postgresTypes,
): Database {
  const options = poolOptions(max);
  return postgres(url, {
    ...options,
    connection: { ...options.connection, TimeZone: "UTC" },
    types,
  }) as Database;
}

const UNREACHABLE = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "3D000", // the database does not exist: it is being reset
  "53300", // too many connections
  "57P01", // administrator command
  "57P02", // crash
  "57P03", // starting up or shutting down
  "57P04", // the database was dropped
]);

/** Whether the error means that the database is away, as opposed to that it refused something. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code !== "string") return false;
  // While it is being replaced by a fresh one, a database lets nobody in.
  if (code === "55000") return error.message.includes("not currently accepting connections");
  return UNREACHABLE.has(code) || code.startsWith("08");
}

/** What Postgres has against a statement, with a SQLSTATE. */
export interface DatabaseError extends Error {
  code: string;
  detail?: string;
  hint?: string;
  constraint_name?: string;
}

export function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code)) &&
    "severity" in error && !isUnreachable(error);
}
