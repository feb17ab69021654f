/**
 * What an address of a piece of music stands for:
 *
 *     POST /music {"url": "https://..."} -> {"url", "provider", "title", "artist"}
 *
 * For people who are signed in, so that nobody uses it as a relay: the project's keys are in every app, and open
 * nothing here. Whose token it is, and whether the account is still there, is asked of the project's Auth.
 */

import { problem, readObject, userToken } from "../_shared/platform/http.ts";
import type { Music } from "./resolve.ts";

export interface Deps {
  /** Whether this is the token of an account that is there. */
  isPerson(token: string): Promise<boolean>;
  resolve(url: string): Promise<Music>;
}

const LONGEST_BODY = 8192;
const LONGEST_ADDRESS = 2000;

export const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, apikey, content-type, x-client-info",
  "access-control-allow-methods": "POST, OPTIONS",
};

export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Use POST.", { ...CORS, allow: "POST, OPTIONS" });
  }
  const token = userToken(request);
  if (token === null || !isUsers(token) || !await deps.isPerson(token)) {
    return problem(401, "UNAUTHORIZED", "Sign in, and send your token in `Authorization`.", CORS);
  }
  const body = await readObject(request, LONGEST_BODY, CORS);
  if ("refused" in body) return body.refused;
  const url = addressIn(body.value);
  if (url === null) {
    return problem(
      400,
      "MG001",
      'Send {"url": "..."} with an address that begins with http:// or https://.',
      CORS,
    );
  }
  return Response.json(await deps.resolve(url), { headers: { ...CORS, "cache-control": "no-store" } });
}

/**
 * Return true if a token says of itself that it is a person's. The older keys are tokens as well, of a role and of
 * nobody.
 */
function isUsers(token: string): boolean {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims.sub === "string" && claims.role === "authenticated";
  } catch {
    return false;
  }
}

function addressIn({ url }: Record<string, unknown>): string | null {
  if (typeof url !== "string" || url.length > LONGEST_ADDRESS) return null;
  const trimmed = url.trim();
  // deno-lint-ignore no-control-regex
  return /^https?:\/\/[^\s\u0000-\u001f\u007f]+$/i.test(trimmed) && trimmed.isWellFormed() ? trimmed : null;
}
