/**
 * Identifies the client that opens a socket. A refusal is a plain HTTP reply, `{"error": ...}`, in the platform's
 * words.
 */

import { decodeJwt } from "jose";
import { ApiKeyError, type Keys } from "../keys.ts";
import { fromCaller, fromToken, type Identity, IdentityError } from "./identity.ts";

/** The socket is refused. */
export class HandshakeError extends Error {
  override name = "HandshakeError";
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** The identity of the API key, which may also come in the header `x-api-key`. */
export async function identifyConnection(keys: Keys, request: Request, url: URL): Promise<Identity> {
  const key = request.headers.get("x-api-key") ?? request.headers.get("apikey") ??
    url.searchParams.get("apikey");
  if (!key) throw new HandshakeError(401, "API key is missing");
  const headers = new Headers({ apikey: key, "user-agent": request.headers.get("user-agent") ?? "" });
  try {
    const caller = await keys.requireKey(new Request(request.url, { headers }), url);
    return fromCaller(caller);
  } catch (error) {
    if (!(error instanceof ApiKeyError)) throw error;
    throw new HandshakeError(401, await reason(keys, key, error));
  }
}

/** What policies see in `request.headers`: as on the platform, the headers `x-...`, but not the key. */
export function policyHeaders({ headers }: Request): string {
  return JSON.stringify(
    Object.fromEntries([...headers].filter(([name]) => name.startsWith("x-") && name !== "x-api-key")),
  );
}

/** What is wrong with a key. A token may be malformed or expired, not only unknown. */
async function reason(keys: Keys, key: string, refusal: ApiKeyError): Promise<string> {
  if (key.startsWith("sb_")) return refusal.message;
  try {
    decodeJwt(key);
  } catch {
    return "The token provided is not a valid JWT";
  }
  try {
    await fromToken(keys, key);
    return refusal.message;
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    return error.message.startsWith("Token has expired") ? "Token has expired" : error.message;
  }
}
