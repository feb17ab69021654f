/** A channel's subscription to Postgres Changes, which outlasts new tokens and the absence of the database. */

import { isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { PUBLICATION } from "./binding_check.ts";
import { BindingError, bindingId, parseBinding } from "./bindings.ts";
import type { Subscriber } from "./changes.ts";
import type { Services } from "./services.ts";

export interface SubscriptionListener extends Subscriber {
  /** From now on changes are delivered. */
  subscribed(): void;
  /** The subscription can never work, for the reason given. */
  subscriptionFailed(reason: string): void;
}

/** How long the write-ahead log is waited for before the database is asked again. */
const LOG_PATIENCE_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export class Subscription {
  #attempt = 0;

  /** `wanted` are the bindings as the client sent them. */
  constructor(
    private readonly services: Services,
    private readonly listener: SubscriptionListener,
    private readonly wanted: Record<string, unknown>[],
  ) {}

  get empty(): boolean {
    return this.wanted.length === 0;
  }

  /** The bindings with their ids, as the answer to a join repeats them. */
  confirmed(): Record<string, unknown>[] {
    return this.wanted.map((params) => ({ ...params, id: bindingId(params) }));
  }

  /** Subscribes, or does so again with the listener's present identity, and tells the listener. */
  start(): void {
    void this.#run(++this.#attempt);
  }

  stop(): void {
    this.#attempt++;
    this.services.changes.unsubscribe(this.listener);
  }

  /**
   * Subscribes once, without telling the listener.
   *
   * @throws BindingError The subscription can never work.
   */
  async once(): Promise<boolean> {
    const { changes, wal } = this.services;
    await changes.subscribe(this.listener, this.wanted.map(parseBinding));
    if (!await wal.ready(LOG_PATIENCE_MS)) return false;
    if (wal.publications.includes(PUBLICATION)) return true;
    // The publication has tables, so it was made after the reader had looked for it.
    wal.restart();
    return false;
  }

  async #run(attempt: number): Promise<void> {
    for (let pause = FIRST_PAUSE_MS;; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const subscribed = await this.once();
        if (attempt !== this.#attempt) return;
        if (subscribed) return this.listener.subscribed();
      } catch (error) {
        if (attempt !== this.#attempt) return;
        if (error instanceof BindingError) return this.listener.subscriptionFailed(error.message);
        if (!isUnreachable(error)) log("realtime_subscription", describeError(error));
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (attempt !== this.#attempt) return;
    }
  }
}
