/** A broadcast to the channels of one topic. It is encoded once for each version, however many clients receive it. */

import { encodeBinary, encodeText, type Encoding, UserBroadcast, type Version } from "./frames.ts";
import { byteLength } from "./limits.ts";

/** A frame, as a socket sends it. */
export type Data = string | Uint8Array<ArrayBuffer>;

export abstract class Broadcast {
  readonly #forms = new Map<Version, Data | null>();

  /**
   * @param topic The channel's name with its prefix `realtime:`.
   * @param id The id of its row in `realtime.messages`, if it has one.
   */
  constructor(readonly topic: string, readonly id: string | null) {}

  /** The frame for a client; null if its version has no frame for this broadcast. */
  encode(version: Version): Data | null {
    let form = this.#forms.get(version);
    if (form === undefined) {
      form = this.form(version);
      this.#forms.set(version, form);
    }
    return form;
  }

  protected abstract form(version: Version): Data | null;
}

/** A broadcast whose payload is JSON: `{"type":"broadcast","event":...,"payload":...}`. */
export class JsonBroadcast extends Broadcast {
  constructor(topic: string, private readonly payload: string, id: string | null = null) {
    super(topic, id);
  }

  protected form(version: Version): string {
    return encodeText(version, { topic: this.topic, event: "broadcast", payload: this.payload });
  }
}

/** A broadcast whose payload is bytes. Clients of version 1 have no frame for bytes that are not JSON. */
export class BytesBroadcast extends Broadcast {
  constructor(
    topic: string,
    private readonly message: { event: string; encoding: Encoding; payload: Uint8Array },
    private readonly meta: Meta | null = null,
  ) {
    super(topic, meta?.id ?? null);
  }

  protected form(version: Version): Data | null {
    const { event, encoding, payload } = this.message;
    if (version === 2) {
      const metadata = this.meta ? JSON.stringify(this.meta) : "";
      const bytes = encodeBinary({ topic: this.topic, event, metadata, encoding, payload });
      if (bytes) return bytes;
    }
    if (encoding === "binary") return null;
    const json = broadcastPayload(event, new TextDecoder().decode(payload), this.meta);
    return encodeText(version, { topic: this.topic, event: "broadcast", payload: json });
  }
}

export interface Meta {
  id: string;
  replayed?: true;
}

/** A row of `realtime.messages`, with the columns that are needed here. */
export interface StoredMessage {
  id: string;
  event: string;
  /** JSON. */
  payload: string | null;
  /** Hexadecimal, with `\x` before it. */
  binaryPayload: string | null;
}

/** The broadcast in the payload of a client's frame; null if it is larger than `maxBytes`. */
export function fromClient(topic: string, payload: unknown, maxBytes: number): Broadcast | null {
  if (payload instanceof UserBroadcast) {
    return payload.payload.length > maxBytes ? null : new BytesBroadcast(topic, payload);
  }
  const json = JSON.stringify(payload);
  return byteLength(json) > maxBytes ? null : new JsonBroadcast(topic, json);
}

export function fromDatabase(topic: string, row: StoredMessage, replayed = false): Broadcast | null {
  const meta: Meta = replayed ? { id: row.id, replayed } : { id: row.id };
  if (row.payload !== null) {
    return new JsonBroadcast(topic, broadcastPayload(row.event, row.payload, meta), row.id);
  }
  if (row.binaryPayload === null) return null;
  const payload = Uint8Array.fromHex(row.binaryPayload.replace(/^\\x/, ""));
  return new BytesBroadcast(topic, { event: row.event, encoding: "binary", payload }, meta);
}

/** The payload of a broadcast frame. `payload` is JSON already. */
export function broadcastPayload(event: string, payload: string, meta: Meta | null = null): string {
  const tail = meta ? `,"meta":${JSON.stringify(meta)}` : "";
  return `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${payload}${tail}}`;
}
