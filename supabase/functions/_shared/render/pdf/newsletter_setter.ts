/** Sets a newsletter on sheets, from its masthead or its front page to the colophon. */

import { type Newsletter, type ResponseBlock, type Section, setOrReplace } from "../newsletter.ts";
import type { Problem } from "../problem.ts";
import { withInitial } from "../design.ts";
import { Composer } from "./composer.ts";
import { type Drawn, endOf, endsWithFigure, HALF, pageOf, plainEntry } from "./entries.ts";
import { destinationOf, setFrontPage } from "./front_page.ts";
import { drawNumeral, drawOrnament } from "./furniture.ts";
import type { Direction } from "./lines.ts";
import { colophonOf, mastheadOf } from "./masthead.ts";
import { type Pages, paginate } from "./pagination.ts";
import { FIRST_BASELINE, MAX_PICTURE_HEIGHT, pairOf, RESPONSE_GAP, SCREEN } from "./pair.ts";
import { ASIDE, BODY, type DrawnPart, GRID, lazily, titleType } from "./parts.ts";
import { RISE } from "./passages.ts";
import type { PlateMaker } from "./pictures.ts";
import { BASELINE, type Column, type Frame, type Sheets, type Type } from "./sheets.ts";
import type { Element } from "./tags.ts";

const INTRO: Type = { style: "italic", size: 12.5, leading: 19.75, colour: "ink" };
const QUIET: Type = { style: "italic", size: 16, leading: 23.7, colour: "ink" };
const QUESTION: Type = { style: "regular", size: 17, leading: 22.5, colour: "ink" };
const BRIEF: Type = { style: "regular", size: 13.5, leading: 19.75, colour: "ink", isBalanced: true };

const TOP = 62;
const LEFT = 48;
const TEXT_LEFT = 160;
const RIGHT = 62;
const BOTTOM = 66;

const SECTION_GAP = 3 * GRID;
const COLOPHON_GAP = 2.5 * GRID;
const FIGURE_GAP = 11;

/** It begins larger than other pictures, and what is read on it can still be read at this part of its size. */
const LEAST_OF_SCREEN = 0.45;
/** From so many pages on a newsletter has a front page. */
const FRONT_PAGE_FROM = 3;

/** The frame of a newsletter on a paper; from right to left it is the same in a mirror. */
export function newsletterFrame(
  [width, height]: readonly [number, number],
  direction: Direction = "ltr",
): Frame {
  const lines = Math.floor((height - TOP - BOTTOM) / GRID);
  const column = (x: number, wide: number): Column => ({
    x: direction === "rtl" ? width - x - wide : x,
    width: wide,
  });
  return {
    top: TOP,
    bottom: TOP + lines * GRID,
    margin: column(LEFT, TEXT_LEFT - LEFT - 12),
    text: column(TEXT_LEFT, width - TEXT_LEFT - RIGHT),
  };
}

/** How far below the middle of the space what separates two responses looks to be in it. */
const BELOW_LINE = 1;
const BELOW_FIGURE = 3;

export class NewsletterSetter {
  readonly #composer: Composer;
  readonly #continued = new Map<number, string>();
  #hasFrontPage = false;

  /** @param cut The identifiers of the responses that are cut short. */
  constructor(
    readonly newsletter: Newsletter,
    readonly cut: ReadonlySet<string>,
    readonly sheets: Sheets,
    plates: PlateMaker,
  ) {
    this.#composer = new Composer(newsletter, sheets, plates);
  }

  get problems(): Problem[] {
    return this.#composer.problems;
  }

  set(): void {
    const { sheets } = this;
    const { top, bottom } = sheets.frame;
    const entries = this.#entries();
    const end = colophonOf(this.#composer);
    const height = bottom - top;
    const masthead = mastheadOf(this.#composer);
    let pages = paginate([masthead, ...entries], height, COLOPHON_GAP + end.height);
    let drawn = [masthead, ...entries];
    this.#hasFrontPage = pages.count >= FRONT_PAGE_FROM;
    if (this.#hasFrontPage) {
      pages = paginate(entries, height, COLOPHON_GAP + end.height);
      drawn = entries;
    }
    sheets.addSheet();
    if (this.#hasFrontPage) {
      setFrontPage(this.#composer, (section) => pageOf(section, drawn, pages) + 1);
      sheets.addSheet();
    }
    this.#draw(drawn, pages);
    while (sheets.count < pages.end.page + this.#before + 1) sheets.addSheet();
    end.draw(top + pages.end.y + (pages.end.y === 0 ? 0 : COLOPHON_GAP));
  }

  /** Write what stands at the foot and at the head of each page. */
  finish(): void {
    const { space, weekLabel, words } = this.newsletter;
    this.sheets.finish(
      (page, pages) =>
        this.#hasFrontPage && page === 1
          ? null
          : { start: `${space.name} · ${weekLabel}`, end: words.pageOf(page, pages) },
      (page) => this.#continued.get(page) ?? null,
    );
  }

  /** How many pages come before those that are filled one after another. */
  get #before(): number {
    return this.#hasFrontPage ? 1 : 0;
  }

  #draw(entries: readonly Drawn[], pages: Pages): void {
    const { sheets, newsletter } = this;
    const { top, text } = sheets.frame;
    const goTo = (page: number) => {
      while (sheets.count < page + this.#before + 1) sheets.addSheet();
    };
    for (const [index, entry] of entries.entries()) {
      const placed = pages.entries[index];
      const { heading, start, parts, follows, continued } = placed;
      goTo(heading.page);
      if (follows && entry.name !== null && entry.heading === 0) {
        const above = endOf(entries[index - 1], pages.entries[index - 1]);
        const y = top + (above + start.y - entry.rise) / 2 +
          (endsWithFigure(entries[index - 1]) ? BELOW_FIGURE : BELOW_LINE);
        drawOrnament(sheets, newsletter.design.ornament, text, y, sheets.direction);
      }
      entry.begin({ heading: top + heading.y, start: top + start.y });
      let hasEnded = false;
      const end = () => {
        if (!hasEnded) entry.end?.({ start: top + start.y });
        hasEnded = true;
      };
      for (const [number, part] of entry.parts.entries()) {
        const { page, y, height } = parts[number];
        if (page !== start.page) end();
        goTo(page);
        part.draw(top + y, height);
      }
      end();
      for (const page of entry.name === null ? [] : continued) {
        this.#continued.set(page + this.#before + 1, newsletter.words.continued(entry.name!));
      }
    }
  }

  #entries(): Drawn[] {
    const { intro, quiet, sections, words } = this.newsletter;
    const { text, tags, root } = this.sheets;
    const entries: Drawn[] = [];
    if (this.cut.size > 0) entries.push(plainEntry(this.#shortened(), 1.5 * GRID));
    if (intro.length > 0) {
      const parent = lazily(() => tags.element(root, "Sect"));
      entries.push(plainEntry(this.#composer.passages(parent, intro, INTRO, 9, text), 1.5 * GRID));
    }
    if (quiet) {
      entries.push(plainEntry(this.#composer.paragraph(() => root, words.quietWeek, QUIET, text), 2 * GRID));
    }
    return [...entries, ...sections.flatMap((section) => this.#section(section))];
  }

  #section(section: Section): Drawn[] {
    const { sheets, newsletter } = this;
    const { tags, text, margin } = sheets;
    const element = lazily(() => tags.element(sheets.root, "Sect"));
    const entries: Drawn[] = [];
    const begins = withInitial(section.responses, newsletter.design);
    for (let index = 0; index < section.responses.length; index++) {
      const pair = pairOf(this.#composer, element, section.responses.slice(index, index + 2), this.cut);
      if (pair !== null) index += 1;
      entries.push(
        pair ?? setOrReplace(
          section.responses[index],
          newsletter,
          (response) => this.#response(element, response, response === begins),
        ),
      );
    }
    // What is below a picture or a card needs more room than below words, which have some of their own.
    entries.forEach((entry, index) => {
      if (index > 0 && endsWithFigure(entries[index - 1])) entry.above += HALF;
      if (index > 0 && entry.rise > 0) entry.above += HALF;
    });
    if (entries.length === 0) {
      const lines = newsletter.quiet
        ? []
        : this.#composer.paragraph(element, newsletter.words.noAnswers, ASIDE, text);
      entries.push({ ...plainEntry(lines, 0), step: GRID });
    }
    const [first] = entries;
    const type = titleType(QUESTION, section.question);
    const lines = sheets.balanced([{ kind: "text", text: section.question }], type, text);
    const begin = first.begin;
    const gap = section.responses.length === 0 ? 13 : 22;
    entries[0] = {
      ...first,
      section,
      above: SECTION_GAP,
      heading: Math.max(2, Math.round((lines.length * type.leading + gap) / GRID)) * GRID,
      begin: (placed) => {
        const { heading: y } = placed;
        sheets.document.outline.addItem(`${section.number}. ${section.question}`);
        sheets.document.addNamedDestination(destinationOf(section), "XYZ", 0, Math.max(0, y - 20), null);
        // The numeral and the question stand on one line.
        const baseline = y + type.leading * BASELINE;
        drawNumeral(sheets, section.numeral, newsletter.design.numerals, margin, baseline);
        const heading = tags.textElement(element(), "H2", section.question);
        sheets.place(heading, "H2", lines, type, text, y, section.direction);
        begin(placed);
      },
    };
    return entries;
  }

  #response(section: () => Element, response: ResponseBlock, hasInitial: boolean): Drawn {
    const { sheets, newsletter } = this;
    const { text, tags, margin, frame } = sheets;
    const composer = this.#composer;
    const article = lazily(() => tags.element(section(), "Art"));
    const type = response.brief ? BRIEF : BODY;
    const initial = hasInitial ? newsletter.design.initial : "plain";
    const parts = composer.passages(article, response.text, type, GRID, text, initial);
    if (this.cut.has(response.id)) parts.push(...this.#continuation(article, response.id));
    const column = frame.bottom - frame.top;
    const runs = response.text[0]?.direction ?? sheets.direction;
    if (response.picture !== null) {
      const plate = composer.plate(response.picture.picture, response.picture.alt);
      const isScreen = plate !== null && plate.height / plate.width >= SCREEN;
      const height = isScreen ? this.#roomFor(response, parts, column) : MAX_PICTURE_HEIGHT;
      const size = { width: text.width, height, least: isScreen ? LEAST_OF_SCREEN : undefined };
      parts.push(
        ...composer.picture(article, response.picture, size, text, parts.length === 0 ? 0 : FIGURE_GAP, runs),
      );
    }
    if (response.music !== null) {
      parts.push(composer.music(article, response.music, text, parts.length === 0 ? 0 : FIGURE_GAP));
    }
    const isTowards = runs !== sheets.direction;
    const baseline = response.text.length === 0 ? FIRST_BASELINE : type.leading * BASELINE;
    const byline = composer.byline(article, response.author, margin, baseline);
    return {
      above: RESPONSE_GAP,
      step: response.brief ? HALF : GRID,
      heading: 0,
      beside: response.brief ? Math.max(byline.height, 2 * GRID) : byline.height,
      parts,
      // A name on one line with words that run towards it would be read as a part of them: it is drawn after them.
      begin: ({ start }) => isTowards ? byline.announce() : byline.draw(start),
      end: ({ start }) => isTowards && byline.draw(start),
      rise: initial === "raised" ? RISE : 0,
      name: response.author.name,
      section: null,
    };
  }

  /** How high a picture of a screen may be: a page, without the words that stand above it. */
  #roomFor(response: ResponseBlock, words: readonly DrawnPart[], column: number): number {
    const above = words.reduce((sum, part) => sum + part.height + part.above, 0) + FIGURE_GAP;
    const below = response.music === null ? 0 : 90;
    return Math.max(MAX_PICTURE_HEIGHT, column - (above > column / 3 ? 5 * GRID : above) - below);
  }

  /** Say that responses are cut short, and where all of them are: an address that can be read on paper too. */
  #shortened(): DrawnPart[] {
    const { words, links } = this.newsletter;
    const { text, root } = this.sheets;
    const composer = this.#composer;
    const said = composer.paragraph(() => root, words.abridged, ASIDE, text);
    if (links.page === null) return said;
    const whole = `${words.labelled(words.readOnTheWeb)} ${links.page}`;
    return [...said, ...composer.link(() => root, whole, links.page, ASIDE, text)];
  }

  /** Say that a response is cut short, and where the rest is. */
  #continuation(parent: () => Element, id: string): DrawnPart[] {
    const { words, links } = this.newsletter;
    const { text } = this.sheets;
    if (links.page === null) return this.#composer.paragraph(parent, words.abridged, ASIDE, text, GRID);
    const page = new URL(links.page);
    page.hash = id;
    return this.#composer.link(parent, words.continueOnTheWeb, page.href, ASIDE, text, GRID);
  }
}
