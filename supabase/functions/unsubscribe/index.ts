/** Where the links below an email lead. See `handler.ts`. */

import { Client, readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle, type Subscription } from "./handler.ts";

const service = Client.service(readEnvironment());

Deno.serve(safely((request) =>
  handle(request, {
    async find(token) {
      const [found] = await service.rpc<Subscription[]>("email_subscription", { token });
      return found ?? null;
    },
    stop: (token, scope) => service.rpc("unsubscribe", { token, scope }),
    undo: (token) => service.rpc("resubscribe", { token }),
  })
));
