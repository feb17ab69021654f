/** The files of typefaces, unpacked once, and what shapes text with them. */

import { Buffer } from "node:buffer";
import { openTypeOf } from "../fonts/fallbacks.ts";
import { Pairs } from "../fonts/kerning.ts";
import { LITERATA } from "../fonts/literata.generated.ts";
import { parseRanges } from "../fonts/ranges.ts";
import { unpackWoff, withoutTables } from "../fonts/sfnt.ts";
import { Shaper } from "./harfbuzz.ts";

/** The slices of Literata. */
export const FILES = LITERATA.map(({ style, script, ranges, woff, kerning }) => ({
  name: `literata-${style}-${script}`,
  style,
  ranges: parseRanges(ranges),
  woff,
  kerning,
}));

const unpacked = new Map<string, { openType: Buffer; pairs: Pairs | null }>();

/** Return a file of the typeface as OpenType; the first time for it takes a few milliseconds. */
export function unpack(font: string): { openType: Buffer; pairs: Pairs | null } {
  let file = unpacked.get(font);
  if (file === undefined) {
    const { woff, kerning } = FILES.find(({ name }) => name === font)!;
    file = {
      openType: unpackWoff(Buffer.from(woff, "base64")),
      pairs: kerning && new Pairs(kerning),
    };
    unpacked.set(font, file);
  }
  return file;
}

const shapers = new Map<string, Shaper>();

export function shaperOf(font: string, file = () => bytesOf(font)): Shaper {
  let shaper = shapers.get(font);
  if (shaper === undefined) {
    // The outlines, most of a file, are of no use to it.
    shapers.set(font, shaper = new Shaper(withoutTables(file(), ["glyf", "loca", "gvar", "vmtx"])));
  }
  return shaper;
}

export function bytesOf(font: string): Buffer {
  return isLiterata(font) ? unpack(font).openType : openTypeOf(font);
}

export function isLiterata(font: string): boolean {
  return font.startsWith("literata-");
}
