/**
 * Resend's HTTP API: up to a hundred mails a request, under an idempotency key.
 *
 * The same request under the same key has no second effect for 24 hours, so an open request is simply repeated. After
 * that the list of sent mails is asked. Source: https://resend.com/docs/api-reference and .../idempotency-keys
 */

import type { Message } from "./compose.ts";
import { forAll, type OpenRequest, type Provider, type Report, type Result } from "./provider.ts";
import { CALL_MS } from "./worker.ts";

/** Keys live for 24 hours; a request that is under way for long must not outlive its key. */
const KEY_LIVES_MS = 23 * 3600_000;
/** How many pages of a hundred of the list of sent mails are read at most. */
const MOST_PAGES = 50;
const DEFAULT_PAUSE = 5;

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

/** A refusal, or the lack of an answer (status 0). */
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
    const answer = await this.#call("POST", "/emails/batch", messages.map(body), {
      "idempotency-key": key,
      // One bad address does not keep the others from their mail.
      "x-batch-validation": "permissive",
    });
    if (!("status" in answer)) return accepted(messages, answer.data);
    if (isAboutContent(answer) && messages.length > 1) return await this.#sendSingly(key, messages);
    return refused(messages, answer);
  }

  /** Send each on its own, where a request was refused as a whole and nothing says for whose sake. */
  async #sendSingly(key: string, messages: Message[]): Promise<Report> {
    const results: Result[] = [];
    const start = performance.now();
    let pauseSeconds = 0;
    for (const message of messages) {
      if (pauseSeconds > 0 || performance.now() - start > CALL_MS) {
        results.push({ id: message.id, outcome: "UNCERTAIN", error: "not reached in time" });
        continue;
      }
      const answer = await this.#call("POST", "/emails", body(message), {
        "idempotency-key": `${key}/${message.id}`,
      });
      if ("status" in answer) {
        const report = refused([message], answer);
        results.push(...unsure(report).results);
        pauseSeconds = report.pauseSeconds ?? 0;
      } else {results.push({
          id: message.id,
          outcome: "SENT",
          provider_id: (answer.data as { id: string }).id,
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
      const answer = await this.#call("GET", `/emails?limit=100${after}`);
      if ("status" in answer) return this.#cannotLook(messages, answer);
      const { data, has_more } = answer.data as { data: Listed[]; has_more: boolean };
      for (const entry of data) {
        const candidates = messages.filter((message) =>
          !found.has(message.id) && entry.subject === message.subject && entry.to.includes(message.to)
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
      // The key may send but not look. The Message-ID stays the same, which is what receiving systems know a copy by.
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
      const answer = await this.#fetch(this.#url + path, {
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
      const text = await answer.text();
      if (answer.ok) return { data: JSON.parse(text) };
      const told = parsed(text);
      return {
        status: answer.status,
        name: typeof told.name === "string" ? told.name : "",
        message: typeof told.message === "string" ? told.message : "",
        retryAfter: retryAfter(answer.headers.get("retry-after")),
      };
    } catch (error) {
      // No answer, or one that was cut short.
      return { status: 0, name: "", message: (error as Error).name, retryAfter: 0 };
    }
  }
}

function body(message: Message): Record<string, unknown> {
  return {
    from: message.from,
    to: [message.to],
    subject: message.subject,
    html: message.html,
    text: message.text,
    ...(message.replyTo === null ? {} : { reply_to: message.replyTo }),
    headers: { ...message.headers, "Message-ID": message.messageId, "X-Entity-Ref-ID": message.id },
  };
}

/** The ids of those that were taken come in order; those that were not are named by their place. */
function accepted(messages: Message[], answer: unknown): Report {
  const { data, errors = [] } = answer as {
    data?: { id: string }[];
    errors?: { index: number; message: string }[];
  };
  const bad = new Map(errors.map(({ index, message }) => [index, message]));
  if (!Array.isArray(data) || data.length + bad.size !== messages.length) {
    return { results: forAll(messages, { outcome: "UNCERTAIN", error: "an answer that does not fit" }) };
  }
  let next = 0;
  const results = messages.map(({ id }, index): Result =>
    bad.has(index)
      ? { id, outcome: "REJECTED", error: bad.get(index) }
      : { id, outcome: "SENT", provider_id: data[next++].id }
  );
  return { results };
}

/** That a repeated request was turned away says nothing about the first one. */
function unsure(report: Report): Report {
  return {
    ...report,
    results: report.results.map((result) =>
      result.outcome === "RETRY" ? { ...result, outcome: "UNCERTAIN" } : result
    ),
  };
}

/** Whether a refusal is for something in the mails, and not for who asks or how often. */
function isAboutContent({ status, name }: Failure): boolean {
  return [400, 413, 422].includes(status) && name !== "invalid_from_address";
}

function refused(messages: Message[], failure: Failure): Report {
  const { status, name } = failure;
  const error = describe(failure);
  if (status === 409 && name === "invalid_idempotent_request") {
    // The key is known, so the request was taken: the one that we began, though it read a little differently.
    return { results: forAll(messages, { outcome: "SENT", error }) };
  }
  if (status === 429) {
    // Certainly not taken. A quota lasts longer than a rate.
    const isQuota = name.endsWith("quota_exceeded");
    return {
      results: forAll(messages, { outcome: "RETRY", error, uncounted: true }),
      pauseSeconds: Math.max(failure.retryAfter, isQuota ? 900 : 1),
    };
  }
  if (status === 401 || status === 403 || name === "invalid_from_address") {
    // Keys and domains are the operator's to mend, and no fault of the mails.
    return { results: forAll(messages, { outcome: "RETRY", error, uncounted: true }), pauseSeconds: 60 };
  }
  if (isAboutContent(failure)) return { results: forAll(messages, { outcome: "REJECTED", error }) };
  return { results: forAll(messages, { outcome: "UNCERTAIN", error }) };
}

function describe({ status, name, message }: Failure): string {
  return status === 0 ? `no answer (${message})` : `${status} ${name}: ${message}`.slice(0, 500);
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
