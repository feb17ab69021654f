/** The pages of a PDF: where the column of text runs, how far it has come, and drawing in it. */

import type { Palette } from "../palette.ts";
import type { Document } from "./document.ts";
import { drawGlyphs } from "./glyphs.ts";
import { type Corners, marksOn } from "./marks.ts";
import { Compositor, type Direction, type Line, type Piece } from "./lines.ts";
import { type Element, Tags } from "./tags.ts";
import { BOX_WIDTH, boxFont, EMOJI, type Style, Typeface, type Typefaces } from "./typeface.ts";
import { characters, direction, type Inline } from "../text.ts";

/** How a piece of text is set; lengths in points. */
export interface Type {
  style: Style;
  size: number;
  leading: number;
  colour: keyof Palette;
  /** Whether its lines are made about as long as each other. */
  isBalanced?: boolean;
}

/** Where a piece of text is set. */
export interface Column {
  x: number;
  width: number;
}

/** Where things stand on a page. */
export interface Frame {
  /** Where the column begins and ends, from the top of the page. */
  top: number;
  bottom: number;
  /** Where names and numerals stand. */
  margin: Column;
  /** Where the words stand. */
  text: Column;
}

/** What a line of decoration says at the foot of a page, or above its column. */
export interface Running {
  start: string;
  end: string;
}

/** The room for the number of a page. */
const NUMBER_WIDTH = 60;

const FOOTER: Type = { style: "regular", size: 7.5, leading: 10, colour: "muted" };
const HEADER: Type = { style: "italic", size: 8.2, leading: 11, colour: "muted" };

/** The baseline of a line, as a part of its leading from the top. */
export const BASELINE = 0.72;

export class Sheets {
  readonly tags: Tags;
  readonly typeface: Typeface;
  readonly root: Element;
  count = 0;
  #colour: string | null = null;

  /**
   * @param lang The language of the document.
   * @param direction How it runs: where its columns begin, and lines of its own words.
   */
  constructor(
    readonly document: Document,
    readonly palette: Palette,
    readonly frame: Frame,
    typefaces: Typefaces,
    lang: string,
    readonly direction: Direction = "ltr",
  ) {
    this.tags = new Tags(document, lang, typefaces.around);
    this.typeface = new Typeface(document, typefaces);
    this.root = this.tags.root();
  }

  get margin(): Column {
    return this.frame.margin;
  }

  get text(): Column {
    return this.frame.text;
  }

  /** Where something of a width stands at the beginning of a column, or at its end. */
  at(side: "start" | "end", { x, width }: Column, wide: number, runs: Direction = this.direction): number {
    return (side === "start") === (runs === "ltr") ? x : x + width - wide;
  }

  /** How a title runs: a newsletter from right to left has all of them on one side. */
  runs(title: string): Direction {
    return this.direction === "rtl" ? "rtl" : direction(title);
  }

  addSheet(): void {
    if (this.count > 0) this.tags.close();
    this.document.addPage();
    this.count += 1;
    this.#colour = null;
    const { width, height } = this.document.page;
    if (this.palette.paper !== "#ffffff") {
      this.tags.artifact(() => this.document.rect(0, 0, width, height).fill(this.palette.paper));
      this.#colour = null;
    }
  }

  /**
   * Break a logical line; it runs as its first strong character does, and without one as the document, unless it is
   * told otherwise.
   */
  lines(
    inlines: readonly Inline[],
    type: Type,
    column: Column,
    runs: Direction = direction(inlines.map(({ text }) => text).join(""), this.direction),
  ): Line[] {
    return new Compositor(this.typeface, type.style, type.size, column.width).lines(inlines, runs);
  }

  /** The same with lines of about one length, for headings: as narrow as the number of lines allows. */
  balanced(inlines: readonly Inline[], type: Type, column: Column, runs?: Direction): Line[] {
    const full = this.lines(inlines, type, column, runs);
    let best = full;
    for (let width = column.width; full.length > 1 && width > column.width / 2; width -= type.size / 2) {
      const narrower = this.lines(inlines, type, { ...column, width }, runs);
      if (narrower.length > full.length) break;
      best = narrower;
    }
    return best;
  }

  /** Set lines one below the other; return the height below them. */
  place(
    element: Element,
    tag: string,
    lines: readonly Line[],
    type: Type,
    column: Column,
    y: number,
    runs: Direction = this.direction,
  ): number {
    for (const line of lines) {
      this.drawLine(element, tag, line, type, this.at("start", column, line.width, runs), y);
      y += type.leading;
    }
    return y;
  }

  /** Make a part of a page lead somewhere: to an address of the web, or to a place in the document by its name. */
  link(
    element: Element,
    box: { x: number; y: number; width: number; height: number },
    target: { href: string } | { destination: string },
    says: string,
  ): void {
    const { x, y, width, height } = box;
    // A String object becomes a string in the PDF, a plain one a name.
    const options = { structParent: element, Contents: new String(says) };
    if ("href" in target) this.document.link(x, y, width, height, target.href, options);
    else this.document.goTo(x, y, width, height, target.destination, options);
  }

  drawLine(element: Element, tag: string, line: Line, type: Type, x: number, y: number): void {
    const baseline = y + type.leading * BASELINE;
    x -= line.hang;
    for (const piece of line.pieces) {
      if (piece.href === null) {
        this.tags.content(element, tag, () => this.#piece(piece, type, x, baseline));
      } else {
        const link = this.tags.element(element, "Link");
        this.tags.content(link, "Link", () => this.#piece(piece, { ...type, colour: "link" }, x, baseline));
        this.tags.close();
        const visible = piece.text.trimEnd();
        const { width, href } = piece;
        this.link(link, { x, y, width, height: type.leading }, { href }, visible);
        this.tags.artifact(() =>
          this.document.rect(x, baseline + type.size * 0.14, width, type.size * 0.05).fill(this.palette.link)
        );
        this.#colour = null;
      }
      x += piece.width;
    }
  }

  /** A thin line. */
  rule(x: number, width: number, y: number, colour: keyof Palette = "hairline"): void {
    this.tags.artifact(() => this.document.rect(x, y, width, 0.6).fill(this.palette[colour]));
    this.#colour = null;
  }

  /** Draw freely; colours are forgotten afterwards. */
  ornament(draw: (document: Document) => void): void {
    this.tags.artifact(() => draw(this.document));
    this.#colour = null;
  }

  /** End the last page, and write what stands at the foot and above the column of each; null for one without. */
  finish(
    footer: (page: number, pages: number) => Running | null,
    header: (page: number) => string | null = () => null,
  ): void {
    this.tags.close();
    for (let index = 0; index < this.count; index++) {
      this.document.switchToPage(index);
      this.#colour = null;
      const foot = footer(index + 1, this.count);
      const head = header(index + 1);
      this.tags.artifact(() => {
        if (head !== null) this.#oneLine(head, HEADER, this.text, this.frame.top - 26);
        if (foot === null) return;
        const y = this.document.page.height - 46;
        const width = this.text.width - NUMBER_WIDTH;
        this.#oneLine(foot.start, FOOTER, { x: this.at("start", this.text, width), width }, y);
        const [number] = this.lines([{ kind: "text", text: foot.end }], FOOTER, this.text);
        this.#plain(number, FOOTER, this.at("end", this.text, number.width), y);
      }, "Pagination");
    }
    this.typeface.emoji.end();
    this.root.end();
  }

  #oneLine(text: string, type: Type, column: Column, y: number): void {
    const line = this.oneLine(text, type, column);
    this.#plain(line, type, this.at("start", column, line.width), y);
  }

  /** Set a text on one line, with an ellipsis where it is cut. */
  oneLine(text: string, type: Type, column: Column): Line {
    const set = (some: string) => this.lines([{ kind: "text", text: some }], type, column);
    const [first, ...more] = set(text);
    if (more.length === 0) return first;
    const graphemes = characters(text);
    let [fits, tooMany] = [0, graphemes.length];
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2);
      if (set(`${graphemes.slice(0, middle).join("").trimEnd()}…`).length === 1) fits = middle;
      else tooMany = middle;
    }
    return set(`${graphemes.slice(0, fits).join("").trimEnd()}…`)[0];
  }

  /** Set text that is only decoration, on one line. */
  decorate(text: string, type: Type, column: Column, y: number, centred = false): void {
    const [line] = this.lines([{ kind: "text", text }], type, column);
    const x = centred ? column.x + (column.width - line.width) / 2 : this.at("start", column, line.width);
    this.tags.artifact(() => this.#plain(line, type, x, y));
  }

  #plain(line: Line, type: Type, x: number, y: number): void {
    x -= line.hang;
    for (const piece of line.pieces) {
      this.#piece(piece, type, x, y + type.leading * BASELINE);
      x += piece.width;
    }
  }

  #piece(piece: Piece, type: Type, x: number, baseline: number): void {
    const { document, typeface } = this;
    const { text, font, width } = piece;
    this.#ink(type.colour);
    if (font === EMOJI) {
      typeface.emoji.draw(piece.rightToLeft ? piece.words.toReversed() : piece.words, type.size, x, baseline);
      return;
    }
    if (font !== null && !typeface.isQuick(piece)) {
      // The typefaces of other scripts come in one weight: a name in them is not bold, and not smeared to look so.
      const size = typeface.scaled(font, type.size);
      typeface.use(font, size);
      drawGlyphs(document, typeface.shaped(piece), piece.rightToLeft, typeface.unitsPerEm(font), {
        x,
        baseline,
        size,
        said: piece.said ?? null,
      });
      fill(document, marksOn(piece.marks ?? "", x, width, baseline, type.size));
      return;
    }
    if (font !== null) {
      // The width is known; PDFKit would measure it again.
      const known = { textWidth: width, wordCount: 1 };
      typeface.use(font, type.size).text(text, x, baseline, {
        lineBreak: false,
        baseline: "alphabetic",
        ...known,
      });
      return;
    }
    // To whoever reads the text a box is its character.
    const box = boxFont(type.style);
    const advance = BOX_WIDTH * typeface.unitsPerEm(box);
    typeface.use(box, type.size);
    this.#ink("muted");
    const boxes = characters(text).map((character) => ({
      text: character,
      glyphs: [{
        id: 0,
        cluster: 0,
        advance,
        dx: (advance - document._font.font.getGlyph(0).advanceWidth) / 2,
        dy: 0,
      }],
      advance,
    }));
    drawGlyphs(
      document,
      piece.rightToLeft ? boxes.reverse() : boxes,
      piece.rightToLeft,
      typeface.unitsPerEm(box),
      {
        x,
        baseline,
        size: type.size,
        said: null,
      },
    );
  }

  #ink(colour: keyof Palette): void {
    const value = this.palette[colour];
    if (this.#colour !== value) {
      this.document.fillColor(value);
      this.#colour = value;
    }
  }
}

/** Fill outlines in the current colour. */
function fill(document: Document, outlines: readonly Corners[]): void {
  if (outlines.length === 0) return;
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const paths = outlines.map((corners) =>
    corners.map(([x, y], index) => `${round(x)} ${round(y)} ${index === 0 ? "m" : "l"}`).join(" ")
  );
  document.addContent(`${paths.join(" h ")} h f`);
}
