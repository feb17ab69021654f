/**
 * Accepts the verification types `email` and `invite`.
 *
 * Why: `email` is what today's clients send for every code that came by mail, and lite knows only the older, more
 * exact types behind it.
 * Goes when: lite accepts them.
 */

import type { Database } from "../database.ts";
import { peekJsonObject, rewriteRequest } from "../http.ts";
import { hashCode } from "../one_time_code.ts";

/** The request with a type that lite knows; anything else than a verification passes unchanged. */
export async function withExactType(request: Request, url: URL, database: Database): Promise<Request> {
  if (request.method === "GET") {
    const type = url.searchParams.get("type");
    if (!isLoose(type)) return request;
    const target = new URL(url);
    target.searchParams.set("type", await exactType(database, url.searchParams.get("token")));
    return rewriteRequest(request, { url: target });
  }
  const body = await peekJsonObject(request);
  if (!isLoose(body?.type)) return request;
  const hash = typeof body?.token_hash === "string"
    ? body.token_hash
    : typeof body?.email === "string" && typeof body.token === "string"
    ? await hashCode(body.email, body.token)
    : null;
  return rewriteRequest(request, {
    body: JSON.stringify({ ...body, type: await exactType(database, hash) }),
  });
}

function isLoose(type: unknown): boolean {
  return type === "email" || type === "invite";
}

/** A code is either in the column for confirmations, or it is one for signing in. */
async function exactType(database: Database, hash: string | null): Promise<"signup" | "magiclink"> {
  const [user] = await database`select 1 from auth.users where confirmation_token = ${hash} limit 1`;
  return user ? "signup" : "magiclink";
}
