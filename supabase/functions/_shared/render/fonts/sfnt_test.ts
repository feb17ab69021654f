import { equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { copyOutline, copyWithoutOutlines } from "./sfnt.ts";

/**
 * The outlines of four glyphs: empty, one of its own, one made of the second and the fourth, and another of its own.
 */
const OUTLINES = [
  [],
  [0, 1, 1, 1],
  // Ten bytes of head; then flags (words, and more to come), a glyph, two words; flags (a scale), a glyph, two bytes
  // and a scale.
  [0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 1, 0, 0, 0, 0, 0, 0x08, 0, 3, 0, 0, 0x40, 0],
  [0, 1, 3, 3],
];

function font(isLong: boolean): Buffer {
  const head = Buffer.alloc(54);
  head.writeInt16BE(isLong ? 1 : 0, 50);
  const ends = OUTLINES.map((_, index) => OUTLINES.slice(0, index + 1).flat().length);
  const places = [0, ...ends].map((place) => {
    const bytes = Buffer.alloc(isLong ? 4 : 2);
    if (isLong) bytes.writeUInt32BE(place);
    else bytes.writeUInt16BE(place / 2);
    return bytes;
  });
  const tables: [string, Buffer][] = [
    ["glyf", Buffer.from(OUTLINES.flat())],
    ["head", head],
    ["loca", Buffer.concat(places)],
  ];
  const header = Buffer.alloc(12 + tables.length * 16);
  header.writeUInt16BE(tables.length, 4);
  let end = header.length;
  for (const [index, [tag, bytes]] of tables.entries()) {
    header.write(tag, 12 + index * 16, "latin1");
    header.writeUInt32BE(end, 12 + index * 16 + 8);
    header.writeUInt32BE(bytes.length, 12 + index * 16 + 12);
    end += bytes.length;
  }
  return Buffer.concat([header, ...tables.map(([, bytes]) => bytes)]);
}

for (const isLong of [false, true]) {
  Deno.test(`a glyph's outline comes with those that it is made of, with ${isLong ? "long" : "short"} places`, () => {
    const whole = font(isLong);
    const copy = Buffer.alloc(whole.length);
    copyWithoutOutlines(whole, copy);
    const start = 12 + 3 * 16;
    const end = start + OUTLINES.flat().length;
    equal(copy.subarray(start, end).every((byte) => byte === 0), true);
    copyOutline(whole, copy, 0);
    copyOutline(whole, copy, 3);
    equal(copy.subarray(start, start + 4).every((byte) => byte === 0), true);
    copyOutline(whole, copy, 2);
    equal(copy.equals(whole), true);
  });
}
