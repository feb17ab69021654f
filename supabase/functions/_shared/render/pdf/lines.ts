/** Breaking text into lines: between words where the Unicode line breaking rules allow it, within words where it must be. */

import LineBreaker from "linebreak";
import { characters, type Inline } from "../text.ts";
import type { Run, Style, Typeface } from "./typeface.ts";

/** A run with its place in a line known. */
export interface Piece extends Run {
  width: number;
  href: string | null;
}

export interface Line {
  pieces: Piece[];
  /** The width to the end of the last visible character. */
  width: number;
}

/** Sets text of one style and size into lines of one width. */
export class Compositor {
  constructor(
    readonly typeface: Typeface,
    readonly style: Style,
    readonly size: number,
    readonly measure: number,
  ) {}

  /** Break a logical line; an empty one gives one empty line. */
  lines(inlines: readonly Inline[]): Line[] {
    const lines: Line[] = [];
    let line: Line = { pieces: [], width: 0 };
    let end = 0;
    const add = (word: Piece[], visible: number) => {
      if (line.pieces.length > 0 && end + visible > this.measure) {
        lines.push(line);
        line = { pieces: [], width: 0 };
        end = 0;
      }
      for (const piece of word) append(line.pieces, piece);
      line.width = end + visible;
      end += word.reduce((sum, { width }) => sum + width, 0);
    };
    for (const word of words(inlines)) {
      const pieces = this.#pieces(word);
      const visible = this.#visible(word, pieces);
      if (visible <= this.measure) add(pieces, visible);
      else for (const piece of pieces.flatMap((piece) => this.#letters(piece))) add([piece], piece.width);
    }
    return [...lines, line];
  }

  #pieces(word: readonly Inline[]): Piece[] {
    return word.flatMap((inline) =>
      this.typeface.runs(inline.text, this.style).map((run) => ({
        ...run,
        width: this.typeface.width(run, this.size),
        href: inline.kind === "link" ? inline.href : null,
      }))
    );
  }

  /** The width of a word without the spaces after it; these are not shaped twice, once with the word and once without. */
  #visible(word: readonly Inline[], pieces: readonly Piece[]): number {
    const last = word[word.length - 1].text;
    const spaces = this.typeface.runs(last.slice(last.trimEnd().length), this.style);
    const total = pieces.reduce((sum, { width }) => sum + width, 0);
    return spaces.reduce((sum, run) => sum - this.typeface.width(run, this.size), total);
  }

  #letters(piece: Piece): Piece[] {
    return characters(piece.text).map((text) => ({
      ...piece,
      text,
      width: this.typeface.width({ text, font: piece.font }, this.size),
    }));
  }
}

/** Split a logical line where it may be broken; each word keeps the spaces that follow it. */
function* words(inlines: readonly Inline[]): Generator<Inline[]> {
  const text = inlines.map((inline) => inline.text).join("");
  const breaker = new LineBreaker(text) as { nextBreak(): { position: number } | null };
  let start = 0;
  for (let next = breaker.nextBreak(); next !== null; next = breaker.nextBreak()) {
    // The rules allow a break in the middle of "https://"; nobody wants one there.
    if (next.position < text.length && text.slice(start, next.position).endsWith("://")) continue;
    if (next.position > start) yield slice(inlines, start, next.position);
    start = next.position;
  }
}

function slice(inlines: readonly Inline[], start: number, end: number): Inline[] {
  const part: Inline[] = [];
  let at = 0;
  for (const inline of inlines) {
    const text = inline.text.slice(Math.max(0, start - at), Math.max(0, end - at));
    if (text !== "") part.push({ ...inline, text });
    at += inline.text.length;
    if (at >= end) break;
  }
  return part;
}

/** Add a piece to a line; what is set in one font and leads to one address is one piece. */
function append(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.font === piece.font && last.href === piece.href) {
    last.text += piece.text;
    last.width += piece.width;
  } else {
    pieces.push({ ...piece });
  }
}
