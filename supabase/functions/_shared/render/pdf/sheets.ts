/** The pages of a PDF: where the column of text runs, how far it has come, and drawing in it. */

import type { Palette } from "../palette.ts";
import type { Document } from "./document.ts";
import { Compositor, type Line, type Piece } from "./lines.ts";
import { type Element, Tags } from "./tags.ts";
import { BOX_WIDTH, type Style, Typeface } from "./typeface.ts";
import { characters, type Inline, type Passage } from "../text.ts";

/** How a piece of text is set; lengths in points. */
export interface Type {
  style: Style;
  size: number;
  leading: number;
  colour: keyof Palette;
}

/** Where a piece of text is set. */
export interface Column {
  x: number;
  width: number;
}

const TOP = 62;
const BOTTOM = 68;
const FOOTER: Type = { style: "regular", size: 7.5, leading: 10, colour: "muted" };

const QUOTE_INDENT = 14;
const QUOTE_BAR = 1.4;

/** The baseline of a line, as a part of its leading from the top. */
const BASELINE = 0.72;

export class Sheets {
  readonly tags: Tags;
  readonly typeface: Typeface;
  readonly root: Element;
  /** Where names and numerals stand. */
  readonly margin: Column;
  /** Where the words stand. */
  readonly text: Column;
  /** How far the page is filled, from its top. */
  y = TOP;
  count = 0;
  #colour: string | null = null;

  constructor(readonly document: Document, readonly palette: Palette) {
    this.tags = new Tags(document);
    this.typeface = new Typeface(document);
    this.addSheet();
    this.root = this.tags.root();
    const width = document.page.width;
    this.margin = { x: 56, width: 84 };
    this.text = { x: 160, width: width - 160 - 62 };
  }

  /** What is left of the page. */
  get room(): number {
    return this.document.page.height - BOTTOM - this.y;
  }

  /** The height of an empty page's column. */
  get height(): number {
    return this.document.page.height - BOTTOM - TOP;
  }

  addSheet(): void {
    if (this.count > 0) this.tags.close();
    this.document.addPage();
    this.count += 1;
    this.y = TOP;
    this.#colour = null;
    const { width, height } = this.document.page;
    if (this.palette.paper !== "#ffffff") {
      this.tags.artifact(() => this.document.rect(0, 0, width, height).fill(this.palette.paper));
      this.#colour = null;
    }
  }

  /** Begin a new page unless there is room for `height`, or the page is empty. */
  ensure(height: number): void {
    if (this.room < height && this.y > TOP) this.addSheet();
  }

  lines(inlines: readonly Inline[], type: Type, column: Column): Line[] {
    return new Compositor(this.typeface, type.style, type.size, column.width).lines(inlines);
  }

  /** The same with lines of about one length, for headings: as narrow as the number of lines allows. */
  balanced(text: string, type: Type, column: Column): Line[] {
    const inlines = [{ kind: "text" as const, text }];
    const full = this.lines(inlines, type, column);
    let best = full;
    for (let width = column.width; full.length > 1 && width > column.width / 2; width -= type.size / 2) {
      const narrower = this.lines(inlines, type, { ...column, width });
      if (narrower.length > full.length) break;
      best = narrower;
    }
    return best;
  }

  /** Set lines from the present height on; never one alone at the foot or the head of a page if it can be helped. */
  flow(
    element: Element,
    tag: string,
    lines: readonly Line[],
    type: Type,
    column: Column,
    ragged: "right" | "left",
  ): void {
    for (let done = 0; done < lines.length;) {
      const left = lines.length - done;
      let fitting = Math.min(left, Math.max(0, Math.floor(this.room / type.leading)));
      if (fitting < left && fitting < 2) fitting = 0;
      if (left - fitting === 1 && fitting > 2) fitting -= 1;
      if (fitting === 0) {
        this.addSheet();
        fitting = Math.min(left, Math.max(1, Math.floor(this.room / type.leading)));
      }
      for (const line of lines.slice(done, done + fitting)) {
        const x = ragged === "left" ? column.x + column.width - line.width : column.x;
        this.drawLine(element, tag, line, type, x, this.y);
        this.y += type.leading;
      }
      done += fitting;
    }
  }

  /** Set one passage as an element of its own. */
  passage(parent: Element, passage: Passage, type: Type, column: Column): void {
    const { palette } = this;
    const ragged = passage.direction === "rtl" ? "left" : "right";
    if (passage.kind === "paragraph") {
      const lines = passage.lines.flatMap((line) => this.lines(line, type, column));
      this.flow(this.tags.element(parent, "P"), "P", lines, type, column, ragged);
      return;
    }
    const turned = ragged === "left";
    const inner = { x: column.x + (turned ? 0 : QUOTE_INDENT), width: column.width - QUOTE_INDENT };
    const bar = turned ? column.x + column.width - QUOTE_BAR : column.x;
    const italic: Type = { ...type, style: "italic" };
    const quote = this.tags.element(parent, "BlockQuote");
    for (const line of passage.lines.flatMap((line) => this.lines(line, italic, inner))) {
      this.ensure(type.leading);
      const y = this.y;
      const x = turned ? inner.x + inner.width - line.width : inner.x;
      this.drawLine(quote, "BlockQuote", line, italic, x, y);
      this.tags.artifact(() => this.document.rect(bar, y, QUOTE_BAR, type.leading).fill(palette.accent));
      this.#colour = null;
      this.y += type.leading;
    }
  }

  /** Set lines where they are told to be, without looking at the end of the page; return the height below them. */
  place(element: Element, tag: string, text: string, type: Type, column: Column, y: number): number {
    for (const line of this.lines([{ kind: "text", text }], type, column)) {
      this.drawLine(element, tag, line, type, column.x, y);
      y += type.leading;
    }
    return y;
  }

  drawLine(element: Element, tag: string, line: Line, type: Type, x: number, y: number): void {
    const baseline = y + type.leading * BASELINE;
    for (const piece of line.pieces) {
      if (piece.href === null) {
        this.tags.content(element, tag, () => this.#piece(piece, type, x, baseline));
      } else {
        const link = this.tags.element(element, "Link");
        this.tags.content(link, "Link", () => this.#piece(piece, { ...type, colour: "link" }, x, baseline));
        this.tags.close();
        const visible = piece.text.trimEnd();
        const { width, href } = piece;
        this.document.link(
          x,
          y,
          width,
          type.leading,
          href,
          {
            structParent: link,
            // A String object becomes a string in the PDF, a plain one a name.
            Contents: new String(visible),
          } as unknown as Parameters<Document["link"]>[5],
        );
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

  /** End the last page and write the footers. */
  finish(footer: (page: number, pages: number) => { left: string; right: string }): void {
    this.tags.close();
    for (let index = 0; index < this.count; index++) {
      this.document.switchToPage(index);
      this.#colour = null;
      const { left, right } = footer(index + 1, this.count);
      const y = this.document.page.height - 46;
      this.tags.artifact(() => {
        const half = { x: this.text.x, width: this.text.width - 60 };
        const [line] = this.lines([{ kind: "text", text: left }], FOOTER, half);
        this.#plain(line, FOOTER, half.x, y);
        const [number] = this.lines([{ kind: "text", text: right }], FOOTER, this.text);
        this.#plain(number, FOOTER, this.text.x + this.text.width - number.width, y);
      }, "Pagination");
    }
    this.root.end();
  }

  /** Set text that is only decoration, on one line. */
  decorate(text: string, type: Type, column: Column, y: number, centred = false): void {
    const [line] = this.lines([{ kind: "text", text }], type, column);
    const x = centred ? column.x + (column.width - line.width) / 2 : column.x;
    this.tags.artifact(() => this.#plain(line, type, x, y));
  }

  #plain(line: Line, type: Type, x: number, y: number): void {
    for (const piece of line.pieces) {
      this.#piece(piece, type, x, y + type.leading * BASELINE);
      x += piece.width;
    }
  }

  #piece({ text, font, width }: Piece, type: Type, x: number, baseline: number): void {
    const { document } = this;
    this.#ink(type.colour);
    if (font !== null) {
      // The width is known; PDFKit would measure it again.
      const known = { textWidth: width, wordCount: 1 };
      this.typeface.use(font, type.size).text(text, x, baseline, {
        lineBreak: false,
        baseline: "alphabetic",
        ...known,
      });
      return;
    }
    // The boxes are drawings. The space set with them is what carries the characters for whoever reads the text.
    document.markContent("Span", { actual: text });
    this.typeface.use(`literata-${type.style}-latin`, type.size)
      .text(" ", x, baseline, { lineBreak: false, baseline: "alphabetic" });
    const each = width / characters(text).length;
    const box = type.size * BOX_WIDTH;
    for (let left = x; left < x + width - each / 2; left += each) {
      document.lineWidth(type.size * 0.045)
        .rect(left + box * 0.14, baseline - type.size * 0.64, box * 0.72, type.size * 0.68)
        .stroke(this.palette.muted);
    }
    document.endMarkedContent();
  }

  #ink(colour: keyof Palette): void {
    const value = this.palette[colour];
    if (this.#colour !== value) {
      this.document.fillColor(value);
      this.#colour = value;
    }
  }
}
