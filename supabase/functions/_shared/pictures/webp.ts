/** WebP, of an animated one the first frame on its canvas. */

import { Buffer } from "node:buffer";
import { default as decode, init } from "@jsquash/webp/decode.js";
import { WEBP_DECODER } from "./codecs.generated.ts";
import { joined, type PictureInfo, riffChunks, webpDrawn } from "./inspect.ts";
import { PictureError } from "./problem.ts";
import type { Pixels } from "./pixels.ts";

let ready: Promise<void> | null = null;

/**
 * Decode a WebP. Of a file that ends too early what came is kept, with grey below, or nothing where it is transparent.
 *
 * @throws {PictureError} It cannot be decoded.
 */
export async function decodeWebp(bytes: Uint8Array, info: PictureInfo): Promise<Pixels> {
  const { width, height } = info;
  const frame = firstFrame(bytes, 0);
  const drawn = info.whole
    ? await plain(frame.bytes)
    : await cutOff([frame.bytes, ...FILLS.map((fill) => firstFrame(bytes, fill).bytes)], info.transparent);
  if (frame.left === 0 && frame.top === 0 && drawn.width === width && drawn.height === height) return drawn;
  const rgba = new Uint8Array(width * height * 4);
  const columns = Math.min(drawn.width, width - frame.left);
  for (let row = 0; row < Math.min(drawn.height, height - frame.top); row++) {
    const from = row * drawn.width * 4;
    rgba.set(drawn.rgba.subarray(from, from + columns * 4), ((frame.top + row) * width + frame.left) * 4);
  }
  return { width, height, rgba };
}

/** What stands for bytes that are missing, besides zeros. */
const FILLS = [0xff, 0x55, 0xaa];

/**
 * Decode a picture whose end is missing: with one thing and with another in its place. What both give is what came; the
 * decoder itself says nothing of how far it was.
 */
async function cutOff(candidates: Uint8Array[], transparent: boolean): Promise<Pixels> {
  const decoded: Pixels[] = [];
  for (const bytes of candidates) {
    try {
      decoded.push(await plain(bytes));
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
    }
    if (decoded.length === 2) break;
  }
  if (decoded.length < 2) throw new PictureError("The WebP cannot be decoded.");
  const [{ width, height, rgba }, other] = decoded;
  let same = 0;
  while (same < rgba.length && rgba[same] === other.rgba[same]) same++;
  const rows = Math.floor(same / (width * 4));
  if (rows < height / 50) throw new PictureError("Nothing of the WebP has come.");
  for (let at = rows * width * 4; at < rgba.length; at++) {
    rgba[at] = transparent ? 0 : at % 4 === 3 ? 255 : 128;
  }
  return { width, height, rgba };
}

async function plain(bytes: Uint8Array): Promise<Pixels> {
  ready ??= WebAssembly.compile(Buffer.from(WEBP_DECODER, "base64")).then((module) => init(module));
  await ready;
  try {
    const { width, height, data } = await decode(bytes.slice().buffer);
    return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  } catch (error) {
    // It throws plain errors; nothing but the bytes can be the cause.
    throw new PictureError("The WebP cannot be decoded.", "DAMAGED", { cause: error });
  }
}

/**
 * The picture, or the first frame of an animation, as a file of its own, and where on the canvas it is drawn.
 *
 * @param fill What stands for bytes that are missing.
 */
function firstFrame(bytes: Uint8Array, fill: number): { left: number; top: number; bytes: Uint8Array } {
  const { bytes: drawn, from, frame } = webpDrawn(bytes);
  const header = new Uint8Array(10);
  header[0] = 0x10;
  if (frame !== null) header.set(drawn.subarray(6, 12), 4);
  else {
    const canvas = [...riffChunks(bytes)].find(({ type }) => type === "VP8X");
    if (canvas?.body.length === 10) header.set(canvas.body.subarray(4), 4);
  }
  const { left, top } = frame ?? { left: 0, top: 0 };
  return { left, top, bytes: file(pictureChunks(drawn, from, fill), header) };
}

/** The chunks that hold a picture, each as long as it says. */
function pictureChunks(bytes: Uint8Array, from: number, fill: number): { type: string; body: Uint8Array }[] {
  return [...riffChunks(bytes, from)].filter(({ type }) => ["ALPH", "VP8 ", "VP8L"].includes(type)).map(
    ({ type, body, start }) => {
      const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(
        start + 4,
        true,
      );
      if (length === body.length) return { type, body };
      // A size that is larger than any file can be is not valid.
      if (length > LONGEST) throw new PictureError("The WebP is damaged.");
      const filled = new Uint8Array(length).fill(fill);
      filled.set(body);
      return { type, body: filled };
    },
  );
}

/** In bytes: the largest object of the buckets. */
const LONGEST = 10_485_760;

function file(parts: { type: string; body: Uint8Array }[], header: Uint8Array): Uint8Array {
  const chunks = parts.map(({ type, body }) => riffChunk(type, body));
  if (parts.some(({ type }) => type === "ALPH")) chunks.unshift(riffChunk("VP8X", header));
  const content = joined([Buffer.from("WEBP"), ...chunks])!;
  return joined([Buffer.from("RIFF"), uint32(content.length), content])!;
}

export function riffChunk(type: string, body: Uint8Array): Uint8Array {
  return joined([Buffer.from(type, "latin1"), uint32(body.length), body, new Uint8Array(body.length % 2)])!;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
