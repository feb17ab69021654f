/** The parts that a PDF is composed of: each as high as it is, to be put on a page and drawn there. */

import { type Inline, isTall } from "../text.ts";
import type { Direction, Line } from "./lines.ts";
import type { Part } from "./pagination.ts";
import type { Column, Type } from "./sheets.ts";
import type { Element } from "./tags.ts";

export const BODY: Type = { style: "regular", size: 10.2, leading: 15.8, colour: "ink" };
export const CAPTION: Type = { style: "italic", size: 8, leading: 12, colour: "muted" };
export const ASIDE: Type = { style: "italic", size: 9.5, leading: 15.8, colour: "muted" };
export const SMALL: Type = { style: "regular", size: 8.8, leading: 13.5, colour: "muted" };

/** The distance of the lines of body text; they stand on a grid of it from the top of the page. */
export const GRID = BODY.leading;

/** How much of its size a picture keeps at least when it is made smaller to fit a page. */
export const LEAST_SCALE = 0.6;

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
export function movedRight({ x, width }: Column, by: number, direction: Direction): Column {
  return { x: direction === "rtl" ? x : x + by, width: width - by };
}

/** What comes after so many code units of a line. */
export function after(inlines: readonly Inline[], length: number): Inline[] {
  return inlines.flatMap((inline) => {
    const text = inline.text.slice(length);
    length = Math.max(0, length - inline.text.length);
    return text === "" ? [] : [{ ...inline, text }];
  });
}

/** The least leading of titles of tall scripts, in ems, and how much more room there is below them, in points. */
export const TALL_LEADING = 1.6;
const BELOW_TALL = 6;

/** The type of a title: with more leading where its script reaches far above and below the line. */
export function titleType(type: Type, title: string): Type {
  return isTall(title) ? { ...type, leading: Math.max(type.leading, type.size * TALL_LEADING) } : type;
}

/** The room below a title, which one of a tall script has more of. */
export function belowTitle(room: number, title: string): number {
  return isTall(title) ? room + BELOW_TALL : room;
}

export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Where the first line of a text ends in it, in code units. */
export function lengthOf({ pieces }: Line): number {
  return Math.max(0, ...pieces.map(({ end }) => end));
}
