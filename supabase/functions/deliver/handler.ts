/**
 * Works through the outbox: sends emails, renders newsletters, removes files. Called by cron, by the database when
 * there is something to do, and by itself while there is.
 *
 *     POST /deliver    with a secret key in the header `apikey`; returns {"jobs", "sent", "more", "next"}
 *
 * The platform gives a request 2 s of processor time and 256 MB, and ends whoever takes more. So a call does a slice
 * and stops, and does not send emails and render in one: emails go first, because no rendering that ends its worker
 * again and again may keep them; the call after one that sent begins with the jobs, so that no flow of emails keeps
 * those either. Calls may overlap.
 */

import { problem, readObject, refuseWithoutSecretKey } from "../_shared/platform/mod.ts";

/** How long a call begins new work, in milliseconds. */
export const SLICE_MS = 20_000;
/** How many emails a call sends at most. */
export const MAILS_A_CALL = 100;

export interface Deps {
  secretKeys: string[];
  now(): number;
  jobs(until: number): Promise<{ done: number; more: boolean }>;
  mails(until: number, limit: number): Promise<{ sent: number; more: boolean }>;
  /** Call this function again, to begin with this, and do not wait for it. */
  again(next: "jobs" | "mails"): void;
}

export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only POST works here.", { allow: "POST" });
  }
  const refused = await refuseWithoutSecretKey(request, deps);
  if (refused) return refused;
  const asked = await bodyOf(request);
  if ("refused" in asked) return asked.refused;
  const until = deps.now() + SLICE_MS;
  const failures: unknown[] = [];
  // What keeps one kind of work from being done does not keep the other.
  const attempt = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      failures.push(error);
      return otherwise;
    }
  };
  const mail = () => attempt(() => deps.mails(until, MAILS_A_CALL), { sent: 0, more: false });
  const work = () => attempt(() => deps.jobs(until), { done: 0, more: false });
  const nothing = { sent: 0, done: 0, more: false };
  let [mails, jobs] = [nothing, nothing] as [
    { sent: number; more: boolean },
    { done: number; more: boolean },
  ];
  let next: "jobs" | "mails" = "mails";
  if (asked.first === "jobs") {
    jobs = await work();
    if (!jobs.more) mails = await mail();
  } else {
    mails = await mail();
    if (mails.sent === 0 && !mails.more) jobs = await work();
    else next = "jobs";
  }
  const more = jobs.more || mails.more || next === "jobs";
  if (more && asked.chains) deps.again(next);
  if (failures.length > 0) throw failures[0];
  return Response.json({ jobs: jobs.done, sent: mails.sent, more, next }, {
    headers: { "cache-control": "no-store" },
  });
}

/** Longer than what anybody says here. */
const LONGEST_BODY = 1024;

/** `{"chain": false}` is from a caller who calls again by itself, `{"first": "jobs"}` from the call before. */
async function bodyOf(
  request: Request,
): Promise<{ chains: boolean; first: "jobs" | "mails" } | { refused: Response }> {
  const body = await readObject(request, LONGEST_BODY, {}, {});
  if ("refused" in body) return body;
  return { chains: body.value.chain !== false, first: body.value.first === "jobs" ? "jobs" : "mails" };
}
