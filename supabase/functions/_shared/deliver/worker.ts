/**
 * Sends what is due: claims a batch, announces in the database that it is about to send it, sends it, records the
 * results.
 *
 * A worker may die between any two of these steps, and so may a reply on its way. Whoever takes the batch over finds
 * its emails UNCERTAIN and first resolves what became of them. What makes that safe:
 *
 * - a provider call ends long before the lease does, and no call begins on an old lease;
 * - emails whose result is not known keep their batch, their order, their address and their content.
 */

import { compose, type Content, type Message, type Sender } from "./compose.ts";
import type { Batch, BatchEmail, EmailQueue } from "./email_queue.ts";
import { forAll, type Provider, type Report } from "./provider.ts";

/** How long a worker keeps a batch after it last began to send from it. */
export const LEASE_SECONDS = 120;
/** How long a call of a provider may take, in milliseconds. */
export const CALL_MS = 30_000;
/** A call does not begin later than this after it was announced, in milliseconds. */
const FRESH_MS = 15_000;

export interface WorkerDeps {
  emailQueue: EmailQueue;
  provider: Provider;
  /** The sender of emails that do not name one. */
  sender: Sender;
  /** Writes a notification's email. */
  notice(mail: BatchEmail): Content;
  /** Milliseconds; must not jump. */
  now(): number;
  /** Logs what went wrong, in one line. */
  log(event: string, details: Record<string, unknown>): void;
}

export interface Work {
  sent: number;
  /** Whether there may be more to do at once. */
  more: boolean;
}

/**
 * Send until nothing is due or the time is up.
 *
 * @param until When to stop beginning calls, as of `deps.now`.
 * @param limit How many emails at most.
 */
export async function sendEmails(deps: WorkerDeps, until: number, limit = Infinity): Promise<Work> {
  return await work(deps, until, limit, null);
}

/**
 * The same by several workers at once: most of the time that an email takes is waiting for replies. They know nothing
 * of each other, and each has at most one batch.
 *
 * @param workers Each with a name and a provider of its own. The others begin when the first finds a whole batch.
 */
export async function sendEmailsTogether(
  [first, ...others]: WorkerDeps[],
  until: number,
  limit: number,
): Promise<Work> {
  const { provider, emailQueue } = first;
  const batch = await emailQueue.claim(provider.name, Math.min(provider.batchSize, limit));
  if (batch === null) return { sent: 0, more: false };
  const helpers = batch.mails.length < provider.batchSize ? [] : others;
  const share = Math.ceil(limit / (helpers.length + 1));
  const ends = await Promise.allSettled([
    work(first, until, share, batch),
    ...helpers.map((deps) => work(deps, until, share, null)),
  ]);
  const works: Work[] = [];
  for (const end of ends) {
    // The first error is thrown when no worker is busy any more.
    if (end.status === "rejected") throw end.reason;
    works.push(end.value);
  }
  return { sent: works.reduce((sum, { sent }) => sum + sent, 0), more: works.some(({ more }) => more) };
}

/** @param claimed A batch that is this worker's already. */
async function work(deps: WorkerDeps, until: number, limit: number, claimed: Batch | null): Promise<Work> {
  let sent = 0;
  const newsletters = new Map<string, Content>();
  while (claimed !== null || (sent < limit && deps.now() < until)) {
    const size = Math.min(deps.provider.batchSize, limit - sent);
    const batch = claimed ?? await deps.emailQueue.claim(deps.provider.name, size);
    claimed = null;
    if (batch === null) return { sent, more: false };
    sent += await new BatchWork(deps, batch, newsletters).run(until);
  }
  return { sent, more: true };
}

class BatchWork {
  readonly #deps: WorkerDeps;
  readonly #batch: Batch;
  readonly #newsletters: Map<string, Content>;

  constructor(deps: WorkerDeps, batch: Batch, newsletters: Map<string, Content>) {
    this.#deps = deps;
    this.#batch = batch;
    this.#newsletters = newsletters;
  }

  /** Returns how many emails the provider took. */
  async run(until: number): Promise<number> {
    const open = this.#batch.mails.filter(({ state }) => state === "UNCERTAIN");
    if (open.length > 0) return await this.#resolve(open);
    if (this.#deps.provider.together) return await this.#send(this.#batch.mails, true);
    let sent = 0;
    for (const [index, mail] of this.#batch.mails.entries()) {
      const isLast = index === this.#batch.mails.length - 1;
      const held = await this.#send([mail], isLast);
      sent += Math.max(held, 0);
      if (held < 0) return sent;
      if (!isLast && this.#deps.now() >= until) {
        await this.#settle({ results: [] }, true);
        return sent;
      }
    }
    if (this.#batch.mails.length === 0) await this.#settle({ results: [] }, true);
    return sent;
  }

  /** Find out what became of emails that may have been sent. The rest of the batch is given back. */
  async #resolve(mails: BatchEmail[]): Promise<number> {
    const { provider, now } = this.#deps;
    const messages = await this.#messages(
      mails.map((mail) => ({ mail, email: mail.email ?? "", token: mail.token, link: mail.link })),
    );
    let report: Report;
    if (this.#batch.provider === provider.name) {
      const triedAt = Date.parse(this.#batch.tried_at ?? "");
      report = await provider.resolve({ key: this.#batch.id, triedAt, now: now() }, messages);
    } else {
      // There is no way to find out any more. The Message-ID stays the same, by which receiving systems recognise a
      // copy.
      report = {
        results: forAll(messages, {
          outcome: "RETRY",
          error: `the fate at ${this.#batch.provider} is not known`,
        }),
      };
    }
    await this.#settle(report, true);
    return count(report);
  }

  /** Returns how many the provider took, or -1 where the worker must leave the batch alone. */
  async #send(mails: BatchEmail[], isLast: boolean): Promise<number> {
    const { emailQueue, provider, now } = this.#deps;
    const contents: Record<string, Content | null> = {};
    for (const mail of mails) contents[mail.id] = mail.newsletter_id ? null : this.#deps.notice(mail);
    const announcedAt = now();
    const begun = mails.length === 0 ? [] : await emailQueue.begin(this.#batch.id, contents);
    const byId = new Map(mails.map((mail) => [mail.id, mail]));
    const messages = await this.#messages(begun.map(({ id, email, token, link }) => {
      const mail = byId.get(id)!;
      return { mail: { ...mail, content: contents[id] }, email, token, link };
    }));
    let report: Report = { results: [] };
    if (messages.length > 0) {
      report = now() - announcedAt > FRESH_MS
        ? { results: forAll(messages, { outcome: "RETRY", uncounted: true, error: "the worker was late" }) }
        : await provider.send(this.#batch.id, messages);
    }
    const mustPause = (report.pauseSeconds ?? 0) > 0;
    const held = await this.#settle(report, isLast || mustPause);
    if (mustPause && !isLast) return -1;
    return held ? count(report) : -1;
  }

  async #settle(report: Report, isEnd: boolean): Promise<boolean> {
    // What the server said may hold an address: the database keeps it without one.
    for (const { id, outcome, fault } of report.results) {
      if (outcome !== "SENT") this.#deps.log("mail", { id, outcome, fault });
    }
    return await this.#deps.emailQueue.settle(this.#batch.id, { ...report, isEnd });
  }

  async #messages(
    recipients: { mail: BatchEmail; email: string; token: string | null; link?: string | null }[],
  ): Promise<Message[]> {
    const messages: Message[] = [];
    for (const { mail, email, token, link } of recipients) {
      const content = mail.content ?? await this.#newsletter(mail.newsletter_id!);
      messages.push(
        compose(
          content,
          { id: mail.id, email, token, space_id: mail.space_id, link, languages: mail.languages },
          this.#deps.sender,
        ),
      );
    }
    return messages;
  }

  async #newsletter(id: string): Promise<Content> {
    const known = this.#newsletters.get(id) ?? await this.#deps.emailQueue.newsletter(id);
    if (known === null) throw new Error(`The email of newsletter ${id} is gone.`);
    this.#newsletters.set(id, known);
    return known;
  }
}

function count(report: Report): number {
  return report.results.filter(({ outcome }) => outcome === "SENT").length;
}
