/** What a provider of email must do, and the results it may return. */

import type { Message } from "./compose.ts";
import type { Fault } from "./refusals.ts";

/**
 * What became of an email.
 *
 * - SENT: the provider has it.
 * - REJECTED: the provider will not take it, however often it is asked.
 * - RETRY: the provider certainly does not have it; a later attempt may succeed.
 * - UNCERTAIN: not known; this must be resolved before it is sent again.
 */
export type Outcome = "SENT" | "REJECTED" | "RETRY" | "UNCERTAIN";

export interface Result {
  /** The email's. */
  id: string;
  outcome: Outcome;
  /** The provider's id for it; for bounces that come later. */
  provider_id?: string;
  /** The provider's words. Never holds a key; the database removes addresses. */
  error?: string;
  /** Whose fault it was, if known. Three domains in a row that blame the sender pause the provider. */
  fault?: Fault;
  /** The address does not work: it gets no more email. */
  suppress?: boolean;
  /** The fault was not the email's, so it does not count as one of its attempts. */
  uncounted?: boolean;
}

export interface Report {
  /** One for each message. */
  results: Result[];
  /** How long the provider asks every worker to wait. */
  pauseSeconds?: number;
}

/** A request whose reply was never received. */
export interface OpenRequest {
  /** The batch's id: the key under which the provider knows it. */
  key: string;
  /** When it may have been sent first, in milliseconds. */
  triedAt: number;
  now: number;
}

export interface Provider {
  readonly name: string;
  /** How many emails a batch may have. */
  readonly batchSize: number;
  /** Whether a batch is one request; otherwise each email is. */
  readonly together: boolean;
  /** Send messages. Does not throw for anything that the provider or the network does. */
  send(key: string, messages: Message[]): Promise<Report>;
  /** Find out what became of messages, or repeat the request if that is certain to have no second effect. */
  resolve(request: OpenRequest, messages: Message[]): Promise<Report>;
  close(): Promise<void>;
}

/** The same result for all. */
export function forAll(messages: Message[], result: Omit<Result, "id">): Result[] {
  return messages.map(({ id }) => ({ id, ...result }));
}
