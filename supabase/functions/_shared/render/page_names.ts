/** How names are fitted into the margin of the page, which cannot measure them: it has no script. */

import { withSoftHyphens } from "./syllables.ts";

/** How wide the margin is for a name, in ems: in the usual type, and in a smaller one. See `pageStyle`. */
const MARGIN = 8.7;
const SMALLER = 10;

/** Return a name as it is set, and whether its longest word needs smaller type. Longer words may be parted. */
export function fitted(name: string): { text: string; isLong: boolean } {
  const words = name.split(/(?<=[\s-])/u);
  const widest = Math.max(...words.map((word) => widthOf(word.trimEnd())));
  if (widest <= SMALLER) return { text: name, isLong: widest > MARGIN };
  return {
    text: words.map((word) => widthOf(word) > MARGIN ? withSoftHyphens(word) : word).join(""),
    isLong: false,
  };
}

/** How wide the characters of semibold Literata are, in hundredths of an em. */
const WIDTHS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    abcdefghijklm: [56, 63, 53, 64, 55, 41, 59, 68, 35, 33, 65, 35, 99],
    nopqrstuvwxyz: [68, 61, 64, 63, 51, 48, 42, 66, 61, 88, 59, 60, 51],
    ABCDEFGHIJKLM: [75, 68, 70, 77, 65, 63, 76, 84, 41, 57, 77, 64, 99],
    NOPQRSTUVWXYZ: [83, 77, 63, 78, 74, 61, 74, 80, 75, 110, 74, 73, 67],
    "-’'.,ı": [34, 32, 32, 33, 33, 35],
  }).flatMap(([characters, widths]) => widths.map((width, index) => [characters[index], width])),
);
const [LOWER, UPPER] = [76, 90];

/** How wide a word is, in ems; 0 for Chinese and Japanese, whose lines end anywhere. */
function widthOf(word: string): number {
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word)) return 0;
  const bases = word.normalize("NFD").match(/[^\p{M}]/gu) ?? [];
  const width = (base: string) => WIDTHS.get(base) ?? (/\p{Lu}/u.test(base) ? UPPER : LOWER);
  return bases.reduce((sum, base) => sum + width(base), 0) / 100;
}
