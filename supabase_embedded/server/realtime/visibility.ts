/**
 * Holds changes back until other sessions can see them.
 *
 * A commit appears in the write-ahead log shortly before other sessions see it, and on a busy machine that can take a
 * while. Without this gate, a client that is told of a row and reads it at once might not find it, and neither might a
 * policy.
 */

import { type Database, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import type { Change } from "./pgoutput.ts";

/** The pauses before the next query: normally, and while the database is unreachable. */
const PAUSE_MS = 1;
const LONG_PAUSE_MS = 50;
/** A change is delivered after this time in any case: after a restore, its transaction number means nothing. */
const MAX_HOLD_MS = 2_000;

export class VisibilityGate {
  #waiting: { change: Change; since: number }[] = [];
  #working = false;

  constructor(
    private readonly database: Database,
    private readonly deliver: (change: Change) => void,
  ) {}

  take(change: Change): void {
    this.#waiting.push({ change, since: performance.now() });
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const snapshot = await this.#snapshot();
      const now = performance.now();
      let ready = this.#waiting.findIndex(({ change, since }) =>
        !(snapshot?.shows(change.transaction) ?? false) && now - since < MAX_HOLD_MS
      );
      if (ready < 0) ready = this.#waiting.length;
      for (const { change } of this.#waiting.splice(0, ready)) this.#deliver(change);
      if (ready > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, snapshot ? PAUSE_MS : LONG_PAUSE_MS));
    }
    this.#working = false;
  }

  #deliver(change: Change): void {
    try {
      this.deliver(change);
    } catch (error) {
      // One failed delivery must not block the others.
      log("realtime_delivery", describeError(error));
    }
  }

  async #snapshot(): Promise<Snapshot | null> {
    try {
      const [{ snapshot }] = await this.database`select pg_catalog.pg_current_snapshot()::text as snapshot`;
      return new Snapshot(snapshot);
    } catch (error) {
      if (!isUnreachable(error)) log("realtime_visibility", describeError(error));
      return null;
    }
  }
}

const EPOCH = 2 ** 32;

/** The transactions that a session sees as committed, from PostgreSQL's `xmin:xmax:xip,xip`. */
export class Snapshot {
  readonly #end: number;
  readonly #running: Set<number>;

  constructor(text: string) {
    const [, end, running] = text.split(":");
    this.#end = Number(end);
    this.#running = new Set(running === "" ? [] : running.split(",").map(Number));
  }

  /** `transaction` is the lower half of a transaction number, as in the log. */
  shows(transaction: number): boolean {
    let full = this.#end - this.#end % EPOCH + transaction;
    // The lower half wraps around; the nearest full number is the right one.
    if (full - this.#end > EPOCH / 2) full -= EPOCH;
    else if (this.#end - full > EPOCH / 2) full += EPOCH;
    return full < this.#end && !this.#running.has(full);
  }
}
