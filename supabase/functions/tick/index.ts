/** The clock. See `handler.ts`. */

import { callDeliver } from "../_shared/deliver/call.ts";
import { Client, readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const environment = readEnvironment();
const service = Client.service(environment, { timeoutMs: 100_000 });
const deps = {
  secretKeys: environment.secretKeys,
  tick: () => service.rpc<string[]>("tick"),
  deliver: () => callDeliver(environment),
};

Deno.serve(safely((request) => handle(request, deps)));
