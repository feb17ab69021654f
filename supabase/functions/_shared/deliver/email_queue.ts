/** The emails in the database, as a worker sees them. Each call is a transaction of its own. */

import type { Client } from "../platform/mod.ts";
import type { Content } from "./compose.ts";
import type { Result } from "./provider.ts";

export interface BatchEmail {
  id: string;
  state: "QUEUED" | "UNCERTAIN";
  kind: string;
  newsletter_id: string | null;
  space_id: string | null;
  space_name: string | null;
  display_name: string | null;
  payload: Record<string, unknown>;
  /** Of the attempt whose result is not known. */
  email: string | null;
  content: Content | null;
  token: string | null;
  /** Of a newsletter: the token that makes its addresses the reader's own. */
  link?: string | null;
  /** The languages its reader prefers, as BCP 47 tags, best first. */
  languages?: readonly string[];
}

export interface Batch {
  id: string;
  provider: string;
  /** When its first request may have been sent; null before that. */
  tried_at: string | null;
  mails: BatchEmail[];
}

/** An email that may be sent now. */
export interface Begun {
  id: string;
  email: string;
  /** For the links to unsubscribe. */
  token: string;
  /** Of a newsletter: the token that makes its addresses the reader's own. */
  link?: string | null;
}

export interface Settlement {
  results: Result[];
  pauseSeconds?: number;
  /** Whether the worker is done with the batch. */
  isEnd: boolean;
}

export interface EmailQueue {
  claim(provider: string, limit: number): Promise<Batch | null>;
  begin(batch: string, contents: Record<string, Content | null>): Promise<Begun[]>;
  /** False if the batch no longer belongs to this worker. */
  settle(batch: string, settlement: Settlement): Promise<boolean>;
  newsletter(id: string): Promise<Content | null>;
}

/** The emails behind the project's Data API. */
export function emailQueue(service: Client, worker: string, leaseSeconds: number): EmailQueue {
  return {
    claim: (provider, limit) =>
      service.rpc("claim_mails", { worker, provider, mail_limit: limit, lease_seconds: leaseSeconds }),
    begin: (batch, contents) =>
      service.rpc("begin_mails", { worker, batch_id: batch, contents, lease_seconds: leaseSeconds }),
    settle: (batch, { results, pauseSeconds, isEnd }) =>
      service.rpc("settle_mails", {
        worker,
        batch_id: batch,
        results,
        pause_seconds: pauseSeconds ?? 0,
        is_end: isEnd,
      }),
    newsletter: (id) => service.rpc("newsletter_mail", { newsletter_id: id }),
  };
}
