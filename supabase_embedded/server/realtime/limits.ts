/** How much one stack's Realtime takes before it refuses. The numbers are those of the platform's Pro plan. */

export interface Limits {
  /** Sockets at the same time. */
  connections: number;
  /** Channels on one socket. */
  channelsPerConnection: number;
  /** Joins a second, all sockets together. */
  joinsPerSecond: number;
  /** Broadcasts a second that clients send, all sockets and HTTP together. What the database sends is not counted. */
  messagesPerSecond: number;
  /** Presence messages a second, all sockets together. */
  presencePerSecond: number;
  /** Presence calls of one channel in `presenceWindowMs`. */
  presenceCalls: number;
  presenceWindowMs: number;
  /** Bytes of one broadcast or of one presence payload. */
  payloadBytes: number;
  /** Bytes of one frame from a client. */
  frameBytes: number;
  /** Bytes of one changed row; a larger one is delivered with its short values only. */
  changeBytes: number;
  /** Bytes that may wait for one slow socket before it is closed. */
  backlogBytes: number;
  /** A socket that sends nothing for so long is closed. */
  silenceMs: number;
  /** How often the right to receive on private channels is looked at again. */
  recheckMs: number;
  /** How long a client that wants to hear that the write-ahead log is followed is kept waiting. */
  replicationReadyMs: number;
}

export const PRO_PLAN: Limits = {
  connections: 500,
  channelsPerConnection: 100,
  joinsPerSecond: 500,
  messagesPerSecond: 500,
  presencePerSecond: 50,
  presenceCalls: 5,
  presenceWindowMs: 30_000,
  payloadBytes: 3_000 * 1024,
  frameBytes: 5_000_000,
  changeBytes: 1024 * 1024,
  backlogBytes: 16 * 1024 * 1024,
  silenceMs: 60_000,
  recheckMs: 2_000,
  replicationReadyMs: 60_000,
};

/**
 * Counts events against a rate, averaged over ten seconds: a short burst passes, as on the platform, whose average
 * is even longer.
 */
export class Rate {
  static readonly WINDOW_SECONDS = 10;
  #spent = 0;
  #at: number;

  constructor(readonly perSecond: number, private readonly now: () => number = () => performance.now()) {
    this.#at = now();
  }

  /** Whether `count` more events fit. */
  fits(count = 1): boolean {
    const now = this.now();
    this.#spent = Math.max(0, this.#spent - (now - this.#at) / 1000 * this.perSecond);
    this.#at = now;
    return this.#spent + count <= this.perSecond * Rate.WINDOW_SECONDS;
  }

  /** Counts `count` events if they fit. */
  take(count = 1): boolean {
    if (!this.fits(count)) return false;
    this.#spent += count;
    return true;
  }
}

/** Allows a number of calls in a window that begins with the first of them. */
export class CallWindow {
  #calls = 0;
  #endsAt = -Infinity;

  constructor(
    private readonly calls: number,
    private readonly windowMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  take(): boolean {
    const now = this.now();
    if (now > this.#endsAt) {
      this.#endsAt = now + this.windowMs;
      this.#calls = 0;
    }
    return ++this.#calls <= this.calls;
  }
}
