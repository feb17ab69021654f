/**
 * Begins each transaction of the Data API as PostgREST does, in one statement.
 *
 * Why: lite sets the role and the claims with one statement each, does not apply the role's own settings (Postgres
 * applies `alter role ... set statement_timeout` at login only, and nobody logs in as `anon`), does not set the
 * search_path, allows writes in GET requests, and passes the HTTP request to RPC functions only.
 * Goes when: lite reads role settings as PostgREST does.
 */

import { CompiledQuery } from "kysely";
import type { Sql } from "postgres";
import { currentRequest } from "../request_context.ts";
import type { ConnectionInternals } from "./lite_internals.ts";

export type RoleSettings = Map<string, [name: string, value: string][]>;

const SEARCH_PATH = "public, extensions";

export function beginAsCaller(
  connection: ConnectionInternals,
  settingsOf: () => Promise<RoleSettings>,
): void {
  connection.applyJwtSessionContext = async (db, vars) => {
    const role = vars.auth?.role || "anon";
    const request = currentRequest();
    const settings: [string, string][] = [
      ["search_path", SEARCH_PATH],
      ["role", role],
      ["request.jwt.claims", JSON.stringify(vars.auth?.jwt ?? { role })],
      ["request.jwt.claim.sub", vars.auth?.uid ?? ""],
      ["request.jwt.claim.role", role],
      ["request.method", request?.method ?? ""],
      ["request.path", request?.path ?? ""],
      ["request.headers", JSON.stringify(request?.headers ?? {})],
      ...((await settingsOf()).get(role) ?? []),
    ];
    if (request?.method === "GET" || request?.method === "HEAD") {
      settings.push(["transaction_read_only", "on"]);
    }
    const calls = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
    await db.executeQuery(CompiledQuery.raw(`select ${calls.join(", ")}`, settings.flat()));
  };
  // All of it is set above, for every request.
  connection.applyRpcRequestGucs = async () => {};
}

/** Reads the settings that `alter role` has set for the roles of the Data API in this database. */
export async function readRoleSettings(catalog: Sql): Promise<RoleSettings> {
  const rows = await catalog<{ role: string; setting: string }[]>`
    select r.rolname as role, setting
    from pg_roles r
    join pg_db_role_setting s on s.setrole = r.oid,
      unnest(s.setconfig) as setting
    where pg_has_role('authenticator', r.oid, 'member')
      and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
      and r.rolname not in ('authenticator', current_user)
    order by s.setdatabase`;
  const settings: RoleSettings = new Map();
  for (const { role, setting } of rows) {
    const [name, ...value] = setting.split("=");
    settings.set(role, [...(settings.get(role) ?? []), [name, value.join("=")]]);
  }
  return settings;
}
