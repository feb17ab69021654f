/**
 * Breaking text into lines: between words where the Unicode line breaking rules allow it, within words where it must
 * be; and putting the pieces of a line in the order in which they are seen, by the Unicode bidirectional algorithm.
 */

// @ts-types="./libraries.d.ts"
import { bidi, LineBreaker } from "./libraries.generated.js";
import { syllables, wordIn } from "../syllables.ts";
import { characters, type Inline } from "../text.ts";
import { ISOLATES, type SetRun, type Style, type Typeface } from "./typeface.ts";

/** A run with its place in a line known. */
export interface Piece extends SetRun {
  words: string[];
  width: number;
  href: string | null;
  /** Where it begins and ends in the logical line, in code units. */
  start: number;
  end: number;
  /** How deep it is embedded: what is odd runs from right to left. */
  level: number;
}

export interface Line {
  /** From left to right. */
  pieces: Piece[];
  /** The width of what is visible: without the space at the end. */
  width: number;
  /** The width of the space at the left, before what is visible: that at the end of a line from right to left. */
  hang: number;
}

export type Direction = "ltr" | "rtl";

/** A part of a line that stays together. */
interface Word {
  start: number;
  end: number;
  /** The end without the spaces that follow it. */
  visible: number;
}

/** More characters than a line holds, in the smallest type. */
const LONGEST_LINE = 1000;

/** What a bidirectional text is known by. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** What a hyphen says that was not written. */
export const HYPHEN = "\u00ad";

/** What is between marks that keep directions apart. */
const SEEN = new RegExp(`[^${ISOLATES.source.slice(1, -1)}]+`, "g");

/** Scripts that put no spaces between words: where they may be broken is in a dictionary. */
const UNSPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

let algorithm: ReturnType<typeof bidi> | undefined;
const dictionary = new Intl.Segmenter("th", { granularity: "word" });

/** Sets text of one style and size into lines of one width. */
export class Compositor {
  constructor(
    readonly typeface: Typeface,
    readonly style: Style,
    readonly size: number,
    readonly measure: number,
  ) {}

  /** Break a logical line; an empty one gives one empty line. */
  lines(inlines: readonly Inline[], direction: Direction = "ltr"): Line[] {
    const text = inlines.map((inline) => inline.text).join("");
    const base = direction === "rtl" ? 1 : 0;
    const levels = base === 1 || RIGHT_TO_LEFT.test(text)
      ? (algorithm ??= bidi()).getEmbeddingLevels(text, direction).levels
      : null;
    const lines: Line[] = [];
    let words: Piece[] = [];
    let spaces: Piece[] = [];
    let width = 0;
    let end = 0;
    const finish = () => {
      const pieces = reordered(atEnd(words, spaces, base));
      lines.push({ pieces, width, hang: base === 1 ? total(spaces) : 0 });
      [words, spaces, width, end] = [[], [], 0, 0];
    };
    /** Add what may have spaces at its end, whose visible part is so wide, and then spaces. */
    const add = (pieces: Piece[], visible: number, trailing: Piece[]) => {
      if (words.length > 0 && end + visible > this.measure) finish();
      words.push(...spaces, ...pieces);
      spaces = trailing;
      width = end + visible;
      end += total(pieces) + total(trailing);
    };
    for (const word of wordsOf(text)) {
      // From left to right the spaces stay with the word, in one piece with it.
      const pieces = this.#pieces(
        inlines,
        text,
        levels,
        word.start,
        levels === null ? word.end : word.visible,
      );
      const after = pieces.at(-1)?.font;
      const trailing = this.#pieces(inlines, text, levels, word.visible, word.end, after);
      const visible = total(pieces) - (levels === null ? total(trailing) : 0);
      const apart = levels === null ? [] : trailing;
      if (visible <= this.measure) {
        add(pieces, visible, apart);
        continue;
      }
      const parts = this.#hyphenated(pieces);
      // What is parted between its syllables begins on a line of its own.
      if (parts !== null && words.length > 0) finish();
      for (const part of parts ?? pieces.flatMap((piece) => this.#parts(piece)).map((piece) => [piece])) {
        add(part, total(part), []);
      }
      spaces = apart;
      end += total(apart);
    }
    finish();
    return lines;
  }

  #pieces(
    inlines: readonly Inline[],
    text: string,
    levels: Uint8Array | null,
    start: number,
    end: number,
    after: string | null = null,
  ): Piece[] {
    const pieces: Piece[] = [];
    let offset = 0;
    for (const inline of inlines) {
      const href = inline.kind === "link" ? inline.href : null;
      const from = Math.max(start, offset);
      offset += inline.text.length;
      for (const [first, last, level] of levelRuns(levels, from, Math.min(end, offset))) {
        for (const { 0: seen, index } of text.slice(first, last).matchAll(SEEN)) {
          let at = first + index;
          for (const run of this.typeface.runs(seen, this.style, text, after)) {
            const rightToLeft = level % 2 === 1;
            const end = at + (run.said ?? run.text).length;
            const piece: Piece = {
              ...run,
              rightToLeft,
              words: [run.text],
              href,
              start: at,
              end,
              level,
              width: 0,
            };
            piece.width = this.typeface.width(piece, this.size);
            pieces.push(piece);
            at = end;
          }
        }
      }
      if (offset >= end) break;
    }
    return pieces;
  }

  /** Part a word that is wider than a line with hyphens; null for anything else, such as an address. */
  #hyphenated(pieces: readonly Piece[]): Piece[][] | null {
    const [piece] = pieces;
    if (pieces.length !== 1 || piece.href !== null || piece.font === null || !this.typeface.isQuick(piece)) {
      return null;
    }
    const { text, start } = piece;
    const visible = text.trimEnd();
    const found = wordIn(visible);
    if (found === null) return null;
    const [first, end] = found;
    const set = (some: string, from: number, until = from + some.length): Piece => {
      const cut = { ...piece, text: some, words: [some], start: start + from, end: start + until };
      return { ...cut, width: this.typeface.width(cut, this.size) };
    };
    const good = syllables(text.slice(first, end)).map((at) => first + at);
    let reached = 0;
    const any = characters(text).map((one) => reached += one.length);
    const parts: Piece[][] = [];
    let at = 0;
    // A word may have thousands of characters: no more of it is measured than a line could hold.
    while (set(visible.slice(at, at + LONGEST_LINE), at).width > this.measure) {
      const fits = (to: number) => to < end && set(`${text.slice(at, to)}-`, at).width <= this.measure;
      const to = lastFitting(good, at, fits) ?? lastFitting(any, at, fits);
      if (to === undefined) return null;
      const hyphen = { ...set("-", to, to), said: HYPHEN };
      parts.push([set(text.slice(at, to), at), hyphen]);
      at = to;
    }
    return [...parts, [set(text.slice(at), at)]];
  }

  /**
   * Split what is wider than a line: character by character, or as much as fits where characters depend on each other.
   */
  #parts(piece: Piece): Piece[] {
    const graphemes = piece.said === undefined ? characters(piece.text) : [piece.text];
    let start = piece.start;
    const part = (first: number, end: number): Piece => {
      const text = graphemes.slice(first, end).join("");
      const length = piece.said === undefined ? text.length : piece.end - piece.start;
      const cut = { ...piece, text, words: [text], start, end: start + length };
      return { ...cut, width: this.typeface.width(cut, this.size) };
    };
    const parts: Piece[] = [];
    for (let first = 0; first < graphemes.length;) {
      let end = first + 1;
      if (piece.font !== null && !this.typeface.isQuick(piece)) {
        let [fits, tooMany] = [end, graphemes.length + 1];
        while (tooMany - fits > 1) {
          const middle = Math.floor((fits + tooMany) / 2);
          if (part(first, middle).width <= this.measure) fits = middle;
          else tooMany = middle;
        }
        end = fits;
      }
      const next = part(first, end);
      parts.push(next);
      start = next.end;
      first = end;
    }
    return parts;
  }
}

/** Return the last end behind a place up to which a part fits; undefined if none does. The ends are in order. */
function lastFitting(
  ends: readonly number[],
  at: number,
  fits: (end: number) => boolean,
): number | undefined {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] > at) high = middle;
    else low = middle + 1;
  }
  let last: number | undefined;
  for (let index = low; index < ends.length && fits(ends[index]); index++) last = ends[index];
  return last;
}

function total(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { width }) => sum + width, 0);
}

/**
 * Put the pieces of a line one after another. The space at its end runs as its paragraph does, whatever is before it.
 */
function atEnd(words: readonly Piece[], spaces: readonly Piece[], base: number): Piece[] {
  return [...words, ...spaces.map((piece) => ({ ...piece, level: base, rightToLeft: base === 1 }))]
    .reduce<Piece[]>(append, []);
}

/** Turn around what runs from right to left: from the deepest level up, all that is at least as deep (UAX 9, L2). */
function reordered(pieces: Piece[]): Piece[] {
  const deepest = Math.max(0, ...pieces.map(({ level }) => level));
  const line = [...pieces];
  for (let depth = deepest; depth > 0; depth--) {
    for (let first = 0; first < line.length; first++) {
      if (line[first].level < depth) continue;
      let end = first + 1;
      while (end < line.length && line[end].level >= depth) end++;
      line.splice(first, end - first, ...line.slice(first, end).reverse());
      first = end;
    }
  }
  return line;
}

/** Split a part of a text where the level changes: first and end of each, and its level. */
function levelRuns(levels: Uint8Array | null, start: number, end: number): [number, number, number][] {
  if (start >= end) return [];
  if (levels === null) return [[start, end, 0]];
  const runs: [number, number, number][] = [];
  for (let at = start; at < end; at++) {
    const last = runs.at(-1);
    if (last !== undefined && last[2] === levels[at]) last[1] = at + 1;
    else runs.push([at, at + 1, levels[at]]);
  }
  return runs;
}

/** Split a logical line where it may be broken; each word keeps the spaces that follow it. */
function* wordsOf(text: string): Generator<Word> {
  const breaker = new LineBreaker(text);
  let start = 0;
  for (let next = breaker.nextBreak(); next !== null; next = breaker.nextBreak()) {
    // The rules allow a break in the middle of "https://"; nobody wants one there.
    if (next.position < text.length && text.slice(start, next.position).endsWith("://")) continue;
    if (next.position === start) continue;
    for (const end of ends(text.slice(start, next.position))) {
      const word = text.slice(start, next.position - end);
      yield { start, end: start + word.length, visible: start + word.trimEnd().length };
      start += word.length;
    }
  }
}

/** Where a text without spaces ends its words, counted back from its end. */
function ends(text: string): number[] {
  if (!UNSPACED.test(text)) return [0];
  const found: number[] = [];
  for (const { index, isWordLike } of dictionary.segment(text)) {
    // A mark of punctuation stays with the word before it.
    if (index > 0 && isWordLike) found.push(text.length - index);
  }
  return [...found, 0];
}

/**
 * Add a piece to a line; what is set in one font and direction, as it was written, and leads to one address is one
 * piece.
 */
function append(pieces: Piece[], piece: Piece): Piece[] {
  const last = pieces.at(-1);
  if (
    last !== undefined && last.font === piece.font && last.href === piece.href &&
    last.level === piece.level &&
    last.said === undefined && piece.said === undefined
  ) {
    last.text += piece.text;
    last.words.push(...piece.words);
    last.end = piece.end;
    last.width += piece.width;
  } else {
    pieces.push({ ...piece, words: [...piece.words] });
  }
  return pieces;
}
