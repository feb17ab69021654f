/** Composes people's text: paragraphs with and without an initial, quotes, verse and lists. */

import { type Design, reachesBelow } from "../design.ts";
import { type Item, itemsOf, movedIn } from "../items.ts";
import { characters, type Inline, type Line as TextLine, type Passage } from "../text.ts";
import { drawOutline } from "./glyphs.ts";
import type { Direction, Line, Piece } from "./lines.ts";
import { after, BODY, type DrawnPart, lazily, lengthOf, movedRight, type Parent } from "./parts.ts";
import { BASELINE, type Column, type Sheets, type Type } from "./sheets.ts";
import { EMOJI } from "./typeface.ts";

const QUOTE_INDENT = 14;
const QUOTE_BAR = 1.4;
const LIST_INDENT = 17;
const MARKER_GAP = 5;
/** How wide a space before a line of verse is, and how far in the rest of a long line begins, in ems. */
const VERSE_SPACE = 0.3;
const VERSE_TURN = 2.5;
/**
 * How high capitals are, in ems; how large an initial on one line is; the space beside one over two, and between words.
 */
const CAPITAL = 0.7;
const RAISED = 2.5;
const DROP_GAP = 3;
const SPACE = 0.2;

export class PassageComposer {
  constructor(readonly sheets: Sheets) {}

  /**
   * Set passages one below the other.
   *
   * @param initial How the first character of the first is set.
   */
  passages(
    parent: Parent,
    list: readonly Passage[],
    type: Type,
    gap: number,
    column: Column,
    initial: Design["initial"] = "plain",
  ): DrawnPart[] {
    return list.flatMap((passage, index) =>
      this.#passage(parent, passage, type, index === 0 ? 0 : gap, column, index === 0 ? initial : "plain")
    );
  }

  #passage(
    parent: Parent,
    passage: Passage,
    type: Type,
    above: number,
    column: Column,
    initial: Design["initial"],
  ): DrawnPart[] {
    const { kind, language, direction } = passage;
    const tag = kind === "quote" ? "BlockQuote" : kind === "list" ? "L" : "P";
    const options = language === null ? {} : { lang: language };
    const element = lazily(() => this.sheets.tags.element(parent(), tag, options));
    switch (kind) {
      case "list":
        return this.#list(element, itemsOf(passage), type, above, column, direction);
      case "verse":
        return passage.lines.flatMap((line, index) =>
          this.#verseLine(element, line, type, index === 0 ? above : 0, column, direction)
        );
      case "quote":
        return this.#quote(element, passage, { ...type, style: "italic" }, above, column);
      case "paragraph": {
        const begun = initial === "plain" ? null : this.#begun(passage, type, column, initial);
        if (begun !== null) return this.#withInitial(element, tag, begun, type, above, column);
        const lines = passage.lines.flatMap((line) => this.#broken(movedIn(line), type, column, direction));
        return this.#lines(element, tag, lines, type, above, column, direction);
      }
    }
  }

  /** Break a paragraph beside its initial; null where it cannot have one. */
  #begun({ lines: all }: Passage, type: Type, column: Column, initial: "drop" | "raised"): Begun | null {
    const { sheets } = this;
    const { typeface } = sheets;
    const [whole, ...others] = all.map(movedIn);
    const text = whole.map((inline) => inline.text).join("");
    const [character = ""] = characters(text);
    const [run] = typeface.runs(character, type.style);
    if (!run?.font || run.font === EMOJI || run.said !== undefined) return null;
    const isDrop = initial === "drop";
    const size = isDrop ? type.size + type.leading / CAPITAL : type.size * RAISED;
    const width = typeface.width({ ...run, rightToLeft: false, words: [character] }, size);
    const head = character + /^\s*/.exec(text.slice(character.length))![0];
    // A character that is a word by itself has the space after it.
    const gap = (isDrop ? DROP_GAP : 0) + (head === character ? 0 : type.size * SPACE);
    const beside = movedRight(column, width + gap, "ltr");
    const narrow = !isDrop ? 1 : reachesBelow(character) ? 3 : 2;
    const lines: Line[] = [];
    for (let rest of [after(whole, head.length), ...others]) {
      // What does not fit beside the initial is broken anew: below it there is more room.
      while (lines.length < narrow && rest.length > 0) {
        const [line] = sheets.lines(rest, type, beside, "ltr");
        lines.push(line);
        rest = after(rest, lengthOf(line));
      }
      if (rest.length > 0) lines.push(...sheets.lines(rest, type, column, "ltr"));
    }
    const [first] = lines;
    const [piece, ...pieces] = first?.pieces ?? [];
    if (piece === undefined || !piece.font || piece.font === EMOJI || !typeface.isQuick(piece)) return null;
    // The initial is a drawing; the rest of its word carries it for whoever reads the text.
    const [word, ...words] = piece.words;
    const cut = (some: string[], said?: string): Piece => {
      const part = { ...piece, text: some.join(""), words: some, ...(said === undefined ? {} : { said }) };
      return { ...part, width: typeface.width(part, type.size) };
    };
    const rest = words.length === 0 ? [] : [cut(words)];
    lines[0] = { ...first, pieces: [cut([word], head + word), ...rest, ...pieces] };
    const baseline = type.leading * (isDrop ? 1 + BASELINE : BASELINE);
    return { lines, narrow, beside, character, font: run.font, size, baseline };
  }

  #withInitial(
    element: Parent,
    tag: string,
    begun: Begun,
    type: Type,
    above: number,
    column: Column,
  ): DrawnPart[] {
    const { sheets } = this;
    const { lines, narrow, beside, character, font, size, baseline } = begun;
    const [first, ...parts] = [
      ...this.#lines(element, tag, lines.slice(0, narrow), type, above, beside, "ltr"),
      ...this.#lines(element, tag, lines.slice(narrow), type, 0, column, "ltr"),
    ].map((part, index) => ({ ...part, edge: edgeOf(index, lines.length) }));
    const draw: DrawnPart["draw"] = (y, height) => {
      // Its element comes before what is drawn for it.
      element();
      sheets.ornament((document) => {
        document.fillColor(sheets.palette.link);
        const opened = sheets.typeface.use(font, size)._font;
        const { id } = opened.font.glyphForCodePoint(character.codePointAt(0)!);
        const scale = sheets.typeface.scaled(font, size) * opened.scale / 1000;
        drawOutline(document, id, column.x, y + baseline, scale);
      });
      first.draw(y, height);
    };
    return [{ ...first, draw }, ...parts];
  }

  #broken(inlines: readonly Inline[], type: Type, column: Column, direction: Direction): Line[] {
    const { sheets } = this;
    return type.isBalanced
      ? sheets.balanced(inlines, type, column, direction)
      : sheets.lines(inlines, type, column, direction);
  }

  #quote(
    element: Parent,
    { direction, lines: all }: Passage,
    type: Type,
    above: number,
    column: Column,
  ): DrawnPart[] {
    const { sheets } = this;
    const inner = movedRight(column, QUOTE_INDENT, direction);
    const bar = direction === "rtl" ? column.x + column.width - QUOTE_BAR : column.x;
    const lines = all.flatMap((line) => this.#broken(movedIn(line), type, inner, direction));
    return this.#lines(element, "BlockQuote", lines, type, above, inner, direction).map((part, index) => ({
      ...part,
      draw: (y, height) => {
        part.draw(y, height);
        const top = index === 0 ? y + 2 : y;
        const end = y + height - (index === lines.length - 1 ? 1 : 0);
        sheets.ornament((document) =>
          document.rect(bar, top, QUOTE_BAR, end - top).fill(sheets.palette.accent)
        );
      },
    }));
  }

  /** A line of verse keeps its place; where it is too long for the column, the rest is moved in further. */
  #verseLine(
    element: Parent,
    { indent, inlines }: TextLine,
    type: Type,
    above: number,
    column: Column,
    direction: Direction,
  ): DrawnPart[] {
    const { sheets } = this;
    const moved = movedRight(column, Math.min(indent * type.size * VERSE_SPACE, column.width / 2), direction);
    const further = movedRight(moved, VERSE_TURN * type.size, direction);
    const [first, ...rest] = sheets.lines(inlines, type, moved, direction);
    if (rest.length === 0) return this.#lines(element, "P", [first], type, above, moved, direction);
    // What does not fit is broken anew: it has less room.
    const turned = sheets.lines(after(inlines, lengthOf(first)), type, further, direction);
    return [
      ...this.#lines(element, "P", [first], type, above, moved, direction),
      ...this.#lines(element, "P", turned, type, 0, further, direction),
    ];
  }

  #list(
    list: Parent,
    items: readonly Item[],
    type: Type,
    above: number,
    column: Column,
    direction: Direction,
  ): DrawnPart[] {
    const { sheets } = this;
    const { tags } = sheets;
    const inner = movedRight(column, LIST_INDENT, direction);
    return items.flatMap(({ number, lines: all, items: below }, index) => {
      const item = lazily(() => tags.element(list(), "LI"));
      const label = lazily(() => tags.element(item(), "Lbl"));
      const body = lazily(() => tags.element(item(), "LBody"));
      const sign = [{ kind: "text" as const, text: number === null ? "•" : `${number}.` }];
      const [marker] = sheets.lines(sign, type, inner, direction);
      const lines = all.flatMap((line) => sheets.lines(line, type, inner, direction));
      const parts = this.#lines(body, "LBody", lines, type, index === 0 ? above : 0, inner, direction);
      const first: DrawnPart = {
        ...parts[0],
        draw: (y, height) => {
          const x = direction === "rtl"
            ? inner.x + inner.width + MARKER_GAP
            : inner.x - MARKER_GAP - marker.width;
          sheets.drawLine(label(), "Lbl", marker, { ...type, colour: "link" }, x, y);
          parts[0].draw(y, height);
        },
      };
      const nested = lazily(() => tags.element(body(), "L"));
      return [first, ...parts.slice(1), ...this.#list(nested, below, type, 0, inner, direction)];
    });
  }

  /**
   * Set a text of Monogram's own, or a line of somebody's, as one paragraph; it begins where the newsletter's lines
   * begin.
   */
  paragraph(parent: Parent, text: string, type: Type, column: Column, above = 0): DrawnPart[] {
    const { sheets } = this;
    const lines = sheets.lines([{ kind: "text", text }], type, column);
    return this.#lines(
      lazily(() => sheets.tags.textElement(parent(), "P", text)),
      "P",
      lines,
      type,
      above,
      column,
      sheets.direction,
    );
  }

  /** Set a line that leads to an address. */
  link(parent: Parent, text: string, href: string, type: Type, column: Column, above = 0): DrawnPart[] {
    const { sheets } = this;
    const lines = sheets.lines([{ kind: "link", text, href }], type, column);
    const element = lazily(() => sheets.tags.element(parent(), "P"));
    return this.#lines(element, "P", lines, type, above, column, sheets.direction);
  }

  #lines(
    element: Parent,
    tag: string,
    lines: readonly Line[],
    type: Type,
    above: number,
    column: Column,
    direction: Direction = "ltr",
  ): DrawnPart[] {
    return lines.map((line, index) => ({
      kind: "line",
      height: type.leading,
      above: index === 0 ? above : 0,
      give: 0,
      edge: edgeOf(index, lines.length),
      draw: (y) => {
        const x = this.sheets.at("start", column, line.width, direction);
        this.sheets.drawLine(element(), tag, line, type, x, y);
      },
    }));
  }
}

/** Which of the lines of a paragraph one is; see `Part`. */
function edgeOf(index: number, count: number): DrawnPart["edge"] {
  if (count === 1) return undefined;
  return index === 0 ? "first" : index === count - 1 ? "last" : undefined;
}

/** A paragraph with an initial: so many of its lines stand beside it. */
interface Begun {
  lines: Line[];
  narrow: number;
  beside: Column;
  character: string;
  font: string;
  size: number;
  /** That of the initial, below the top of the first line. */
  baseline: number;
}

/** How far an initial on one line stands above it. */
export const RISE = RAISED * CAPITAL * BODY.size - BASELINE * BODY.leading;
