/** The limits of Realtime. The numbers are those of the platform's Pro plan. */

export interface Limits {
  /** Open sockets. */
  connections: number;
  /** Channels on one socket. */
  channelsPerConnection: number;
  /** Joins a second, of all sockets together. */
  joinsPerSecond: number;
  /** Broadcasts a second that clients send, over sockets and HTTP together. Those of the database do not count. */
  messagesPerSecond: number;
  /** Presence messages a second, of all sockets together. */
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
  /** A socket that sends nothing for this long is closed. */
  silenceMs: number;
  /** How often the right to receive on private channels is checked again. */
  recheckMs: number;
  /** How long a client may wait for the message that the write-ahead log is followed. */
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
  #updatedAt: number;

  constructor(readonly perSecond: number, private readonly now: () => number = () => performance.now()) {
    this.#updatedAt = now();
  }

  /** Whether `count` more events fit. */
  fits(count = 1): boolean {
    const now = this.now();
    this.#spent = Math.max(0, this.#spent - (now - this.#updatedAt) / 1000 * this.perSecond);
    this.#updatedAt = now;
    return this.#spent + count <= this.perSecond * Rate.WINDOW_SECONDS;
  }

  /** Counts `count` events if they fit. */
  take(count = 1): boolean {
    if (!this.fits(count)) return false;
    this.#spent += count;
    return true;
  }
}

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
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
