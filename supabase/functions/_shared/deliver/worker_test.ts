/** Workers side by side: who begins when, and what comes of it. */

import { deepStrictEqual as equal, rejects } from "node:assert";
import type { Batch, EmailQueue } from "./email_queue.ts";
import { forAll, type Provider } from "./provider.ts";
import { sendEmailsTogether, type WorkerDeps } from "./worker.ts";

const SIZE = 3;

/** A room with so many emails, in which each worker takes what is left. */
class Room {
  readonly claims: string[] = [];
  readonly sent: string[] = [];
  #next = 0;

  constructor(readonly waiting: number) {}

  worker(name: string, breaks = false): WorkerDeps {
    const claim = (_provider: string, limit: number): Promise<Batch | null> => {
      this.claims.push(name);
      const count = Math.min(limit, this.waiting - this.#next);
      if (count === 0) return Promise.resolve(null);
      const mails = Array.from({ length: count }, () => ({
        id: `email ${this.#next++}`,
        state: "QUEUED" as const,
        kind: "BADGE_EARNED",
        newsletter_id: null,
        space_id: null,
        space_name: null,
        display_name: null,
        payload: {},
        email: null,
        content: null,
        token: null,
      }));
      return Promise.resolve({ id: crypto.randomUUID(), provider: "post", tried_at: null, mails });
    };
    const emailQueue: EmailQueue = {
      claim,
      begin: (_batch, contents) =>
        breaks
          ? Promise.reject(new Error("the database is away"))
          : Promise.resolve(Object.keys(contents).map((id) => ({ id, email: "a@example.test", token: "t" }))),
      settle: () => Promise.resolve(true),
      newsletter: () => Promise.resolve(null),
    };
    const provider: Provider = {
      name: "post",
      batchSize: SIZE,
      together: false,
      send: (_key, messages) => {
        this.sent.push(...messages.map(({ id }) => id));
        return Promise.resolve({ results: forAll(messages, { outcome: "SENT" }) });
      },
      resolve: () => Promise.reject(new Error("nothing is open")),
      close: () => Promise.resolve(),
    };
    const offer = { html: "", text: "" };
    return {
      emailQueue,
      provider,
      sender: { from: "a@example.test", replyTo: null, unsubscribe: "https://example.test" },
      notice: () => ({
        sender: null,
        date: "2026-11-22T18:30:00Z",
        mail: { subject: "", html: "", text: "", abridged: false, offers: { space: offer, all: offer } },
      }),
      now: () => 0,
      log: () => {},
    };
  }
}

Deno.test("one worker is enough for what is less than a batch", async () => {
  const room = new Room(2);
  const work = await sendEmailsTogether([room.worker("a"), room.worker("b")], 1, 12);
  equal(work, { sent: 2, more: false });
  equal(room.claims, ["a", "a"]);
});

Deno.test("nobody works where nothing is due", async () => {
  const room = new Room(0);
  equal(await sendEmailsTogether([room.worker("a"), room.worker("b")], 1, 12), { sent: 0, more: false });
  equal(room.claims, ["a"]);
});

Deno.test("more than a batch is shared, each email is sent once, and the limit is for all together", async () => {
  const room = new Room(20);
  const workers = ["a", "b", "c", "d"].map((name) => room.worker(name));
  equal(await sendEmailsTogether(workers, 1, 12), { sent: 12, more: true });
  equal(room.claims.sort(), ["a", "b", "c", "d"]);
  equal(room.sent.length, new Set(room.sent).size);
});

Deno.test("the failure of one is told when the others have ended their work", async () => {
  const room = new Room(20);
  const workers = [room.worker("a"), room.worker("b", true), room.worker("c")];
  await rejects(sendEmailsTogether(workers, 1, 9), /the database is away/);
  equal(room.sent.length, 6);
});
