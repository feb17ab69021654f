/** The identity of a socket or a channel: claims from the API key of the connection or from a user's token. */

import { decodeJwt } from "jose";
import { type Caller, type Keys, TokenError } from "../keys.ts";

export interface Identity {
  /** The database role that policies see. */
  role: string;
  claims: Record<string, unknown>;
  /** The claims as policies read them. Equal strings mean equal rights. */
  claimsJson: string;
  /** Seconds since 1970; null if the identity does not expire, as that of an API key. */
  expiresAt: number | null;
  /** The token that it came from, to recognise it if the client sends it again. */
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

/** @throws IdentityError The identity has expired. */
export function requireCurrent(identity: Identity): void {
  if (identity.expiresAt !== null && identity.expiresAt * 1000 <= Date.now()) {
    throw expired(identity.expiresAt);
  }
}

/** An expiry is checked again at the latest after this time; timers cannot run much longer. */
const MAX_TIMER_MS = 3_600_000;

/** Calls back when the current identity has expired. */
export class ExpiryTimer {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly current: () => Identity,
    private readonly onExpiry: (error: IdentityError) => void,
  ) {}

  watch(): void {
    this.stop();
    const { expiresAt } = this.current();
    if (expiresAt === null) return;
    const remaining = Math.max(0, expiresAt * 1000 - Date.now());
    this.#timer = setTimeout(() => {
      try {
        requireCurrent(this.current());
        this.watch();
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error;
        this.onExpiry(error);
      }
    }, Math.min(remaining, MAX_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function expired(expiresAt: number): IdentityError {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - expiresAt));
  return new IdentityError("InvalidJWTToken", `Token has expired ${seconds} seconds ago`);
}
