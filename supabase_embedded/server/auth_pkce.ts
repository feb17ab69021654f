/**
 * Links in emails that return a code instead of tokens (PKCE, RFC 7636), as GoTrue has them. lite issues codes only for
 * external providers, but it redeems all codes.
 *
 * - A request that sends an email may have `code_challenge` and `code_challenge_method`. The link's token then begins
 *   with `pkce_`, and a row of `auth.flow_state` keeps the challenge.
 * - The link redirects with `?code=`, and without a session.
 * - `POST /token?grant_type=pkce` exchanges the code, once, for whoever has the verifier.
 */

import { decodeJwt } from "jose";
import { AuthError } from "./auth_errors.ts";
import type { Database } from "./database.ts";
import { peekJsonObject, rewriteRequest } from "./http.ts";

const PREFIX = "pkce_";

/** Calls that send an email whose link returns a code. GoTrue's `/resend` sends links that return tokens. */
const CALLS = new Set(["POST /otp", "POST /magiclink", "POST /recover", "POST /signup", "PUT /user"]);

/** The verification type of a link -> GoTrue's name for the sign-in method. */
const METHODS: Record<string, string> = {
  signup: "email/signup",
  magiclink: "magiclink",
  recovery: "recovery",
  invite: "invite",
  email_change: "email_change",
};

export interface Challenge {
  challenge: string;
  method: "s256" | "plain";
}

/** An email that was sent during a request. */
export interface SentEmail {
  type: string;
  /** The hash in its link. */
  hash: string;
}

/** The token of a link: the hash, with a prefix for links that return a code. */
export function linkToken(hash: string, challenge: Challenge | undefined): string {
  return challenge ? PREFIX + hash : hash;
}

/** The sign-in method of a session that began with a code from an email; null for external providers. */
export function emailMethod(providerType: string | undefined): string | null {
  return providerType && Object.values(METHODS).includes(providerType) ? providerType : null;
}

/** The challenge in a request, for the code that its email's link returns. */
export async function challengeOf(request: Request, path: string): Promise<Challenge | undefined> {
  if (!CALLS.has(`${request.method} ${path}`)) return undefined;
  const body = await peekJsonObject(request);
  const challenge = text(body?.code_challenge), method = text(body?.code_challenge_method).toLowerCase();
  if (!challenge && !method) return undefined;
  if (!challenge || !method) throw invalid("PKCE flow requires code_challenge_method and code_challenge");
  if (challenge.length < 43 || challenge.length > 128) {
    throw invalid("code challenge has to be between 43 and 128 characters");
  }
  if (!/^[a-zA-Z._~0-9-]+$/.test(challenge)) {
    throw invalid(
      "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
    );
  }
  if (method !== "s256" && method !== "plain") throw invalid(`unsupported code_challenge method "${method}"`);
  return { challenge, method };
}

/** Stores the challenge for the recipients of the emails. */
export async function keepChallenge(
  database: Database,
  { challenge, method }: Challenge,
  emails: SentEmail[],
): Promise<void> {
  await database`delete from auth.flow_state where created_at < now() - interval '1 day'`;
  const done = new Set<string>();
  for (const { type, hash } of emails) {
    const user = await userOf(database, hash);
    if (!user || done.has(user + type)) continue;
    done.add(user + type);
    await database`
      insert into auth.flow_state (
        id, user_id, auth_code, authentication_method, provider_type, code_challenge, code_challenge_method,
        created_at, updated_at
      )
      values (
        ${crypto.randomUUID()}, ${user}, ${crypto.randomUUID()}, ${METHODS[type]}, ${
      METHODS[type]
    }, ${challenge},
        ${method}, now(), now()
      )`;
  }
}

/**
 * Verifies the token of a link. lite does the verification, without the prefix.
 *
 * @param verify Verifies a request, and returns the redirect.
 */
export async function followLink(
  database: Database,
  request: Request,
  url: URL,
  verify: (request: Request, url: URL) => Promise<Response>,
): Promise<Response> {
  if (request.method === "POST") return await verify(await withoutPrefix(request), url);
  const token = url.searchParams.get("token") ?? "";
  if (!token.startsWith(PREFIX)) return await verify(request, url);
  const hash = token.slice(PREFIX.length), type = url.searchParams.get("type") ?? "";
  const user = await userOf(database, hash);
  const target = new URL(url);
  target.searchParams.set("token", hash);
  const response = await verify(rewriteRequest(request, { url: target }), target);
  const location = response.headers.get("location");
  if (!location) return response;

  const place = new URL(location);
  const result = new URLSearchParams(place.hash.slice(1));
  const accessToken = result.get("access_token");
  if (!accessToken) return redirectWithError(place, result);
  await endSession(database, accessToken);
  // The code of a magic link is valid from now on; other codes from the time of the request.
  const [flow] = await database`
    update auth.flow_state
    set
      auth_code_issued_at = now(),
      updated_at = now(),
      created_at = case when authentication_method = 'magiclink' then now() else created_at end
    where id = (
      select id from auth.flow_state
      where user_id = ${user} and authentication_method = ${METHODS[type] ?? type}
      order by created_at desc
      limit 1
    )
    returning auth_code`;
  if (!flow) {
    return redirectWithError(
      place,
      accessDenied("flow_state_not_found", "No valid flow state found for user."),
    );
  }
  place.hash = "";
  place.searchParams.set("code", flow.auth_code);
  return Response.redirect(place, 303);
}

/** Redirects with the error in the query as well as in the fragment. */
function redirectWithError(place: URL, problem: URLSearchParams): Response {
  place.hash = problem.toString();
  for (const [name, value] of problem) place.searchParams.set(name, value);
  return Response.redirect(place, 303);
}

function accessDenied(code: string, message: string): URLSearchParams {
  return new URLSearchParams({ error: "access_denied", error_code: code, error_description: message });
}

/** Ends the session that lite has created, because the link must not return one. */
async function endSession(database: Database, accessToken: string): Promise<void> {
  await database`delete from auth.sessions where id = ${String(decodeJwt(accessToken).session_id)}`;
}

async function withoutPrefix(request: Request): Promise<Request> {
  const body = await peekJsonObject(request);
  const hash = text(body?.token_hash);
  if (!hash.startsWith(PREFIX)) return request;
  return rewriteRequest(request, {
    body: JSON.stringify({ ...body, token_hash: hash.slice(PREFIX.length) }),
  });
}

async function userOf(database: Database, hash: string): Promise<string | null> {
  const [user] = await database`
    select id from auth.users
    where ${hash} in (confirmation_token, recovery_token, email_change_token_current, email_change_token_new)
    limit 1`;
  return user?.id ?? null;
}

function invalid(message: string): AuthError {
  return new AuthError(400, "validation_failed", message);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
