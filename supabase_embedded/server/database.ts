/**
 * Connections to Postgres: one pool for each service, with no more rights than the service needs.
 *
 * | pool | login | may |
 * | --- | --- | --- |
 * | Data API | `authenticator` | become `anon`, `authenticated`, `service_role` |
 * | Auth | `supabase_auth_admin` | use schema `auth`, which it owns |
 * | Storage | `supabase_storage_admin` | use schema `storage`, whose tables it owns, and become the caller's role |
 * | catalog | the superuser, read-only | see all tables and functions, and listen for schema changes |
 */

import postgres, {
  type Helper,
  type Options,
  type ParameterOrFragment,
  type PostgresType,
  type Row,
  type RowList,
  type Sql,
  type TransactionSql,
} from "postgres";
import { Clients } from "./shims/clients.ts";
import { postgresTypes } from "./shims/postgres_types.ts";

/** The part of postgres.js that is used here. */
export interface Database {
  <T extends readonly object[] = Row[]>(
    query: TemplateStringsArray,
    ...values: readonly ParameterOrFragment<never>[]
  ): Promise<RowList<T>>;
  /** Names and values, or a list, to insert into a query. */
  (part: object): Helper<object>;
  begin<T>(work: (transaction: TransactionSql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

type PoolOptions = Options<Record<string, PostgresType>>;

/** The options of every pool, including those inside lite. */
export function poolOptions(max: number): PoolOptions {
  return {
    max,
    // Idle connections would delay `drop database`, and a restart of the database would be noticed later.
    idle_timeout: 30,
    connect_timeout: 5,
    // The database is on this machine: after a restart the next request must not wait for a long pause.
    backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 0.5),
    onnotice: () => {},
    connection: { application_name: "supabase_embedded" },
  };
}

export function openPool(
  url: string,
  max: number,
  types: Record<string, PostgresType> = postgresTypes,
): Database {
  const options = poolOptions(1);
  const connection = { ...options.connection, TimeZone: "UTC" };
  const clients = new Clients(
    (onclose) => postgres(url, { ...options, connection, types, onclose }) as Sql,
    max,
  );
  const parts = postgres(url, options) as (part: object) => unknown; // It never connects.
  const query = (first: object, ...values: readonly ParameterOrFragment<never>[]) =>
    "raw" in first
      ? clients.lend(async (sql) => await sql(first as TemplateStringsArray, ...values))
      : parts(first);
  return Object.assign(query, {
    begin: <T>(work: (transaction: TransactionSql) => Promise<T>) =>
      clients.lend(async (sql) => await sql.begin(work) as T),
    close: () => clients.close(),
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

/** Whether the error means that the database is unreachable, not that it refused a statement. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code !== "string") return false;
  // During a reset the database accepts no connections.
  if (code === "55000") return error.message.includes("not currently accepting connections");
  return UNREACHABLE.has(code) || code.startsWith("08");
}

/** Whether the statement was not sent because it has more parameters than Postgres accepts. */
export function hasTooManyParameters(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "MAX_PARAMETERS_EXCEEDED";
}

/** An error of Postgres, with a SQLSTATE. */
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
