/**
 * SMTP: one email a transaction.
 *
 * SMTP knows no keys. An email whose transaction broke off after its text began may or may not be with the server: see
 * RFC 5321, 4.5.3.2.6. If the server's mailbox can be searched by Message-ID, it is searched. Otherwise the email is
 * sent again with the same Message-ID, by which receiving systems recognise a copy.
 */

import type { Message } from "./compose.ts";
import { forAll, type OpenRequest, type Provider, type Report, type Result } from "./provider.ts";
import { faultOf, type Stage } from "./refusals.ts";
import { CALL_MS } from "./worker.ts";

/** What a server said when it refused, or the lack of a reply. */
export class SmtpFailure extends Error {
  override name = "SmtpFailure";
  constructor(
    message: string,
    /** The reply code, or 0 without a reply. */
    readonly code: number,
    /** How far it had come. Before `transaction` nothing of an email was sent. */
    readonly stage: Stage,
    /** Whether our own code refused, before anything was sent. */
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

/** Return whether the server has an email, if it can be searched. */
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

/** A wrong setting is not fixed within a moment; whoever has fixed it need not wait (`resume_mail`). */
const SENDER_PAUSE = 60;
const AWAY_PAUSE = 30;

function resultOf(
  { code, stage, message, isOurs }: SmtpFailure,
  address: string,
): Omit<Result, "id"> & { pause?: number } {
  const error = message.slice(0, 2000);
  if (isOurs) {
    // Nothing was sent to the server: it cannot take this sender, recipient or size.
    const fault = stage === "recipient" ? "OTHER" : "SENDER";
    return fault === "OTHER"
      ? { outcome: "REJECTED", error, fault }
      : { outcome: "RETRY", error, fault, uncounted: true, pause: SENDER_PAUSE };
  }
  const fault = faultOf({ code, text: message, stage, address });
  if (stage === "connect" || stage === "login") {
    // The server is unreachable or refuses us: the email is not at fault, and the next one would fail in the same way.
    return fault === "SENDER"
      ? { outcome: "RETRY", error, fault, uncounted: true, pause: SENDER_PAUSE }
      : { outcome: "RETRY", error, fault: "AWAY", uncounted: true, pause: AWAY_PAUSE };
  }
  if (code === 0) return { outcome: "UNCERTAIN", error };
  if (fault === "SENDER") {
    // The sender is the same for every email. A reply about a recipient may be about this one.
    return { outcome: "RETRY", error, fault, uncounted: true, pause: stage === "sender" ? SENDER_PAUSE : 0 };
  }
  if (code === 421) return { outcome: "RETRY", error, fault, uncounted: true, pause: AWAY_PAUSE };
  // A full mailbox may be emptied, and a rate limit ends: these are tried again whatever the server's code says.
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
        throw new Error(`The mailbox replied with status ${reply.status}.`);
      }
      const { messages } = await reply.json() as { messages: unknown[] };
      return messages.length > 0;
    },
  };
}
