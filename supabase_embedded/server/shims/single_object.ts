/**
 * Returns a single object if the client asks for one after a change with embedded rows.
 *
 * Why: `.insert(...).select("*, other(*)").single()` gets an array from lite, and a change of no row or several rows is
 * not rolled back.
 * Goes when: lite honours `Accept` on that path, too.
 */

import { currentRequest } from "../request_context.ts";
import type { ConnectionInternals } from "./lite_internals.ts";
import { PostgrestError } from "./postgrest_errors.ts";

const OBJECT = "application/vnd.pgrst.object+json";

export function honourSingleObject(connection: ConnectionInternals): void {
  const withContext = connection.withContext.bind(connection);
  // Inside the transaction, so that an error rolls back the change.
  connection.withContext = (vars, work, options) =>
    withContext(vars, async (database) => await asObject(await work(database)), options);
}

async function asObject<T>(result: T): Promise<T> {
  const request = currentRequest();
  if (!(result instanceof Response) || !result.ok || !request?.headers.accept?.includes(OBJECT)) {
    return result;
  }
  if (request.method === "GET" || request.method === "HEAD") return result;
  if (!result.headers.get("content-type")?.startsWith("application/json")) return result;
  const rows: unknown = await result.clone().json();
  if (!Array.isArray(rows)) return result;
  if (rows.length !== 1) {
    throw notSingle(rows.length);
  }
  const text = await result.text();
  const headers = new Headers(result.headers);
  headers.set("content-type", `${OBJECT}; charset=utf-8`);
  headers.delete("content-length");
  // Cut out of the text, because parsing would lose digits.
  const body = text.slice(text.indexOf("[") + 1, text.lastIndexOf("]"));
  return new Response(body, { status: result.status, headers }) as T;
}

export function notSingle(count: number): PostgrestError {
  return new PostgrestError("PGRST116", 406, {
    code: "PGRST116",
    message: "Cannot coerce the result to a single JSON object",
    details: `The result contains ${count} rows`,
    hint: null,
  });
}
