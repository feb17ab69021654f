/** Removes the metadata of pictures: where and with what they were made, and what somebody wrote into them. */

import { Buffer } from "node:buffer";
import { ascii, joined, type PictureInfo, pngChunks, riffChunks } from "./inspect.ts";
import { riffChunk } from "./webp.ts";

const PNG_KEPT = "IHDR PLTE tRNS IDAT IEND acTL fcTL fdAT iCCP sRGB gAMA cHRM sBIT".split(" ");
const WEBP_KEPT = "VP8X ANIM ANMF ALPH ICCP".split(" ").concat("VP8 ", "VP8L");
const GIF_APPLICATIONS = ["NETSCAPE2.0", "ANIMEXTS1.0"];

/**
 * Return a picture without its metadata, as large as it is and without decoding it; null where its file is not whole,
 * or would not be shown upright without them.
 *
 * A JPEG keeps its orientation, since every viewer honours it; for the other formats not every viewer does.
 */
export function withoutMetadata(
  bytes: Uint8Array,
  { type, whole, orientation }: PictureInfo,
): Uint8Array<ArrayBuffer> | null {
  if (type === "image/jpeg") return jpeg(bytes, orientation);
  if (!whole || orientation !== 1) return null;
  const clean = type === "image/gif" ? gif(bytes) : type === "image/webp" ? webp(bytes) : png(bytes);
  return clean as Uint8Array<ArrayBuffer> | null;
}

/**
 * Bytes between two segments are dropped, and so is all that follows the picture: phones append a second one with its
 * own metadata.
 */
function jpeg(bytes: Uint8Array, orientation: number): Uint8Array<ArrayBuffer> | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [Uint8Array.of(0xff, 0xd8), ...(orientation === 1 ? [] : [uprightBy(orientation)])];
  let at = 2;
  while (true) {
    while (at + 1 < bytes.length && (bytes[at] !== 0xff || bytes[at + 1] === 0 || bytes[at + 1] === 0xff)) {
      at++;
    }
    if (at + 3 >= bytes.length || bytes[at + 1] === 0xd9) break;
    const marker = bytes[at + 1];
    if ((marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += 2;
      continue;
    }
    const end = Math.min(bytes.length, at + 2 + Math.max(2, view.getUint16(at + 2)));
    const body = bytes.subarray(at + 4, end);
    const isKept = marker === 0xe0
      ? ascii(body, 0, 5) === "JFIF\0"
      : marker === 0xe2
      ? ascii(body, 0, 12) === "ICC_PROFILE\0"
      : marker === 0xee
      ? ascii(body, 0, 5) === "Adobe"
      : !(marker >= 0xe1 && marker <= 0xef) && marker !== 0xfe;
    const start = at;
    at = marker === 0xda ? afterScan(bytes, end) : end;
    if (isKept) parts.push(bytes.subarray(start, at));
  }
  return joined([...parts, Uint8Array.of(0xff, 0xd9)]) as Uint8Array<ArrayBuffer>;
}

/** Return where the data of a scan ends: at a marker other than a restart. */
function afterScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

/** An Exif block with the orientation only. */
function uprightBy(orientation: number): Uint8Array {
  const block = Buffer.alloc(36);
  block.writeUInt16BE(0xffe1, 0);
  block.writeUInt16BE(34, 2);
  block.write("Exif\0\0MM\0*", 4, "latin1");
  block.writeUInt32BE(8, 14);
  block.writeUInt16BE(1, 18);
  block.writeUInt16BE(0x0112, 20);
  block.writeUInt16BE(3, 22);
  block.writeUInt32BE(1, 24);
  block.writeUInt16BE(orientation, 28);
  return block;
}

function png(bytes: Uint8Array): Uint8Array | null {
  const parts = [bytes.subarray(0, 8)];
  let at = 8;
  for (const { type, body } of pngChunks(bytes)) {
    if (PNG_KEPT.includes(type)) parts.push(bytes.subarray(at, at + 12 + body.length));
    at += 12 + body.length;
  }
  return joined(parts);
}

function webp(bytes: Uint8Array): Uint8Array | null {
  const chunks = [...riffChunks(bytes)].filter(({ type }) => WEBP_KEPT.includes(type)).map(
    ({ type, body }) => {
      if (type !== "VP8X") return riffChunk(type, body);
      const header = body.slice();
      header[0] &= ~0x0c; // Neither Exif nor XMP follow.
      return riffChunk(type, header);
    },
  );
  return riffChunk("RIFF", joined([Buffer.from("WEBP"), ...chunks])!);
}

function gif(bytes: Uint8Array): Uint8Array | null {
  const table = (flags: number) => flags & 0x80 ? 6 << (flags & 7) : 0;
  let at = 13 + table(bytes[10]);
  const parts = [bytes.subarray(0, at)];
  while (at < bytes.length) {
    const start = at;
    let isKept = true;
    if (bytes[at] === 0x2c) at += 11 + table(bytes[at + 9]);
    else if (bytes[at] === 0x21) {
      const label = bytes[at + 1];
      isKept = label === 0xf9 || (label === 0xff && GIF_APPLICATIONS.includes(ascii(bytes, at + 3, 11)));
      at += 2;
    } else break;
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at] + 1;
    at++;
    if (at > bytes.length) break;
    if (isKept) parts.push(bytes.subarray(start, at));
  }
  return joined([...parts, Uint8Array.of(0x3b)]);
}
