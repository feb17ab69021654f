/**
 * Emoji in a PDF: glyphs of a font whose characters are drawings (Type 3), so that a program that reads the text finds
 * the characters in their places, sequences and all.
 */

import { Buffer } from "node:buffer";
import { drawingOf, emojiIn, placeOf } from "../fonts/emoji.ts";
import type { Document } from "./document.ts";
import type { Reference } from "./libraries.d.ts";

/** In ems: how wide an emoji is with the space around it, how large without, and how far below the baseline. */
export const EMOJI_ADVANCE = 1.2;
export const EMOJI_SIDE = 1.08;
export const EMOJI_BELOW = 0.2;

/** A font of this kind has codes of one byte. The first is for a character that is not used. */
const MOST = 255;

interface Font {
  name: string;
  reference: Reference;
  /** What each code stands for. */
  texts: string[];
  drawings: Reference[];
  /** The emoji of each, by their names; the first has none. */
  names: string[];
}

/** Draws the emoji of one document. */
export class EmojiFonts {
  readonly #fonts: Font[] = [];
  readonly #codes = new Map<string, { font: Font; code: number }>();

  constructor(readonly document: Document) {}

  /** Return how wide some emoji are, in ems. */
  static width(characters: readonly string[]): number {
    return parts(characters).length * EMOJI_ADVANCE;
  }

  /** Draw emoji from left to right. */
  draw(characters: readonly string[], size: number, x: number, baseline: number): void {
    const { document } = this;
    for (const { name, text: said } of parts(characters)) {
      const { font, code } = this.#include(name, said);
      document.page.fonts[font.name] ??= font.reference;
      const place = [size, x, baseline].map((value) => Math.round(value * 1000) / 1000);
      document.addContent(
        `BT 0 Tr /${font.name} ${place[0]} Tf 1 0 0 -1 ${place[1]} ${place[2]} Tm <${hex(code)}> Tj ET`,
      );
      x += EMOJI_ADVANCE * size;
    }
  }

  /** Write the fonts. */
  end(): void {
    const opacities = this.#drawAll();
    for (const font of this.#fonts) {
      const { reference, texts, drawings } = font;
      const names = drawings.map((_, index) => index === 0 ? "m" : `e${index}`);
      const shades = [...opacities.get(font)!].map((
        hundredths,
      ) => [`O${hundredths}`, { ca: hundredths / 100 }]);
      const toUnicode = this.document.ref({});
      toUnicode.end(cmap(texts));
      Object.assign(reference.data, {
        Type: "Font",
        Subtype: "Type3",
        Name: "Twemoji",
        FontBBox: [0, -EMOJI_BELOW * 1000, EMOJI_ADVANCE * 1000, (EMOJI_SIDE - EMOJI_BELOW) * 1000],
        FontMatrix: [0.001, 0, 0, 0.001, 0, 0],
        CharProcs: Object.fromEntries(drawings.map((drawing, index) => [names[index], drawing])),
        Encoding: { Type: "Encoding", Differences: [0, ...names] },
        FirstChar: 0,
        LastChar: drawings.length - 1,
        Widths: drawings.map((_, index) => index === 0 ? 600 : EMOJI_ADVANCE * 1000),
        Resources: { ExtGState: Object.fromEntries(shades) },
        ToUnicode: toUnicode,
      });
      reference.end();
    }
  }

  /** Write all drawings, in the order in which they are packed, and return the opacities of each font. */
  #drawAll(): Map<Font, Set<number>> {
    const scale = EMOJI_SIDE * 1000 / 36;
    const [left, top] = [(EMOJI_ADVANCE - EMOJI_SIDE) * 500, (EMOJI_SIDE - EMOJI_BELOW) * 1000];
    const place = `${EMOJI_ADVANCE * 1000} 0 d0 q ${scale} 0 0 ${-scale} ${left} ${top} cm`;
    const found = new Map(this.#fonts.map((font) => [font, new Set<number>()]));
    const all = [...this.#codes.values()].map(({ font, code }) => ({ font, code, name: font.names[code] }));
    for (const { font, code, name } of all.sort((one, other) => placeOf(one.name) - placeOf(other.name))) {
      const { operators, opacities } = drawingOf(name);
      font.drawings[code].end(Buffer.from(`${place} ${operators} Q`));
      opacities.forEach((opacity) => found.get(font)!.add(opacity));
    }
    return found;
  }

  #include(name: string, text: string): { font: Font; code: number } {
    const key = `${name} ${text}`;
    let found = this.#codes.get(key);
    if (found === undefined) {
      const last = this.#fonts.at(-1);
      const font = last === undefined || last.drawings.length > MOST ? this.#open() : last;
      font.texts.push(text);
      font.names.push(name);
      found = { font, code: font.drawings.push(this.document.ref({})) - 1 };
      this.#codes.set(key, found);
    }
    return found;
  }

  #open(): Font {
    // Programs guess how large the characters of such a font are from the width of its "m".
    const unused = this.document.ref({});
    unused.end(Buffer.from("600 0 d0"));
    const font = {
      name: `Emoji${this.#fonts.length + 1}`,
      reference: this.document.ref({}),
      texts: ["m"],
      drawings: [unused],
      names: [""],
    };
    this.#fonts.push(font);
    return font;
  }
}

function parts(characters: readonly string[]): { name: string; text: string }[] {
  return characters.flatMap((character) => emojiIn(character)!);
}

/** The text of each code. */
function cmap(texts: readonly string[]): string {
  const lines = texts.map((text, code) => {
    const units = Array.from({ length: text.length }, (_, index) => hex(text.charCodeAt(index), 4));
    return `<${hex(code)}> <${units.join("")}>`;
  });
  const blocks: string[] = [];
  // There may be a hundred in a block.
  for (let first = 0; first < lines.length; first += 100) {
    const block = lines.slice(first, first + 100);
    blocks.push(`${block.length} beginbfchar\n${block.join("\n")}\nendbfchar`);
  }
  return `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<00> <ff>
endcodespacerange
${blocks.join("\n")}
endcmap
CMapName currentdict /CMap defineresource pop
end
end`;
}

function hex(value: number, digits = 2): string {
  return value.toString(16).padStart(digits, "0");
}
