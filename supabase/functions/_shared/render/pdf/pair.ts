/** Two responses with portraits, side by side. */

import { type ResponseBlock, setOrReplace } from "../newsletter.ts";
import type { Composer } from "./composer.ts";
import { LARGEST } from "./composer.ts";
import { type Drawn, plainEntry } from "./entries.ts";
import { BODY, type DrawnPart, GRID, lazily, LEAST_SCALE } from "./parts.ts";
import type { Plate } from "./pictures.ts";
import type { Column } from "./sheets.ts";
import type { Element } from "./tags.ts";

/** From here on a picture that is so much higher than wide is of a screen, and may take a whole page. */
export const SCREEN = 1.9;
export const MAX_PICTURE_HEIGHT = 400;
export const RESPONSE_GAP = 1.5 * GRID;
/** A picture that is higher than wide by this, and no screen, is a portrait: two in a row share the column. */
const PORTRAIT = 1.12;
const PAIR_GAP = 16;
const PAIR_FACE_GAP = 9;
/** How many lines the words beside another response may have. */
const PAIR_LINES = 6;
const PAIR_NARROWEST = 120;

/** The baseline of a name beside or above a picture. */
export const FIRST_BASELINE = 13.5;

/** Set two responses with portraits side by side, if that is what they are. */
export function pairOf(
  composer: Composer,
  section: () => Element,
  responses: readonly ResponseBlock[],
  cut: ReadonlySet<string>,
): Drawn | null {
  const { sheets, newsletter } = composer;
  const { text, tags } = sheets;
  const plates = responses.map((response) => portrait(composer, response, cut));
  if (plates.length !== 2 || plates.includes(null)) return null;
  const [one, other] = plates as [Plate, Plate];
  const ratios = [one, other].map(({ width, height }) => width / height);
  const height = Math.min(
    (text.width - PAIR_GAP) / (ratios[0] + ratios[1]),
    MAX_PICTURE_HEIGHT,
    one.height * LARGEST,
    other.height * LARGEST,
  );
  let taken = 0;
  const halves = responses.map((response, index) => {
    const width = Math.max(height * ratios[index], PAIR_NARROWEST);
    const from = taken + (sheets.direction === "rtl" ? width : 0);
    const column: Column = {
      x: sheets.direction === "rtl" ? text.x + text.width - from : text.x + from,
      width,
    };
    taken += width + PAIR_GAP;
    return setOrReplace(response, newsletter, (one) => {
      const article = lazily(() => tags.element(section(), "Art"));
      const byline = composer.byline(article, one.author, column, FIRST_BASELINE);
      const caption = composer.caption(article, one.picture!, column);
      const words = composer.passages(article, one.text, BODY, GRID, column);
      return { response: one, column, article, byline, caption, words, plate: plates[index]! };
    });
  });
  if (halves.some(({ words }) => words.length > PAIR_LINES) || taken - PAIR_GAP > text.width + 1) {
    return null;
  }
  const above = Math.max(...halves.map(({ byline }) => byline.height)) + PAIR_FACE_GAP;
  const below = Math.max(...halves.map(({ caption, words }) => caption.height + wordsHeight(words)));
  const part: DrawnPart = {
    kind: "figure",
    height: above + height + below,
    above: 0,
    give: height * (1 - LEAST_SCALE),
    draw: (y, given) => {
      const drawn = given - above - below;
      for (
        const [index, { response, column, article, byline, caption, words, plate }] of halves.entries()
      ) {
        byline.draw(y);
        const width = drawn * ratios[index];
        const box = { x: sheets.at("start", column, width), y: y + above, width, height: drawn };
        composer.drawPicture(article(), response.picture!, plate, box);
        let below = box.y + drawn;
        caption.draw(below);
        below += caption.height + WORDS_GAP;
        for (const word of words) {
          word.draw(below + word.above, word.height);
          below += word.above + word.height;
        }
      }
    },
  };
  return {
    ...plainEntry([part], RESPONSE_GAP),
    step: GRID,
    name: responses[0].author.name,
  };
}

function portrait(
  composer: Composer,
  { picture, music, id }: ResponseBlock,
  cut: ReadonlySet<string>,
): Plate | null {
  if (picture === null || music !== null || cut.has(id)) return null;
  const plate = composer.plate(picture.picture, picture.alt);
  const ratio = plate === null ? 0 : plate.height / plate.width;
  return ratio >= PORTRAIT && ratio < SCREEN ? plate : null;
}

const WORDS_GAP = 6;

function wordsHeight(words: readonly DrawnPart[]): number {
  return words.length === 0
    ? 0
    : WORDS_GAP + words.reduce((sum, { height, above }) => sum + height + above, 0);
}
