/** Makes pictures ready to be shown. See `handler.ts`. */

import { doPicture } from "../_shared/pictures/jobs.ts";
import { callFunction, Client, readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const environment = readEnvironment();
const service = Client.service(environment);

function log(event: string, details: Record<string, unknown>): void {
  console.log(JSON.stringify({ event, ...details }));
}

Deno.serve(safely((request) =>
  handle(request, {
    secretKeys: environment.secretKeys,
    picture: () => doPicture({ service, worker: `pictures ${crypto.randomUUID()}`, log }),
    again: () => callFunction(environment, "pictures", {}),
  })
));
