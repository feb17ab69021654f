/** Hears from Resend what became of emails later. See `handler.ts`. */

import { Client, readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const service = Client.service(readEnvironment());
const deps = {
  secret: Deno.env.get("RESEND_WEBHOOK_SECRET") || null,
  now: Date.now,
  record: (event: object) => service.rpc<void>("record_mail_event", { ...event }),
};

Deno.serve(safely((request) => handle(request, deps)));
