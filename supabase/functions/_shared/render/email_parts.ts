/** Parts of the emails of newsletters and of notices: types, links, and text directions. */

import { type Html, markup, trusted } from "./html.ts";
import type { Palette } from "./palette.ts";
import { type Direction, direction, hangsTogether, hasDirection, isTall, isUpright } from "./text.ts";

/** A colour's role, and the class that the style sheet repaints in the dark. */
export type Role = "ink" | "muted" | "accent" | "link";

export const TABLE = trusted(`table role="presentation" cellpadding="0" cellspacing="0" border="0"`);

export function font(size: number, leading: number): string {
  return `font-family:Georgia,'Times New Roman',serif;font-size:${size}px;line-height:${leading}px`;
}

export function anchor(palette: Palette, href: string, label: string, role: Role = "link"): Html {
  const style = `color:${palette[role]};text-decoration:underline`;
  return markup`<a class="${role}" href="${href}" style="${style}">${label}</a>`;
}

/** Return the type of a headline, with more leading and no tracking where its script needs it, and its class. */
export function headlineType(text: string, size: number, leading: number): { style: string; name: string } {
  const style = font(size, isTall(text) ? Math.round(size * 1.4) : leading);
  // Characters that hang together are not moved closer.
  const tracking = hangsTogether(text) ? "" : `;${TIGHT}`;
  return { style: `${style};font-weight:normal${tracking}`, name: isTall(text) ? "ink h1 tall" : "ink h1" };
}

/** Return the `dir` attribute for text whose direction differs from its surroundings. */
export function turned(runs: Direction, around: Direction): Html | false {
  return runs !== around && trusted(` dir="${runs}"`);
}

/**
 * Return the `dir` attribute for a name or a title: programs would set one without a strong character from
 * left to right, and some set all of them as the words around them.
 */
export function ownDirection(text: string, around: Direction): Html | false {
  return hasDirection(text) ? turned(direction(text), around) : turned(around, "ltr");
}

/** Where a line begins. */
export function sideOf(direction: Direction): "left" | "right" {
  return direction === "rtl" ? "right" : "left";
}

/** Join declarations, without those that are empty. */
export function styles(...declarations: string[]): string {
  return declarations.filter((one) => one !== "").join(";");
}

/** Return the declaration that sets a text in italics; an empty one where its script has none. */
export function slanted(text: string): string {
  return isUpright(text) ? "" : "font-style:italic";
}

/** Styles for large type, and for initials. */
const TIGHT = "letter-spacing:-0.5px";
export const SPACED = "letter-spacing:1px";
