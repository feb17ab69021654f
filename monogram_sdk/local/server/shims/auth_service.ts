/**
 * Mends what lite's auth service does otherwise than GoTrue. It is made anew for each request, so each request's
 * instance is mended.
 *
 * Why, one by one:
 * - access tokens lack claims: see `access_token.ts`;
 * - a banned user can sign in and refresh;
 * - sign-up writes the user and the identity in two transactions, so that a failure between them leaves half a user,
 *   and two sign-ups with one address at the same moment end in an internal error;
 * - a refresh uses up the old token and makes the new one in several transactions, so that a failure between them ends
 *   the session, where a client that gets no answer should be able to ask again with the old one;
 * - the profile data of `signInWithOtp({ options: { data } })` is dropped;
 * - `resend` is always refused as too frequent, however long ago the mail was sent.
 * Goes when: lite does these itself; each is one function below.
 */

import { mailMethod } from "../auth_pkce.ts";
import type { MailDetails } from "../auth_mailer.ts";
import { isDatabaseError } from "../database.ts";
import { currentRequest } from "../request_context.ts";
import { oneTimeCode } from "../one_time_code.ts";
import { completeAccessToken, type IssuedSession } from "./access_token.ts";
import { replaceMethods } from "./lite_internals.ts";

export interface AuthUserRow {
  id: string;
  email: string | null;
  confirmed_at: string | null;
  email_confirmed_at: string | null;
  confirmation_sent_at: string | null;
  email_change: string | null;
  email_change_sent_at: string | null;
  banned_until: string | null;
  raw_user_meta_data: Record<string, unknown> | string;
}

interface Repository {
  transaction<T>(work: (repository: Repository) => Promise<T>): Promise<T>;
  findUserByEmail(email: string): Promise<AuthUserRow | null>;
  createUser(user: Record<string, unknown>): Promise<AuthUserRow>;
  updateUser(id: string, changes: Record<string, unknown>): Promise<AuthUserRow>;
}

export interface AuthServiceInternals {
  repo: Repository;
  mailer: {
    sendConfirmation(email: string, tokenHash: string, code: string): Promise<void>;
    sendEmailChange(email: string, tokenHash: string, code: string, details: MailDetails): Promise<void>;
  };
  signUp(email?: string, password?: string, data?: Record<string, unknown>): Promise<unknown>;
  signInWithOtp(email?: string, options?: unknown): Promise<unknown>;
  resend(type: string, email?: string): Promise<unknown>;
  createSessionForUser(
    user: AuthUserRow,
    identities: unknown,
    view?: string,
    options?: { authenticationMethod?: string; provider?: string; providerTraitKey?: string },
  ): Promise<IssuedSession>;
  createRefreshResponse(user: AuthUserRow, ...rest: unknown[]): Promise<IssuedSession>;
  refreshSession(token: string): Promise<IssuedSession>;
  refreshWithRevokedToken(token: unknown): Promise<IssuedSession>;
}

export interface Issuer {
  issuer: string;
  jwtSecret: string;
}

export function mendAuthService(service: AuthServiceInternals, issuer: Issuer): void {
  completeTokensAndRefuseBanned(service, issuer);
  signUpInOneTransaction(service);
  refreshInOneTransaction(service);
  keepSignUpData(service);
  resendMails(service);
}

function completeTokensAndRefuseBanned(service: AuthServiceInternals, { issuer, jwtSecret }: Issuer): void {
  const create = service.createSessionForUser.bind(service);
  const refresh = service.createRefreshResponse.bind(service);
  replaceMethods(service, {
    async createSessionForUser(user, identities, view, options) {
      refuseBanned(user);
      const session = await create(user, identities, view, options);
      const method = options?.providerTraitKey === "provider_type"
        ? mailMethod(options.provider) ?? "oauth"
        : options?.authenticationMethod ?? "password";
      return completeAccessToken(session, issuer, jwtSecret, method);
    },
    async createRefreshResponse(user, ...rest) {
      refuseBanned(user);
      return completeAccessToken(await refresh(user, ...rest), issuer, jwtSecret, null);
    },
  });
}

function refuseBanned(user: AuthUserRow): void {
  if (user.banned_until && Date.parse(user.banned_until) > Date.now()) {
    refuse(400, "user_banned", "User is banned");
  }
}

function signUpInOneTransaction(service: AuthServiceInternals): void {
  const signUp = service.signUp.bind(service);
  replaceMethods(service, {
    async signUp(email, password, data) {
      const outside = service.repo;
      try {
        return await outside.transaction(async (inside) => {
          service.repo = inside;
          return await signUp(email, password, data);
        });
      } catch (error) {
        if (isDatabaseError(error) && error.code === "23505" && error.constraint_name?.startsWith("users_")) {
          refuse(422, "user_already_exists", "User already registered");
        }
        if (isDatabaseError(error)) refuse(500, "unexpected_failure", "Database error saving new user");
        throw error;
      } finally {
        service.repo = outside;
      }
    },
  });
}

/** Thrown out of the transaction of a refresh: the token was used before, which ends its session. */
class TokenUsed extends Error {
  constructor(readonly token: unknown) {
    super("the refresh token was used before");
  }
}

function refreshInOneTransaction(service: AuthServiceInternals): void {
  const refresh = service.refreshSession.bind(service);
  const reuse = service.refreshWithRevokedToken.bind(service);
  replaceMethods(service, {
    async refreshSession(token) {
      const outside = service.repo;
      try {
        return await outside.transaction(async (inside) => {
          service.repo = inside;
          return await refresh(token);
        });
      } catch (error) {
        service.repo = outside;
        // What lite does about it must not be undone with the transaction.
        if (error instanceof TokenUsed) return await reuse(error.token);
        throw error;
      } finally {
        service.repo = outside;
      }
    },
    refreshWithRevokedToken: (token) => Promise.reject(new TokenUsed(token)),
  });
}

function keepSignUpData(service: AuthServiceInternals): void {
  const signInWithOtp = service.signInWithOtp.bind(service);
  replaceMethods(service, {
    signInWithOtp(email, options) {
      const data = currentRequest()?.signUpData;
      const create = service.repo.createUser.bind(service.repo);
      replaceMethods(service.repo, {
        createUser: (user) =>
          create({ ...user, raw_user_meta_data: { ...data, ...(user.raw_user_meta_data as object) } }),
      });
      return signInWithOtp(email, options);
    },
  });
}

function resendMails(service: AuthServiceInternals): void {
  const resend = service.resend.bind(service);
  replaceMethods(service, {
    async resend(type, email) {
      const user = email ? await service.repo.findUserByEmail(email) : null;
      const now = new Date().toISOString();
      if (type === "signup" && user?.email && !user.email_confirmed_at) {
        refuseTooSoon(user.confirmation_sent_at);
        const { code, hash } = await oneTimeCode(user.email);
        await service.repo.updateUser(user.id, { confirmation_token: hash, confirmation_sent_at: now });
        await service.mailer.sendConfirmation(user.email, hash, code);
      } else if (type === "email_change" && user?.email && user.email_change) {
        refuseTooSoon(user.email_change_sent_at);
        const old = await oneTimeCode(user.email), next = await oneTimeCode(user.email_change);
        await service.repo.updateUser(user.id, {
          email_change_token_current: old.hash,
          email_change_token_new: next.hash,
          email_change_sent_at: now,
        });
        await service.mailer.sendEmailChange(user.email, old.hash, old.code, {
          tokenHashNew: next.hash,
          tokenNew: next.code,
          newEmail: user.email_change,
        });
      } else {
        await resend(type, email);
      }
    },
  });
}

/** `supabase start` lets a second pass between two such mails (`max_frequency`), the platform a minute. */
const MAIL_SECONDS = 1;

function refuseTooSoon(sentAt: string | null): void {
  const seconds = Math.ceil(MAIL_SECONDS - (Date.now() - Date.parse(sentAt ?? "")) / 1000);
  if (seconds > 0) {
    const message = `For security purposes, you can only request this after ${seconds} seconds.`;
    refuse(429, "over_email_send_rate_limit", message);
  }
}

/** Ends the request with GoTrue's form of an error. lite would make an internal error of any that is not its own. */
function refuse(status: number, code: string, message: string): never {
  const request = currentRequest();
  if (request) request.failure = { status, code, message };
  throw new Error(message);
}
