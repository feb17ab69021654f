/**
 * `/auth/v1/admin` and `/auth/v1/invite`: how a server manages accounts. lite does not have these.
 *
 * For `service_role` only. Every change of an account is one transaction, so that a trigger that fails rolls all of
 * it back.
 */

import bcrypt from "bcryptjs";
import { AuthError, authErrorResponse } from "./auth_errors.ts";
import type { AuthMailer } from "./auth_mailer.ts";
import { redirectOf } from "./auth_redirects.ts";
import type { Config } from "./config.ts";
import { type Database, isDatabaseError } from "./database.ts";
import { json } from "./http.ts";
import type { Caller } from "./keys.ts";
import { hashCode, oneTimeCode } from "./one_time_code.ts";
import { runInContext } from "./request_context.ts";

type Fields = Record<string, unknown>;
type UserRow = Record<string, unknown> & { id: string; email: string | null };

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const BCRYPT = /^\$2[abxy]\$\d\d\$[./0-9A-Za-z]{53}$/;

export class AuthAdmin {
  constructor(
    private readonly database: Database,
    private readonly mailer: AuthMailer,
    private readonly config: Config,
  ) {}

  async handle(request: Request, url: URL, path: string, caller: Caller): Promise<Response> {
    try {
      if (caller.role !== "service_role") {
        throw new AuthError(403, "not_admin", "User not allowed");
      }
      return await this.#route(request, url, path);
    } catch (error) {
      if (error instanceof AuthError) return authErrorResponse(error);
      if (isDatabaseError(error) && error.constraint_name === "users_email_partial_key") {
        return authErrorResponse(emailExists());
      }
      if (isDatabaseError(error)) {
        // Usually a trigger of the application on auth.users. Its message comes from the developer.
        return authErrorResponse({
          status: 500,
          code: "unexpected_failure",
          message: `Database error while changing the user: ${error.message}`,
        });
      }
      throw error;
    }
  }

  async #route(request: Request, url: URL, path: string): Promise<Response> {
    const [, , collection, id, ...rest] = path.split("/");
    const route = `${request.method} ${path}`;
    if (route === "GET /admin/users") return await this.#list(url);
    if (route === "POST /admin/users") return json(200, await this.#create(await fields(request)));
    if (route === "POST /admin/generate_link") {
      return await this.#generateLink(await fields(request), redirectOf(request, url, this.config.siteUrl));
    }
    if (route === "POST /invite") return await this.#invite(request, url);
    if (collection === "users" && id && rest.length === 0) {
      if (!UUID.test(id)) throw new AuthError(404, "validation_failed", "user_id must be an UUID");
      if (request.method === "GET") return json(200, await this.#get(id));
      if (request.method === "PUT") return json(200, await this.#update(id, await fields(request)));
      if (request.method === "DELETE") return await this.#delete(id, await fields(request));
    }
    throw new AuthError(404, "not_found", `The local stack does not have ${route}.`);
  }

  async #list(url: URL): Promise<Response> {
    const page = positive(url, "page", 1);
    const perPage = positive(url, "per_page", 50);
    const [{ total }] = await this.database<{ total: string }[]>`select count(*) as total from auth.users`;
    const rows = await this.database<UserRow[]>`
      select * from auth.users order by created_at desc, id limit ${perPage} offset ${(page - 1) * perPage}`;
    const last = Math.max(1, Math.ceil(Number(total) / perPage));
    const link = (to: number, rel: string) =>
      `<${url.pathname}?page=${to}&per_page=${perPage}>; rel="${rel}"`;
    return json(
      200,
      { users: await this.#withIdentities(rows), aud: "authenticated" },
      {
        "x-total-count": total,
        link: [...(page < last ? [link(page + 1, "next")] : []), link(last, "last")].join(", "),
      },
    );
  }

  async #get(id: string): Promise<Fields> {
    const rows = await this.database<UserRow[]>`select * from auth.users where id = ${id}`;
    if (rows.length === 0) throw userNotFound();
    return (await this.#withIdentities(rows))[0];
  }

  async #create(input: Fields): Promise<Fields> {
    const email = optionalEmail(input, "email");
    if (email === null) {
      throw new AuthError(400, "validation_failed", "Cannot create a user without an email address");
    }
    const id = text(input, "id") ?? crypto.randomUUID();
    if (!UUID.test(id)) {
      throw new AuthError(400, "validation_failed", "ID must conform to the uuid v4 format");
    }
    const hash = await this.#passwordHash(input);
    const { rows } = await this.#insert(id, email, hash, input, {
      email_confirmed_at: input.email_confirm === true ? now() : null,
      banned_until: bannedUntil(input),
    });
    return (await this.#withIdentities(rows))[0];
  }

  async #insert(id: string, email: string, passwordHash: string | null, input: Fields, extra: Fields) {
    const user = {
      id,
      email,
      aud: "authenticated",
      role: text(input, "role") ?? "authenticated",
      encrypted_password: passwordHash,
      raw_app_meta_data: JSON.stringify({
        provider: "email",
        providers: ["email"],
        ...object(input, "app_metadata"),
      }),
      raw_user_meta_data: JSON.stringify(object(input, "user_metadata") ?? object(input, "data") ?? {}),
      ...extra,
    };
    const identity = {
      id: crypto.randomUUID(),
      provider: "email",
      provider_id: id,
      user_id: id,
      identity_data: JSON.stringify({
        sub: id,
        email,
        email_verified: Boolean(extra.email_confirmed_at),
        phone_verified: false,
      }),
    };
    return await this.database.begin(async (transaction) => {
      const rows = await transaction<UserRow[]>`insert into auth.users ${transaction(user)} returning *`;
      await transaction`insert into auth.identities ${transaction(identity)}`;
      return { rows };
    });
  }

  async #update(id: string, input: Fields): Promise<Fields> {
    const email = optionalEmail(input, "email");
    const hash = await this.#passwordHash(input);
    const changes: Fields = { updated_at: now() };
    if (email !== null) changes.email = email;
    if (hash !== null) changes.encrypted_password = hash;
    if (input.email_confirm === true) changes.email_confirmed_at = now();
    if (text(input, "role") !== null) changes.role = text(input, "role");
    if (input.ban_duration !== undefined) changes.banned_until = bannedUntil(input);
    await this.database.begin(async (transaction) => {
      const [user] = await transaction<UserRow[]>`select * from auth.users where id = ${id} for update`;
      if (!user) throw userNotFound();
      const merge = (column: string, name: string) => {
        const update = object(input, name);
        if (update === null) return;
        const merged = { ...user[column] as Fields, ...update };
        changes[column] = JSON.stringify(
          Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)),
        );
      };
      merge("raw_user_meta_data", "user_metadata");
      merge("raw_app_meta_data", "app_metadata");
      await transaction`update auth.users set ${transaction(changes)} where id = ${id}`;
      if (email !== null && email !== user.email) {
        await transaction`
          update auth.identities
          set identity_data = identity_data || jsonb_build_object('email', ${email}::text), updated_at = now()
          where user_id = ${id} and provider = 'email'`;
      }
      // Sessions that began with the old password end.
      if (hash !== null) {
        await transaction`delete from auth.refresh_tokens where user_id = ${id}`;
        await transaction`delete from auth.sessions where user_id = ${id}`;
      }
    });
    return await this.#get(id);
  }

  async #delete(id: string, input: Fields): Promise<Response> {
    await this.database.begin(async (transaction) => {
      const [user] = await transaction<UserRow[]>`select * from auth.users where id = ${id} for update`;
      if (!user) throw userNotFound();
      await transaction`delete from auth.refresh_tokens where user_id = ${id}`;
      if (input.should_soft_delete !== true) {
        await transaction`delete from auth.users where id = ${id}`;
        return;
      }
      // The row stays for foreign keys, without the person's data.
      const erased = { email: await hashCode(user.email ?? "", id), raw: "{}" };
      await transaction`
        update auth.users
        set deleted_at = now(), email = ${erased.email}, encrypted_password = null, phone = null,
          raw_user_meta_data = ${erased.raw}, raw_app_meta_data = ${erased.raw}, confirmation_token = null,
          recovery_token = null, email_change_token_new = null, email_change_token_current = null,
          reauthentication_token = null
        where id = ${id}`;
      await transaction`delete from auth.identities where user_id = ${id}`;
      await transaction`delete from auth.sessions where user_id = ${id}`;
    });
    return json(200, {});
  }

  async #invite(request: Request, url: URL): Promise<Response> {
    const { user, code, hash, email } = await this.#prepareInvitation(await fields(request));
    const redirectTo = redirectOf(request, url, this.config.siteUrl);
    const context = { method: "POST", path: url.pathname, headers: {}, redirectTo };
    await runInContext(context, () => this.mailer.sendInvitation(email, hash, code));
    return json(200, user);
  }

  async #prepareInvitation(input: Fields) {
    const email = requiredEmail(input);
    const { code, hash } = await oneTimeCode(email);
    const invitation = { invited_at: now(), confirmation_token: hash, confirmation_sent_at: now() };
    const existing = await this.#byEmail(email);
    if (existing?.email_confirmed_at) throw emailExists();
    if (existing) await this.#set(existing.id, invitation);
    else await this.#insert(crypto.randomUUID(), email, null, input, invitation);
    return { email, code, hash, user: await this.#getByEmail(email) };
  }

  async #generateLink(input: Fields, redirectTo: string): Promise<Response> {
    const type = text(input, "type") ?? "";
    const { email, code, hash, verification = type } = await this.#prepareLink(type, input);
    return json(200, {
      ...await this.#getByEmail(email),
      action_link: this.mailer.link(
        verification.replace(/^email_change_.*/, "email_change"),
        hash,
        redirectTo,
      ),
      email_otp: code,
      hashed_token: hash,
      verification_type: verification,
      redirect_to: redirectTo,
    });
  }

  async #prepareLink(
    type: string,
    input: Fields,
  ): Promise<{ email: string; code: string; hash: string; verification?: string }> {
    if (type === "invite") return await this.#prepareInvitation(input);
    const email = requiredEmail(input);
    const existing = await this.#byEmail(email);
    if (type === "signup" || (type === "magiclink" && !existing)) {
      if (existing?.email_confirmed_at) throw emailExists();
      const one = await oneTimeCode(email);
      const confirmation = { confirmation_token: one.hash, confirmation_sent_at: now() };
      const password = type === "signup" ? await this.#passwordHash(input) : null;
      if (type === "signup" && password === null) {
        throw new AuthError(400, "validation_failed", "Signup requires a valid password");
      }
      if (existing) await this.#set(existing.id, { ...confirmation, encrypted_password: password });
      else await this.#insert(crypto.randomUUID(), email, password, input, confirmation);
      return { email, ...one, verification: "signup" };
    }
    if (!existing) throw new AuthError(404, "user_not_found", "User with this email not found");
    if (type === "magiclink" || type === "recovery") {
      const one = await oneTimeCode(email);
      await this.#set(existing.id, { recovery_token: one.hash, recovery_sent_at: now() });
      return { email, ...one };
    }
    if (type === "email_change_current" || type === "email_change_new") {
      const newEmail = optionalEmail(input, "new_email");
      if (newEmail === null) throw new AuthError(400, "validation_failed", "An new_email is required");
      const one = await oneTimeCode(type === "email_change_new" ? newEmail : email);
      await this.#set(existing.id, {
        email_change: newEmail,
        email_change_sent_at: now(),
        email_change_confirm_status: 0,
        [type.replace("change_", "change_token_")]: one.hash,
      });
      return { email, ...one };
    }
    throw new AuthError(400, "validation_failed", "Invalid email action link type requested");
  }

  async #set(id: string, changes: Fields): Promise<void> {
    await this.database`update auth.users set ${this.database(changes)} where id = ${id}`;
  }

  async #byEmail(email: string): Promise<UserRow | null> {
    const [user] = await this.database<UserRow[]>`select * from auth.users where email = ${email}`;
    return user ?? null;
  }

  async #getByEmail(email: string): Promise<Fields> {
    const user = await this.#byEmail(email);
    if (!user) throw userNotFound();
    return (await this.#withIdentities([user]))[0];
  }

  async #withIdentities(users: UserRow[]): Promise<Fields[]> {
    const identities = await this.database<(Fields & { user_id: string })[]>`
      select * from auth.identities where user_id in ${
      this.database(users.map(({ id }) => id))
    } order by created_at`;
    return users.map((user) =>
      publicUser(user, identities.filter((identity) => identity.user_id === user.id))
    );
  }

  /** The hash to store, or null if no password was given. A bcrypt hash is stored unchanged. */
  async #passwordHash(input: Fields): Promise<string | null> {
    const given = text(input, "password_hash");
    if (given !== null) {
      if (!BCRYPT.test(given)) {
        throw new AuthError(400, "validation_failed", "`password_hash` must be a bcrypt hash");
      }
      return given;
    }
    const password = text(input, "password");
    if (password === null || password === "") return null;
    const minimum = this.config.minimumPasswordLength;
    if (password.length < minimum) {
      throw new AuthError(422, "weak_password", `Password should be at least ${minimum} characters.`, {
        weak_password: { reasons: ["length"] },
      });
    }
    if (password.length > 72) {
      throw new AuthError(422, "validation_failed", "Password cannot be longer than 72 characters");
    }
    return await bcrypt.hash(password, this.config.bcryptCost);
  }
}

/** An account as the API returns it, without the password's hash and codes. */
function publicUser(row: UserRow, identities: Fields[]): Fields {
  const user: Fields = {
    id: row.id,
    aud: row.aud,
    role: row.role,
    email: row.email ?? "",
    phone: row.phone ?? "",
    app_metadata: row.raw_app_meta_data ?? {},
    user_metadata: row.raw_user_meta_data ?? {},
    identities: identities.map((identity) => ({
      identity_id: identity.id,
      id: identity.provider_id,
      user_id: identity.user_id,
      identity_data: identity.identity_data,
      provider: identity.provider,
      last_sign_in_at: identity.last_sign_in_at ?? identity.created_at,
      created_at: identity.created_at,
      updated_at: identity.updated_at,
      email: identity.email,
    })),
    created_at: row.created_at,
    updated_at: row.updated_at,
    is_anonymous: row.is_anonymous,
  };
  const optional = {
    email_confirmed_at: row.email_confirmed_at,
    confirmed_at: row.confirmed_at,
    invited_at: row.invited_at,
    confirmation_sent_at: row.confirmation_sent_at,
    recovery_sent_at: row.recovery_sent_at,
    email_change_sent_at: row.email_change_sent_at,
    new_email: row.email_change,
    last_sign_in_at: row.last_sign_in_at,
    banned_until: row.banned_until,
    deleted_at: row.deleted_at,
  };
  for (const [name, value] of Object.entries(optional)) if (value) user[name] = value;
  return user;
}

async function fields(request: Request): Promise<Fields> {
  const body = await request.text();
  if (body === "") return {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AuthError(400, "bad_json", "Could not parse request body as JSON: it must be an object");
}

function text(input: Fields, name: string): string | null {
  const value = input[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") {
    throw new AuthError(400, "validation_failed", `\`${name}\` must be a string`);
  }
  return value;
}

function object(input: Fields, name: string): Fields | null {
  const value = input[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new AuthError(400, "validation_failed", `\`${name}\` must be an object`);
  }
  return value as Fields;
}

function optionalEmail(input: Fields, name: string): string | null {
  const email = text(input, name);
  if (email === null || email === "") return null;
  return email.toLowerCase();
}

function requiredEmail(input: Fields): string {
  const email = optionalEmail(input, "email");
  if (email === null) throw new AuthError(400, "validation_failed", "An email address is required");
  return email;
}

function positive(url: URL, name: string, standard: number): number {
  const value = url.searchParams.get(name) || String(standard);
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new AuthError(400, "validation_failed", `Bad Pagination Parameters: \`${name}\` must be 1 or more`);
  }
  return Number(value);
}

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `24h`, `1h30m` or `none`. */
function bannedUntil(input: Fields): string | null {
  const duration = text(input, "ban_duration");
  if (duration === null || duration === "none") return null;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(duration)) {
    throw new AuthError(
      400,
      "validation_failed",
      'invalid format for ban duration: use "none" or a duration such as "24h"',
    );
  }
  let milliseconds = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    milliseconds += Number(amount) * UNIT_MS[unit];
  }
  return new Date(Date.now() + milliseconds).toISOString();
}

function now(): string {
  return new Date().toISOString();
}

function emailExists(): AuthError {
  return new AuthError(422, "email_exists", "A user with this email address has already been registered");
}

function userNotFound(): AuthError {
  return new AuthError(404, "user_not_found", "User not found");
}
