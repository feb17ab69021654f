/**
 * The typeface inside a page: only the slices that the page's characters need, so that the page needs no network.
 */

import { covers, parseRanges } from "./ranges.ts";
import { LITERATA_WEB, type WebFont } from "./literata_web.generated.ts";

type Style = WebFont["style"];

/** What the style sheet of a page sets in italics or in bold, and so all that is in it: elements and classes. */
const SET_IN = new Map<string, Style>([
  ...["h3", "b", "week", "title", "year"].map((name) => [name, "bold"] as const),
  ...["blockquote", "figcaption", "description", "intro", "missing", "none", "quiet", "space"].map((name) =>
    [name, "italic"] as const
  ),
]);

/** Elements that have no end. */
const VOID = new Set(["br", "img", "source"]);

/** Return the `@font-face` rules for a body, as `markup` has made it. Latin is always among them. */
export function fontFaces(body: string): string {
  const texts = textsOf(body);
  const served = { regular: new Set<number>(), italic: new Set<number>(), bold: new Set<number>() };
  return LITERATA_WEB.filter(({ style, slice, ranges }) => {
    const parsed = parseRanges(ranges);
    const found = [...texts[style]].filter((one) => !served[style].has(one) && covers(parsed, one));
    for (const codePoint of found) served[style].add(codePoint);
    return slice === "latin" || found.length > 0;
  }).map(({ style, ranges, woff2 }) =>
    `@font-face{font-family:Literata;font-style:${style === "italic" ? "italic" : "normal"};` +
    `font-weight:${style === "bold" ? 600 : 400};font-display:swap;unicode-range:${ranges};` +
    `src:url(data:font/woff2;base64,${woff2}) format("woff2")}`
  ).join("\n");
}

/** The characters beyond ASCII that are shown in each style. */
function textsOf(body: string): Record<Style, Set<number>> {
  const texts = { regular: new Set<number>(), italic: new Set<number>(), bold: new Set<number>() };
  const around: Style[] = [];
  let style: Style = "regular";
  for (
    const [, slash, tag, attributes, ended, text] of body.matchAll(/<(\/?)([a-z]\w*)([^>]*?)(\/?)>([^<]*)/g)
  ) {
    if (slash !== "") style = around.pop()!;
    else if (ended === "" && !VOID.has(tag)) {
      around.push(style);
      const classes = / class="([^"]*)"/.exec(attributes)?.[1].split(" ") ?? [];
      style = [tag, ...classes].map((name) => SET_IN.get(name)).find((one) => one !== undefined) ?? style;
    }
    for (const [character] of text.matchAll(/[^\0-\x7f]/gu)) texts[style].add(character.codePointAt(0)!);
  }
  return texts;
}
