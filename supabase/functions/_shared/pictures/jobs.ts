/** The jobs of the outbox that make pictures ready: one picture each. Each may be done twice without harm. */

import { type Client, TooLargeError } from "../platform/mod.ts";
import { derive, type Derived, LARGEST } from "./derive.ts";
import { DERIVED } from "./names.ts";
import { PictureError, type Refusal } from "./problem.ts";

interface Job {
  id: number;
  key: string;
  /** `lost` counts the workers that claimed it and never finished. */
  payload: { bucket_id: string; path: string; lost?: number };
}

export interface PictureDeps {
  service: Client;
  worker: string;
  log(event: string, details: Record<string, unknown>): void;
}

/** Longer than a picture takes, and shorter than a newsletter should wait for one whose worker was ended. */
const LEASE_SECONDS = 60;

/** A picture that has crashed so many workers is not tried again. */
const MOST_LOST = 3;

/** The number of attempts if Storage or the database fail: for about ten minutes. */
const MOST_ATTEMPTS = 7;

/**
 * Convert one picture, if one is due: its processor time and memory are enough for one call.
 *
 * @returns How many were done, and whether there may be more to do at once.
 */
export async function doPicture(deps: PictureDeps): Promise<{ done: number; more: boolean }> {
  const { service, worker } = deps;
  const [job] = await service.rpc<Job[]>("claim_jobs", {
    worker,
    job_limit: 1,
    lease_seconds: LEASE_SECONDS,
    kinds: ["picture.derive"],
  });
  if (job === undefined) return { done: 0, more: false };
  try {
    await settle(deps, job);
    await service.rpc("finish_job", { job_id: job.id, worker });
    return { done: 1, more: true };
  } catch (error) {
    const reason = `${(error as Error).name}: ${(error as Error).message}`;
    deps.log("job failed", { key: job.key, reason });
    await service.rpc("fail_job", { job_id: job.id, worker, error: reason, max_attempts: MOST_ATTEMPTS });
    return { done: 0, more: true };
  }
}

/** Convert a picture and store the results, or record why it cannot be shown. */
async function settle({ service, log }: PictureDeps, { key, payload }: Job): Promise<void> {
  const { bucket_id, path, lost = 0 } = payload;
  const refuse = async (refusal: Refusal, reason: string) => {
    log("picture refused", { key, refusal, reason });
    await service.rpc("settle_picture", { bucket_id, path, refusal });
  };
  if (lost >= MOST_LOST) return await refuse("TOO_HEAVY", "no worker that took it came back");
  let derived: Derived;
  try {
    const bytes = await service.download(bucket_id, path, LARGEST);
    // Remove what an earlier worker may have stored of a picture that was deleted.
    if (bytes === null) return await refuse("DAMAGED", "the picture is gone");
    derived = await derive(bytes, bucket_id === "avatars");
  } catch (error) {
    if (error instanceof TooLargeError) return await refuse("TOO_MANY_BYTES", error.message);
    if (error instanceof PictureError) return await refuse(error.refusal, error.message);
    throw error;
  }
  const folder = `${bucket_id}/${path}`;
  for (const { name, bytes, type } of derived.files) {
    await service.upload(DERIVED, `${folder}/${name}`, bytes, type);
  }
  const files = Object.fromEntries(
    Object.entries(derived.uses).map(([use, name]) => {
      const { width, height, bytes } = derived.files.find((file) => file.name === name)!;
      return [use, { name, width, height, bytes: bytes.length }];
    }),
  );
  await service.rpc("settle_picture", {
    bucket_id,
    path,
    width: derived.width,
    height: derived.height,
    files,
  });
}
