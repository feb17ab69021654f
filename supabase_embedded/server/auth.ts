/** `/auth/v1`: sign-up, sign-in and sessions, by lite, and the admin API. */

import { App } from "@supabase/lite";
import type { PostgresConnection } from "@supabase/lite/postgres";
import { decodeJwt } from "jose";
import { refuseMalformedAddress } from "./auth_addresses.ts";
import { AuthAdmin } from "./auth_admin.ts";
import { AuthError, authErrorResponse } from "./auth_errors.ts";
import { AuthMailer } from "./auth_mailer.ts";
import { challengeOf, followLink, keepChallenge } from "./auth_pkce.ts";
import { redirectOf } from "./auth_redirects.ts";
import type { Config } from "./config.ts";
import { type Database, isUnreachable, openPool } from "./database.ts";
import { type Exchange, type Failure, identify } from "./gateway.ts";
import { bearerToken, hasUnstorableText, json, peekJsonObject } from "./http.ts";
import { type Keys, TokenError } from "./keys.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import { type RequestContext, runInContext, visibleHeaders } from "./request_context.ts";
import { type AuthServiceInternals, patchAuthService } from "./shims/auth_service.ts";
import { openLite } from "./shims/lite_connections.ts";
import { authTypes } from "./shims/postgres_types.ts";
import { withExactType } from "./shims/verification_type.ts";

const PREFIX = "/auth/v1";
const POOL_SIZE = 5;
const ADMIN_POOL_SIZE = 2;

/** Paths that a browser opens from a link, without an API key. */
const OPEN = /^\/(callback|authorize|verify|\.well-known\/.*)$/;

export class Auth {
  readonly #connection: PostgresConnection;
  readonly #database: Database;
  readonly #app: App;
  readonly #admin: AuthAdmin;

  constructor(private readonly config: Config, private readonly keys: Keys, mailbox: Mailbox) {
    this.#connection = openLite(config.databaseUrls.auth, POOL_SIZE, authTypes);
    this.#database = openPool(config.databaseUrls.auth, ADMIN_POOL_SIZE, authTypes);
    // lite reads the work factor of its hashes only from this variable.
    Deno.env.set("LITE_AUTH_BCRYPT_COST", String(config.bcryptCost));
    const mailer = new AuthMailer(mailbox, config.apiUrl, config.siteUrl, config.sender);
    this.#app = new App({
      connection: this.#connection,
      api: { external_url: config.apiUrl },
      auth: {
        enabled: true,
        jwt_secret: config.jwtSecret,
        site_url: config.siteUrl,
        additional_redirect_urls: ["http://127.0.0.1:*/**", "http://localhost:*/**"],
        jwt_expiry: config.jwtExpiry,
        enable_signup: config.enableSignup,
        minimum_password_length: config.minimumPasswordLength,
        enable_refresh_token_rotation: true,
        email: {
          enable_signup: config.enableEmailSignup,
          otp_expiry: config.otpExpiry,
          enable_confirmations: config.confirmEmail,
          double_confirm_changes: config.doubleConfirmChanges,
        },
      },
      studio: { enabled: false },
      options: {
        server: {
          disableStudio: true,
          apiKeys: false,
          middlewares: [async (context, next) => {
            patchAuthService(context.var.authService as unknown as AuthServiceInternals, {
              issuer: config.apiUrl + PREFIX,
              jwtSecret: config.jwtSecret,
            }, config);
            await next();
          }],
        },
      },
    });
    this.#app._mailer = mailer;
    this.#admin = new AuthAdmin(this.#database, mailer, config);
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#database.close()]);
  }

  async handle(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    try {
      return await this.#handle(request, url, exchange);
    } catch (error) {
      if (error instanceof AuthError) return authErrorResponse(error);
      throw error;
    }
  }

  fail({ status, message }: Failure): Response {
    return authErrorResponse({ status, code: "unexpected_failure", message });
  }

  async #handle(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    const path = url.pathname.slice(PREFIX.length);
    if (request.method === "OPTIONS") return new Response(null, { status: 204 });
    await refuseUnstorable(request, url);
    refuseMalformedAddress(path, await peekJsonObject(request));
    if (/^\/(admin(\/|$)|invite$)/.test(path)) {
      return await this.#admin.handle(request, url, path, await this.#identifyAdmin(request, url, exchange));
    }
    if (!OPEN.test(path)) exchange.role = (await this.keys.requireKey(request, url)).role;
    const context: RequestContext = {
      method: request.method,
      path,
      headers: visibleHeaders(request.headers),
      redirectTo: redirectOf(request, url, this.config.siteUrl),
      emails: [],
    };
    if (path === "/user" && request.method === "PUT") Object.assign(context, await credentialsOf(request));
    if (path === "/otp") context.signUpData = await signUpData(request);
    const challenge = context.challenge = await challengeOf(request, path);
    const response = await runInContext(context, () => this.#dispatch(request, url, path, context));
    if (challenge && response.ok) await keepChallenge(this.#database, challenge, context.emails ?? []);
    if (response.status < 500) return response;
    return await this.#explain(context);
  }

  async #dispatch(request: Request, url: URL, path: string, context: RequestContext): Promise<Response> {
    if (path !== "/verify") return await this.#app.fetch(request);
    const verify = async (inner: Request, target: URL) => {
      const response = await this.#app.fetch(await withExactType(inner, target, this.#database));
      return verificationResult(response, context);
    };
    return await followLink(this.#database, request, url, verify);
  }

  async #identifyAdmin(request: Request, url: URL, exchange: Exchange) {
    try {
      return await identify(this.keys, request, url, exchange);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      return { role: "anon", userId: null, claims: {} };
    }
  }

  /** Replaces lite's reply to a failure, which is always the same, by what went wrong, in GoTrue's words. */
  async #explain(context: RequestContext): Promise<Response> {
    const { failure, databaseError } = context;
    if (failure) return authErrorResponse(failure);
    if (isUnreachable(databaseError)) throw databaseError; // The gateway replies to it.
    await this.#database`select 1`; // Throws, too, if the database was unreachable before lite used it.
    return authErrorResponse({ status: 500, ...UNEXPECTED });
  }
}

const HALF_CONFIRMED = "Confirmation link accepted. Please proceed to confirm link sent to the other email";

const UNEXPECTED = {
  code: "unexpected_failure",
  message: "Unexpected failure, please check server logs for more information",
};

/** The reply to a verification. lite knows only success and failure. */
function verificationResult(
  response: Response,
  { isHalfConfirmed, failure, databaseError }: RequestContext,
): Response {
  const location = response.headers.get("location");
  const place = location ? new URL(location) : null;
  if (isHalfConfirmed) {
    if (!place) return json(200, { code: "200", msg: HALF_CONFIRMED });
    place.hash = new URLSearchParams({ message: HALF_CONFIRMED }).toString();
  } else if (place && (failure || databaseError)) {
    const error = failure ? "access_denied" : "server_error";
    const { code, message } = failure ?? UNEXPECTED;
    place.hash = new URLSearchParams({ error, error_code: code, error_description: message }).toString();
  } else {
    return response;
  }
  return Response.redirect(place!, 303);
}

async function refuseUnstorable(request: Request, url: URL): Promise<void> {
  if (
    !hasUnstorableText([...url.searchParams.values()]) && !hasUnstorableText(await peekJsonObject(request))
  ) return;
  throw new AuthError(400, "validation_failed", "Text must be valid Unicode without NUL characters");
}

/** The session and the code that a change of an account is authorised with. */
async function credentialsOf(request: Request): Promise<Pick<RequestContext, "sessionId" | "nonce">> {
  const { nonce } = await peekJsonObject(request) ?? {};
  return {
    sessionId: sessionOf(bearerToken(request.headers)),
    nonce: typeof nonce === "string" ? nonce : undefined,
  };
}

function sessionOf(token: string | null): string | undefined {
  try {
    const { session_id } = decodeJwt(token ?? "");
    return typeof session_id === "string" ? session_id : undefined;
  } catch {
    return undefined;
  }
}

async function signUpData(request: Request): Promise<Record<string, unknown> | undefined> {
  const data = (await peekJsonObject(request))?.data;
  return typeof data === "object" && data !== null ? data as Record<string, unknown> : undefined;
}
