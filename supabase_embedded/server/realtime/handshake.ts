/** Who opens a socket. Every refusal is a plain answer, `{"error": ...}`, with the platform's words. */

import { decodeJwt } from "jose";
import { ApiKeyError, type Keys } from "../keys.ts";
import { fromCaller, fromToken, type Identity, IdentityError } from "./identity.ts";

/** The socket is not opened. */
export class HandshakeError extends Error {
  override name = "HandshakeError";
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** The identity behind the API key, which may come in the header `x-api-key` too. */
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

/** What policies see in `request.headers`: as on the platform, the headers `x-...`. Keys are not their business. */
export function policyHeaders({ headers }: Request): string {
  return JSON.stringify(
    Object.fromEntries([...headers].filter(([name]) => name.startsWith("x-") && name !== "x-api-key")),
  );
}

/** What is wrong with a key: of a token more can be said than that it is not the right one. */
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
