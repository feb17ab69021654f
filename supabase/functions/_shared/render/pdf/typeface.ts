/** The typefaces in a PDF: which file shows which character, and how wide words are. */

import { emojiIn, isColoured, loadEmoji } from "../fonts/emoji.ts";
import {
  ensureOutlines,
  familyOf,
  type Han,
  hanOf,
  load,
  shows,
  SILENT,
  typefacesOf,
  type TypefaceSource,
  unpackOutlines,
} from "../fonts/fallbacks.ts";
import { covers } from "../fonts/ranges.ts";
import { characters } from "../text.ts";
import type { Document } from "./document.ts";
import { EmojiFonts } from "./emoji.ts";
import { bytesOf, FILES, isLiterata, shaperOf, unpack } from "./font_files.ts";
import type { ShapedText } from "./glyphs.ts";
import { quicken, SIMPLE } from "./shaping.ts";

export type Style = "regular" | "italic" | "bold";

/** Text that one font file shows; without a font, characters that none can show. */
export interface Run {
  text: string;
  font: string | null;
  /** What was written, where something else is set for it. */
  said?: string;
  /** The marks of a character that no typeface has together with it: they are drawn on it. */
  marks?: string;
}

/** A run as it is set: in what direction, and in which parts it is shaped. */
export interface SetRun extends Run {
  rightToLeft: boolean;
  /** Words, which are shaped each by itself; together they are the text. */
  words: readonly string[];
}

/** Characters for which there is no typeface, and the one that would show them, where it could not be had. */
export interface Unset {
  /** A typeface that is missing: "Noto Serif SC"; null where none has the characters. */
  typeface: string | null;
  /** Each once, in reading order. */
  characters: string;
}

/** The name of the font of drawings; see `EmojiFonts`. */
export const EMOJI = "emoji";

/** The width of the box that stands for a character without a font, in ems. */
export const BOX_WIDTH = 0.5;

/** The font whose first glyph is that box: the one that every font has for what it lacks. */
export function boxFont(style: Style): string {
  return `literata-${style}-latin`;
}

/**
 * How large the others are set, so that they look as large as Literata. Those of Arabic are small by nature; Chinese
 * characters fill their squares.
 */
const SCALES: Record<string, number> = {
  "amiri": 1.2,
  "noto-serif-hebrew": 1.02,
  "noto-serif-devanagari": 1.02,
  "noto-serif-bengali": 1,
  "noto-serif-tamil": 0.9,
  "noto-serif-thai": 1.02,
  "noto-serif-khmer": 0.98,
  "noto-serif-georgian": 0.98,
  "noto-serif-armenian": 0.98,
  "noto-serif-sc": 0.96,
  "noto-serif-tc": 0.96,
  "noto-serif-jp": 0.96,
  "noto-serif-kr": 0.96,
};

/** Spaces and punctuation, which are set like the characters before them where their typeface has them. */
const NEUTRAL = /^[\p{P}\p{Zs}]$/u;

/** Characters that are shown by others that look the same; compatibility forms are tried by themselves. */
const LOOKALIKES: Record<string, string> = {
  "\u2010": "-",
  "\u2011": "-",
  "\u2012": "–",
  "\u2015": "—",
  "\u02b9": "′",
};

/** What a newsletter is set in, besides Literata. */
export interface Typefaces {
  /**
   * Those that are loaded for it: not what happens to be loaded for another, so that a newsletter always looks the
   * same.
   */
  names: ReadonlySet<string>;
  /** What Chinese characters are, where the text that they are in does not tell; see `hanAround`. */
  around: Han | null;
  /** How they are set by themselves. */
  han: Han;
  /** What cannot be set. */
  unset: Unset[];
}

/** Marks that keep directions apart: read by the bidirectional algorithm, and seen by nobody. */
export const ISOLATES = /[\u2066-\u2069]/g;

export const LITERATA_ALONE: Typefaces = { names: new Set(), around: null, han: "zh-Hans", unset: [] };

/** Chinese characters, and what is written with them. */
const HAN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\u3000-\u303f\uff00-\uffef]/u;

/**
 * Load the typefaces that the texts of a newsletter need beyond Literata.
 *
 * @param around What Chinese characters in it are; see `hanAround`.
 */
export async function loadTypefaces(
  texts: readonly string[],
  source: TypefaceSource,
  around: Han | null = null,
): Promise<Typefaces> {
  const all = texts.join("\n");
  const han = around ?? hanOf(all);
  // The same character is set in another typeface in a passage of another language.
  const hans = new Set([han, ...texts.filter((text) => HAN.test(text)).map((text) => hanOf(text, around))]);
  const names = new Set<string>();
  const missing = new Set<string>();
  const unset = new Map<string | null, Set<string>>();
  /** What each typeface shows, as far as is known: one that is loaded later may show it better. */
  const shown = new Map<string, Set<string>>();
  const loadFirst = async (wanted: readonly string[]) => {
    for (const name of wanted) {
      if (names.has(name)) return true;
      if (missing.has(name)) continue;
      if (await load(name, source)) {
        names.add(name);
        return true;
      }
      missing.add(name);
    }
    return false;
  };
  await loadEmoji(all);
  for (const character of new Set(characters(all))) {
    if (character.replace(ISOLATES, "").trim() === "" || fileFor(character, "regular") !== null) continue;
    const isDrawn = emojiIn(character) !== null;
    if (isDrawn && isColoured(character)) continue;
    let isSet = false;
    for (const one of HAN.test(character) ? hans : [han]) {
      const wanted = typefacesOf(character, one);
      isSet = await loadFirst(wanted) || isSet;
      const first = wanted.find((name) => names.has(name));
      if (first !== undefined) shown.set(first, (shown.get(first) ?? new Set()).add(character));
    }
    const isReplaced = standIns(character).some((text) => fileFor(text, "regular") !== null);
    if (isSet || isDrawn || isReplaced) continue;
    const composed = apart(
      character,
      (text) => fileFor(text, "regular") !== null || typefacesOf(text, han).length > 0,
    );
    if (composed !== null && fileFor(composed.text, "regular") === null) {
      const wanted = typefacesOf(composed.text, han);
      isSet = await loadFirst(wanted);
      const first = wanted.find((name) => names.has(name));
      if (first !== undefined) shown.set(first, (shown.get(first) ?? new Set()).add(composed.text));
    }
    if (composed !== null && hasLinesOnly(composed.marks)) continue;
    const [first] = typefacesOf(character, han);
    const typeface = first === undefined ? null : familyOf(first);
    unset.set(typeface, (unset.get(typeface) ?? new Set()).add(character));
  }
  for (const [name, characters] of shown) {
    unpackOutlines(name, (file) => {
      const shaper = shaperOf(name, file);
      return ["\0", " ", ...characters].flatMap((text) => shaper.shape(text, false)).map(({ id }) => id);
    });
  }
  return {
    names,
    around,
    han,
    unset: [...unset].map(([typeface, missed]) => ({ typeface, characters: [...missed].join("") })),
  };
}

/** Opens font files in one document, each when the first character needs it. */
export class Typeface {
  readonly #opened = new Set<string>();
  /** What sets each character, by style and way of writing Chinese. */
  readonly #found = new Map<string, Map<string, Run>>();
  readonly #widths = new Map<string, number>();
  readonly #shaped = new Map<string, ShapedText>();
  readonly emoji: EmojiFonts;

  constructor(readonly document: Document, readonly typefaces: Typefaces = LITERATA_ALONE) {
    this.emoji = new EmojiFonts(document);
  }

  /**
   * Split text into runs that one font file each can show.
   *
   * @param context What the text is a part of: in which typeface Chinese characters are set depends on it.
   * @param after The font of what is before it: spaces are set like that.
   */
  runs(text: string, style: Style, context = text, after: string | null = null): Run[] {
    if (after !== null && text.trim() === "" && characters(text).every((space) => joins(space, after))) {
      return [{ text, font: after }];
    }
    // Most words; there is no need to look their characters up one by one.
    if (/^[\x20-\x7e]+$/.test(text)) return [{ text, font: `literata-${style}-latin` }];
    const runs: Run[] = [];
    for (const character of characters(text)) {
      const found = this.#find(character, style, context);
      const last = runs.at(-1);
      // Emoji side by side may look like one of another kind, so each stays by itself.
      const joined = last !== undefined && last.font === found.font && found.font !== EMOJI &&
        last.said === undefined && found.said === undefined;
      if (joined) last.text += found.text;
      else if (last?.font && last.said === undefined && joins(character, last.font)) last.text += character;
      else runs.push({ ...found });
    }
    return runs;
  }

  /** Return how wide a run is, in points. */
  width(run: SetRun, size: number): number {
    const { text, font, words } = run;
    if (font === null) return characters(text).length * BOX_WIDTH * size;
    if (font === EMOJI) return EmojiFonts.width(words) * size;
    if (!this.isQuick(run)) {
      const advance = this.shaped(run).reduce((sum, text) => sum + text.advance, 0);
      return (advance * this.scaled(font, size)) / this.unitsPerEm(font);
    }
    const key = `${font} ${text}`;
    const width = this.#widths.get(key) ?? this.use(font, 1000).widthOfString(text);
    this.#widths.set(key, width);
    return (width * size) / 1000;
  }

  /** Return true if a run is set by PDFKit, character by character, with no need of HarfBuzz. */
  isQuick({ text, font, rightToLeft, said }: SetRun): boolean {
    return font !== null && isLiterata(font) && !rightToLeft && said === undefined &&
      (SIMPLE.test(text) || !/\p{M}/u.test(text));
  }

  /** Return a run's glyphs: its words, from left to right. */
  shaped({ font, rightToLeft, words }: SetRun): ShapedText[] {
    const shaped = words.map((text) => {
      const key = `${font} ${rightToLeft} ${text}`;
      let found = this.#shaped.get(key);
      if (found === undefined) {
        const glyphs = shaperOf(font!).shape(text, rightToLeft);
        ensureOutlines(font!, glyphs);
        const advance = glyphs.reduce((sum, glyph) => sum + glyph.advance, 0);
        this.#shaped.set(key, found = { text, glyphs, advance });
      }
      return found;
    });
    return rightToLeft ? shaped.reverse() : shaped;
  }

  unitsPerEm(font: string): number {
    return shaperOf(font).unitsPerEm;
  }

  /** The size that a font is set in to look like Literata in `size`. */
  scaled(font: string, size: number): number {
    return size * (SCALES[font] ?? 1);
  }

  /** Make a font the document's current one. */
  use(font: string, size: number): Document {
    if (!this.#opened.has(font)) {
      this.document.registerFont(font, bytesOf(font));
      this.#opened.add(font);
      if (isLiterata(font)) quicken(this.document.font(font)._font, unpack(font).pairs);
    }
    this.document.font(font).fontSize(size);
    return this.document;
  }

  #find(character: string, style: Style, context: string): Run {
    const han = HAN.test(character) ? this.#hanIn(context) : this.typefaces.han;
    const key = `${style} ${han}`;
    let runs = this.#found.get(key);
    if (runs === undefined) this.#found.set(key, runs = new Map());
    let run = runs.get(character);
    if (run === undefined) runs.set(character, run = find(character, style, this.typefaces.names, han));
    return run;
  }

  #lastContext: [string, Han] = ["", "zh-Hans"];

  #hanIn(context: string): Han {
    if (this.#lastContext[0] !== context) {
      this.#lastContext = [context, hanOf(context, this.typefaces.around)];
    }
    return this.#lastContext[1];
  }
}

/** Find what sets a character: itself, what looks the same, and at last a character on which its marks are drawn. */
function find(character: string, style: Style, names: ReadonlySet<string>, han: Han): Run {
  const [same, ...others] = standIns(character);
  const inLiterata = (text: string) => ({ text, font: fileFor(text, style) });
  const asEmoji = { text: character, font: emojiIn(character) === null ? null : EMOJI };
  const inOthers = (text: string) => typefacesOf(text, han).filter((name) => names.has(name));
  const found = [
    ...(isColoured(character) ? [asEmoji] : []),
    inLiterata(same),
    ...inOthers(character).map((font) => ({ text: character, font })),
    asEmoji,
    ...others.map((text) => ({ ...inLiterata(text), ...(text === same ? {} : { said: character }) })),
  ].find(({ font }) => font !== null);
  if (found !== undefined) return found;
  const fontOf = (text: string) => fileFor(text, style) ?? inOthers(text).at(0) ?? null;
  const composed = apart(character, (text) => fontOf(text) !== null);
  if (composed === null) return { text: character, font: null };
  return { ...composed, font: fontOf(composed.text), said: character };
}

/** Marks that are lines across a character, or along it: strokes, and lines below and above. */
const LINES = /^[\u0305\u0332\u0333-\u0338]*$/;

/** Return true if all of a character's marks can be drawn as what they are; others are boxes. */
export function hasLinesOnly(marks: string): boolean {
  return LINES.test(marks);
}

/**
 * A character with those of its marks that can be set with it, and the others; null unless it is one character with
 * marks. Marks by themselves, as where a space before them ended a line, are on a space.
 */
function apart(
  character: string,
  isSet: (text: string) => boolean,
): { text: string; marks: string } | null {
  const [base, ...all] = character.normalize("NFD").replace(SILENT, "").replace(/^(?=\p{M})/u, " ");
  if (all.length === 0 || all.some((mark) => !/\p{M}/u.test(mark)) || !isSet(base)) return null;
  let text = base;
  const marks = new Set<string>();
  for (const mark of all) {
    const more = (text + mark).normalize("NFC");
    if (isSet(more)) text = more;
    else marks.add(mark);
  }
  return { text, marks: [...marks].join("") };
}

/** Return true if a space or a punctuation mark is set in the typeface of the characters before it. */
function joins(character: string, font: string): boolean {
  return NEUTRAL.test(character) && !isLiterata(font) && font !== EMOJI &&
    !/-(sc|tc|jp|kr|math|symbols|2)$|^noto-serif$/.test(font) &&
    shows(font, character);
}

/** What may be set for a character, the best first: itself, and what looks the same. */
function standIns(character: string): string[] {
  return [
    character,
    LOOKALIKES[character] ?? character,
    character.normalize("NFKC").replaceAll("\u2010", "-"),
  ].map((text) => text.replace(SILENT, ""));
}

function fileFor(text: string, style: Style): string | null {
  const codePoints = Array.from(text, (character) => character.codePointAt(0)!);
  const found = FILES.find((file) =>
    file.style === style && codePoints.every((codePoint) => covers(file.ranges, codePoint))
  );
  return found?.name ?? null;
}
