/** `/rest/v1`: the Data API, by lite, adapted to behave like PostgREST on the platform. */

import { App } from "@supabase/lite";
import type { PostgresConnection } from "@supabase/lite/postgres";
import type { Config } from "./config.ts";
import { isUnreachable } from "./database.ts";
import type { Failure } from "./gateway.ts";
import { json } from "./http.ts";
import { describeError, log } from "./log.ts";
import type { Caller } from "./keys.ts";
import { runInContext, visibleHeaders } from "./request_context.ts";
import { CatalogError, SchemaCache } from "./schema_cache.ts";
import { keepGrants } from "./shims/keep_grants.ts";
import { passJsonArguments } from "./shims/json_arguments.ts";
import { openLite } from "./shims/lite_connections.ts";
import { internalsOf } from "./shims/lite_internals.ts";
import { postgresTypes } from "./shims/postgres_types.ts";
import { takePayloads } from "./shims/payloads.ts";
import { DATABASE_CLIENT_ERROR, reportErrorsAsPostgrest } from "./shims/postgrest_errors.ts";
import { honourSingleObject } from "./shims/single_object.ts";
import { beginAsCaller } from "./shims/session_settings.ts";

const PREFIX = "/rest/v1";
const MAX_ROWS = 1000;
const POOL_SIZE = 10;

/** PostgREST's codes for something that its schema cache does not have. */
const NOT_IN_CACHE = new Set(["PGRST200", "PGRST202", "PGRST204", "PGRST205", "42703", "0A000"]);

interface Engine {
  app: App;
  connection: PostgresConnection;
}

/** How long a retired engine may take to finish its requests: longer than any statement may run. */
const RETIREMENT_MS = 15_000;

export class Rest {
  readonly #callers = new WeakMap<Request, Caller>();
  readonly #schema: SchemaCache;
  readonly #retired = new Set<Engine>();
  #engine: Engine | null = null;

  constructor(private readonly config: Config) {
    this.#schema = new SchemaCache(config.databaseUrls.catalog, () => this.#retireEngine());
  }

  /** Throws if the database is unreachable. */
  async ping(): Promise<void> {
    await this.#schema.ping();
  }

  async close(): Promise<void> {
    const engines = [...this.#retired, ...(this.#engine ? [this.#engine] : [])];
    await Promise.all([this.#schema.close(), ...engines.map(stopEngine)]);
  }

  async handle(request: Request, url: URL, caller: Caller): Promise<Response> {
    const body = request.body ? await request.arrayBuffer() : null;
    const respond = async () => {
      try {
        await this.#schema.tables();
      } catch (error) {
        if (!isUnreachable(error) && !(error instanceof CatalogError)) throw error;
        return schemaUnknown();
      }
      return await this.#respond(request, url, caller, body);
    };
    const response = await respond();
    if (this.#schema.age < 1000 || !await isMissing(response)) return response;
    // The schema may have changed without an event trigger that announces it. Nothing has been executed yet.
    this.#schema.forget();
    return await respond();
  }

  fail({ status, message }: Failure): Response {
    if (status === 503) return databaseUnavailable();
    return json(status, { code: "PGRSTX00", details: null, hint: null, message });
  }

  async #respond(request: Request, url: URL, caller: Caller, body: ArrayBuffer | null): Promise<Response> {
    const target = new URL(url);
    target.searchParams.delete("apikey");
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    headers.set("apikey", "resolved");
    const inner = new Request(target, { method: request.method, headers, body });
    this.#callers.set(inner, caller);
    const context = {
      method: request.method,
      path: url.pathname.slice(PREFIX.length),
      headers: visibleHeaders(request.headers),
      body,
    };
    const engine = this.#engine ??= this.#startEngine();
    return await runInContext(context, () => Promise.resolve(engine.app.fetch(inner)));
  }

  /** Connections have prepared statements for the old schema, so a changed schema needs new connections. */
  #retireEngine(): void {
    const old = this.#engine;
    if (!old) return;
    this.#engine = null;
    this.#retired.add(old);
    const timer = setTimeout(() => {
      this.#retired.delete(old);
      stopEngine(old).catch((error) => log("rest_pool", describeError(error)));
    }, RETIREMENT_MS);
    Deno.unrefTimer(timer);
  }

  #startEngine(): Engine {
    const connection = openLite(this.config.databaseUrls.rest, POOL_SIZE, postgresTypes);
    const internals = internalsOf(connection);
    keepGrants(internals);
    reportErrorsAsPostgrest(internals);
    honourSingleObject(internals);
    passJsonArguments(internals);
    takePayloads(internals);
    beginAsCaller(internals, () => this.#schema.roleSettings());
    // `authenticator` itself sees nothing in the catalog views.
    internals.introspect = () => this.#schema.tables();
    const app = new App({
      connection,
      api: { schemas: ["public"], max_rows: MAX_ROWS, pg_safe_update: true },
      auth: { enabled: false },
      studio: { enabled: false },
      options: {
        server: {
          disableStudio: true,
          apiKeys: {
            // The gateway has identified the caller.
            resolver: (_key, context) => {
              const caller = this.#callers.get(context.req.raw);
              return Promise.resolve(
                caller
                  ? {
                    type: caller.role === "service_role" ? "secret" : "publishable",
                    claims: { ...caller.claims, role: caller.role },
                  }
                  : null,
              );
            },
          },
        },
      },
    });
    return { app, connection };
  }
}

async function stopEngine(engine: Engine): Promise<void> {
  await engine.connection.close();
}

async function isMissing(response: Response): Promise<boolean> {
  if (response.status < 400 || response.status >= 500) return false;
  const body = await response.clone().json().catch(() => null) as { code?: unknown } | null;
  return typeof body?.code === "string" && NOT_IN_CACHE.has(body.code);
}

function databaseUnavailable(): Response {
  return json(503, { ...DATABASE_CLIENT_ERROR, details: null, hint: null });
}

function schemaUnknown(): Response {
  return json(503, {
    code: "PGRST002",
    details: null,
    hint: null,
    message: "Could not query the database for the schema cache. Retrying.",
  });
}
