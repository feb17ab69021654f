/**
 * Makes pictures ready to be shown: one a call, because one may take half of the 2 s of processor and the 256 MB that
 * the platform gives a request. Called by cron, by the database when a newsletter waits for some, and by itself while
 * there are more. Calls may overlap.
 *
 *     POST /pictures    with a secret key in the header `apikey`; returns {"jobs", "more"}
 */

import { problem, readObject, refuseWithoutSecretKey } from "../_shared/platform/mod.ts";

export interface Deps {
  secretKeys: string[];
  picture(): Promise<{ done: number; more: boolean }>;
  /** Call this function again, and do not wait for it. */
  again(): void;
}

/** Longer than what anybody says here. */
const LONGEST_BODY = 1024;

/** `{"chain": false}` is from a caller who calls again by itself. */
export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only POST works here.", { allow: "POST" });
  }
  const refused = await refuseWithoutSecretKey(request, deps);
  if (refused) return refused;
  const body = await readObject(request, LONGEST_BODY, {}, {});
  if ("refused" in body) return body.refused;
  const { done, more } = await deps.picture();
  if (more && body.value.chain !== false) deps.again();
  return Response.json({ jobs: done, more }, { headers: { "cache-control": "no-store" } });
}
