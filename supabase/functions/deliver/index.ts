/** Works through the outbox. See `handler.ts`. */

import { doJobs } from "../_shared/deliver/jobs.ts";
import { LEASE_SECONDS, mailroom, notice, sendMails } from "../_shared/deliver/mod.ts";
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
      const provider = await mail.open();
      try {
        const room = mailroom(service, worker, LEASE_SECONDS);
        const say = (one: Parameters<typeof notice>[0]) => notice(one, mail, new Date());
        return await sendMails(
          { mailroom: room, provider, sender: mail, notice: say, now, log },
          until,
          limit,
        );
      } finally {
        await provider.close();
      }
    },
    again: () => callDeliver(environment),
  });
});
