/**
 * Faster shaping of common words.
 *
 * Fontkit takes every word through all the lookups of a font, which for a newsletter of thirty thousand characters is
 * most of the time that rendering takes. But in Latin, Greek and Cyrillic the advance of a character depends on the
 * next one alone (kerning), so that a word can be put together from its pairs, of which there are few; most are worked
 * out beforehand. Where a pair becomes something else than its two glyphs side by side, a ligature for instance, the
 * word is left to fontkit.
 */

import type { Pairs } from "../fonts/kerning.ts";

interface Glyph {
  id: number;
  /** In units of the font. */
  advanceWidth: number;
}

interface Position {
  xAdvance: number;
  yAdvance: number;
  xOffset: number;
  yOffset: number;
  advanceWidth: number;
}

interface GlyphRun {
  glyphs: Glyph[];
  positions: Position[];
  advanceWidth: number;
}

/** The part of PDFKit's embedded font that shapes a word; it is not in its type definitions. */
export interface ShapingFont {
  layoutRun(text: string, features?: unknown): GlyphRun;
  /** Fontkit's own. */
  font: { glyphForCodePoint(codePoint: number): Glyph };
  /** From units of the font to thousandths of an em. */
  scale: number;
}

/** Characters that stand for themselves, digits, punctuation and spaces; nothing that combines. */
export const SIMPLE =
  /^[\x20-\x7e\u00a0-\u024f\u0386-\u03ff\u0400-\u0481\u048a-\u052f\u1e00-\u1fff\u2013-\u2026]+$/;

/**
 * Make a font put words together from their pairs of characters.
 *
 * @param known Pairs of the font that need not be shaped.
 */
export function quicken(font: ShapingFont, known: Pairs | null): void {
  const shape = font.layoutRun.bind(font);
  const singles = new Map<string, GlyphRun>();
  const pairs = new Map<string, Position | null>();

  const single = (newsletter: string): GlyphRun => {
    let run = singles.get(newsletter);
    if (run === undefined) {
      singles.set(newsletter, run = known?.has(newsletter) ? itself(newsletter) : shape(newsletter));
    }
    return run;
  };

  const itself = (newsletter: string): GlyphRun => {
    const glyph = font.font.glyphForCodePoint(newsletter.codePointAt(0)!);
    const width = glyph.advanceWidth * font.scale;
    const position = { xAdvance: width, yAdvance: 0, xOffset: 0, yOffset: 0, advanceWidth: width };
    return { glyphs: [glyph], positions: [position], advanceWidth: width };
  };

  /** Where the second character comes after the first; null unless both stay as they are alone. */
  const pair = (first: string, second: string): Position | null => {
    const key = first + second;
    let position = pairs.get(key);
    if (position !== undefined) return position;
    const change = known?.change(first, second);
    if (change !== undefined) {
      const [alone] = single(first).positions;
      position = change === null ? null : { ...alone, xAdvance: alone.xAdvance + change * font.scale };
    } else {
      const { glyphs, positions } = shape(key);
      const alone = [single(first), single(second)];
      const unchanged = glyphs.length === 2 &&
        alone.every((run, index) => run.glyphs.length === 1 && run.glyphs[0].id === glyphs[index].id) &&
        positions.every(({ xOffset, yOffset, yAdvance }) =>
          xOffset === 0 && yOffset === 0 && yAdvance === 0
        ) &&
        positions[1].xAdvance === alone[1].positions[0].xAdvance;
      position = unchanged ? positions[0] : null;
    }
    pairs.set(key, position);
    return position;
  };

  font.layoutRun = (text, features) => {
    if (features !== undefined || !SIMPLE.test(text)) return shape(text, features);
    const run: GlyphRun = { glyphs: [], positions: [], advanceWidth: 0 };
    for (let index = 0; index < text.length; index++) {
      const newsletter = text[index];
      const position = index === text.length - 1
        ? single(newsletter).positions[0]
        : pair(newsletter, text[index + 1]);
      if (position === null) return shape(text);
      run.glyphs.push(single(newsletter).glyphs[0]);
      run.positions.push(position);
      run.advanceWidth += position.xAdvance;
    }
    return run;
  };
}
