/**
 * The schema cache of the Data API: tables, functions, and the settings of roles.
 *
 * The schema is read once, and again after each change. Changes are announced on the channel `pgrst` (the platform's
 * event triggers do that at every DDL statement); after a lost connection it is read again, too.
 */

import type { IntrospectResult } from "@supabase/lite";
import postgres, { type Sql } from "postgres";
import { poolOptions } from "./database.ts";
import { describeError, log } from "./log.ts";
import { openLite } from "./shims/lite_connections.ts";
import { type ConnectionInternals, internalsOf } from "./shims/lite_internals.ts";
import { postgresTypes } from "./shims/postgres_types.ts";
import { readRoleSettings, type RoleSettings } from "./shims/session_settings.ts";

/** How long the schema must stay unchanged before it is read ahead. */
const SETTLE_MS = 50;

/** The catalog could not be read. */
export class CatalogError extends Error {
  override name = "CatalogError";
}

export class SchemaCache {
  readonly #catalog: Sql;
  readonly #lite;
  /** The pending read. lite can keep one result only, so reads run one after the other. */
  #reading: Promise<unknown> = Promise.resolve();
  #tables: Promise<IntrospectResult> | null = null;
  #roles: Promise<RoleSettings> | null = null;
  #readAt = 0;
  #refresh: ReturnType<typeof setTimeout> | undefined;

  /** Starts to follow the schema. The database may still be starting. */
  constructor(url: string, private readonly onChange: () => void) {
    const options = poolOptions(2);
    const readOnly = { ...options.connection, default_transaction_read_only: true };
    this.#catalog = postgres(url, { ...options, connection: readOnly });
    this.#lite = openLite(url, 1, postgresTypes, { default_transaction_read_only: true });
    internalsOf(this.#lite);
    // After a lost connection postgres.js listens again by itself, and then calls back.
    const changed = () => this.#refreshSoon();
    this.#catalog.listen("pgrst", changed, changed)
      .catch((error) => log("schema_listener", describeError(error)));
  }

  tables(): Promise<IntrospectResult> {
    if (this.#tables) return this.#tables;
    const tables = this.#reading.then(() => this.#introspect());
    this.#reading = tables.catch(() => {});
    return this.#tables = this.#remember(tables, () => {
      if (this.#tables === tables) this.#tables = null;
    });
  }

  roleSettings(): Promise<RoleSettings> {
    if (this.#roles) return this.#roles;
    const roles = readRoleSettings(this.#catalog);
    return this.#roles = this.#remember(roles, () => {
      if (this.#roles === roles) this.#roles = null;
    });
  }

  /** How long ago the tables were read, in milliseconds. */
  get age(): number {
    return performance.now() - this.#readAt;
  }

  forget(): void {
    this.#tables = this.#roles = null;
    this.onChange();
  }

  /**
   * Reads ahead, so that the next request need not wait. Migrations announce many changes in a row, hence the delay.
   */
  #refreshSoon(): void {
    this.forget();
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => {
      Promise.all([this.tables(), this.roleSettings()])
        .catch((error) => log("schema_refresh", describeError(error)));
    }, SETTLE_MS);
  }

  /** Throws if the database is unreachable. */
  async ping(): Promise<void> {
    await this.#catalog`select 1`;
  }

  async close(): Promise<void> {
    clearTimeout(this.#refresh);
    await Promise.all([this.#catalog.end({ timeout: 1 }), this.#lite.close()]);
  }

  async #introspect(): Promise<IntrospectResult> {
    await this.ping();
    const internals = this.#lite as unknown as ConnectionInternals;
    internals.introspection = undefined;
    const result = await internals.introspect({ useCache: false });
    // On a failure lite writes to the console and returns an empty schema, but it keeps only a schema that it has read.
    if (internals.introspection === undefined) throw new CatalogError("The schema could not be read.");
    this.#readAt = performance.now();
    return result;
  }

  /** Keeps a result, but not a failure, so that the next request tries again. */
  #remember<T>(work: Promise<T>, drop: () => void): Promise<T> {
    work.catch(drop);
    return work;
  }
}
