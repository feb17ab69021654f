/** A client's WebSocket, with the channels that it has joined. */

import { describeError, log } from "../log.ts";
import type { Data } from "./broadcast.ts";
import { Channel, type Connection } from "./channel.ts";
import { decodeFrame, encodeText, type Frame, FrameError, type Version } from "./frames.ts";
import type { Identity } from "./identity.ts";
import { parseJoin } from "./join.ts";
import type { Services } from "./services.ts";
import { PREFIX } from "./topics.ts";

const HEARTBEAT_TOPIC = "phoenix";

/** The codes with which the server closes a socket. A server may not send codes below 3000 of its own, except 1000. */
export const CLOSE = {
  silent: 1000,
  stopping: 4000,
  tooFast: 4001,
  tooSlow: 4002,
  tooLarge: 4003,
  malformed: 4004,
  failed: 4005,
} as const;

export class Socket implements Connection {
  readonly #channels = new Map<string, Channel>();
  #closed = false;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly services: Services,
    private readonly socket: WebSocket,
    readonly version: Version,
    readonly identity: Identity,
    readonly headers: string,
    /** Called once, when the socket has ended. */
    private readonly onEnd: () => void,
  ) {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#restartSilenceTimer();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#end();
    socket.onerror = () => this.#end();
  }

  get channels(): Iterable<Channel> {
    return this.#channels.values();
  }

  send(data: Data): void {
    if (this.#closed || this.socket.readyState !== WebSocket.OPEN) return;
    // A client that does not read must not fill the server's memory. It can reconnect and read what it missed.
    if (this.socket.bufferedAmount > this.services.limits.backlogBytes) {
      return this.close(CLOSE.tooSlow, "This client reads too slowly");
    }
    this.socket.send(data);
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    if (code !== CLOSE.stopping) log("realtime_socket_closed", { code, reason });
    this.#end();
    this.socket.close(code, reason);
  }

  forget(channel: Channel): void {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#closed) return;
    this.#restartSilenceTimer();
    const size = typeof data === "string" ? data.length : data.byteLength;
    if (size > this.services.limits.frameBytes) return this.close(CLOSE.tooLarge, "A frame is too large");
    try {
      this.#handle(decodeFrame(this.version, data));
    } catch (error) {
      if (error instanceof FrameError) return this.close(CLOSE.malformed, error.message);
      log("realtime_socket", describeError(error));
      this.close(CLOSE.failed, "The server failed to handle a frame");
    }
  }

  #handle(frame: Frame): void {
    if (frame.topic === HEARTBEAT_TOPIC) {
      if (frame.event === "heartbeat") this.#reply(frame, "ok", {});
      return;
    }
    if (frame.event === "phx_join") return this.#join(frame);
    const channel = this.#channels.get(frame.topic);
    // A late message for a channel that was joined again meanwhile.
    const isStale = channel && frame.joinRef !== null && frame.joinRef !== channel.joinRef;
    if (channel && !isStale) return channel.receive(frame);
    if (frame.event === "phx_leave") return this.#reply(frame, "ok", {});
    if (!isStale) this.#reply(frame, "error", { reason: "unmatched topic" });
  }

  #join(frame: Frame): void {
    const { limits, rates } = this.services;
    if (!frame.topic.startsWith(PREFIX)) return this.#reply(frame, "error", { reason: "unmatched topic" });
    if (frame.topic === PREFIX) {
      return this.#reply(frame, "error", { reason: "TopicNameRequired: You must provide a topic name" });
    }
    this.#channels.get(frame.topic)?.close();
    if (!rates.joins.take()) {
      this.#reply(frame, "error", { reason: "ClientJoinRateLimitReached: Too many joins per second" });
      return this.close(CLOSE.tooFast, "Too many joins per second");
    }
    if (this.#channels.size >= limits.channelsPerConnection) {
      return this.#reply(frame, "error", { reason: "ChannelRateLimitReached: Too many channels" });
    }
    const joinRef = frame.joinRef ?? frame.ref;
    const channel = new Channel(this.services, this, frame.topic, joinRef, parseJoin(frame.payload));
    this.#channels.set(frame.topic, channel);
    channel.join(frame.ref);
  }

  #reply({ topic, ref, joinRef }: Frame, status: "ok" | "error", response: unknown): void {
    const payload = JSON.stringify({ status, response });
    this.send(encodeText(this.version, { topic, event: "phx_reply", payload, ref, joinRef }));
  }

  /** Closes the socket if the client sends nothing for too long. */
  #restartSilenceTimer(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () => this.close(CLOSE.silent, "No heartbeat"),
      this.services.limits.silenceMs,
    );
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#silence);
    for (const channel of [...this.#channels.values()]) channel.end();
    this.onEnd();
  }
}
