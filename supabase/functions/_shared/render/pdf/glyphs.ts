/**
 * Glyphs that HarfBuzz has put in their places, written into a PDF so that programs read the text back in its order.
 *
 * What ToUnicode can say it says, by glyph. Where several glyphs make up one character, or stand in another order than
 * what they stand for, a text from left to right has a replacement text (ActualText) for all of it. From right to left
 * programs sort glyphs themselves, and would turn a replacement around once too often: there one glyph of each
 * character says all of it, and the rest, points and vowel marks, are drawings.
 */

// @ts-types="./libraries.d.ts"
import { bidi } from "./libraries.generated.js";
import type { Document } from "./document.ts";
import type { Shaped } from "./harfbuzz.ts";

/** A text that was shaped by itself. */
export interface ShapedText {
  text: string;
  /** From left to right. */
  glyphs: readonly Shaped[];
  /** How wide it is, in units of the font. */
  advance: number;
}

export interface Placement {
  x: number;
  baseline: number;
  size: number;
  /** What was written, where the texts stand for something else. */
  said: string | null;
}

/** Says nothing; stands where a glyph is a part of what another one says. */
const NOTHING = "\u200b";

/** A gap between two characters of a word that programs take for a space, in ems. */
const GAP = 0.09;

/** A glyph with its place on the line, in units of the font. */
interface Placed {
  id: number;
  x: number;
  /** Where it ends, by its own width. */
  end: number;
  dy: number;
  /** What it says; null where another one says it. */
  text: string | null;
}

/** Draw shaped texts one after another, in the document's current font. */
export function drawGlyphs(
  document: Document,
  texts: readonly ShapedText[],
  rightToLeft: boolean,
  unitsPerEm: number,
  { x, baseline, size, said: written }: Placement,
): void {
  const font = document._font;
  document.page.fonts[font.id] ??= font.ref();
  document.addContent(
    `q BT /${font.id} ${number(size)} Tf 1 0 0 -1 ${number(x)} ${number(baseline)} Tm 0 Tr`,
  );
  const drawn: Placed[] = [];
  let shown = "";
  let rise = 0;
  let at = 0;
  const flush = () => {
    if (shown !== "") document.addContent(`[${shown}] TJ`);
    shown = "";
  };
  /** Draw a glyph; return where it ends. */
  const show = (glyph: Pick<Placed, "id" | "x" | "dy">, text: string) => {
    if (glyph.dy !== rise) {
      flush();
      document.addContent(`${number((glyph.dy * size) / unitsPerEm)} Ts`);
      rise = glyph.dy;
    }
    const cid = include(document, glyph.id, text);
    const shift = ((at - glyph.x) * 1000) / unitsPerEm;
    if (Math.abs(shift) > 0.5) {
      shown += number(shift);
      at = glyph.x;
    }
    shown += `<${cid.toString(16).padStart(4, "0")}>`;
    at += (font.widths[cid] * unitsPerEm) / 1000;
  };
  /** Draw what has a text of its own in place of what its glyphs say. It has to be within the text object: programs take the
   * replacement to stand where the text is when it ends. */
  const replace = (text: string, draw: () => void) => {
    flush();
    document.markContent("Span", { actual: text });
    draw();
    flush();
    document.endMarkedContent();
  };
  const said = texts.map(({ text, glyphs }) => clusters(text, glyphs, rightToLeft));
  const placed = place(document, texts, said.map(({ texts }) => texts));
  if (written !== null || (!rightToLeft && said.some(({ isPlain }) => !isPlain))) {
    const whole = written ?? texts.map(({ text }) => text).join("");
    replace(rightToLeft ? turned(whole) : whole, () => {
      for (const glyph of endingLast(placed)) show(glyph, glyph.text ?? NOTHING);
    });
  } else {
    const saying = placed.filter((glyph) => !rightToLeft || glyph.text !== null);
    drawn.push(...placed.filter((glyph) => !saying.includes(glyph)));
    saying.forEach((glyph, index) => {
      const gap = index === 0 ? 0 : glyph.x - saying[index - 1].end;
      if (rightToLeft && gap > GAP * unitsPerEm && glyph.text !== null) {
        // A space that begins where the character before ends belongs to the character, so that no program sees a gap.
        replace(glyph.text, () => {
          show({ ...glyph, id: space(document), x: glyph.x - gap }, " ");
          show(glyph, glyph.text!);
        });
      } else {
        show(glyph, glyph.text ?? NOTHING);
      }
    });
  }
  flush();
  document.addContent(rise === 0 ? "ET" : "0 Ts ET");
  const scale = size / unitsPerEm;
  for (const { id, x: from, dy } of drawn) {
    drawOutline(document, id, x + from * scale, baseline - dy * scale, scale);
  }
  document.addContent("Q");
}

/**
 * Draw a glyph of the document's current font as a mere drawing, in the current colour; `scale` is that of its units.
 */
export function drawOutline(
  document: Document,
  id: number,
  x: number,
  baseline: number,
  scale: number,
): void {
  const place = [scale, 0, 0, -scale, x, baseline].map((value) => number(value, 5));
  document.addContent(`q ${place.join(" ")} cm ${outline(document, id)} f Q`);
}

/** A glyph as a path, in units of the font. */
function outline({ _font: font }: Document, id: number): string {
  const out: string[] = [];
  let [x, y] = [0, 0];
  const draw = (operator: string, ...values: number[]) =>
    out.push(`${values.map((one) => number(one)).join(" ")} ${operator}`);
  for (const { command, args } of font.font.getGlyph(id).path.commands) {
    if (command === "closePath") {
      out.push("h");
      continue;
    }
    const [endX, endY] = args.slice(-2);
    if (command === "moveTo") draw("m", endX, endY);
    else if (command === "lineTo") draw("l", endX, endY);
    else if (command === "bezierCurveTo") draw("c", ...args);
    else {
      // A quadratic curve has one handle, two thirds of the way to which are those of a cubic one.
      const toward = (from: number, to: number) => from + ((to - from) * 2) / 3;
      const [handleX, handleY] = args;
      draw(
        "c",
        toward(x, handleX),
        toward(y, handleY),
        toward(endX, handleX),
        toward(endY, handleY),
        endX,
        endY,
      );
    }
    [x, y] = [endX, endY];
  }
  return out.join(" ");
}

/** Put glyphs one after another. */
function place(
  { _font: font }: Document,
  texts: readonly ShapedText[],
  said: readonly (string | null)[][],
): Placed[] {
  let position = 0;
  return texts.flatMap(({ glyphs }, word) =>
    glyphs.map(({ id, advance, dx, dy }, index) => {
      const x = position + dx;
      position += advance;
      return { id, x, end: x + font.font.getGlyph(id).advanceWidth, dy, text: said[word][index] };
    })
  );
}

/** The same glyphs with the one at the end that ends last: a replacement is taken to end where the last glyph does. */
function endingLast(placed: readonly Placed[]): Placed[] {
  const end = Math.max(...placed.map((glyph) => glyph.end));
  const last = placed.findLastIndex((glyph) => glyph.end === end);
  return [...placed.slice(0, last), ...placed.slice(last + 1), placed[last]];
}

function space({ _font: font }: Document): number {
  return font.font.glyphForCodePoint(0x20).id;
}

let algorithm: ReturnType<typeof bidi> | undefined;

/**
 * What a glyph from right to left says, as the programs want it that turn it around themselves: a character after its
 * marks, and a bracket by what it looks like.
 */
function turned(text: string): string {
  const newsletters = Array.from(text).reverse();
  if (/^[\p{L}\p{M}\p{N}\s]+$/u.test(text)) return newsletters.join("");
  algorithm ??= bidi();
  return newsletters.map((newsletter) => algorithm!.getMirroredCharacter(newsletter) ?? newsletter).join("");
}

/** What each glyph of a text says; null where another glyph says it. */
function clusters(
  text: string,
  glyphs: readonly Shaped[],
  rightToLeft: boolean,
): { texts: (string | null)[]; isPlain: boolean } {
  const texts = new Array<string | null>(glyphs.length).fill(null);
  // From the end of the text to its beginning: HarfBuzz keeps the glyphs of a character side by side.
  const at = (index: number) => rightToLeft ? index : glyphs.length - 1 - index;
  let [end, isPlain] = [text.length, true];
  for (let index = 0; index < glyphs.length;) {
    const first = index;
    const { cluster } = glyphs[at(first)];
    // The widest glyph of a character says it: the character, and not its marks.
    let speaker = at(first);
    for (; index < glyphs.length && glyphs[at(index)].cluster === cluster; index++) {
      const wider = glyphs[at(index)].advance - glyphs[speaker].advance;
      if (wider > 0 || (wider === 0 && at(index) < speaker)) speaker = at(index);
    }
    const said = text.slice(cluster, end);
    texts[speaker] = rightToLeft ? turned(said) : said;
    if (index - first > 1) isPlain = false;
    end = cluster;
  }
  return { texts, isPlain };
}

/**
 * Have a glyph in the file and return its number there. One that stands for several texts is there several times: the
 * file has one text for each number.
 */
function include(document: Document, id: number, text: string): number {
  const { _font: font } = document;
  let known = numbers.get(font);
  if (known === undefined) numbers.set(font, known = new Map());
  const key = `${id} ${text}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const codePoints = Array.from(text, (character) => character.codePointAt(0)!);
  // PDFKit sets characters by themselves, and takes what is known of a glyph for what it says there.
  const isItself = codePoints.length === 1 && font.font.glyphForCodePoint(codePoints[0]).id === id;
  let cid = isItself ? font.subset.includeGlyph(id) : font.subset.glyphs.push(id) - 1;
  if (font.unicode[cid] !== undefined && String.fromCodePoint(...font.unicode[cid]) !== text) {
    cid = font.subset.glyphs.push(id) - 1;
  }
  font.unicode[cid] = codePoints;
  font.widths[cid] ??= font.font.getGlyph(id).advanceWidth * font.scale;
  known.set(key, cid);
  return cid;
}

const numbers = new WeakMap<object, Map<string, number>>();

function number(value: number, digits = 3): string {
  return String(Math.round(value * 10 ** digits) / 10 ** digits);
}
