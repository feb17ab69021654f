/** Call the function `deliver`, and do not wait for what it does. */

import type { Environment } from "../platform/mod.ts";

/** The platform keeps a function alive for work that it was told of. */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

export function callDeliver(environment: Pick<Environment, "url" | "secretKey">): void {
  const call = fetch(`${environment.url}/functions/v1/deliver`, {
    method: "POST",
    headers: { apikey: environment.secretKey, "content-type": "application/json" },
    body: "{}",
    // It is under way by then. If not, cron calls within a minute.
    signal: AbortSignal.timeout(5_000),
  }).then(
    (answer) => answer.body?.cancel(),
    (error: Error) => {
      if (error.name !== "TimeoutError") {
        console.log(JSON.stringify({ event: "deliver could not be called", reason: error.name }));
      }
    },
  );
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(call);
}
