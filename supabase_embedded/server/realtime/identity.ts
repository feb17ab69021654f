/** Who is behind a socket or a channel: claims, from the API key of the connection or from a user's token. */

import { decodeJwt } from "jose";
import { type Caller, type Keys, TokenError } from "../keys.ts";

export interface Identity {
  /** The database role that policies see. */
  role: string;
  claims: Record<string, unknown>;
  /** The claims as policies read them; equal texts mean equal rights. */
  claimsJson: string;
  /** Seconds since 1970, or null where the identity does not expire: an API key. */
  expiresAt: number | null;
  /** The token that it came from, to recognise it when it is sent again. */
  token: string | null;
}

/** A token is not accepted. `code` and message are the platform's. */
export class IdentityError extends Error {
  override name = "IdentityError";
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

const CLAIMS_MISSING = "Fields `role` and `exp` are required in JWT";

export function fromCaller(caller: Caller): Identity {
  const { exp } = caller.claims;
  return {
    role: caller.role,
    claims: caller.claims,
    claimsJson: JSON.stringify(caller.claims),
    expiresAt: typeof exp === "number" ? exp : null,
    token: null,
  };
}

export async function fromToken(keys: Keys, token: string): Promise<Identity> {
  let claims: Record<string, unknown>;
  try {
    claims = await keys.verify(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    if (error.reason === "expired") throw expired(Number(decodeJwt(token).exp));
    if (error.reason === "malformed") {
      throw new IdentityError("MalformedJWT", "The token provided is not a valid JWT");
    }
    throw new IdentityError("JwtSignatureError", "Failed to validate JWT signature");
  }
  const { role, exp } = claims;
  if (typeof role !== "string" || role === "" || typeof exp !== "number") {
    throw new IdentityError("InvalidJWTToken", CLAIMS_MISSING);
  }
  return { role, claims, claimsJson: JSON.stringify(claims), expiresAt: exp, token };
}

/** Throws where the time of an identity is over. */
export function requireCurrent(identity: Identity): void {
  if (identity.expiresAt !== null && identity.expiresAt * 1000 <= Date.now()) {
    throw expired(identity.expiresAt);
  }
}

function expired(expiresAt: number): IdentityError {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - expiresAt));
  return new IdentityError("InvalidJWTToken", `Token has expired ${seconds} seconds ago`);
}
