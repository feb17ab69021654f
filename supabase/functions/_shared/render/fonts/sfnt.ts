/**
 * Unpacking of WOFF 1, which is OpenType with each table compressed by itself (W3C, "WOFF File Format 1.0", sections 4
 * and 5). Fontkit reads WOFF as well, but inflates a table anew, in JavaScript, for every glyph that it takes out of
 * it.
 */

import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";

const WOFF_HEADER = 44;
const WOFF_ENTRY = 20;
const SFNT_HEADER = 12;
const SFNT_ENTRY = 16;

/** Return the OpenType file inside a WOFF file. */
export function unpackWoff(woff: Buffer): Buffer {
  const count = woff.readUInt16BE(12);
  const header = Buffer.alloc(SFNT_HEADER + count * SFNT_ENTRY);
  const log = Math.floor(Math.log2(count));
  woff.copy(header, 0, 4, 8);
  header.writeUInt16BE(count, 4);
  header.writeUInt16BE(16 << log, 6);
  header.writeUInt16BE(log, 8);
  header.writeUInt16BE(count * 16 - (16 << log), 10);
  const parts: Buffer[] = [header];
  let end = header.length;
  for (let index = 0; index < count; index++) {
    const entry = WOFF_HEADER + index * WOFF_ENTRY;
    const [offset, packed, length] = [4, 8, 12].map((field) => woff.readUInt32BE(entry + field));
    const data = woff.subarray(offset, offset + packed);
    const table = packed < length ? inflateSync(data) : data;
    const target = SFNT_HEADER + index * SFNT_ENTRY;
    woff.copy(header, target, entry, entry + 4);
    woff.copy(header, target + 4, entry + 16, entry + 20);
    header.writeUInt32BE(end, target + 8);
    header.writeUInt32BE(length, target + 12);
    const padding = Buffer.alloc(-length & 3);
    parts.push(table, padding);
    end += length + padding.length;
  }
  return Buffer.concat(parts);
}

/** Where a table of an OpenType file is. */
function table(openType: Buffer, tag: string): { offset: number; length: number } {
  for (let at = SFNT_HEADER;; at += SFNT_ENTRY) {
    if (openType.toString("latin1", at, at + 4) === tag) {
      return { offset: openType.readUInt32BE(at + 8), length: openType.readUInt32BE(at + 12) };
    }
  }
}

/** Copy an OpenType file to where nothing but zeros are, but for the outlines: all glyphs are empty. */
export function copyWithoutOutlines(openType: Buffer, target: Buffer): void {
  const { offset, length } = table(openType, "glyf");
  openType.copy(target, 0, 0, offset);
  openType.copy(target, offset + length, offset + length);
}

/** Flags of a part of a glyph that is made of others (OpenType, "glyf"). */
const WORDS = 0x1;
const SCALE = 0x8;
const MORE = 0x20;
const TWO_SCALES = 0x40;
const MATRIX = 0x80;

/** Copy the outline of a glyph, and of those that it is made of, to where it is in another copy of the file. */
export function copyOutline(openType: Buffer, target: Buffer, glyph: number): void {
  const places = table(openType, "loca").offset;
  const isLong = openType.readInt16BE(table(openType, "head").offset + 50) === 1;
  const place = (index: number) =>
    isLong ? openType.readUInt32BE(places + index * 4) : openType.readUInt16BE(places + index * 2) * 2;
  const outlines = table(openType, "glyf").offset;
  const [start, end] = [outlines + place(glyph), outlines + place(glyph + 1)];
  if (start === end) return;
  openType.copy(target, start, start, end);
  if (openType.readInt16BE(start) >= 0) return;
  for (let at = start + 10, flags = MORE; (flags & MORE) !== 0;) {
    flags = openType.readUInt16BE(at);
    copyOutline(openType, target, openType.readUInt16BE(at + 2));
    at += 4 + ((flags & WORDS) !== 0 ? 4 : 2) +
      ((flags & SCALE) !== 0 ? 2 : (flags & TWO_SCALES) !== 0 ? 4 : (flags & MATRIX) !== 0 ? 8 : 0);
  }
}

/** Return an OpenType file without some of its tables. */
export function withoutTables(openType: Buffer, tags: readonly string[]): Buffer {
  const entries = Array.from({ length: openType.readUInt16BE(4) }, (_, index) => {
    const at = SFNT_HEADER + index * SFNT_ENTRY;
    return openType.subarray(at, at + SFNT_ENTRY);
  }).filter((entry) => !tags.includes(entry.toString("latin1", 0, 4)));
  const header = Buffer.alloc(SFNT_HEADER + entries.length * SFNT_ENTRY);
  openType.copy(header, 0, 0, SFNT_HEADER);
  header.writeUInt16BE(entries.length, 4);
  const parts: Buffer[] = [header];
  let end = header.length;
  entries.forEach((entry, index) => {
    const [offset, length] = [entry.readUInt32BE(8), entry.readUInt32BE(12)];
    const target = SFNT_HEADER + index * SFNT_ENTRY;
    entry.copy(header, target);
    header.writeUInt32BE(end, target + 8);
    parts.push(openType.subarray(offset, offset + length), Buffer.alloc(-length & 3));
    end += length + (-length & 3);
  });
  return Buffer.concat(parts);
}
