/** The typeface inside a page: as few of its files as the page's characters need, so that it is whole without the network. */

import { LITERATA } from "./literata.generated.ts";
import { covers, parseRanges } from "./ranges.ts";

/** Return the `@font-face` rules for the characters of `text`. Latin is always among them. */
export function fontFaces(text: string): string {
  const beyondAscii = text.match(/[^\0-\x7f]/gu) ?? [];
  const codePoints = new Set(beyondAscii.map((character) => character.codePointAt(0)!));
  const chosen = new Set(["latin"]);
  for (const { script, ranges } of LITERATA.filter(({ style }) => style === "regular")) {
    const parsed = parseRanges(ranges);
    const served = [...codePoints].filter((codePoint) => covers(parsed, codePoint));
    if (served.length > 0) chosen.add(script);
    served.forEach((codePoint) => codePoints.delete(codePoint));
  }
  return LITERATA.filter(({ script }) => chosen.has(script))
    .map(({ style, ranges, woff }) =>
      `@font-face{font-family:Literata;font-style:${style === "italic" ? "italic" : "normal"};` +
      `font-weight:${style === "bold" ? 600 : 400};font-display:swap;unicode-range:${ranges};` +
      `src:url(data:font/woff;base64,${woff}) format("woff")}`
    ).join("\n");
}
