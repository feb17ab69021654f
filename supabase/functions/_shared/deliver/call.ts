/** Call the function `deliver`, and do not wait for what it does. */

import { callFunction, type Environment } from "../platform/mod.ts";

/** @param first What it works on first. */
export function callDeliver(
  environment: Pick<Environment, "url" | "secretKey">,
  first: "jobs" | "mails" = "mails",
): void {
  callFunction(environment, "deliver", { first });
}
