/** Providers that behave as the real ones do, in a simulation in which requests and replies get lost. */

import type { Message } from "../../../supabase/functions/_shared/deliver/mod.ts";
import {
  type MailboxSearch,
  SmtpFailure,
  type SmtpTransport,
} from "../../../supabase/functions/_shared/deliver/mod.ts";
import type { Simulation } from "./simulation.ts";

interface Sent {
  id: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  created_at: string;
}

/** No request takes effect later than this after its sender has hung up. */
const LONGEST_WAY = 45_000;
const KEYS_LIVE = 24 * 3600_000;

/** Resend's API: keys, batches that are taken in part, limits, faults before and after the fact. */
export class FakeResend {
  readonly accepted: Sent[] = [];
  conflicts = 0;
  readonly #simulation: Simulation;
  readonly #keys = new Map<string, { at: number; request: string; reply: string }>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    if (init?.method === "POST") return await this.#post(init);
    if (this.#simulation.troubled && this.#simulation.chance.hits(0.3)) {
      return refusal(500, "internal_server_error");
    }
    const id = url.pathname.split("/")[2];
    if (id) return Response.json(this.accepted.find((sent) => sent.id === id));
    const newest = this.accepted.toReversed();
    const after = newest.findIndex((sent) => sent.id === url.searchParams.get("after")) + 1;
    const page = newest.slice(after, after + Number(url.searchParams.get("limit")));
    return Response.json({ data: page, has_more: after + page.length < newest.length });
  };

  // deno-lint-ignore require-await
  async #post(init: RequestInit): Promise<Response> {
    const { chance, troubled } = this.#simulation;
    const key = new Headers(init.headers).get("idempotency-key")!;
    const request = init.body as string;
    if (!troubled) return this.#take(key, request);
    switch (chance.below(7)) {
      case 0:
        throw new TypeError("connection refused");
      case 1:
        this.#take(key, request);
        throw new TypeError("connection reset");
      case 2:
        return refusal(503, "application_error");
      case 3:
        this.#take(key, request);
        return refusal(500, "internal_server_error");
      case 4:
        return refusal(429, "rate_limit_exceeded", { "retry-after": String(1 + chance.below(30)) });
      case 5:
        return refusal(401, "missing_api_key");
      default:
        this.#simulation.later(chance.below(LONGEST_WAY), () => this.#take(key, request));
        throw new DOMException("", "TimeoutError");
    }
  }

  #take(key: string, request: string): Response {
    const known = this.#keys.get(key);
    if (known && this.#simulation.now - known.at < KEYS_LIVE) {
      if (known.request === request) return new Response(known.reply);
      this.conflicts += 1;
      return refusal(409, "invalid_idempotent_request");
    }
    const data: { id: string }[] = [];
    const errors: { index: number; message: string }[] = [];
    for (const [index, mail] of (JSON.parse(request) as Sent[]).entries()) {
      if (mail.to[0].startsWith("bad")) {
        errors.push({ index, message: "invalid `to`" });
        continue;
      }
      const id = crypto.randomUUID();
      this.accepted.push({ ...mail, id, created_at: new Date(this.#simulation.now).toISOString() });
      data.push({ id });
    }
    const reply = JSON.stringify({ data, errors });
    this.#keys.set(key, { at: this.#simulation.now, request, reply });
    return new Response(reply);
  }
}

function refusal(status: number, name: string, headers: Record<string, string> = {}): Response {
  return Response.json({ statusCode: status, name, message: name }, { status, headers });
}

/** An SMTP server whose mailbox can be searched. */
export class FakeSmtp implements SmtpTransport, MailboxSearch {
  readonly accepted: Message[] = [];
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  // deno-lint-ignore require-await
  async send(message: Message): Promise<string> {
    const { chance, troubled } = this.#simulation;
    if (troubled) {
      switch (chance.below(8)) {
        case 0:
          throw new SmtpFailure("connection refused", 0, "connect");
        case 1:
          throw new SmtpFailure("451 4.3.0 try later", 451, "transaction");
        case 2:
          throw new SmtpFailure("421 4.7.0 too much at once", 421, "recipient");
        case 3:
          this.#take(message);
          throw new SmtpFailure("The connection ended.", 0, "transaction");
        case 4:
          throw new SmtpFailure("The connection ended.", 0, "transaction");
        case 5:
          throw new SmtpFailure("530 Authentication required", 530, "recipient");
        case 6:
          throw new SmtpFailure("550 5.7.1 sender rejected", 550, "sender");
        default:
          this.#simulation.later(chance.below(LONGEST_WAY), () => this.#take(message));
          throw new SmtpFailure("no reply", 0, "transaction");
      }
    }
    if (message.to.startsWith("bad")) throw new SmtpFailure("550 5.1.1 no such user", 550, "recipient");
    this.#take(message);
    return "250 ok";
  }

  // deno-lint-ignore require-await
  async has(messageId: string): Promise<boolean> {
    if (this.#simulation.troubled && this.#simulation.chance.hits(0.3)) throw new Error("the search is away");
    return this.accepted.some((message) => message.messageId === messageId);
  }

  async close(): Promise<void> {}

  #take(message: Message): void {
    if (!message.to.startsWith("bad")) this.accepted.push(message);
  }
}
