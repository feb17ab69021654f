/** A channel's subscription to Postgres Changes. It survives new tokens and an unreachable database. */

import { isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { PUBLICATION } from "./binding_check.ts";
import { BindingError, bindingId, parseBinding } from "./bindings.ts";
import type { Subscriber } from "./changes.ts";
import type { Services } from "./services.ts";

export interface SubscriptionListener extends Subscriber {
  /** Called when changes are delivered from now on. */
  subscribed(): void;
  /** Called if the subscription can never work. */
  subscriptionFailed(reason: string): void;
}

/** How long to wait for the write-ahead log before the next attempt. */
const LOG_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;

export class Subscription {
  #attempt = 0;
  #isStopped = false;

  /** `wanted` are the bindings as the client sent them. */
  constructor(
    private readonly services: Services,
    private readonly listener: SubscriptionListener,
    private readonly wanted: Record<string, unknown>[],
  ) {}

  get empty(): boolean {
    return this.wanted.length === 0;
  }

  /** The bindings with their ids, for the reply to a join. */
  confirmed(): Record<string, unknown>[] {
    return this.wanted.map((params) => ({ ...params, id: bindingId(params) }));
  }

  /** Subscribes, or subscribes again with the listener's current identity, and tells the listener. */
  start(): void {
    void this.#run(++this.#attempt);
  }

  stop(): void {
    this.#isStopped = true;
    this.#attempt++;
    this.services.changes.unsubscribe(this.listener);
  }

  /**
   * Tries to subscribe for some time, without telling the listener. Returns false if the time is up or it was stopped.
   *
   * @throws BindingError The subscription can never work.
   */
  async within(ms: number): Promise<boolean> {
    const attempt = ++this.#attempt;
    const deadline = performance.now() + ms;
    while (performance.now() < deadline && attempt === this.#attempt) {
      try {
        if (await this.#once()) return true;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
      }
      await pause(FIRST_PAUSE_MS);
    }
    return false;
  }

  async #once(): Promise<boolean> {
    const { changes, wal } = this.services;
    await changes.subscribe(this.listener, this.wanted.map(parseBinding));
    // The channel may have ended meanwhile.
    if (this.#isStopped) changes.unsubscribe(this.listener);
    if (!await wal.ready(LOG_TIMEOUT_MS)) return false;
    if (wal.publications.includes(PUBLICATION)) return true;
    // The publication has tables, so it was created after the reader had looked for it.
    wal.restart();
    return false;
  }

  async #run(attempt: number): Promise<void> {
    for (let ms = FIRST_PAUSE_MS;; ms = Math.min(ms * 2, MAX_PAUSE_MS)) {
      try {
        const subscribed = await this.#once();
        if (attempt !== this.#attempt) return;
        if (subscribed) return this.listener.subscribed();
      } catch (error) {
        if (attempt !== this.#attempt) return;
        if (error instanceof BindingError) return this.listener.subscriptionFailed(error.message);
        if (!isUnreachable(error)) log("realtime_subscription", describeError(error));
      }
      await pause(ms);
      if (attempt !== this.#attempt) return;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
