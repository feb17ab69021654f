/** The typeface in a PDF: which of its files shows which character, and how wide words are. */

import { Buffer } from "node:buffer";
import { Pairs } from "../fonts/kerning.ts";
import { LITERATA } from "../fonts/literata.generated.ts";
import { unpackWoff } from "../fonts/sfnt.ts";
import { covers, parseRanges } from "../fonts/ranges.ts";
import { characters } from "../text.ts";
import type { Document } from "./document.ts";
import { quicken } from "./shaping.ts";

export type Style = "regular" | "italic" | "bold";

/** Text that one font file shows; without a font, characters that none can show. */
export interface Run {
  text: string;
  font: string | null;
}

/** The width of the box that stands for a character without a font, in ems. */
export const BOX_WIDTH = 0.62;

/** Characters that are shown by others that look the same; compatibility forms are tried by themselves. */
const LOOKALIKES: Record<string, string> = {
  "\u2010": "-",
  "\u2011": "-",
  "\u2012": "–",
  "\u2015": "—",
  "\u02b9": "′",
};

/** Joiners and variation selectors: they change their neighbours and show nothing themselves. */
const SILENT = /[\u200c\u200d\ufe00-\ufe0f]/gu;

const FILES = LITERATA.map(({ style, script, ranges, woff, kerning }) => ({
  name: `literata-${style}-${script}`,
  style,
  ranges: parseRanges(ranges),
  woff,
  kerning,
}));

const unpacked = new Map<string, { openType: Buffer; pairs: Pairs | null }>();

/** Return a file of the typeface as OpenType; the first time for it takes a few milliseconds. */
function unpack(font: string): { openType: Buffer; pairs: Pairs | null } {
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

/** Opens font files in one document, each when the first character needs it. */
export class Typeface {
  readonly #opened = new Set<string>();
  readonly #found = new Map<string, Run>();
  readonly #widths = new Map<string, number>();

  constructor(readonly document: Document) {}

  /** Split text into runs that one font file each can show. */
  runs(text: string, style: Style): Run[] {
    // Most words; there is no need to look their characters up one by one.
    if (/^[\x20-\x7e]+$/.test(text)) return [{ text, font: `literata-${style}-latin` }];
    const runs: Run[] = [];
    for (const character of characters(text)) {
      const found = this.#find(character, style);
      const last = runs.at(-1);
      if (last !== undefined && last.font === found.font) last.text += found.text;
      else runs.push({ ...found });
    }
    return runs;
  }

  /** Return how wide a run is, in points. */
  width({ text, font }: Run, size: number): number {
    if (font === null) return characters(text).length * BOX_WIDTH * size;
    const key = `${font} ${text}`;
    const width = this.#widths.get(key) ?? this.use(font, 1000).widthOfString(text);
    this.#widths.set(key, width);
    return (width * size) / 1000;
  }

  /** Make a font the document's current one. */
  use(font: string, size: number): Document {
    if (!this.#opened.has(font)) {
      const { openType, pairs } = unpack(font);
      this.document.registerFont(font, openType);
      this.#opened.add(font);
      quicken(this.document.font(font)._font, pairs);
    }
    this.document.font(font).fontSize(size);
    return this.document;
  }

  #find(character: string, style: Style): Run {
    const key = style + character;
    let run = this.#found.get(key);
    if (run === undefined) {
      run = standIns(character)
        .map((text) => ({ text, font: fileFor(text, style) }))
        .find(({ font }) => font !== null) ?? { text: character, font: null };
      this.#found.set(key, run);
    }
    return run;
  }
}

/** What may be set for a character, the best first: itself, what looks the same, and a letter without its marks. */
function standIns(character: string): string[] {
  const bare = character.normalize("NFD").replace(/\p{M}/gu, "");
  return [
    character,
    LOOKALIKES[character] ?? character,
    character.normalize("NFKC").replaceAll("\u2010", "-"),
    ...(/^\p{L}$/u.test(bare) ? [bare] : []),
  ].map((text) => text.replace(SILENT, ""));
}

function fileFor(text: string, style: Style): string | null {
  const codePoints = Array.from(text, (character) => character.codePointAt(0)!);
  const found = FILES.find((file) =>
    file.style === style && codePoints.every((codePoint) => covers(file.ranges, codePoint))
  );
  return found?.name ?? null;
}
