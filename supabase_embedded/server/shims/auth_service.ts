/**
 * Corrects lite's auth service where it differs from GoTrue. lite creates one for each request, so each instance is
 * patched.
 *
 * The differences:
 * - access tokens lack claims: see `access_token.ts`;
 * - a banned user can sign in and refresh;
 * - sign-up writes the user and the identity in two transactions, so that a failure between them leaves half a user,
 *   and two sign-ups with one address at the same moment end in an internal error;
 * - a refresh revokes the old token and creates the new one in several transactions, so that a failure between them
 *   ends the session, although a client that gets no reply should be able to try again with the old token;
 * - `enable_signup = false` does not apply to one-time codes;
 * - the profile data of `signInWithOtp({ options: { data } })` is dropped;
 * - a new password needs no code however old the session is (`secure_password_change`), and the account's other
 *   sessions stay valid;
 * - `reauthenticate` has no rate limit, and sends codes to unconfirmed addresses, too;
 * - `resend` is always refused as too frequent, however long ago the email was sent;
 * - a change of address needs only the code sent to the old address, never the one sent to the new: so an account can
 *   get a confirmed address that its owner does not control;
 * - the redirect of a link is checked only when it is opened, by a rule that cannot be used for the email.
 * Goes when: lite does these itself; each is one function below.
 */

import { emailMethod } from "../auth_pkce.ts";
import type { EmailDetails } from "../auth_mailer.ts";
import { isAllowed } from "../auth_redirects.ts";
import { isDatabaseError } from "../database.ts";
import { currentRequest } from "../request_context.ts";
import { hashCode, oneTimeCode } from "../one_time_code.ts";
import { completeAccessToken, type IssuedSession, sessionOf } from "./access_token.ts";
import { replaceMethods } from "./lite_internals.ts";

export interface AuthUserRow {
  id: string;
  email: string | null;
  confirmed_at: string | null;
  email_confirmed_at: string | null;
  confirmation_sent_at: string | null;
  reauthentication_token: string | null;
  reauthentication_sent_at: string | null;
  email_change: string | null;
  email_change_token_new: string | null;
  email_change_sent_at: string | null;
  email_change_confirm_status: number;
  banned_until: string | null;
  raw_user_meta_data: Record<string, unknown> | string;
}

/** An update of a session, as lite builds it with Kysely. */
interface SessionUpdate {
  set(values: { tag: string }): SessionUpdate;
  where(column: "id", operator: "=", value: string): SessionUpdate;
  execute(): Promise<unknown>;
}

type TokenColumn = "reauthentication_token" | "email_change_token_current" | "email_change_token_new";

interface Verification {
  type?: string;
  email?: string;
  token?: string;
  token_hash?: string;
}

interface Repository {
  transaction<T>(work: (repository: Repository) => Promise<T>): Promise<T>;
  findUserByEmail(email: string): Promise<AuthUserRow | null>;
  findUserById(id: string): Promise<AuthUserRow | null>;
  findSessionById(id: string): Promise<{ user_id: string; created_at: string; tag: string | null } | null>;
  update(table: "sessions"): SessionUpdate;
  claimUserToken(id: string, column: TokenColumn, hash: string): Promise<boolean>;
  deleteRefreshTokensForUser(id: string, exceptSession?: string): Promise<void>;
  deleteUserSessions(id: string, exceptSession?: string): Promise<void>;
  createUser(user: Record<string, unknown>): Promise<AuthUserRow>;
  updateUser(id: string, changes: Record<string, unknown>): Promise<AuthUserRow>;
}

export interface AuthServiceInternals {
  resolveEmailRedirect(redirect?: string): string;
  repo: Repository;
  mailer: {
    sendConfirmation(email: string, tokenHash: string, code: string): Promise<void>;
    sendEmailChange(email: string, tokenHash: string, code: string, details: EmailDetails): Promise<void>;
  };
  signUp(email?: string, password?: string, data?: Record<string, unknown>): Promise<unknown>;
  signInWithOtp(email?: string, options?: unknown): Promise<unknown>;
  resend(type: string, email?: string): Promise<unknown>;
  updateUser(id: string, changes: { password?: unknown; email?: unknown; data?: unknown }): Promise<unknown>;
  reauthenticate(id: string): Promise<unknown>;
  verifyOtp(verification: Verification): Promise<unknown>;
  findUserByTokenAndType(
    hash: string,
    type: string,
  ): Promise<{ user: AuthUserRow; tokenColumn: TokenColumn } | null>;
  isTokenExpired(user: AuthUserRow, column: TokenColumn): boolean;
  completeVerifyOtp(user: AuthUserRow, column: TokenColumn, type: string): Promise<unknown>;
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

export interface Security {
  securePasswordChange: boolean;
  doubleConfirmChanges: boolean;
  otpExpiry: number;
  enableSignup: boolean;
  enableEmailSignup: boolean;
  siteUrl: string;
}

export function patchAuthService(service: AuthServiceInternals, issuer: Issuer, security: Security): void {
  completeTokensAndRefuseBanned(service, issuer);
  signUpInOneTransaction(service);
  refreshInOneTransaction(service);
  refuseSignUps(service, security);
  keepSignUpData(service);
  protectPasswords(service, security);
  resendEmails(service, security);
  confirmBothAddresses(service, security);
  restrictRedirects(service, security);
}

function restrictRedirects(service: AuthServiceInternals, { siteUrl }: Security): void {
  replaceMethods(service, {
    resolveEmailRedirect: (redirect) =>
      redirect !== undefined && isAllowed(redirect, siteUrl) ? redirect : siteUrl,
  });
}

function completeTokensAndRefuseBanned(service: AuthServiceInternals, { issuer, jwtSecret }: Issuer): void {
  const create = service.createSessionForUser.bind(service);
  const refresh = service.createRefreshResponse.bind(service);
  replaceMethods(service, {
    async createSessionForUser(user, identities, view, options) {
      refuseBanned(user);
      const session = await create(user, identities, view, options);
      const method = options?.providerTraitKey === "provider_type"
        ? emailMethod(options.provider) ?? "oauth"
        : options?.authenticationMethod ?? "password";
      const id = sessionOf(session);
      // GoTrue has a table for the method, lite does not. This column of sessions is used by neither.
      await service.repo.update("sessions").set({ tag: method }).where("id", "=", id).execute();
      const timestamp = Math.floor(Date.now() / 1000);
      return completeAccessToken(session, issuer, jwtSecret, { method, timestamp });
    },
    async createRefreshResponse(user, ...rest) {
      refuseBanned(user);
      const session = await refresh(user, ...rest);
      const row = await service.repo.findSessionById(sessionOf(session));
      const signIn = row?.tag
        ? { method: row.tag, timestamp: Math.floor(Date.parse(row.created_at) / 1000) }
        : null;
      return completeAccessToken(session, issuer, jwtSecret, signIn);
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

/** Thrown inside the transaction of a refresh: the token was used before, which ends its session. */
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
        // lite ends the session, which must not be rolled back with the transaction.
        if (error instanceof TokenUsed) return await reuse(error.token);
        throw error;
      } finally {
        service.repo = outside;
      }
    },
    refreshWithRevokedToken: (token) => Promise.reject(new TokenUsed(token)),
  });
}

/** lite checks this for sign-ups with a password only. */
function refuseSignUps(service: AuthServiceInternals, { enableSignup, enableEmailSignup }: Security): void {
  if (enableSignup && enableEmailSignup) return;
  replaceMethods(service.repo, {
    createUser: () => refuse(422, "signup_disabled", "Signups not allowed for this instance"),
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

/** How recent a sign-in must be to set a new password without a code. */
const RECENT_MS = 24 * 3600 * 1000;

function protectPasswords(
  service: AuthServiceInternals,
  { securePasswordChange, otpExpiry }: Security,
): void {
  const updateUser = service.updateUser.bind(service);
  const reauthenticate = service.reauthenticate.bind(service);
  replaceMethods(service, {
    async updateUser(id, changes) {
      if (changes.password === undefined && changes.email === undefined) return await updateUser(id, changes);
      const { sessionId, nonce } = currentRequest() ?? {};
      const outside = service.repo;
      try {
        // In one transaction, so that a refused password does not use up the code.
        return await outside.transaction(async (inside) => {
          service.repo = inside;
          const isNewPassword = changes.password !== undefined;
          if (isNewPassword && securePasswordChange && !await isRecent(inside, id, sessionId)) {
            await useNonce(inside, id, nonce, otpExpiry);
          }
          const before = await inside.findUserById(id);
          const reply = await updateUser(id, changes);
          const after = await inside.findUserById(id);
          if (before?.email_change_token_new !== after?.email_change_token_new) {
            // The confirmation of an earlier change does not count for this one.
            await inside.updateUser(id, { email_change_confirm_status: 0 });
          }
          if (!isNewPassword) return reply;
          await inside.deleteRefreshTokensForUser(id, sessionId);
          await inside.deleteUserSessions(id, sessionId);
          return reply;
        });
      } finally {
        service.repo = outside;
      }
    },
    async reauthenticate(id) {
      const user = await service.repo.findUserById(id);
      if (user?.email && !user.email_confirmed_at) {
        refuse(422, "email_not_confirmed", "Please verify your email first.");
      }
      if (user) refuseTooSoon(user.reauthentication_sent_at);
      return await reauthenticate(id);
    },
  });
}

async function isRecent(repo: Repository, userId: string, sessionId: string | undefined): Promise<boolean> {
  const session = sessionId ? await repo.findSessionById(sessionId) : null;
  return session?.user_id === userId && Date.now() - Date.parse(session.created_at) <= RECENT_MS;
}

async function useNonce(
  repo: Repository,
  userId: string,
  nonce: string | undefined,
  seconds: number,
): Promise<void> {
  if (!nonce) refuse(400, "reauthentication_needed", "Password update requires reauthentication");
  const user = await repo.findUserById(userId);
  const age = Date.now() - Date.parse(user?.reauthentication_sent_at ?? "");
  const { email } = user ?? {};
  const isValid = email && age <= seconds * 1000 &&
    await repo.claimUserToken(userId, "reauthentication_token", await hashCode(email, nonce));
  if (!isValid) refuse(422, "reauthentication_not_valid", "Nonce has expired or is invalid");
}

function resendEmails(service: AuthServiceInternals, { doubleConfirmChanges }: Security): void {
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
        const old = doubleConfirmChanges ? await oneTimeCode(user.email) : null;
        const next = await oneTimeCode(user.email_change);
        await service.repo.updateUser(user.id, {
          email_change_token_current: old?.hash ?? null,
          email_change_token_new: next.hash,
          email_change_sent_at: now,
          email_change_confirm_status: 0,
        });
        if (old) {
          await service.mailer.sendEmailChange(user.email, old.hash, old.code, {
            tokenHashNew: next.hash,
            tokenNew: next.code,
            newEmail: user.email_change,
          });
        } else {
          await service.mailer.sendEmailChange(user.email_change, next.hash, next.code, {});
        }
      } else {
        await resend(type, email);
      }
    },
  });
}

/**
 * Changes an address when it was confirmed from the new address, and with `double_confirm_changes` from the old one,
 * too: in any order, each with its code or link. The reply to the first of the two has no session.
 */
function confirmBothAddresses(service: AuthServiceInternals, { doubleConfirmChanges }: Security): void {
  const verifyOtp = service.verifyOtp.bind(service);
  replaceMethods(service, {
    async verifyOtp(verification) {
      if (verification.type !== "email_change") return await verifyOtp(verification);
      const { email, token, token_hash } = verification;
      const hash = token_hash || (email && token ? await hashCode(email, token) : "");
      const outside = service.repo;
      let session: unknown = null;
      try {
        session = await outside.transaction(async (inside) => {
          service.repo = inside;
          const found = hash ? await service.findUserByTokenAndType(hash, "email_change") : null;
          if (!found || service.isTokenExpired(found.user, found.tokenColumn)) refuseCode();
          const { user: { id }, tokenColumn } = found;
          // Of two at the same time, the second waits here, and then sees the result of the first.
          if (!await inside.claimUserToken(id, tokenColumn, hash)) refuseCode();
          const user = await inside.findUserById(id);
          if (!user) refuseCode();
          const needsBoth = doubleConfirmChanges && user.email;
          if (!needsBoth && tokenColumn !== "email_change_token_new") refuseCode();
          if (needsBoth && user.email_change_confirm_status === 0) {
            await inside.updateUser(id, { email_change_confirm_status: 1 });
            return null;
          }
          await inside.updateUser(id, { email_change_confirm_status: 0 });
          return await service.completeVerifyOtp(user, tokenColumn, "email_change");
        });
      } catch (error) {
        if (isDatabaseError(error) && error.code === "23505" && error.constraint_name?.startsWith("users_")) {
          refuse(422, "email_exists", "A user with this email address has already been registered");
        }
        throw error;
      } finally {
        service.repo = outside;
      }
      if (session) return session;
      const request = currentRequest();
      if (request) request.isHalfConfirmed = true;
      throw new Error("The other address has not been confirmed yet."); // `auth.ts` sends the reply.
    },
  });
}

function refuseCode(): never {
  refuse(403, "otp_expired", "Token has expired or is invalid");
}

/** The seconds between two such emails (`max_frequency`): one in `supabase start`, 60 on the platform. */
const EMAIL_INTERVAL = 1;

function refuseTooSoon(sentAt: string | null): void {
  const seconds = Math.ceil(EMAIL_INTERVAL - (Date.now() - Date.parse(sentAt ?? "")) / 1000);
  if (seconds > 0) {
    const message = `For security purposes, you can only request this after ${seconds} seconds.`;
    refuse(429, "over_email_send_rate_limit", message);
  }
}

/** Ends the request with an error as GoTrue has it. lite would turn any error but its own into an internal error. */
function refuse(status: number, code: string, message: string): never {
  const request = currentRequest();
  if (request) request.failure = { status, code, message };
  throw new Error(message);
}
