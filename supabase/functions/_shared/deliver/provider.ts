/** What a provider of email has to do, and what it may answer. */

import type { Message } from "./compose.ts";
import type { Fault } from "./replies.ts";

/**
 * What became of a mail.
 *
 * - SENT: the provider has it.
 * - REJECTED: the provider will not take it, however often it is asked.
 * - RETRY: the provider certainly does not have it; another time may do.
 * - UNCERTAIN: nobody knows; it must be found out before it is sent again.
 */
export type Outcome = "SENT" | "REJECTED" | "RETRY" | "UNCERTAIN";

export interface Result {
  /** The mail's. */
  id: string;
  outcome: Outcome;
  /** What the provider calls it; for bounces that come later. */
  provider_id?: string;
  /** What was said. Never holds a key; the database takes the addresses out. */
  error?: string;
  /** Whose fault it was, where that is known. Three domains in a row that say it is the sender's stop the provider. */
  fault?: Fault;
  /** The address does not work: it gets no more mail. */
  suppress?: boolean;
  /** The fault was not the mail's, so it does not count as one of its attempts. */
  uncounted?: boolean;
}

export interface Report {
  /** One for each message. */
  results: Result[];
  /** The provider wants all of us to wait so long. */
  pauseSeconds?: number;
}

/** A request whose answer nobody has seen. */
export interface OpenRequest {
  /** The batch's id: the key under which the provider knows it. */
  key: string;
  /** When it may have gone out first, in milliseconds. */
  triedAt: number;
  now: number;
}

export interface Provider {
  readonly name: string;
  /** How many mails a batch may have. */
  readonly batchSize: number;
  /** Whether a batch is one request; otherwise each mail is. */
  readonly together: boolean;
  /** Send messages. Does not throw for anything that the provider or the network does. */
  send(key: string, messages: Message[]): Promise<Report>;
  /** Find out what became of messages, or repeat the request where that is certain to have no effect of its own. */
  resolve(request: OpenRequest, messages: Message[]): Promise<Report>;
  close(): Promise<void>;
}

/** The same result for all. */
export function forAll(messages: Message[], result: Omit<Result, "id">): Result[] {
  return messages.map(({ id }) => ({ id, ...result }));
}
