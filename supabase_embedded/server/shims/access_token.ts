/**
 * Adds GoTrue's claims to access tokens.
 *
 * Why: lite's tokens hold the user's id, email, role and session only. Policies read `auth.jwt() -> 'app_metadata'`,
 * and clients read the other claims without a request.
 * Goes when: lite issues these claims.
 */

import { decodeJwt, SignJWT } from "jose";

export interface IssuedSession {
  access_token: string;
  expires_at: number;
  user: {
    email: string;
    phone: string;
    app_metadata: Record<string, unknown>;
    user_metadata: Record<string, unknown>;
    is_anonymous: boolean;
  };
}

/** How and when the user signed in; `timestamp` in seconds since 1970. */
export interface SignIn {
  method: string;
  timestamp: number;
}

/** Signs the session's token again, with all claims. */
export async function completeAccessToken<T extends IssuedSession>(
  session: T,
  issuer: string,
  secret: string,
  signIn: SignIn | null,
): Promise<T> {
  const issued = decodeJwt(session.access_token);
  const { user } = session;
  const claims = {
    iss: issuer,
    ...issued,
    email: user.email,
    phone: user.phone,
    app_metadata: user.app_metadata,
    user_metadata: user.user_metadata,
    aal: "aal1",
    ...(signIn ? { amr: [signIn] } : {}),
    is_anonymous: user.is_anonymous,
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
  return { ...session, access_token: token };
}

/** The id of a session, from its token. */
export function sessionOf(session: IssuedSession): string {
  return String(decodeJwt(session.access_token).session_id);
}
