/**
 * Accepts the verification types `email` and `invite`, and refuses those that GoTrue does not know.
 *
 * Why: current clients send `email` for every code from an email, and lite knows only the older, more specific types.
 * It also accepts the code of a reauthentication for a sign-in, although that code is sent to somebody who is already
 * signed in, to set a password.
 * Goes when: lite does so itself.
 */

import { AuthError } from "../auth_errors.ts";
import type { Database } from "../database.ts";
import { peekJsonObject, rewriteRequest } from "../http.ts";
import { hashCode } from "../one_time_code.ts";

/** The request with a type that lite knows. Requests other than verifications are returned unchanged. */
export async function withExactType(request: Request, url: URL, database: Database): Promise<Request> {
  if (request.method === "GET") {
    const type = url.searchParams.get("type");
    refuseUnknown(type);
    if (!isLoose(type)) return request;
    const target = new URL(url);
    target.searchParams.set("type", await exactType(database, url.searchParams.get("token")));
    return rewriteRequest(request, { url: target });
  }
  const body = await peekJsonObject(request);
  refuseUnknown(body?.type);
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

const TYPES = new Set(["signup", "invite", "magiclink", "recovery", "email", "email_change"]);

function refuseUnknown(type: unknown): void {
  if (typeof type !== "string" || type === "" || TYPES.has(type)) return;
  throw new AuthError(400, "validation_failed", "Unsupported verification type");
}

function isLoose(type: unknown): boolean {
  return type === "email" || type === "invite";
}

/** A code that is not in the column for confirmations is one for signing in. */
async function exactType(database: Database, hash: string | null): Promise<"signup" | "magiclink"> {
  const [user] = await database`select 1 from auth.users where confirmation_token = ${hash} limit 1`;
  return user ? "signup" : "magiclink";
}
