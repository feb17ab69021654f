/** Sets the parts of a letter: each as high as it is, to be put on a page and drawn there. */

import { type Design, reachesBelow } from "../design.ts";
import type { Author, Letter, MusicBlock, PictureBlock } from "../letter.ts";
import { PictureError } from "../../pictures/problem.ts";
import type { Picture } from "../input.ts";
import type { Problem } from "../problem.ts";
import { type Item, itemsOf, movedIn } from "../items.ts";
import { characters, type Inline, type Line as TextLine, type Passage } from "../text.ts";
import { drawFace, drawRecord } from "./furniture.ts";
import { drawOutline } from "./glyphs.ts";
import type { Direction, Line, Piece } from "./lines.ts";
import type { Part } from "./pagination.ts";
import type { Plate, PlateMaker } from "./pictures.ts";
import { BASELINE, type Column, type Sheets, type Type } from "./sheets.ts";
import type { Element } from "./tags.ts";
import { EMOJI } from "./typeface.ts";

export const BODY: Type = { style: "regular", size: 10.2, leading: 15.8, colour: "ink" };
export const CAPTION: Type = { style: "italic", size: 8, leading: 12, colour: "muted" };
export const ASIDE: Type = { style: "italic", size: 9.5, leading: 15.8, colour: "muted" };
export const SMALL: Type = { style: "regular", size: 8.8, leading: 13.5, colour: "muted" };
const TITLE: Type = { style: "bold", size: 9.5, leading: 14, colour: "ink" };
const NAME: Type = { style: "bold", size: 8.2, leading: 11, colour: "ink" };
const USERNAME: Type = { style: "regular", size: 7.2, leading: 10, colour: "muted" };

/** The distance of the lines of body text; they stand on a grid of it from the top of the page. */
export const GRID = BODY.leading;

/** How much of its size a picture keeps at least when it is made smaller to fit a page. */
export const LEAST_SCALE = 0.6;

export const FACE = 22;
const FACE_GAP = 6;
const CAPTION_GAP = 4;
const QUOTE_INDENT = 14;
const QUOTE_BAR = 1.4;
const LIST_INDENT = 17;
const MARKER_GAP = 5;
/** How wide a space before a line of verse is, and how far in the rest of a long line begins, in ems. */
const VERSE_SPACE = 0.3;
const VERSE_TURN = 2.5;
/** How high capitals are, in ems; how large an initial on one line is; the space beside one over two, and between words. */
const CAPITAL = 0.7;
const RAISED = 2.5;
const DROP_GAP = 3;
const SPACE = 0.2;

/** A part that can be drawn. */
export interface DrawnPart extends Part {
  /**
   * @param y From the top of the page.
   * @param height No less than `height - give`.
   */
  draw(y: number, height: number): void;
}

/** Something below or beside others. */
export interface Block {
  height: number;
  /** @param y From the top of the page. */
  draw(y: number): void;
}

/** What stands beside or above a response: face, name and username. */
export interface Byline extends Block {
  /** Let it come next in the structure, where it is drawn later. */
  announce(): void;
}

/** The element that something belongs to, made when it is first drawn: so elements have the order of the pages. */
export type Parent = () => Element;

/** A column that begins further in, where its lines begin. */
function movedRight({ x, width }: Column, by: number, direction: Direction): Column {
  return { x: direction === "rtl" ? x : x + by, width: width - by };
}

/** What comes after so many code units of a line. */
function after(inlines: readonly Inline[], length: number): Inline[] {
  return inlines.flatMap((inline) => {
    const text = inline.text.slice(length);
    length = Math.max(0, length - inline.text.length);
    return text === "" ? [] : [{ ...inline, text }];
  });
}

export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

export class Composer {
  readonly problems: Problem[] = [];

  constructor(readonly letter: Letter, readonly sheets: Sheets, readonly plates: PlateMaker) {}

  /**
   * Set passages one below the other.
   *
   * @param initial How the first letter of the first is set.
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
    const [letter = ""] = characters(text);
    const [run] = typeface.runs(letter, type.style);
    if (!run?.font || run.font === EMOJI || run.said !== undefined) return null;
    const isDrop = initial === "drop";
    const size = isDrop ? type.size + type.leading / CAPITAL : type.size * RAISED;
    const width = typeface.width({ ...run, rightToLeft: false, words: [letter] }, size);
    const head = letter + /^\s*/.exec(text.slice(letter.length))![0];
    // A letter that is a word by itself has the space after it.
    const gap = (isDrop ? DROP_GAP : 0) + (head === letter ? 0 : type.size * SPACE);
    const beside = movedRight(column, width + gap, "ltr");
    const narrow = !isDrop ? 1 : reachesBelow(letter) ? 3 : 2;
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
    return { lines, narrow, beside, letter, font: run.font, size, baseline };
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
    const { lines, narrow, beside, letter, font, size, baseline } = begun;
    const [first, ...parts] = [
      ...this.#lines(element, tag, lines.slice(0, narrow), type, above, beside, "ltr"),
      ...this.#lines(element, tag, lines.slice(narrow), type, 0, column, "ltr"),
    ];
    const draw: DrawnPart["draw"] = (y, height) => {
      // Its element comes before what is drawn for it.
      element();
      sheets.ornament((document) => {
        document.fillColor(sheets.palette.link);
        const opened = sheets.typeface.use(font, size)._font;
        const { id } = opened.font.glyphForCodePoint(letter.codePointAt(0)!);
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

  /** Set a text of Monogram's own, or a line of somebody's, as one paragraph; it begins where the letter's lines begin. */
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
      draw: (y) => {
        const x = this.sheets.at("start", column, line.width, direction);
        this.sheets.drawLine(element(), tag, line, type, x, y);
      },
    }));
  }

  /** Set a picture with its caption, or the words in its place. */
  picture(
    parent: Parent,
    block: PictureBlock,
    size: PictureSize,
    column: Column,
    above: number,
    runs: Direction = this.sheets.direction,
  ): DrawnPart[] {
    const plate = this.plate(block.picture, block.alt);
    if (plate === null) {
      const { page } = this.letter.links;
      return [
        ...(page === null
          ? this.paragraph(parent, block.missing, ASIDE, column, above)
          : this.link(parent, block.elsewhere, page, ASIDE, column, above)),
        ...(block.caption === null ? [] : this.paragraph(parent, block.caption, CAPTION, column)),
      ];
    }
    const caption = this.caption(parent, block, column, runs);
    const scale = Math.min(size.width / plate.width, (size.height - caption.height) / plate.height, LARGEST);
    const [width, height] = [plate.width * scale, plate.height * scale];
    return [{
      kind: "figure",
      height: height + caption.height,
      above,
      give: height * (1 - (size.least ?? LEAST_SCALE)),
      draw: (y, given) => {
        const drawn = given - caption.height;
        const shown = (width * drawn) / height;
        const x = this.sheets.at("start", column, shown, runs);
        this.drawPicture(parent(), block, plate, { x, y, width: shown, height: drawn });
        caption.draw(y + drawn);
      },
    }];
  }

  drawPicture(
    parent: Element,
    { alt, picture }: PictureBlock,
    plate: Plate,
    box: { x: number; y: number; width: number; height: number },
  ): void {
    const { sheets } = this;
    const { x, y, width, height } = box;
    const href = picture?.original;
    const within = href === undefined ? parent : sheets.tags.element(parent, "Link");
    const figure = sheets.tags.element(within, "Figure", { alt, bbox: [x, y, x + width, y + height] });
    sheets.tags.content(figure, "Figure", () => sheets.document.image(plate.image, x, y, { width, height }));
    if (href !== undefined) {
      sheets.tags.close();
      sheets.link(within, box, { href }, this.letter.words.originalSize);
    }
  }

  /** Set the caption below a picture. */
  caption(
    parent: Parent,
    { caption }: PictureBlock,
    column: Column,
    runs: Direction = this.sheets.direction,
  ): Block {
    const { sheets } = this;
    if (caption === null) return { height: 0, draw: () => {} };
    const lines = sheets.lines([{ kind: "text", text: caption }], CAPTION, column);
    return {
      height: CAPTION_GAP + lines.length * CAPTION.leading,
      draw: (y) => {
        const element = sheets.tags.textElement(parent(), "Caption", caption);
        sheets.place(element, "Caption", lines, CAPTION, column, y + CAPTION_GAP, runs);
      },
    };
  }

  /** Set a card for a piece of music. */
  music(
    parent: Parent,
    { title, artist, invitation, href }: MusicBlock,
    column: Column,
    above: number,
  ): DrawnPart {
    const { sheets } = this;
    const { tags, palette } = sheets;
    const width = Math.min(column.width, 270);
    const card: Column = { x: sheets.at("start", column, width), width };
    const inner: Column = {
      x: sheets.at("end", card, width - 54) + (sheets.direction === "rtl" ? 14 : 0),
      width: width - 54 - 14,
    };
    const text = (said: string) => [{ kind: "text" as const, text: said }];
    const titleLines = sheets.lines(text(title), TITLE, inner);
    const artistLines = artist === null ? [] : sheets.lines(text(artist), SMALL, inner);
    const listen = href === null ? text(invitation) : [{ kind: "link" as const, text: invitation, href }];
    const listenLines = sheets.lines(listen, SMALL, inner);
    const height = 20 + titleLines.length * TITLE.leading +
      (artistLines.length + listenLines.length) * SMALL.leading;
    const draw = (top: number) => {
      sheets.ornament((document) => {
        document.lineWidth(0.6).roundedRect(card.x, top, card.width, height, 4).fillAndStroke(
          palette.card,
          palette.hairline,
        );
        drawRecord(document, sheets.at("start", card, 58) + 29, top + height / 2, palette.accent);
      });
      const element = tags.element(parent(), "Sect");
      let y = sheets.place(tags.textElement(element, "P", title), "P", titleLines, TITLE, inner, top + 10);
      if (artist !== null) {
        y = sheets.place(tags.textElement(element, "P", artist), "P", artistLines, SMALL, inner, y);
      }
      sheets.place(tags.element(element, "P"), "P", listenLines, SMALL, inner, y);
    };
    return { kind: "figure", height, above, give: 0, draw };
  }

  /**
   * Set the author of a response: a face, and beside it name and username.
   *
   * @param baseline Where the baseline of the name is, from the top: that of the words beside it.
   * @param runs From which side: the face is on it.
   */
  byline(
    article: Parent,
    author: Author,
    column: Column,
    baseline: number,
    runs: Direction = this.sheets.direction,
  ): Byline {
    const { sheets } = this;
    const { tags } = sheets;
    const plate = author.avatar === null ? null : this.plate(author.avatar, author.name);
    const width = column.width - FACE - FACE_GAP;
    const beside: Column = { x: sheets.at("end", column, width, runs), width };
    const names = sheets.lines([{ kind: "text", text: author.name }], NAME, beside);
    const username = author.username === null ? null : `@${author.username}`;
    const usernames = username === null
      ? []
      : sheets.lines([{ kind: "text", text: username }], USERNAME, beside);
    const top = baseline - NAME.leading * BASELINE;
    const middle = Math.max(baseline - NAME.size * 0.34, 0);
    const end = top + names.length * NAME.leading + usernames.length * USERNAME.leading;
    const heading = lazily(() => tags.textElement(article(), "H3", author.name));
    const line = lazily(() => tags.element(article(), "P"));
    return {
      height: Math.max(end, middle + FACE / 2),
      announce: () => {
        heading();
        if (usernames.length > 0) line();
      },
      draw: (y) => {
        const x = sheets.at("start", column, FACE, runs) + FACE / 2;
        drawFace(sheets, plate, author.initials, x, y + middle, FACE / 2);
        const below = sheets.place(heading(), "H3", names, NAME, beside, y + top, runs);
        if (usernames.length > 0) sheets.place(line(), "P", usernames, USERNAME, beside, below, runs);
      },
    };
  }

  /** Make a picture ready to be drawn; null where it cannot be shown. */
  plate(picture: Picture | null, name: string): Plate | null {
    if (picture === null) return null;
    try {
      return this.plates.make(picture);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      const known = this.problems.some((problem) =>
        problem.picture === name && problem.reason === error.message
      );
      if (!known) this.problems.push({ picture: name, reason: error.message });
      return null;
    }
  }
}

/** A paragraph with an initial: so many of its lines stand beside it. */
interface Begun {
  lines: Line[];
  narrow: number;
  beside: Column;
  letter: string;
  font: string;
  size: number;
  /** That of the initial, below the top of the first line. */
  baseline: number;
}

/** How far an initial on one line stands above it. */
export const RISE = RAISED * CAPITAL * BODY.size - BASELINE * BODY.leading;

/** How much of a text a line is, in code units. */
function lengthOf({ pieces }: Line): number {
  return pieces.reduce((sum, piece) => sum + (piece.said ?? piece.text).length, 0);
}

/** How large a picture is at most, with its caption. */
export interface PictureSize {
  width: number;
  height: number;
  /** How much of its size it keeps; `LEAST_SCALE` unless given. */
  least?: number;
}

/** A pixel of a screen is three quarters of a point: no picture is drawn larger. */
export const LARGEST = 0.75;
