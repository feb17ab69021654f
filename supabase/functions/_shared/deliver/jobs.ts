/** The jobs of the outbox that are no mails: render newsletters, remove files. Each may be done twice without harm. */

import { type Addresses, NothingToRenderError, renderNewsletter } from "../newsletters/mod.ts";
import type { Client } from "../platform/mod.ts";
import type { Content, Sender } from "./compose.ts";

export interface Job {
  id: number;
  kind: string;
  key: string;
  payload: Record<string, unknown>;
}

export interface JobDeps {
  service: Client;
  worker: string;
  addresses: Addresses;
  /** Null where nobody is named yet. */
  sender: Sender | null;
  now(): number;
  log(event: string, details: Record<string, unknown>): void;
}

/** Longer than a function may live: who still holds a lease after that is gone. */
const JOB_LEASE_SECONDS = 300;

/**
 * Do jobs until none is due, the time is up, or one was heavy.
 *
 * @returns How many were done, and whether there may be more to do at once.
 */
export async function doJobs(deps: JobDeps, until: number): Promise<{ done: number; more: boolean }> {
  let done = 0;
  while (deps.now() < until) {
    const [job] = await deps.service.rpc<Job[]>("claim_jobs", {
      worker: deps.worker,
      job_limit: 1,
      lease_seconds: JOB_LEASE_SECONDS,
    });
    if (job === undefined) return { done, more: false };
    try {
      await doJob(deps, job);
      await deps.service.rpc("finish_job", { job_id: job.id, worker: deps.worker });
      done += 1;
    } catch (error) {
      const reason = `${(error as Error).name}: ${(error as Error).message}`;
      deps.log("job failed", { key: job.key, reason });
      await deps.service.rpc("fail_job", { job_id: job.id, worker: deps.worker, error: reason });
    }
    // Rendering takes a good part of the processor time that the platform gives a request.
    if (job.kind === "newsletter.render") return { done, more: true };
  }
  return { done, more: true };
}

async function doJob(deps: JobDeps, job: Job): Promise<void> {
  switch (job.kind) {
    case "newsletter.render":
      return await render(deps, String(job.payload.newsletter_id));
    case "storage.remove":
      // Said when the job was claimed: since it was written somebody may have named the file again.
      if (job.payload.in_use === true) return deps.log("file is in use again", { key: job.key });
      return await deps.service.remove(String(job.payload.bucket_id), String(job.payload.path));
    default:
      throw new Error(`This version of the function does not know jobs of the kind ${job.kind}.`);
  }
}

async function render(deps: JobDeps, id: string): Promise<void> {
  let rendered;
  try {
    rendered = await renderNewsletter(deps.service, id, deps.addresses);
  } catch (error) {
    if (!(error instanceof NothingToRenderError)) throw error;
    deps.log("nothing to render", { newsletter: id });
    return;
  }
  if (rendered.problems.length > 0) {
    deps.log("rendered with problems", { newsletter: id, problems: rendered.problems });
  }
  const content: Content = {
    sender: deps.sender,
    date: new Date(deps.now()).toISOString(),
    mail: rendered.mail,
  };
  // From here on its mails are due.
  await deps.service.rpc("save_newsletter_mail", { newsletter_id: id, content });
}
