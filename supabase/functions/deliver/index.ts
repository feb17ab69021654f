/** Works through the outbox. See `handler.ts`. */

import type { Sender } from "../_shared/deliver/compose.ts";
import { doJobs } from "../_shared/deliver/jobs.ts";
import { emailQueue, LEASE_SECONDS, notice, sendEmailsTogether } from "../_shared/deliver/mod.ts";
import { readEmailSettings } from "../_shared/deliver/settings.ts";
import { callDeliver } from "../_shared/deliver/call.ts";
import { readPageTemplate } from "../_shared/newsletters/newsletters.ts";
import { Client, readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const environment = readEnvironment();
const service = Client.service(environment);

function log(event: string, details: Record<string, unknown>): void {
  console.log(JSON.stringify({ event, ...details }));
}

/** A setting, or what is wrong with it, which is said at each call that needs it. */
function setting<T>(read: () => T): () => T {
  try {
    const value = read();
    return () => value;
  } catch (error) {
    log("misconfigured", { reason: (error as Error).message });
    return () => {
      throw error;
    };
  }
}

// What is wrong with email keeps no newsletter from being rendered.
const emailSettings = setting(() => readEmailSettings(environment.url));
const pageTemplate = setting(readPageTemplate);

/** Whom emails are from; null where nobody sends any, or what is said of it is wrong. */
function sender(): Sender | null {
  try {
    const mail = emailSettings();
    return mail && { from: mail.from, replyTo: mail.replyTo, unsubscribe: mail.unsubscribe };
  } catch {
    return null;
  }
}

Deno.serve(safely((request) => {
  // A worker is one call: two calls in one process must not take each other's work for their own.
  const worker = `deliver ${crypto.randomUUID()}`;
  const now = () => performance.timeOrigin + performance.now();
  return handle(request, {
    secretKeys: environment.secretKeys,
    now,
    // deno-lint-ignore require-await
    async jobs(until) {
      const addresses = { project: environment.url, pageTemplate: pageTemplate() };
      return doJobs({ service, worker, addresses, sender: sender(), now, log }, until);
    },
    async mails(until, limit) {
      const mail = emailSettings();
      if (mail === null) return { sent: 0, more: false };
      const workers = await Promise.all(
        Array.from({ length: mail.workers }, async (_, index) => ({
          emailQueue: emailQueue(service, `${worker} ${index}`, LEASE_SECONDS),
          provider: await mail.open(),
          sender: mail,
          notice: (one: Parameters<typeof notice>[0]) => notice(one, mail, new Date()),
          now,
          log,
        })),
      );
      try {
        return await sendEmailsTogether(workers, until, limit);
      } finally {
        await Promise.all(workers.map(({ provider }) => provider.close()));
      }
    },
    again: (next) => callDeliver(environment, next),
  });
}));
