/**
 * The frames on the wire.
 *
 * Version 1 (`vsn=1.0.0`, the Python client) has text frames with one JSON object. Version 2 (`vsn=2.0.0`,
 * supabase-js) has text frames with the array `[join_ref, ref, topic, event, payload]`, and binary frames for
 * broadcasts, whose payload then need not be JSON:
 *
 *     client 03 | sizes: join_ref ref topic event metadata | encoding | join_ref ref topic event metadata payload
 *     server 04 | sizes:              topic event metadata | encoding |              topic event metadata payload
 */

export type Version = 1 | 2;

/** A message from a client. */
export interface Frame {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
}

/** The payload of a broadcast that came in a binary frame. */
export class UserBroadcast {
  constructor(
    readonly event: string,
    readonly encoding: Encoding,
    readonly payload: Uint8Array,
  ) {}
}

export type Encoding = "binary" | "json";

/** A client sent data that is not a valid frame of its version. */
export class FrameError extends Error {
  override name = "FrameError";
}

const PUSH = 3;
const BROADCAST = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function parseVersion(text: string | null): Version | null {
  if (text === null || /^1\.\d+\.\d+$/.test(text)) return 1;
  return /^2\.\d+\.\d+$/.test(text) ? 2 : null;
}

export function decodeFrame(version: Version, data: string | ArrayBuffer): Frame {
  if (typeof data !== "string") {
    if (version === 1) throw new FrameError("Version 1 has no binary frames.");
    return decodeBinary(new Uint8Array(data));
  }
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new FrameError("A text frame must contain JSON.");
  }
  if (version === 2) {
    if (!Array.isArray(value) || value.length < 5) {
      throw new FrameError("A frame must be an array of five values.");
    }
    const [joinRef, ref, topic, event, payload] = value;
    return frame(joinRef, ref, topic, event, payload);
  }
  if (!isObject(value)) throw new FrameError("A frame must be a JSON object.");
  return frame(value.join_ref, value.ref, value.topic, value.event, value.payload);
}

function frame(joinRef: unknown, ref: unknown, topic: unknown, event: unknown, payload: unknown): Frame {
  if (typeof topic !== "string" || typeof event !== "string") {
    throw new FrameError("A frame must name its topic and its event.");
  }
  return { joinRef: reference(joinRef), ref: reference(ref), topic, event, payload };
}

function reference(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new FrameError("A reference must be a string.");
}

function decodeBinary(bytes: Uint8Array): Frame {
  if (bytes[0] !== PUSH) throw new FrameError("Only broadcasts come in binary frames.");
  const [, joinRefSize, refSize, topicSize, eventSize, metadataSize, encoding] = bytes;
  let offset = 7;
  const take = (size: number) => {
    if (offset + size > bytes.length) throw new FrameError("A binary frame ends too early.");
    return bytes.subarray(offset, offset += size);
  };
  if (bytes.length < offset) throw new FrameError("A binary frame ends too early.");
  try {
    const joinRef = decoder.decode(take(joinRefSize));
    const ref = decoder.decode(take(refSize));
    const topic = decoder.decode(take(topicSize));
    const event = decoder.decode(take(eventSize));
    take(metadataSize);
    const payload = bytes.slice(offset);
    // It is passed on unchanged to clients that parse it, so it must be valid JSON.
    if (encoding === 1) JSON.parse(decoder.decode(payload));
    return {
      joinRef: joinRef === "" ? null : joinRef,
      ref: ref === "" ? null : ref,
      topic,
      event: "broadcast",
      payload: new UserBroadcast(event, encoding === 1 ? "json" : "binary", payload),
    };
  } catch (error) {
    if (error instanceof FrameError) throw error;
    throw new FrameError("A binary frame contains text that is not valid UTF-8 or not valid JSON.");
  }
}

/** A text frame for a client. `payload` is JSON already. */
export function encodeText(
  version: Version,
  message: { topic: string; event: string; payload: string; ref?: string | null; joinRef?: string | null },
): string {
  const ref = JSON.stringify(message.ref ?? null);
  const topic = JSON.stringify(message.topic);
  const event = JSON.stringify(message.event);
  if (version === 1) return `{"topic":${topic},"event":${event},"payload":${message.payload},"ref":${ref}}`;
  return `[${JSON.stringify(message.joinRef ?? null)},${ref},${topic},${event},${message.payload}]`;
}

/** A binary frame for a client, or null where the topic or the event is too long for one. */
export function encodeBinary(
  message: { topic: string; event: string; metadata: string; encoding: Encoding; payload: Uint8Array },
): Uint8Array<ArrayBuffer> | null {
  const parts = [message.topic, message.event, message.metadata].map((text) => encoder.encode(text));
  if (parts.some((part) => part.length > 255)) return null;
  const header = [BROADCAST, ...parts.map((part) => part.length), message.encoding === "json" ? 1 : 0];
  const bytes = new Uint8Array(
    header.length + parts.reduce((sum, part) => sum + part.length, 0) + message.payload.length,
  );
  bytes.set(header);
  let offset = header.length;
  for (const part of [...parts, message.payload]) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
