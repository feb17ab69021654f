/**
 * Identifies callers by API keys and user tokens.
 *
 * The API key gives the role (`sb_publishable_` acts as `anon`, `sb_secret_` as `service_role`); a user's token in
 * `Authorization` then gives the user. Tokens signed with the JWT secret whose role is `anon` or `service_role` are
 * accepted as keys, too, because older clients have nothing else.
 */

import { errors, jwtVerify } from "jose";
import type { Config } from "./config.ts";
import { bearerToken } from "./http.ts";

export interface Caller {
  /** The database role that the request runs as. */
  role: string;
  /** The user's id, if there is a user. */
  userId: string | null;
  /** The claims that policies read with `auth.jwt()`. */
  claims: Record<string, unknown>;
}

/** The API key is missing, unknown, or not allowed here. */
export class ApiKeyError extends Error {
  override name = "ApiKeyError";
  constructor(message: string, readonly errorCode: string, readonly hint?: string) {
    super(message);
  }
}

/** The user's token is malformed, not ours, or expired. */
export class TokenError extends Error {
  override name = "TokenError";
  constructor(message: string, readonly reason: "malformed" | "invalid" | "expired") {
    super(message);
  }
}

/** The user agent of browsers, in which a secret key must not be used. */
const BROWSER = /^\s*Mozilla\s*\/\s*5\s*\.\s*0/i;

export class Keys {
  readonly #secret: Uint8Array;

  constructor(readonly config: Config) {
    this.#secret = new TextEncoder().encode(config.jwtSecret);
  }

  /** The caller by the request's API key; null if it has none. */
  async keyCaller(request: Request, url: URL): Promise<Caller | null> {
    const key = apiKey(request, url);
    if (key === null) return null;
    if (sameText(key, this.config.publishableKey)) return caller({ role: "anon" });
    if (sameText(key, this.config.secretKey)) {
      if (BROWSER.test(request.headers.get("user-agent") ?? "")) {
        throw new ApiKeyError(
          "Forbidden use of secret API key in browser",
          "UNAUTHORIZED_INVALID_API_KEY_TYPE",
        );
      }
      return caller({ role: "service_role" });
    }
    const claims = key.split(".").length === 3 ? await this.verify(key).catch(() => null) : null;
    if (claims?.role === "anon" || claims?.role === "service_role") return caller(claims);
    throw new ApiKeyError(
      "Invalid API key",
      "UNAUTHORIZED_INVALID_API_KEY",
      "Double check your Supabase `apikey`",
    );
  }

  /** As `keyCaller`, for services that require a key. */
  async requireKey(request: Request, url: URL): Promise<Caller> {
    const found = await this.keyCaller(request, url);
    if (found) return found;
    throw new ApiKeyError(
      "No API key found in request",
      "UNAUTHORIZED_MISSING_API_KEY",
      "No `apikey` request header or url param was found.",
    );
  }

  /** The user's token; null if it is missing or only repeats the API key. */
  userToken(request: Request, url: URL): string | null {
    const token = bearerToken(request.headers);
    if (token === null || token.startsWith("sb_") || token === apiKey(request, url)) return null;
    return token;
  }

  /** The caller by a user's token. */
  async tokenCaller(token: string): Promise<Caller> {
    return caller(await this.verify(token));
  }

  async verify(token: string): Promise<Record<string, unknown>> {
    const parts = token.split(".");
    if (parts.length !== 3 || parts.includes("")) {
      throw new TokenError(
        `Expected 3 parts in JWT; got ${parts.filter((part) => part !== "").length}`,
        "malformed",
      );
    }
    try {
      return (await jwtVerify(token, this.#secret, { algorithms: ["HS256"] })).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenError("JWT expired", "expired");
      if (error instanceof errors.JOSEError) {
        throw new TokenError("No suitable key or wrong key type", "invalid");
      }
      throw error;
    }
  }
}

function caller(claims: Record<string, unknown>): Caller {
  return {
    role: typeof claims.role === "string" && claims.role !== "" ? claims.role : "anon",
    userId: typeof claims.sub === "string" ? claims.sub : null,
    claims,
  };
}

function apiKey(request: Request, url: URL): string | null {
  const named = request.headers.get("apikey") ?? url.searchParams.get("apikey");
  if (named) return named;
  const token = bearerToken(request.headers);
  return token?.startsWith("sb_") ? token : null;
}

/** Compares two strings in constant time. */
function sameText(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let i = 0; i < right.length; i++) difference |= left.charCodeAt(i) ^ right.charCodeAt(i);
  return difference === 0;
}
