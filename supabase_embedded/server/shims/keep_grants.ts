/**
 * Keeps lite from granting everything to everybody.
 *
 * Why: the first request makes lite run `GRANT ALL ON ALL TABLES` to `anon`, `authenticated` and `service_role` in
 * each schema that has a table with row level security, and change the default privileges, too. The migrations'
 * column grants would then have no effect. `authenticator` may not do that, so here the first request would fail
 * instead. lite skips it if it believes that it has done it.
 * Goes when: lite has a setting for it.
 */

import type { ConnectionInternals } from "./lite_internals.ts";

export function keepGrants(connection: ConnectionInternals): void {
  connection.rlsState = "active";
}
