/**
 * Marks on characters for which there is no glyph: lines are drawn, and for other marks there is a small box above the
 * character.
 */

import { hasLinesOnly } from "./typeface.ts";

/** A closed outline: its corners, one after another. */
export type Corners = [number, number][];

/** How thick lines are, in ems. */
const THICK = 0.05;

type End = readonly [number, number];

/** Lines on a character: where each begins and ends, in parts of its width and in ems above the baseline. */
const LINES: Record<string, readonly (readonly [End, End])[]> = {
  // These join those of the characters beside it.
  "\u0305": [[[0, 0.8], [1, 0.8]]],
  "\u0332": [[[0, -0.14], [1, -0.14]]],
  "\u0333": [[[0, -0.14], [1, -0.14]], [[0, -0.24], [1, -0.24]]],
  "\u0336": [[[0, 0.25], [1, 0.25]]],
  // These are across it.
  "\u0334": [[[0.15, 0.25], [0.85, 0.25]]],
  "\u0335": [[[0.15, 0.25], [0.85, 0.25]]],
  "\u0337": [[[0.3, -0.1], [0.7, 0.6]]],
  "\u0338": [[[0.1, -0.08], [0.9, 0.72]]],
};

const BOX = { bottom: 0.76, side: 0.2, thick: 0.03 };

/**
 * Return the outlines of marks, to be filled; what turns the other way within another is a hole.
 *
 * @param x Where the character begins, `width` how wide it is.
 */
export function marksOn(marks: string, x: number, width: number, baseline: number, size: number): Corners[] {
  const half = (THICK * size) / 2;
  const found = Array.from(marks).flatMap((mark) => LINES[mark] ?? []).map(([from, to]): Corners => {
    const [left, right] = [x + from[0] * width, x + to[0] * width];
    const [start, end] = [baseline - from[1] * size, baseline - to[1] * size];
    return [[left, start - half], [right, end - half], [right, end + half], [left, start + half]];
  });
  if (hasLinesOnly(marks)) return found;
  const frame = (by: number): Corners => {
    const side = (BOX.side - 2 * by) * size;
    const [left, bottom] = [x + (width - side) / 2, baseline - (BOX.bottom + by) * size];
    return [[left, bottom - side], [left + side, bottom - side], [left + side, bottom], [left, bottom]];
  };
  return [...found, frame(0), frame(BOX.thick).reverse()];
}
