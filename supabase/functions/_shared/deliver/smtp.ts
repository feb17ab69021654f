/**
 * SMTP: one mail a transaction.
 *
 * SMTP knows no keys. A mail whose transaction broke off after its text began may or may not be with the server: RFC
 * 5321, 4.5.3.2.6 calls it the sender's lot. Where the server's mailbox can be searched by Message-ID it is asked.
 * Elsewhere the mail is sent again with the same Message-ID, which is what receiving systems know a copy by.
 */

import type { Message } from "./compose.ts";
import { forAll, type OpenRequest, type Provider, type Report, type Result } from "./provider.ts";
import { faultOf, type Stage } from "./replies.ts";
import { CALL_MS } from "./worker.ts";

/** What a server said when it refused, or the lack of an answer. */
export class SmtpFailure extends Error {
  override name = "SmtpFailure";
  constructor(
    message: string,
    /** The reply code, or 0 where there was none. */
    readonly code: number,
    /** How far it had come. Before `transaction` nothing of a mail was sent. */
    readonly stage: Stage,
    /** Whether our own side of the conversation refused, before anything was sent. */
    readonly isOurs = false,
  ) {
    super(message);
  }
}

/** A connection to a server, opened when it is first used and again after a failure. */
export interface SmtpTransport {
  /**
   * @returns The server's last reply.
   * @throws {SmtpFailure}
   */
  send(message: Message, timeoutMs: number): Promise<string>;
  close(): Promise<void>;
}

/** Whether the server has a mail, where it can be asked. */
export interface MailboxSearch {
  has(messageId: string): Promise<boolean>;
}

export class Smtp implements Provider {
  readonly name = "smtp";
  readonly batchSize = 25;
  readonly together = false;
  readonly #transport: SmtpTransport;
  readonly #search: MailboxSearch | null;

  constructor(transport: SmtpTransport, search: MailboxSearch | null) {
    this.#transport = transport;
    this.#search = search;
  }

  async send(_key: string, messages: Message[]): Promise<Report> {
    const results: Result[] = [];
    let pauseSeconds = 0;
    for (const message of messages) {
      try {
        await this.#transport.send(message, CALL_MS);
        results.push({ id: message.id, outcome: "SENT", provider_id: message.messageId });
      } catch (error) {
        if (!(error instanceof SmtpFailure)) throw error;
        const { pause = 0, ...result } = resultOf(error, message.to);
        results.push({ id: message.id, ...result });
        pauseSeconds = Math.max(pauseSeconds, pause);
      }
    }
    return { results, pauseSeconds };
  }

  async resolve(_request: OpenRequest, messages: Message[]): Promise<Report> {
    if (this.#search === null) {
      return { results: forAll(messages, { outcome: "RETRY", error: "the server cannot be asked" }) };
    }
    const results: Result[] = [];
    for (const { id, messageId } of messages) {
      try {
        results.push(
          await this.#search.has(messageId)
            ? { id, outcome: "SENT", provider_id: messageId }
            : { id, outcome: "RETRY", error: "the server does not have it" },
        );
      } catch (error) {
        results.push({ id, outcome: "UNCERTAIN", error: `the search failed (${(error as Error).name})` });
      }
    }
    return { results };
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }
}

/** A wrong setting is not mended within a moment; who has mended it need not wait for this (`resume_mail`). */
const SENDER_PAUSE = 60;
const AWAY_PAUSE = 30;

function resultOf(
  { code, stage, message, isOurs }: SmtpFailure,
  address: string,
): Omit<Result, "id"> & { pause?: number } {
  const error = message.slice(0, 2000);
  if (isOurs) {
    // Nothing was said to the server: the sender, the recipient or the size cannot be said to it.
    const fault = stage === "recipient" ? "OTHER" : "SENDER";
    return fault === "OTHER"
      ? { outcome: "REJECTED", error, fault }
      : { outcome: "RETRY", error, fault, uncounted: true, pause: SENDER_PAUSE };
  }
  const fault = faultOf({ code, text: message, stage, address });
  if (stage === "connect" || stage === "login") {
    // The server is away or does not let us in: no fault of the mail, and the next one would fare no better.
    return fault === "SENDER"
      ? { outcome: "RETRY", error, fault, uncounted: true, pause: SENDER_PAUSE }
      : { outcome: "RETRY", error, fault: "AWAY", uncounted: true, pause: AWAY_PAUSE };
  }
  if (code === 0) return { outcome: "UNCERTAIN", error };
  if (fault === "SENDER") {
    // Whom it is from is the same for every mail. What is said about a recipient may be about that one.
    return { outcome: "RETRY", error, fault, uncounted: true, pause: stage === "sender" ? SENDER_PAUSE : 0 };
  }
  if (code === 421) return { outcome: "RETRY", error, fault, uncounted: true, pause: AWAY_PAUSE };
  // A full mailbox may be emptied, and haste may end: these are tried again however the server puts it.
  if (code < 500 || fault === "MAILBOX_FULL" || fault === "RATE") return { outcome: "RETRY", error, fault };
  return { outcome: "REJECTED", error, fault, suppress: fault === "NO_MAILBOX" && stage === "recipient" };
}

/** Ask a mailbox that speaks Mailpit's API. */
export function mailpitSearch(url: string, request: typeof fetch = fetch): MailboxSearch {
  return {
    async has(messageId) {
      const query = `message-id:${messageId.slice(1, -1)}`;
      const reply = await request(`${url}/api/v1/search?${new URLSearchParams({ query, limit: "1" })}`, {
        signal: AbortSignal.timeout(10_000),
      });
      if (!reply.ok) {
        await reply.body?.cancel();
        throw new Error(`The mailbox answered ${reply.status}.`);
      }
      const { messages } = await reply.json() as { messages: unknown[] };
      return messages.length > 0;
    },
  };
}
