/**
 * Works through the outbox: renders newsletters, sends mails, removes files. Called by cron, by the database when there
 * is something to do, and by itself while there is.
 *
 *     POST /deliver    with a secret key in the header `apikey`; answers {"jobs", "sent", "more"}
 *
 * The platform gives a request 2 s of processor time, so a call does a slice and stops. Calls may overlap.
 */

import { problem, refuseWithoutSecretKey } from "../_shared/platform/mod.ts";

/** How long a call begins new work, in milliseconds. */
export const SLICE_MS = 20_000;
/** How many mails a call sends at most. */
export const MAILS_A_CALL = 100;

export interface Deps {
  secretKeys: string[];
  now(): number;
  jobs(until: number): Promise<{ done: number; more: boolean }>;
  mails(until: number, limit: number): Promise<{ sent: number; more: boolean }>;
  /** Call this function again, and do not wait for it. */
  again(): void;
}

export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only POST works here.", { allow: "POST" });
  }
  const refused = await refuseWithoutSecretKey(request, deps);
  if (refused) return refused;
  const chains = (await wish(request)).chain !== false;
  const until = deps.now() + SLICE_MS;
  const jobs = await deps.jobs(until);
  const mails = jobs.more ? { sent: 0, more: true } : await deps.mails(until, MAILS_A_CALL);
  const more = jobs.more || mails.more;
  if (more && chains) deps.again();
  return Response.json({ jobs: jobs.done, sent: mails.sent, more }, {
    headers: { "cache-control": "no-store" },
  });
}

/** `{"chain": false}` is from a caller who calls again by itself. */
async function wish(request: Request): Promise<{ chain?: unknown }> {
  try {
    const value: unknown = await request.json();
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {}; // A call without a body is as good.
  }
}
