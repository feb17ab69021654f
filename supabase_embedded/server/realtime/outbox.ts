/** The frames that a channel sends to its client. */

import type { Broadcast, Data } from "./broadcast.ts";
import { encodeText, type Version } from "./frames.ts";
import { PREFIX } from "./topics.ts";

/** The socket, as far as an outbox needs it. */
export interface Transport {
  readonly version: Version;
  send(data: Data): void;
}

export class Outbox {
  /** Deliveries that arrived while the client was joining; null once it has joined. */
  #held: (() => void)[] | null = [];
  #isClosed = false;

  /** `topic` includes its prefix, as in frames. */
  constructor(
    private readonly transport: Transport,
    private readonly topic: string,
    private readonly joinRef: string | null,
  ) {}

  // Deliveries, which wait until the client has joined

  /** Runs a task that sends something: now, or when the client has joined. */
  deliver(task: () => void): void {
    if (this.#held) this.#held.push(task);
    else if (!this.#isClosed) task();
  }

  /** Runs the tasks that were held, and from now on each one at once. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const deliver of held) deliver();
  }

  /** Drops all deliveries from now on. Other frames are still sent. */
  close(): void {
    this.#held = null;
    this.#isClosed = true;
  }

  // Frames that are sent at once

  send(message: Broadcast): void {
    const data = message.encode(this.transport.version);
    if (data !== null) this.transport.send(data);
  }

  reply(ref: string | null, status: "ok" | "error", response: unknown = {}): void {
    if (ref !== null) this.#write("phx_reply", JSON.stringify({ status, response }), this.joinRef, ref);
  }

  /** Sends an event of the topic. `payload` is JSON already. */
  event(event: string, payload: string): void {
    this.#write(event, payload, null);
  }

  push(event: string, payload: unknown): void {
    this.#write(event, JSON.stringify(payload), this.joinRef);
  }

  /** Reports an event of the server itself. */
  system(extension: string, status: "ok" | "error", message: string): void {
    this.push("system", { extension, status, message, channel: this.topic.slice(PREFIX.length) });
  }

  /** Tells the client that the channel has ended: `phx_close` for good, `phx_error` if it may join again. */
  end(event: "phx_close" | "phx_error"): void {
    this.#write(event, "{}", this.joinRef, this.joinRef);
  }

  #write(event: string, payload: string, joinRef: string | null, ref: string | null = null): void {
    const { version } = this.transport;
    this.transport.send(encodeText(version, { topic: this.topic, event, payload, ref, joinRef }));
  }
}
