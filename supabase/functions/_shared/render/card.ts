/**
 * The share card: the picture that programs show beside a link to a newsletter. Seal, title, space and week, in the
 * colours and typefaces of the newsletter.
 */

import { encodePng } from "../pictures/png.ts";
import { drawingOf, emojiIn } from "./fonts/emoji.ts";
import { fileBeside, type TypefaceSource } from "./fonts/fallbacks.ts";
import { CARD_SIZE, type Newsletter } from "./newsletter.ts";
import { createDocument } from "./pdf/document.ts";
import { EMOJI_ADVANCE, EMOJI_BELOW, EMOJI_SIDE } from "./pdf/emoji.ts";
import { Compositor, type Line, type Piece } from "./pdf/lines.ts";
import { marksOn } from "./pdf/marks.ts";
import { TALL_LEADING } from "./pdf/parts.ts";
import { BOX_WIDTH, boxFont, EMOJI, loadTypefaces, type Style, Typeface } from "./pdf/typeface.ts";
import { Canvas, type Step } from "./raster.ts";
import { cutAt } from "./excerpt.ts";
import { characters, type Direction, direction, hangsTogether, isTall } from "./text.ts";

/** For text from left to right; from right to left the card is mirrored. */
const SEAL = { x: 168, y: 315, radius: 82 };
const COLUMN = { x: 308, width: 800 };
/** The sizes of a title, the largest that goes on so many lines. */
const TITLES = [{ size: 84, lines: 3 }, { size: 66, lines: 4 }, { size: 52, lines: 5 }];

/**
 * Draw the card of a newsletter, as a PNG. The same newsletter gives the same bytes.
 *
 * @param typefaces As for `renderPdf`.
 */
export async function renderCard(
  newsletter: Newsletter,
  typefaces: TypefaceSource = fileBeside,
): Promise<Uint8Array<ArrayBuffer>> {
  const { headline, space, weekLabel, date, words } = newsletter;
  const issue = [weekLabel, date?.label ?? words.draft].join(" · ");
  const texts = [headline, space.name, space.initials, issue];
  const brush = new Brush(
    newsletter,
    new Typeface(scratch(), await loadTypefaces(texts, typefaces, newsletter.han)),
  );
  brush.seal(space.initials);
  const lines = brush.title(headline);
  const tall = isTall(headline) ? lines.size * (TALL_LEADING - 1.12) : 0;
  const leading = lines.size * 1.12 + tall;
  const isNamed = headline !== space.name;
  const height = (isNamed ? 62 : 0) + lines.lines.length * leading + 64 + tall / 3;
  let y = (CARD_SIZE.height - height) / 2;
  if (isNamed) {
    brush.line(brush.fitted(space.name, "italic", 36), 36, brush.column, y + 36, "muted");
    y += 62;
  }
  for (const line of lines.lines) {
    brush.line(line, lines.size, brush.column, y + lines.size * 0.86 + tall / 2, "ink");
    y += leading;
  }
  brush.line(brush.fitted(issue, "regular", 32), 32, brush.column, y + 56 + tall / 3, "muted");
  return encodePng(brush.canvas.pixels, false);
}

/** Return a document that is never written: opening typefaces requires one. */
function scratch() {
  const document = createDocument({
    title: "",
    author: "",
    subject: "",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  document.addPage();
  return document;
}

interface Room {
  x: number;
  width: number;
}

class Brush {
  readonly canvas: Canvas;
  readonly column: Room;
  readonly #isMirrored: boolean;

  constructor(readonly newsletter: Newsletter, readonly typeface: Typeface) {
    this.#isMirrored = newsletter.words.direction === "rtl";
    this.column = this.#isMirrored ? { ...COLUMN, x: CARD_SIZE.width - COLUMN.x - COLUMN.width } : COLUMN;
    this.canvas = new Canvas(CARD_SIZE.width, CARD_SIZE.height, newsletter.colours.light.paper);
  }

  seal(initials: string): void {
    const { accent } = this.newsletter.colours.light;
    const { y, radius } = SEAL;
    const x = this.#isMirrored ? CARD_SIZE.width - SEAL.x : SEAL.x;
    this.canvas.ring(x, y, radius, 3, accent);
    this.canvas.ring(x, y, radius + 8, 2, accent);
    const [line] = this.lines(initials, "regular", 100, 1000);
    const size = Math.min(characters(initials).length > 2 ? 54 : 68, 100 * (radius * 1.55) / line.width);
    const [set] = this.lines(initials, "regular", size, 1000);
    this.line(set, size, { x: x - set.width / 2, width: set.width }, y + size * 0.35, "link");
  }

  /** Break a title into as few lines as it takes, large; what is too long for the card is cut. */
  title(text: string): { lines: Line[]; size: number } {
    for (const { size, lines: most } of TITLES) {
      const lines = this.lines(text, "regular", size, COLUMN.width);
      if (lines.length <= most) return { lines, size };
    }
    const { size, lines: most } = TITLES[TITLES.length - 1];
    return { lines: this.cut(text, "regular", size, most), size };
  }

  /** A text on one line. */
  fitted(text: string, style: Style, size: number): Line {
    return this.cut(text, style, size, 1)[0];
  }

  cut(text: string, style: Style, size: number, most: number): Line[] {
    const whole = this.lines(text, style, size, COLUMN.width);
    if (whole.length <= most) return whole;
    let [fits, tooMany] = [0, text.length];
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2);
      if (this.lines(cutAt(text, middle), style, size, COLUMN.width).length <= most) fits = middle;
      else tooMany = middle;
    }
    return this.lines(cutAt(text, fits), style, size, COLUMN.width);
  }

  lines(text: string, style: Style, size: number, width: number): Line[] {
    return new Compositor(this.typeface, style, size, width).lines(
      [{ kind: "text", text }],
      this.#runs(text),
    );
  }

  #runs(text: string): Direction {
    return direction(text, this.newsletter.words.direction);
  }

  line(
    line: Line,
    size: number,
    { x, width }: Room,
    baseline: number,
    colour: "ink" | "muted" | "link",
  ): void {
    const text = line.pieces.map((piece) => piece.text).join("");
    // In a newsletter from right to left all lines begin on the right.
    let at = this.#isMirrored || this.#runs(text) === "rtl" ? x + width - line.width - line.hang : x;
    // Large characters stand closer together; not where they end at the seal, since the width does not count it.
    const tracking = size > 40 && !this.#isMirrored && !hangsTogether(text) ? -0.012 * size : 0;
    for (const piece of line.pieces) {
      at = this.#piece(piece, size, at, baseline, this.newsletter.colours.light[colour], tracking);
    }
  }

  #piece(
    piece: Piece,
    size: number,
    x: number,
    baseline: number,
    colour: string,
    tracking: number,
  ): number {
    const { font } = piece;
    if (font === EMOJI) {
      for (const { name } of characters(piece.text).flatMap((character) => emojiIn(character) ?? [])) {
        this.#emoji(name, size, x, baseline);
        x += EMOJI_ADVANCE * size;
      }
      return x;
    }
    if (font === null) {
      const box = this.typeface.use(boxFont("regular"), size)._font.font.getGlyph(0);
      const scale = size / this.typeface.unitsPerEm(boxFont("regular"));
      for (const _ of characters(piece.text)) {
        const outline = outlineOf(
          box.path.commands,
          ([left, up]) => [x + left * scale, baseline - up * scale],
        );
        this.canvas.fill(outline, this.newsletter.colours.light.muted);
        x += BOX_WIDTH * size;
      }
      return x;
    }
    const marks = marksOn(piece.marks ?? "", x, piece.width, baseline, size).flatMap((corners): Step[] => [
      ...corners.map((to, index): Step => ({ kind: index === 0 ? "move" : "line", to })),
      { kind: "close" },
    ]);
    if (marks.length > 0) this.canvas.fill(marks, colour);
    const opened = this.typeface.use(font, size)._font.font;
    const scale = this.typeface.scaled(font, size) / this.typeface.unitsPerEm(font);
    for (const { glyphs } of this.typeface.shaped(piece)) {
      for (const { id, advance, dx, dy } of glyphs) {
        const place = ([left, up]: [number, number]): [number, number] => [
          x + (left + dx) * scale,
          baseline - (up + dy) * scale,
        ];
        this.canvas.fill(outlineOf(opened.getGlyph(id).path.commands, place), colour);
        x += advance * scale + (advance > 0 ? tracking : 0);
      }
    }
    return x;
  }

  #emoji(name: string, size: number, x: number, baseline: number): void {
    const scale = EMOJI_SIDE * size / 36;
    const [left, top] = [
      x + (EMOJI_ADVANCE - EMOJI_SIDE) * size / 2,
      baseline - (EMOJI_SIDE - EMOJI_BELOW) * size,
    ];
    let [colour, opacity] = ["#000000", 1];
    let outline: Step[] = [];
    const values: number[] = [];
    const point = (at: number): [number, number] => [left + values[at] * scale, top + values[at + 1] * scale];
    for (const token of drawingOf(name).operators.split(" ")) {
      const value = Number(token);
      if (token !== "" && !Number.isNaN(value)) {
        values.push(value);
        continue;
      }
      if (token === "rg") colour = "#" + values.map((part) => hex(part)).join("");
      else if (token === "m") outline.push({ kind: "move", to: point(0) });
      else if (token === "l") outline.push({ kind: "line", to: point(0) });
      else if (token === "c") outline.push({ kind: "cubic", by: point(0), and: point(2), to: point(4) });
      else if (token === "h") outline.push({ kind: "close" });
      else if (token.startsWith("/O")) opacity = Number(token.slice(2)) / 100;
      else if (token === "f" || token === "f*") {
        this.canvas.fill(outline, colour, opacity);
        outline = [];
      }
      values.length = 0;
    }
  }
}

function outlineOf(
  commands: readonly { command: string; args: number[] }[],
  place: (point: [number, number]) => [number, number],
): Step[] {
  return commands.map(({ command, args }): Step => {
    const point = (at: number) => place([args[at], args[at + 1]]);
    switch (command) {
      case "moveTo":
        return { kind: "move", to: point(0) };
      case "lineTo":
        return { kind: "line", to: point(0) };
      case "quadraticCurveTo":
        return { kind: "quadratic", by: point(0), to: point(2) };
      case "bezierCurveTo":
        return { kind: "cubic", by: point(0), and: point(2), to: point(4) };
      default:
        return { kind: "close" };
    }
  });
}

function hex(part: number): string {
  return Math.round(part * 255).toString(16).padStart(2, "0");
}
