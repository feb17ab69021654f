/**
 * A simulation in which everything goes wrong, the same way every time for the same seed.
 *
 * Workers take turns at every statement and every provider call. A turn may be the worker's last, before or after what
 * it was about to do; it may take long. Time passes only here, so a lease, a pause and a backoff cost nothing.
 */

/** Numbers that look like chance (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  hits(probability: number): boolean {
    return this.next() < probability;
  }
}

/** The worker is no more. Nothing after it runs. */
export class Killed extends Error {
  override name = "Killed";
}

interface Waiting {
  at: number;
  go: () => void;
}

export class Simulation {
  /** Milliseconds. */
  now = Date.UTC(2026, 10, 23, 12);
  readonly chance: Chance;
  /** How much still goes wrong: runs become kind in the end, or nothing would ever arrive. */
  trouble: number;
  readonly #waiting: Waiting[] = [];
  #wake = () => {};
  readonly #later: { at: number; act: () => void }[] = [];

  constructor(seed: number, trouble: number) {
    this.chance = new Chance(seed);
    this.trouble = trouble;
  }

  /** Wait for one's turn. */
  turn(): Promise<void> {
    // Mostly a moment; now and then long enough to lose a lease.
    const stall = this.chance.hits(0.02 * this.trouble) ? 100_000 + this.chance.below(200_000) : 0;
    return new Promise((go) => {
      this.#waiting.push({ at: this.now + this.chance.below(500) + stall, go });
      this.change();
    });
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** When the next one's turn comes. */
  get nextTurn(): number {
    return Math.min(...this.#waiting.map(({ at }) => at));
  }

  /** Say that somebody waits, or has ended. */
  change(): void {
    this.#wake();
  }

  /** Wait until somebody does. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Something happens by itself after a while, such as the arrival of a request whose sender has hung up. */
  later(milliseconds: number, act: () => void): void {
    this.#later.push({ at: this.now + milliseconds, act });
  }

  /** Let whoever is next go on. */
  step(): void {
    const next = this.#waiting.toSorted((one, other) => one.at - other.at)[0];
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    this.advance(next.at);
    next.go();
  }

  advance(to: number): void {
    for (const { at, act } of this.#later.toSorted((one, other) => one.at - other.at)) {
      if (at > to) break;
      this.now = Math.max(this.now, at);
      this.#later.splice(this.#later.findIndex((event) => event.act === act), 1);
      act();
    }
    this.now = Math.max(this.now, to);
  }

  get troubled(): boolean {
    return this.chance.hits(this.trouble);
  }
}

/** Do something as a worker may: not at all, wholly, or wholly and then never hear of it. */
export async function mortal<T>(simulation: Simulation, does: () => Promise<T>): Promise<T> {
  await simulation.turn();
  if (simulation.chance.hits(0.03 * simulation.trouble)) throw new Killed("before");
  const done = await does();
  if (simulation.chance.hits(0.03 * simulation.trouble)) throw new Killed("after");
  await simulation.turn();
  return done;
}
