/**
 * The clock, for schedulers that call functions: does in the database whatever has come due (see `private.tick()` in
 * the migrations) and calls `deliver`. Where pg_cron is, the database does both without this function.
 *
 *     POST /tick    with a secret key in the header `apikey`; returns {"done": ["streaks", ...]}
 */

import { problem, refuseWithoutSecretKey } from "../_shared/platform/mod.ts";

/** What is left then is done at the next call. */
const TIME_LIMIT_MS = 60_000;

export interface Deps {
  secretKeys: string[];
  tick(): Promise<string[]>;
  /** Call the function `deliver`, and do not wait for it. */
  deliver(): void;
}

export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only POST works here.", { allow: "POST" });
  }
  const refused = await refuseWithoutSecretKey(request, deps);
  if (refused) return refused;
  await request.body?.cancel().catch(() => {}); // What is in it does not matter, nor whether all of it came.
  const done = new Set<string>();
  const end = Date.now() + TIME_LIMIT_MS;
  try {
    // What is done for everybody is done for a portion of people at each call.
    for (let names = await deps.tick(); names.length > 0; names = await deps.tick()) {
      for (const name of names) done.add(name);
      if (Date.now() > end) break;
    }
    return Response.json({ done: [...done].sort() }, { headers: { "cache-control": "no-store" } });
  } finally {
    // What is due must go out even if a chore fails.
    deps.deliver();
  }
}
