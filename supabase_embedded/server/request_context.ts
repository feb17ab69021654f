/** The request that is being handled, for code that is called from inside a library. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Challenge, SentEmail } from "./auth_pkce.ts";

export interface RequestContext {
  method: string;
  /** The path after the service's prefix, as functions in the database see it. */
  path: string;
  headers: Record<string, string>;
  /** The whole body, if it was read. */
  body?: ArrayBuffer | null;
  /** The redirect of the link in an email. */
  redirectTo?: string;
  /** The profile data that came with the request for a one-time code. */
  signUpData?: Record<string, unknown>;
  /** The session in the request's token. Whether the token is valid is checked by lite. */
  sessionId?: string;
  /** The code that came with a change of the account. */
  nonce?: string;
  /** The challenge of the code that the links in its emails return. */
  challenge?: Challenge;
  /** The emails that it sent. */
  emails?: SentEmail[];
  /** Whether it confirmed a change of address from the first of the two addresses. */
  isHalfConfirmed?: boolean;
  /** The reply to send instead of a library's own "internal server error". */
  failure?: { status: number; code: string; message: string };
  /** The last error of the database, which a library may have replaced. */
  databaseError?: unknown;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function runInContext<T>(context: RequestContext, task: () => Promise<T>): Promise<T> {
  return storage.run(context, task);
}

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Headers with credentials. The database sees only the claims. */
const CREDENTIALS = new Set(["authorization", "apikey", "cookie"]);

export function visibleHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !CREDENTIALS.has(name)));
}
