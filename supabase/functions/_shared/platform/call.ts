/** Call a function of the project, and do not wait for what it does. */

import type { Environment } from "./environment.ts";

/** The platform keeps a function alive for work that is registered with it. */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

export function callFunction(
  environment: Pick<Environment, "url" | "secretKey">,
  name: string,
  body: Record<string, unknown>,
): void {
  const call = fetch(`${environment.url}/functions/v1/${name}`, {
    method: "POST",
    headers: { apikey: environment.secretKey, "content-type": "application/json" },
    body: JSON.stringify(body),
    // The call has arrived by then. If not, cron calls within a minute.
    signal: AbortSignal.timeout(5_000),
  }).then(
    (reply) => reply.body?.cancel(),
    (error: Error) => {
      if (error.name !== "TimeoutError") {
        console.log(JSON.stringify({ event: `${name} could not be called`, reason: error.name }));
      }
    },
  );
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(call);
}
