/**
 * Who may call a function that is for the project's own programs: whoever sends a secret key in the header `apikey`.
 *
 * Such a function has `verify_jwt = false`, because a secret key is not a token.
 */

import type { Environment } from "./environment.ts";
import { problem } from "./http.ts";

/** The reply to a caller without a secret key, or null where the caller has one. */
export async function refuseWithoutSecretKey(
  request: Request,
  environment: Pick<Environment, "secretKeys">,
): Promise<Response | null> {
  const given = request.headers.get("apikey");
  if (given !== null && await isOneOf(given, environment.secretKeys)) return null;
  return problem(401, "UNAUTHORIZED", "Send a secret key of the project in the header `apikey`.");
}

/** Compares digests, and all of them, so that the time taken reveals nothing about the keys. */
async function isOneOf(given: string, keys: string[]): Promise<boolean> {
  const wanted = await digest(given);
  let found = 0;
  for (const key of keys) {
    const candidate = await digest(key);
    let difference = 0;
    for (let index = 0; index < wanted.length; index++) difference |= wanted[index] ^ candidate[index];
    found |= Number(difference === 0);
  }
  return found === 1;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
