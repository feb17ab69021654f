/** Works through the outbox. See `handler.ts`. */

import { doJobs } from "../_shared/deliver/jobs.ts";
import { LEASE_SECONDS, mailroom, notice, sendMailsTogether } from "../_shared/deliver/mod.ts";
import { readMailSettings } from "../_shared/deliver/settings.ts";
import { callDeliver } from "../_shared/deliver/call.ts";
import { Client, readEnvironment } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const environment = readEnvironment();
const mail = readMailSettings(environment.url);
const sender = mail && { from: mail.from, replyTo: mail.replyTo, unsubscribe: mail.unsubscribe };
const service = Client.service(environment);
const addresses = { project: environment.url, pageTemplate: Deno.env.get("NEWSLETTER_URL") };

function log(event: string, details: Record<string, unknown>): void {
  console.log(JSON.stringify({ event, ...details }));
}

Deno.serve((request) => {
  // A worker is one call: two calls in one process must not take each other's work for their own.
  const worker = `deliver ${crypto.randomUUID()}`;
  const now = () => performance.timeOrigin + performance.now();
  return handle(request, {
    secretKeys: environment.secretKeys,
    now,
    jobs: (until) => doJobs({ service, worker, addresses, sender, now, log }, until),
    async mails(until, limit) {
      if (mail === null) return { sent: 0, more: false };
      const workers = await Promise.all(
        Array.from({ length: mail.workers }, async (_, index) => ({
          mailroom: mailroom(service, `${worker} ${index}`, LEASE_SECONDS),
          provider: await mail.open(),
          sender: mail,
          notice: (one: Parameters<typeof notice>[0]) => notice(one, mail, new Date()),
          now,
          log,
        })),
      );
      try {
        return await sendMailsTogether(workers, until, limit);
      } finally {
        await Promise.all(workers.map(({ provider }) => provider.close()));
      }
    },
    again: () => callDeliver(environment),
  });
});
