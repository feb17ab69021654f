/**
 * SMTP: one mail a transaction.
 *
 * SMTP knows no keys. A mail whose transaction broke off after its text began may or may not be with the server: RFC
 * 5321, 4.5.3.2.6 calls it the sender's lot. Where the server's mailbox can be searched by Message-ID it is asked.
 * Elsewhere the mail is sent again with the same Message-ID, which is what receiving systems know a copy by.
 */

import type { Message } from "./compose.ts";
import { forAll, type OpenRequest, type Provider, type Report, type Result } from "./provider.ts";
import { CALL_MS } from "./worker.ts";

/** What a server said when it refused, or the lack of an answer. */
export class SmtpFailure extends Error {
  override name = "SmtpFailure";
  constructor(
    message: string,
    /** The reply code, or 0 where there was none. */
    readonly code: number,
    /** How far it had come. Up to `login` nothing of a mail was sent. */
    readonly stage: "connect" | "login" | "recipient" | "transaction",
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
        const { pause = 0, ...result } = judge(error);
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

function judge({ code, stage, message }: SmtpFailure): Omit<Result, "id"> & { pause?: number } {
  const error = message.slice(0, 500);
  if (stage === "connect" || stage === "login") {
    // The server is away or does not let us in: no fault of the mail, and the next one would fare no better.
    return { outcome: "RETRY", error, uncounted: true, pause: 30 };
  }
  if (code === 0) return { outcome: "UNCERTAIN", error };
  if (code === 421) return { outcome: "RETRY", error, uncounted: true, pause: 30 };
  if (code < 500) return { outcome: "RETRY", error };
  // 5.1.x and 5.2.1: there is no such mailbox, or it is closed for good (RFC 3463).
  const isDead = stage === "recipient" &&
    (/\b5\.1\.[1-3]\b|\b5\.2\.1\b/.test(message) || !/\b5\.\d+\.\d+\b/.test(message));
  return { outcome: "REJECTED", error, suppress: isDead };
}

/** Ask a mailbox that speaks Mailpit's API. */
export function mailpitSearch(url: string, request: typeof fetch = fetch): MailboxSearch {
  return {
    async has(messageId) {
      const query = `message-id:${messageId.slice(1, -1)}`;
      const answer = await request(`${url}/api/v1/search?${new URLSearchParams({ query, limit: "1" })}`, {
        signal: AbortSignal.timeout(10_000),
      });
      if (!answer.ok) {
        await answer.body?.cancel();
        throw new Error(`The mailbox answered ${answer.status}.`);
      }
      const { messages } = await answer.json() as { messages: unknown[] };
      return messages.length > 0;
    },
  };
}
