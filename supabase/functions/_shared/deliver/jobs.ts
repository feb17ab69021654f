/**
 * The jobs of the outbox that are not emails: render newsletters, remove files. Each may be done twice without harm.
 */

import {
  type Addresses,
  NothingToRenderError,
  type Part,
  renderBareEmail,
  type RenderedNewsletter,
  renderNewsletter,
} from "../newsletters/mod.ts";
import type { Client } from "../platform/mod.ts";
import type { Content, Sender } from "./compose.ts";

export interface Job {
  id: number;
  kind: string;
  key: string;
  payload: Record<string, unknown>;
  /** How often it was claimed, this time included. */
  attempts: number;
}

export interface JobDeps {
  service: Client;
  worker: string;
  addresses: Addresses;
  /** Null until a sender is configured. */
  sender: Sender | null;
  now(): number;
  log(event: string, details: Record<string, unknown>): void;
}

/** Longer than a function may run: a worker whose lease ends after that no longer exists. */
const JOB_LEASE_SECONDS = 300;

/** What each kind of rendering makes. */
const PARTS: Record<string, Part> = {
  "newsletter.mail": "email",
  "newsletter.render": "page",
  "newsletter.pdf": "pdf",
};

/** The function `pictures` does the others. */
const KINDS = [...Object.keys(PARTS), "storage.remove"];

/** After so many failed attempts an email is made without what people wrote. */
const ATTEMPTS_IN_FULL = 3;

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
      kinds: KINDS,
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
    if (job.kind in PARTS) return { done, more: true };
  }
  return { done, more: true };
}

async function doJob(deps: JobDeps, job: Job): Promise<void> {
  switch (job.kind) {
    case "newsletter.mail":
    case "newsletter.render":
    case "newsletter.pdf":
      return await render(deps, job, PARTS[job.kind]);
    case "storage.remove":
      // As of when the job was claimed: since it was written, somebody may have used the file again.
      if (job.payload.in_use === true) return deps.log("file is in use again", { key: job.key });
      return typeof job.payload.folder === "string"
        ? await removeFolder(deps.service, String(job.payload.bucket_id), job.payload.folder)
        : await deps.service.remove(String(job.payload.bucket_id), String(job.payload.path));
    default:
      throw new Error(`This version of the function does not know jobs of the kind ${job.kind}.`);
  }
}

/**
 * Remove all that is in a folder and below it, whatever its name, until nothing is left.
 *
 * @throws {Error} Something cannot be removed; try again later.
 */
async function removeFolder(service: Client, bucket: string, folder: string): Promise<void> {
  let before = "";
  while (true) {
    const names = (await service.list(bucket, folder)).map(({ name }) => name);
    if (names.length === 0) return;
    if (names.join() === before) throw new Error(`Files in ${bucket}/${folder} cannot be removed.`);
    before = names.join();
    const files = names.filter((name) => !name.endsWith("/"));
    if (files.length > 0) await service.remove(bucket, ...files.map((name) => `${folder}/${name}`));
    for (const name of names) {
      if (name.endsWith("/")) await removeFolder(service, bucket, `${folder}/${name.slice(0, -1)}`);
    }
  }
}

async function render(deps: JobDeps, { payload, attempts }: Job, part: Part): Promise<void> {
  const id = String(payload.newsletter_id);
  let rendered: Pick<RenderedNewsletter, "email" | "translations" | "space" | "redactedAt">;
  try {
    if (part === "email" && attempts > ATTEMPTS_IN_FULL) {
      deps.log("email without responses", { newsletter: id, attempts });
      rendered = await renderBareEmail(deps.service, id, deps.addresses);
    } else {
      const { problems, ...made } = await renderNewsletter(deps.service, id, deps.addresses, [part]);
      rendered = made;
      if (problems.length > 0) deps.log("rendered with problems", { newsletter: id, part, problems });
    }
  } catch (error) {
    if (!(error instanceof NothingToRenderError)) throw error;
    deps.log("nothing to render", { newsletter: id });
    return;
  }
  const { email, translations, space, redactedAt } = rendered;
  if (email === null) return;
  const content: Content = {
    sender: deps.sender,
    date: new Date(deps.now()).toISOString(),
    mail: email,
    translations,
    from_name: space,
    redacted_at: redactedAt,
  };
  // From here on its emails are due.
  await deps.service.rpc("save_newsletter_mail", { newsletter_id: id, content });
}
