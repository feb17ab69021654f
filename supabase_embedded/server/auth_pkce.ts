/**
 * Links in mails that bring a code rather than tokens (PKCE, RFC 7636), as GoTrue has them. lite knows codes from other
 * services only, and redeems all codes.
 *
 * - A request that sends a mail may carry `code_challenge` and `code_challenge_method`. The link's token then begins
 *   with `pkce_`, and a row of `auth.flow_state` keeps the challenge.
 * - Whoever opens the link is led on with `?code=`, and with no session.
 * - `POST /token?grant_type=pkce` exchanges the code, once, for whoever has the verifier.
 */

import { decodeJwt } from "jose";
import { AuthError } from "./auth_errors.ts";
import type { Database } from "./database.ts";
import { peekJsonObject, rewriteRequest } from "./http.ts";

const PREFIX = "pkce_";

/** What may send a mail whose link brings a code. GoTrue's `/resend` sends links that bring tokens. */
const BEGINS = new Set(["POST /otp", "POST /magiclink", "POST /recover", "POST /signup", "PUT /user"]);

/** The verification type of a link -> GoTrue's name for how somebody signs in by it. */
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

/** A mail that was sent while a request was answered. */
export interface SentMail {
  type: string;
  /** Of its link. */
  hash: string;
}

/** The token of a link: the hash, and a mark for links that bring a code. */
export function linkToken(hash: string, challenge: Challenge | undefined): string {
  return challenge ? PREFIX + hash : hash;
}

/** How a session came to be that was made of a code; null for codes of other services. */
export function mailMethod(providerType: string | undefined): string | null {
  return providerType && Object.values(METHODS).includes(providerType) ? providerType : null;
}

/** What a request says about the code that its mail's link is to bring. */
export async function challengeOf(request: Request, path: string): Promise<Challenge | undefined> {
  if (!BEGINS.has(`${request.method} ${path}`)) return undefined;
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

/** Keep the challenge for those who got a mail. */
export async function keepChallenge(
  database: Database,
  { challenge, method }: Challenge,
  mails: SentMail[],
): Promise<void> {
  await database`delete from auth.flow_state where created_at < now() - interval '1 day'`;
  const begun = new Set<string>();
  for (const { type, hash } of mails) {
    const user = await userOf(database, hash);
    if (!user || begun.has(user + type)) continue;
    begun.add(user + type);
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
 * Verify the token of a link, by lite, which knows no marks.
 *
 * @param verify Verifies a request, and answers where it leads.
 */
export async function followLink(
  database: Database,
  request: Request,
  url: URL,
  verify: (request: Request, url: URL) => Promise<Response>,
): Promise<Response> {
  if (request.method === "POST") return await verify(await withoutMark(request), url);
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
  const brought = new URLSearchParams(place.hash.slice(1));
  const accessToken = brought.get("access_token");
  if (!accessToken) return leadOn(place, brought);
  await endSession(database, accessToken);
  // A magic link may wait in the mailbox; its code lives from now on, other codes from the request for the mail.
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
  if (!flow) return leadOn(place, refusal("flow_state_not_found", "No valid flow state found for user."));
  place.hash = "";
  place.searchParams.set("code", flow.auth_code);
  return Response.redirect(place, 303);
}

/** Errors stand in the query as well as in the fragment. */
function leadOn(place: URL, problem: URLSearchParams): Response {
  place.hash = problem.toString();
  for (const [name, value] of problem) place.searchParams.set(name, value);
  return Response.redirect(place, 303);
}

function refusal(code: string, message: string): URLSearchParams {
  return new URLSearchParams({ error: "access_denied", error_code: code, error_description: message });
}

/** lite has made a session, and the link is not to bring one. */
async function endSession(database: Database, accessToken: string): Promise<void> {
  await database`delete from auth.sessions where id = ${String(decodeJwt(accessToken).session_id)}`;
}

async function withoutMark(request: Request): Promise<Request> {
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
