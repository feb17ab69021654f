/**
 * Gives lite connections that fail when they are lost, instead of hanging.
 *
 * Why: lite (through kysely) takes each connection with postgres.js' `reserve()`. When the database goes away while
 * one is reserved or waited for, that never returns, and the slot in the pool is lost (porsager/postgres
 * issues 1195 and 1199).
 * Goes when: those issues are closed.
 */

import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import postgres, { type PostgresType } from "postgres";
import { hasTooManyParameters, poolOptions } from "../database.ts";
import { currentRequest } from "../request_context.ts";
import { type Client, Clients } from "./clients.ts";

type Types = Record<string, PostgresType>;
type Settings = Record<string, string | boolean>;

/** Opens a connection of lite with at most `size` sessions. Its `close()` ends them all. */
export function openLite(
  url: string,
  size: number,
  types: Types,
  settings: Settings = {},
): PostgresConnection {
  const connection = createPostgresConnection({ url, postgresOptions: poolOptions(1) });
  const options = poolOptions(1);
  const clients = new Clients((onclose) =>
    postgres(url, {
      ...options,
      connection: { ...options.connection, TimeZone: "UTC", ...settings },
      types,
      onclose,
    }), size);
  Object.defineProperty(connection.driver, "reserve", { value: () => reserve(clients) });
  connection.close = () => clients.close();
  return connection;
}

/** The part of a reserved connection that Kysely uses. */
interface Reserved {
  unsafe(text: string, parameters: unknown[]): Promise<unknown>;
  release(): void;
}

async function reserve(clients: Clients): Promise<Reserved> {
  const client = await clients.take();
  return {
    unsafe: (text, parameters) => run(client, text, parameters),
    release: () => clients.release(client),
  };
}

async function run(client: Client, text: string, parameters: unknown[]): Promise<unknown> {
  try {
    // A new connection would not be in the transaction of the old one.
    if (client.lost) {
      throw Object.assign(new Error("The connection was lost."), { code: "CONNECTION_CLOSED" });
    }
    // Statements with parameters recur, so they are prepared.
    return await client.sql.unsafe(text, parameters as never[], { prepare: parameters.length > 0 });
  } catch (error) {
    if (isLoss(error)) client.lost = true;
    const request = currentRequest();
    if (request) request.databaseError = error;
    throw error;
  }
}

function isLoss(error: unknown): boolean {
  return error instanceof Error && !hasTooManyParameters(error) &&
    !("severity" in error && (error as { severity?: unknown }).severity === "ERROR");
}
