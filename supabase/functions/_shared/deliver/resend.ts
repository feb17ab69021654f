/**
 * Resend's HTTP API: up to a hundred emails a request, under an idempotency key.
 *
 * The same request under the same key has no second effect for 24 hours, so an open request is simply repeated. After
 * that the list of sent emails is asked. Source: https://resend.com/docs/api-reference and .../idempotency-keys
 */

import type { Message } from "./compose.ts";
import { plainHeaderText, plainMailbox } from "./header.ts";
import { forAll, type OpenRequest, type Provider, type Report, type Result } from "./provider.ts";
import { CALL_MS } from "./worker.ts";

/** Keys live for 24 hours; a request that is under way for long must not outlive its key. */
const KEY_LIVES_MS = 23 * 3600_000;
/** How many pages of a hundred of the list of sent emails are read at most. */
const MOST_PAGES = 50;
const DEFAULT_PAUSE = 5;
/** After a refusal that blames the sender: a key, a domain, a quota. The database makes it longer each time. */
const SENDER_PAUSE = 60;
const QUOTA_PAUSE = 900;

export interface ResendOptions {
  apiKey: string;
  /** Without a slash at the end. */
  url?: string;
  fetch?: typeof fetch;
}

interface Listed {
  id: string;
  to: string[];
  subject: string;
  created_at: string;
}

/** A refusal, or the lack of a reply (status 0). */
interface Failure {
  status: number;
  name: string;
  message: string;
  retryAfter: number;
}

export class Resend implements Provider {
  readonly name = "resend";
  readonly batchSize = 100;
  readonly together = true;
  readonly #key: string;
  readonly #url: string;
  readonly #fetch: typeof fetch;

  constructor({ apiKey, url = "https://api.resend.com", fetch: custom = fetch }: ResendOptions) {
    this.#key = apiKey;
    this.#url = url;
    this.#fetch = custom;
  }

  async send(key: string, messages: Message[]): Promise<Report> {
    const reply = await this.#call("POST", "/emails/batch", messages.map((message) => body(message)), {
      "idempotency-key": key,
      // One bad address does not stop the others' emails.
      "x-batch-validation": "permissive",
    });
    if (!("status" in reply)) {
      const report = accepted(messages, reply.data);
      const nameless = messages.filter((message, index) =>
        isNamed(message) && isAboutName(report.results[index].error)
      );
      if (nameless.length === 0) return report;
      const { results, pauseSeconds } = await this.#sendPlainly(key, nameless);
      const later = new Map(results.map((result) => [result.id, result]));
      return { results: report.results.map((result) => later.get(result.id) ?? result), pauseSeconds };
    }
    if (reply.status === 422 && isAboutName(`${reply.name} ${reply.message}`) && messages.some(isNamed)) {
      return await this.#sendPlainly(key, messages);
    }
    if (isAboutContent(reply) && messages.length > 1) return await this.#sendSingly(key, messages);
    return refused(messages, reply);
  }

  /**
   * Send what was refused for a sender's name from the operator's address, under its own key: a refused request does
   * not count.
   */
  async #sendPlainly(key: string, messages: Message[]): Promise<Report> {
    return await this.send(
      `${key}/plain`,
      messages.map((message) => ({ ...message, from: message.operator })),
    );
  }

  /** Send each message on its own: a request was refused as a whole, without saying for which of them. */
  async #sendSingly(key: string, messages: Message[]): Promise<Report> {
    const results: Result[] = [];
    const start = performance.now();
    let pauseSeconds = 0;
    for (const message of messages) {
      if (pauseSeconds > 0 || performance.now() - start > CALL_MS) {
        results.push({ id: message.id, outcome: "UNCERTAIN", error: "not reached in time" });
        continue;
      }
      const reply = await this.#call("POST", "/emails", body(message), {
        "idempotency-key": `${key}/${message.id}`,
      });
      if ("status" in reply) {
        const report = refused([message], reply);
        results.push(...unsure(report).results);
        pauseSeconds = report.pauseSeconds ?? 0;
      } else {results.push({
          id: message.id,
          outcome: "SENT",
          provider_id: (reply.data as { id: string }).id,
        });}
    }
    return { results, pauseSeconds };
  }

  async resolve({ key, triedAt, now }: OpenRequest, messages: Message[]): Promise<Report> {
    if (now - triedAt < KEY_LIVES_MS) return unsure(await this.send(key, messages));
    return await this.#lookUp(messages, triedAt);
  }

  async close(): Promise<void> {}

  /** Look for messages in the list of what was sent since `triedAt`, the newest first. */
  async #lookUp(messages: Message[], triedAt: number): Promise<Report> {
    const found = new Map<string, string>();
    let after = "";
    for (let page = 0; page < MOST_PAGES; page++) {
      const reply = await this.#call("GET", `/emails?limit=100${after}`);
      if ("status" in reply) return this.#cannotLook(messages, reply);
      const { data, has_more } = reply.data as { data: Listed[]; has_more: boolean };
      for (const entry of data) {
        const candidates = messages.filter((message) =>
          !found.has(message.id) && entry.subject === plainHeaderText(message.subject) &&
          entry.to.includes(message.to)
        );
        if (candidates.length === 0) continue;
        const detail = await this.#call("GET", `/emails/${encodeURIComponent(entry.id)}`);
        if ("status" in detail) return this.#cannotLook(messages, detail);
        const { html, text } = detail.data as { html?: string | null; text?: string | null };
        const match = candidates.find(({ mark }) => `${html ?? ""}${text ?? ""}`.includes(mark));
        if (match) found.set(match.id, entry.id);
      }
      const last = data.at(-1);
      // The clocks of two machines need not agree to the minute.
      if (!has_more || last === undefined || Date.parse(last.created_at) < triedAt - 600_000) break;
      after = `&after=${encodeURIComponent(last.id)}`;
    }
    return {
      results: messages.map(({ id }) =>
        found.has(id)
          ? { id, outcome: "SENT", provider_id: found.get(id) }
          : { id, outcome: "RETRY", error: "the provider does not have it" }
      ),
    };
  }

  #cannotLook(messages: Message[], failure: Failure): Report {
    if (failure.status === 401 || failure.status === 403) {
      // The key may send but not read the list. The Message-ID stays the same, by which receiving systems recognise a
      // copy.
      return { results: forAll(messages, { outcome: "RETRY", error: `may not look: ${describe(failure)}` }) };
    }
    return {
      results: forAll(messages, { outcome: "UNCERTAIN", error: describe(failure) }),
      pauseSeconds: failure.status === 429 ? failure.retryAfter : 0,
    };
  }

  async #call(
    method: string,
    path: string,
    content?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ data: unknown } | Failure> {
    try {
      const reply = await this.#fetch(this.#url + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(content === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: content === undefined ? undefined : JSON.stringify(content),
        redirect: "error",
        signal: AbortSignal.timeout(CALL_MS),
      });
      const text = await reply.text();
      if (reply.ok) return { data: JSON.parse(text) };
      const body = parsed(text);
      return {
        status: reply.status,
        name: typeof body.name === "string" ? body.name : "",
        message: typeof body.message === "string" ? body.message : "",
        retryAfter: retryAfter(reply.headers.get("retry-after")),
      };
    } catch (error) {
      // No reply, or one that was cut short.
      return { status: 0, name: "", message: (error as Error).name, retryAfter: 0 };
    }
  }
}

/** @param from The sender; the message's own unless given. */
function body(message: Message, from = message.from): Record<string, unknown> {
  return {
    from: plainMailbox(from.name, from.address),
    to: [message.to],
    subject: plainHeaderText(message.subject),
    html: message.html,
    text: message.text,
    ...(message.replyTo === null
      ? {}
      : { reply_to: plainMailbox(message.replyTo.name, message.replyTo.address) }),
    headers: { ...unfolded(message.headers), "Message-ID": message.messageId, "X-Entity-Ref-ID": message.id },
  };
}

/** Headers are each on one line: the provider folds them. */
function unfolded(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll("\r\n", "")]),
  );
}

/** Return true if a refusal may be about the sender's name: it is a space's, and must not stop everybody's email. */
function isAboutName(said: string | undefined): boolean {
  return /\bfrom\b|invalid_from_address/i.test(said ?? "") && !/\bdomain\b/i.test(said ?? "");
}

function isNamed({ from, operator }: Message): boolean {
  return from.name !== operator.name;
}

/** The ids of those that were taken come in order; those that were not are named by their place. */
function accepted(messages: Message[], reply: unknown): Report {
  const { data, errors = [] } = reply as {
    data?: { id: string }[];
    errors?: { index: number; message: string }[];
  };
  const bad = new Map(errors.map(({ index, message }) => [index, message]));
  if (!Array.isArray(data) || data.length + bad.size !== messages.length) {
    return {
      results: forAll(messages, { outcome: "UNCERTAIN", error: "a reply that does not fit the request" }),
    };
  }
  let next = 0;
  const results = messages.map(({ id }, index): Result =>
    bad.has(index)
      ? oneRefused(id, String(bad.get(index)))
      : { id, outcome: "SENT", provider_id: data[next++].id }
  );
  return { results };
}

/** Return true if a refusal is about the sender: the address, its domain, or the account. */
const ABOUT_SENDER =
  /`?\bfrom\b`? (field|address)|invalid `from`|\bdomain\b|api.key|testing emails|reply.?to/i;

/** An email of a batch that was refused while others were taken. */
function oneRefused(id: string, error: string): Result {
  return ABOUT_SENDER.test(error)
    ? { id, outcome: "RETRY", error, fault: "SENDER", uncounted: true }
    : { id, outcome: "REJECTED", error, fault: /`?\bto\b`?/.test(error) ? "OTHER" : "CONTENT" };
}

/** A refusal of a repeated request says nothing about the first one. */
function unsure(report: Report): Report {
  return {
    ...report,
    results: report.results.map((result) =>
      result.outcome === "RETRY" ? { ...result, outcome: "UNCERTAIN" } : result
    ),
  };
}

/** Return true if a refusal is about the content of the emails, and not about the caller or its rate. */
function isAboutContent({ status, name, message }: Failure): boolean {
  return [400, 413, 422].includes(status) && name !== "invalid_from_address" && !ABOUT_SENDER.test(message);
}

function refused(messages: Message[], failure: Failure): Report {
  const { status, name } = failure;
  const error = describe(failure);
  if (status === 409 && name === "invalid_idempotent_request") {
    // The key is known, so our first request was accepted, though its body differed a little.
    return { results: forAll(messages, { outcome: "SENT", error }) };
  }
  if (status === 429) {
    // Certainly not accepted. A quota lasts longer than a rate limit.
    const isQuota = name.endsWith("quota_exceeded");
    const fault = isQuota ? "SENDER" : "RATE";
    return {
      results: forAll(messages, { outcome: "RETRY", error, fault, uncounted: true }),
      pauseSeconds: Math.max(failure.retryAfter, isQuota ? QUOTA_PAUSE : 1),
    };
  }
  if (isAboutContent(failure)) {
    return { results: messages.map(({ id }) => oneRefused(id, error)) };
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 409) {
    // Only the operator can fix keys, domains and addresses of the API; the emails are not at fault.
    return {
      results: forAll(messages, { outcome: "RETRY", error, fault: "SENDER", uncounted: true }),
      pauseSeconds: SENDER_PAUSE,
    };
  }
  return { results: forAll(messages, { outcome: "UNCERTAIN", error }) };
}

function describe({ status, name, message }: Failure): string {
  return status === 0 ? `no reply (${message})` : `${status} ${name}: ${message}`.slice(0, 500);
}

function retryAfter(header: string | null): number {
  const seconds = Number(header ?? "");
  if (header && Number.isFinite(seconds)) return Math.min(Math.max(seconds, 0), 3600);
  const date = Date.parse(header ?? "");
  return Number.isNaN(date) ? DEFAULT_PAUSE : Math.min(Math.max((date - Date.now()) / 1000, 0), 3600);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
