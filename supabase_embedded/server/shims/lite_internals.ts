/**
 * The private parts of lite that the other shims replace, listed in one place and checked at the start, so that a new
 * version of lite without them fails at once instead of losing a shim silently.
 */

import type { PostgresConnection } from "@supabase/lite/postgres";
import type { IntrospectResult } from "@supabase/lite";
import type { Kysely } from "kysely";

/** The claims and the role under which lite runs a request's statements. */
export interface RequestVars {
  auth?: { uid?: string | null; role?: string; jwt?: Record<string, unknown> | null };
}

/** A change as lite has parsed it from a request. */
export interface ChangePlan {
  type: string;
  values?: unknown;
  where?: Record<string, unknown>;
  $meta?: { columns?: string[]; missing?: string; cardinality?: string };
}

export interface ConnectionInternals {
  rlsState: "unknown" | "active" | "inactive";
  introspection?: IntrospectResult;
  introspect(options?: { useCache?: boolean }): Promise<IntrospectResult>;
  // deno-lint-ignore no-explicit-any -- lite's tables are not known to the compiler
  applyJwtSessionContext(db: Kysely<any>, vars: RequestVars, customRole: boolean): Promise<void>;
  // deno-lint-ignore no-explicit-any -- as above
  applyRpcRequestGucs(db: Kysely<any>, request: unknown): Promise<void>;
  onPostgrestAST(plan: ChangePlan, vars: RequestVars): Promise<ChangePlan>;
  normalizeDbError(error: unknown): unknown;
  withContext<T>(
    vars: RequestVars | undefined,
    // deno-lint-ignore no-explicit-any -- as above
    work: (db: Kysely<any>) => Promise<T>,
    options?: unknown,
  ): Promise<T>;
}

/** These shims do not work with this version of lite. */
export class LiteVersionError extends Error {
  override name = "LiteVersionError";
}

export function internalsOf(connection: PostgresConnection): ConnectionInternals {
  const internals = connection as unknown as ConnectionInternals;
  for (
    const method of [
      "introspect",
      "applyJwtSessionContext",
      "applyRpcRequestGucs",
      "onPostgrestAST",
      "normalizeDbError",
      "withContext",
    ] as const
  ) {
    if (typeof internals[method] !== "function") throw moved(method);
  }
  if (internals.rlsState !== "unknown") throw moved("rlsState");
  return internals;
}

/** Replaces methods of an object. Throws if one does not exist. */
export function replaceMethods<T extends object>(target: T, methods: Partial<T>): void {
  for (const [name, method] of Object.entries(methods)) {
    if (typeof (target as Record<string, unknown>)[name] !== "function") throw moved(name);
    Object.defineProperty(target, name, { value: method, configurable: true });
  }
}

function moved(name: string): LiteVersionError {
  return new LiteVersionError(
    `@supabase/lite no longer has \`${name}\`: adapt the shims to its new version.`,
  );
}
