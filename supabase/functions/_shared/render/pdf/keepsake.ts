/** A sheet to keep: one question, one response with its picture, and the seal of the space. */

import { ORNAMENTS } from "../design.ts";
import type { Newsletter, ResponseBlock } from "../newsletter.ts";
import type { Problem } from "../problem.ts";
import { Composer } from "./composer.ts";
import { drawOrnament, drawSeal } from "./furniture.ts";
import { type Entry, type Pages, paginate } from "./pagination.ts";
import { BODY, type DrawnPart, lazily, type Parent, titleType } from "./parts.ts";
import type { PlateMaker } from "./pictures.ts";
import type { Frame, Sheets, Type } from "./sheets.ts";

const QUESTION: Type = { style: "regular", size: 17, leading: 22.5, colour: "ink", isBalanced: true };
const SPACE: Type = { style: "italic", size: 9.5, leading: 13, colour: "ink" };
const ISSUE: Type = { style: "regular", size: 7.8, leading: 11, colour: "muted" };

/** The words are as large as lets all of it stand on one sheet; more of them go on to the next. */
const BRIEF: Type = { style: "regular", size: 14, leading: 21, colour: "ink", isBalanced: true };
const WORDS: Type[] = [BODY, { ...BODY, size: 9.2, leading: 14 }, { ...BODY, size: 8.4, leading: 12.6 }];

const SIDE = 44;
const TOP = 48;
const SEAL = 18;
const SEAL_BOTTOM = 40;
/** Where the column ends, above the seal. */
const BOTTOM = SEAL_BOTTOM + 2 * SEAL + 22;
const GAP = 14;
const RULE = 30;
const BYLINE_GAP = 16;
/** A picture is as high as lets all of it stand on one sheet. */
const PICTURE_HEIGHTS = [300, 250, 200, 150];
/** What is left over stands above the words in this part, so that they are a little above the middle. */
const ABOVE = 0.38;

export function keepsakeFrame([width, height]: readonly [number, number]): Frame {
  const column = { x: SIDE, width: width - 2 * SIDE };
  return { top: TOP, bottom: height - BOTTOM, margin: column, text: column };
}

export class KeepsakeSetter {
  readonly #composer: Composer;

  /** @param newsletter One with one response. */
  constructor(readonly newsletter: Newsletter, readonly sheets: Sheets, plates: PlateMaker) {
    this.#composer = new Composer(newsletter, sheets, plates);
  }

  get problems(): Problem[] {
    return this.#composer.problems;
  }

  set(): void {
    const { sheets, newsletter } = this;
    const { top, bottom, text } = sheets.frame;
    const [section] = newsletter.sections;
    const [response] = section.responses;
    const height = bottom - top;
    const article = lazily(() => sheets.tags.element(sheets.root, "Art"));
    const asked = titleType(QUESTION, section.question);
    const question = sheets.balanced([{ kind: "text", text: section.question }], asked, text);
    const runs = response.text[0]?.direction ?? sheets.direction;
    const byline = this.#composer.byline(article, response.author, text, 13.5, runs);
    const end = BYLINE_GAP + byline.height;

    let entries: Entry<DrawnPart>[] = [];
    let pages: Pages | null = null;
    const types = response.brief ? [BRIEF, ...WORDS] : WORDS;
    for (const type of types) {
      for (const picture of PICTURE_HEIGHTS) {
        if (pages?.count === 1) break;
        entries = this.#entries(article, response, question.length * asked.leading, type, picture);
        pages = paginate(entries, height, end);
      }
    }
    if (pages === null) return;
    const free = pages.count === 1 ? height - (pages.end.y + end) : 0;
    const start = top + Math.max(0, free) * ABOVE;
    const goTo = (page: number) => {
      while (sheets.count <= page) this.#sheet();
    };
    goTo(0);
    const heading = sheets.tags.textElement(article(), "H1", section.question);
    const below = sheets.place(heading, "H1", question, asked, text, start, section.direction);
    const { ornament } = newsletter.design;
    if (ORNAMENTS[ornament] !== null) {
      drawOrnament(sheets, ornament, text, below + GAP / 2, section.direction);
    } else sheets.rule(sheets.at("start", text, RULE, section.direction), RULE, below + GAP / 2, "accent");
    for (const [index, { parts }] of entries.entries()) {
      for (const [number, part] of parts.entries()) {
        const placed = pages.entries[index].parts[number];
        goTo(placed.page);
        part.draw(placed.y + (placed.page === 0 ? start : top), placed.height);
      }
    }
    goTo(pages.end.page);
    byline.draw(pages.end.y + BYLINE_GAP + (pages.end.page === 0 ? start : top));
  }

  finish(): void {
    this.sheets.finish(() => null);
  }

  /** The picture below the question, and the words below that. */
  #entries(
    article: Parent,
    response: ResponseBlock,
    question: number,
    type: Type,
    height: number,
  ): Entry<DrawnPart>[] {
    const { text } = this.sheets;
    const composer = this.#composer;
    const above = GAP;
    const size = { width: text.width, height };
    const picture = response.picture === null
      ? []
      : composer.picture(article, response.picture, size, text, 0);
    const words = composer.passages(article, response.text, type, type.leading * 0.6, text);
    if (response.music !== null) {
      words.push(composer.music(article, response.music, text, words.length === 0 ? 0 : GAP));
    }
    const entry = { above, step: 0.5, heading: 0, beside: 0 };
    const first = { ...entry, above: 0, heading: question + GAP * 1.5 };
    if (picture.length === 0) return [{ ...first, parts: words }];
    return [{ ...first, parts: picture }, ...(words.length === 0 ? [] : [{ ...entry, parts: words }])];
  }

  /** Begin a sheet, with the seal at its foot. */
  #sheet(): void {
    const { sheets, newsletter } = this;
    sheets.addSheet();
    const { height } = sheets.document.page;
    const { width } = sheets.text;
    const y = height - SEAL_BOTTOM - SEAL;
    drawSeal(sheets, newsletter.space.initials, sheets.at("start", sheets.text, 2 * SEAL) + SEAL, y, SEAL);
    const beside = width - 2 * SEAL - 12;
    const column = { x: sheets.at("end", sheets.text, beside), width: beside };
    const issue = [newsletter.weekLabel, newsletter.date?.label].filter((part) => part !== undefined).join(
      "  ·  ",
    );
    const says = [[newsletter.space.name, SPACE], [issue, ISSUE]] as const;
    let top = y - (SPACE.leading + ISSUE.leading) / 2;
    for (const [said, type] of says) {
      const element = sheets.tags.textElement(sheets.root, "P", said);
      top = sheets.place(element, "P", [sheets.oneLine(said, type, column)], type, column, top);
    }
  }
}
