/** What code deep inside a library needs to know about the request that it is answering. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Challenge, SentMail } from "./auth_pkce.ts";

export interface RequestContext {
  method: string;
  /** The path behind the service's prefix, as functions in the database see it. */
  path: string;
  headers: Record<string, string>;
  /** The whole body, where it was read. */
  body?: ArrayBuffer | null;
  /** Where the link in a mail shall lead in the end. */
  redirectTo?: string;
  /** The profile data that came with the request for a one-time code. */
  signUpData?: Record<string, unknown>;
  /** The session that the request's token names; whether the token is valid is for lite to find out. */
  sessionId?: string;
  /** The code that came with a change of the account. */
  nonce?: string;
  /** What the links in its mails are to bring a code for. */
  challenge?: Challenge;
  /** The mails that it caused. */
  mails?: SentMail[];
  /** Whether it confirmed a change of address in the first of two mailboxes. */
  isHalfConfirmed?: boolean;
  /** The answer to give instead of a library's own "internal server error". */
  failure?: { status: number; code: string; message: string };
  /** The last error of the database, which a library may have made its own. */
  databaseError?: unknown;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function runInContext<T>(context: RequestContext, task: () => Promise<T>): Promise<T> {
  return storage.run(context, task);
}

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Headers that say who somebody is. Claims are what the database may see of them. */
const CREDENTIALS = new Set(["authorization", "apikey", "cookie"]);

export function visibleHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !CREDENTIALS.has(name)));
}
