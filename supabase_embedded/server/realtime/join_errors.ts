/** Why a join is refused, in the platform's words. */

import { isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { AuthorizationError } from "./authorization.ts";
import { BindingError } from "./bindings.ts";
import { IdentityError } from "./identity.ts";
import { ReplayError } from "./replay.ts";

/** A join is refused. The code and the text are the platform's. */
export class JoinError extends Error {
  override name = "JoinError";
  constructor(code: string, text: string) {
    super(`${code}: ${text}`);
  }
}

export function unauthorized(topic: string): JoinError {
  return new JoinError(
    "Unauthorized",
    `You do not have permissions to read from this Channel topic: ${topic}`,
  );
}

export function subscriptionTimeout(ms: number): JoinError {
  return new JoinError(
    "PostgresChangesSubscribeTimeout",
    `Timed out after ${ms}ms waiting for the postgres_changes subscription`,
  );
}

/** The reason that the client is given for an error during its join. */
export function joinErrorReason(error: unknown): string {
  if (error instanceof JoinError) return error.message;
  if (error instanceof IdentityError || error instanceof AuthorizationError) {
    return `${error.code}: ${error.message}`;
  }
  if (error instanceof BindingError) return `RealtimeDisabledForConfiguration: ${error.message}`;
  if (error instanceof ReplayError) return `UnableToReplayMessages: ${error.message}`;
  if (isUnreachable(error)) {
    return "UnableToConnectToProject: Realtime was unable to connect to the project database";
  }
  log("realtime_join", describeError(error));
  return "Unknown Error on Channel";
}
