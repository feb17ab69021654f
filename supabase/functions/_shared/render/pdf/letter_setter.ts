/** Sets a letter on sheets, from its masthead or its front page to the colophon. */

import { type Answer, type Letter, type Section, setOrReplace } from "../letter.ts";
import type { Problem } from "../problem.ts";
import {
  ASIDE,
  BODY,
  Composer,
  type DrawnPart,
  GRID,
  LARGEST,
  lazily,
  LEAST_SCALE,
  RISE,
  SMALL,
} from "./composer.ts";
import { withInitial } from "../design.ts";
import { drawNumeral, drawOrnament, drawSeal } from "./furniture.ts";
import { destinationOf, setFrontPage } from "./front_page.ts";
import type { Direction } from "./lines.ts";
import { type Entry, type Pages, paginate, type PlacedEntry } from "./pagination.ts";
import type { Plate, PlateMaker } from "./pictures.ts";
import { BASELINE, type Column, type Frame, type Sheets, type Type } from "./sheets.ts";
import type { Element } from "./tags.ts";

const HEADLINE: Type = { style: "regular", size: 31, leading: 35, colour: "ink" };
const LONG_HEADLINE: Type = { ...HEADLINE, size: 23, leading: 28 };
const SPACE: Type = { style: "italic", size: 11, leading: 16, colour: "muted" };
const ISSUE: Type = { style: "regular", size: 8.5, leading: 13, colour: "muted" };
const INTRO: Type = { style: "italic", size: 12.5, leading: 19.75, colour: "ink" };
const QUIET: Type = { style: "italic", size: 16, leading: 23.7, colour: "ink" };
const QUESTION: Type = { style: "regular", size: 17, leading: 22.5, colour: "ink" };
const BRIEF: Type = { style: "regular", size: 13.5, leading: 19.75, colour: "ink", isBalanced: true };

const TOP = 62;
const LEFT = 48;
const TEXT_LEFT = 160;
const RIGHT = 62;
const BOTTOM = 66;

/** Where a brief response may stand, since it is larger than the grid; one of one line takes three and a half steps. */
const HALF = GRID / 2;
const ANSWER_GAP = 1.5 * GRID;
const SECTION_GAP = 3 * GRID;
const COLOPHON_GAP = 2.5 * GRID;
const FIGURE_GAP = 11;

const MAX_PICTURE_HEIGHT = 400;
const MAX_COVER_HEIGHT = 190;
/** From here on a picture that is so much higher than wide is of a screen, and may take a whole page. */
const SCREEN = 1.9;
/** It begins larger than other pictures, and what is read on it can still be read at this part of its size. */
const LEAST_OF_SCREEN = 0.45;
/** A picture that is higher than wide by this, and no screen, is a portrait: two in a row share the column. */
const PORTRAIT = 1.12;
const PAIR_GAP = 16;
const PAIR_FACE_GAP = 9;
/** How many lines the words beside another response may have. */
const PAIR_LINES = 6;
const PAIR_NARROWEST = 120;

/** The baseline of a name beside or above a picture. */
const FIRST_BASELINE = 13.5;

/** From so many pages on a letter has a front page. */
const FRONT_PAGE_FROM = 3;

/** What is put on pages, and drawn there. */
interface Drawn extends Entry<DrawnPart> {
  /** What is drawn where it begins: a heading, and who writes. */
  begin(placed: { heading: number; start: number }): void;
  /** What is drawn after its parts on the page where it begins. */
  end?(placed: { start: number }): void;
  /** How far what begins it stands above it. */
  rise: number;
  /** Whose it is, for the page on which it goes on. */
  name: string | null;
  section: Section | null;
}

/** The frame of a letter on a paper; from right to left it is the same in a mirror. */
export function letterFrame([width, height]: readonly [number, number], direction: Direction = "ltr"): Frame {
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

export class LetterSetter {
  readonly #composer: Composer;
  readonly #continued = new Map<number, string>();
  #hasFrontPage = false;

  /** @param cut The identifiers of the answers that are cut short. */
  constructor(
    readonly letter: Letter,
    readonly cut: ReadonlySet<string>,
    readonly sheets: Sheets,
    plates: PlateMaker,
  ) {
    this.#composer = new Composer(letter, sheets, plates);
  }

  get problems(): Problem[] {
    return this.#composer.problems;
  }

  set(): void {
    const { sheets } = this;
    const { top, bottom } = sheets.frame;
    const entries = this.#entries();
    const end = this.#colophon();
    const height = bottom - top;
    const masthead = this.#masthead();
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
    const { space, weekLabel, words } = this.letter;
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
    const { sheets, letter } = this;
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
        drawOrnament(sheets, letter.design.ornament, text, y, sheets.direction);
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
        this.#continued.set(page + this.#before + 1, letter.words.continued(entry.name!));
      }
    }
  }

  #entries(): Drawn[] {
    const { intro, quiet, sections, words } = this.letter;
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

  #masthead(): Drawn {
    const { sheets, letter } = this;
    const { tags, text, root } = sheets;
    const { space, headline, words, cover } = letter;
    const composer = this.#composer;
    const masthead = lazily(() => tags.element(root, "Sect"));
    const line = (said: string, type: Type) => sheets.lines([{ kind: "text", text: said }], type, text);
    const runs = sheets.runs(headline);
    const above = headline === space.name ? [] : line(space.name, SPACE);
    const type = headline.length > 60 ? LONG_HEADLINE : HEADLINE;
    const lines = sheets.balanced([{ kind: "text", text: headline }], type, text);
    const issue = [letter.weekLabel, letter.date?.label ?? words.draft, letter.byline].filter((part) =>
      part !== null
    )
      .join("  ·  ");
    const issueLines = line(issue, ISSUE);
    const height = (above.length === 0 ? 0 : above.length * SPACE.leading + 2) + lines.length * type.leading +
      8 +
      issueLines.length * ISSUE.leading;
    const size = { width: text.width, height: MAX_COVER_HEIGHT };
    return {
      ...plainEntry(cover === null ? [] : composer.picture(masthead, cover, size, text, 0), 0),
      heading: Math.max(height, 58) + (cover === null ? 0 : 18),
      begin: ({ heading }) => {
        const radius = 25;
        const x = sheets.at("start", sheets.margin, 2 * (radius + 3)) + radius + 3;
        drawSeal(sheets, space.initials, x, heading + radius + 3, radius);
        let y = heading;
        if (above.length > 0) {
          y = sheets.place(tags.textElement(masthead(), "P", space.name), "P", above, SPACE, text, y) + 2;
        }
        y = sheets.place(tags.textElement(masthead(), "H1", headline), "H1", lines, type, text, y, runs) +
          8;
        sheets.place(tags.element(masthead(), "P"), "P", issueLines, ISSUE, text, y);
      },
    };
  }

  #section(section: Section): Drawn[] {
    const { sheets, letter } = this;
    const { tags, text, margin } = sheets;
    const element = lazily(() => tags.element(sheets.root, "Sect"));
    const entries: Drawn[] = [];
    const begins = withInitial(section.answers, letter.design);
    for (let index = 0; index < section.answers.length; index++) {
      const pair = this.#pair(element, section.answers.slice(index, index + 2));
      if (pair !== null) index += 1;
      entries.push(
        pair ?? setOrReplace(
          section.answers[index],
          letter,
          (answer) => this.#answer(element, answer, answer === begins),
        ),
      );
    }
    // What is below a picture or a card needs more room than below words, which have some of their own.
    entries.forEach((entry, index) => {
      if (index > 0 && endsWithFigure(entries[index - 1])) entry.above += HALF;
      if (index > 0 && entry.rise > 0) entry.above += HALF;
    });
    if (entries.length === 0) {
      const lines = letter.quiet
        ? []
        : this.#composer.paragraph(element, letter.words.noAnswers, ASIDE, text);
      entries.push({ ...plainEntry(lines, 0), step: GRID });
    }
    const [first] = entries;
    const lines = sheets.balanced([{ kind: "text", text: section.question }], QUESTION, text);
    const begin = first.begin;
    const gap = section.answers.length === 0 ? 13 : 22;
    entries[0] = {
      ...first,
      section,
      above: SECTION_GAP,
      heading: Math.max(2, Math.round((lines.length * QUESTION.leading + gap) / GRID)) * GRID,
      begin: (placed) => {
        const { heading: y } = placed;
        sheets.document.outline.addItem(`${section.number}. ${section.question}`);
        sheets.document.addNamedDestination(destinationOf(section), "XYZ", 0, Math.max(0, y - 20), null);
        // The numeral and the question stand on one line.
        const baseline = y + QUESTION.leading * BASELINE;
        drawNumeral(sheets, section.numeral, letter.design.numerals, margin, baseline);
        const heading = tags.textElement(element(), "H2", section.question);
        sheets.place(heading, "H2", lines, QUESTION, text, y, section.direction);
        begin(placed);
      },
    };
    return entries;
  }

  #answer(section: () => Element, answer: Answer, hasInitial: boolean): Drawn {
    const { sheets, letter } = this;
    const { text, tags, margin, frame } = sheets;
    const composer = this.#composer;
    const article = lazily(() => tags.element(section(), "Art"));
    const type = answer.brief ? BRIEF : BODY;
    const initial = hasInitial ? letter.design.initial : "plain";
    const parts = composer.passages(article, answer.text, type, GRID, text, initial);
    if (this.cut.has(answer.id)) parts.push(...this.#continuation(article, answer.id));
    const column = frame.bottom - frame.top;
    const runs = answer.text[0]?.direction ?? sheets.direction;
    if (answer.picture !== null) {
      const plate = composer.plate(answer.picture.picture, answer.picture.alt);
      const isScreen = plate !== null && plate.height / plate.width >= SCREEN;
      const height = isScreen ? this.#roomFor(answer, parts, column) : MAX_PICTURE_HEIGHT;
      const size = { width: text.width, height, least: isScreen ? LEAST_OF_SCREEN : undefined };
      parts.push(
        ...composer.picture(article, answer.picture, size, text, parts.length === 0 ? 0 : FIGURE_GAP, runs),
      );
    }
    if (answer.music !== null) {
      parts.push(composer.music(article, answer.music, text, parts.length === 0 ? 0 : FIGURE_GAP));
    }
    const isTowards = runs !== sheets.direction;
    const baseline = answer.text.length === 0 ? FIRST_BASELINE : type.leading * BASELINE;
    const byline = composer.byline(article, answer.author, margin, baseline);
    return {
      above: ANSWER_GAP,
      step: answer.brief ? HALF : GRID,
      heading: 0,
      beside: answer.brief ? Math.max(byline.height, 2 * GRID) : byline.height,
      parts,
      // A name on one line with words that run towards it would be read as a part of them: it is drawn after them.
      begin: ({ start }) => isTowards ? byline.announce() : byline.draw(start),
      end: ({ start }) => isTowards && byline.draw(start),
      rise: initial === "raised" ? RISE : 0,
      name: answer.author.name,
      section: null,
    };
  }

  /** How high a picture of a screen may be: a page, without the words that stand above it. */
  #roomFor(answer: Answer, words: readonly DrawnPart[], column: number): number {
    const above = words.reduce((sum, part) => sum + part.height + part.above, 0) + FIGURE_GAP;
    const below = answer.music === null ? 0 : 90;
    return Math.max(MAX_PICTURE_HEIGHT, column - (above > column / 3 ? 5 * GRID : above) - below);
  }

  /** Set two responses with portraits side by side, if that is what they are. */
  #pair(section: () => Element, answers: readonly Answer[]): Drawn | null {
    const { sheets, letter } = this;
    const { text, tags } = sheets;
    const composer = this.#composer;
    const plates = answers.map((answer) => this.#portrait(answer));
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
    const halves = answers.map((answer, index) => {
      const width = Math.max(height * ratios[index], PAIR_NARROWEST);
      const from = taken + (sheets.direction === "rtl" ? width : 0);
      const column: Column = {
        x: sheets.direction === "rtl" ? text.x + text.width - from : text.x + from,
        width,
      };
      taken += width + PAIR_GAP;
      return setOrReplace(answer, letter, (one) => {
        const article = lazily(() => tags.element(section(), "Art"));
        const byline = composer.byline(article, one.author, column, FIRST_BASELINE);
        const caption = composer.caption(article, one.picture!, column);
        const words = composer.passages(article, one.text, BODY, GRID, column);
        return { answer: one, column, article, byline, caption, words, plate: plates[index]! };
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
        for (const [index, { answer, column, article, byline, caption, words, plate }] of halves.entries()) {
          byline.draw(y);
          const width = drawn * ratios[index];
          const box = { x: sheets.at("start", column, width), y: y + above, width, height: drawn };
          composer.drawPicture(article(), answer.picture!, plate, box);
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
      ...plainEntry([part], ANSWER_GAP),
      step: GRID,
      name: answers[0].author.name,
    };
  }

  #portrait({ picture, music, id }: Answer): Plate | null {
    if (picture === null || music !== null || this.cut.has(id)) return null;
    const plate = this.#composer.plate(picture.picture, picture.alt);
    const ratio = plate === null ? 0 : plate.height / plate.width;
    return ratio >= PORTRAIT && ratio < SCREEN ? plate : null;
  }

  /** Say that responses are cut short, and where all of them are: an address that can be read on paper too. */
  #shortened(): DrawnPart[] {
    const { words, links } = this.letter;
    const { text, root } = this.sheets;
    const composer = this.#composer;
    const said = composer.paragraph(() => root, words.abridged, ASIDE, text);
    if (links.page === null) return said;
    const whole = `${words.labelled(words.readOnTheWeb)} ${links.page}`;
    return [...said, ...composer.link(() => root, whole, links.page, ASIDE, text)];
  }

  /** Say that an answer is cut short, and where the rest is. */
  #continuation(parent: () => Element, id: string): DrawnPart[] {
    const { words, links } = this.letter;
    const { text } = this.sheets;
    if (links.page === null) return this.#composer.paragraph(parent, words.abridged, ASIDE, text, GRID);
    const page = new URL(links.page);
    page.hash = id;
    return this.#composer.link(parent, words.continueOnTheWeb, page.href, ASIDE, text, GRID);
  }

  #colophon(): { height: number; draw(y: number): void } {
    const { sheets, letter } = this;
    const { space, words, links, proof } = letter;
    const { text, tags, root } = sheets;
    const composer = this.#composer;
    const colophon = lazily(() => tags.element(root, "Sect"));
    const description: Type = { ...ASIDE, colour: "ink" };
    const parts = [
      ...(space.description === "" ? [] : composer.paragraph(colophon, space.description, description, text)),
      ...composer.paragraph(colophon, words.madeWith, SMALL, text),
      ...(links.page === null ? [] : composer.link(colophon, words.readOnTheWeb, links.page, SMALL, text)),
      ...(proof === null ? [] : composer.paragraph(colophon, words.code(proof.code), SMALL, text)),
    ];
    return {
      height: 14 + parts.reduce((sum, { height }) => sum + height, 0),
      draw: (y) => {
        sheets.rule(text.x, text.width, y);
        y += 14;
        for (const part of parts) {
          part.draw(y, part.height);
          y += part.height;
        }
      },
    };
  }
}

const WORDS_GAP = 6;

function wordsHeight(words: readonly DrawnPart[]): number {
  return words.length === 0
    ? 0
    : WORDS_GAP + words.reduce((sum, { height, above }) => sum + height + above, 0);
}

/** How far below the middle of the space what separates two responses looks to be in it. */
const BELOW_LINE = 1;
const BELOW_FIGURE = 3;

function endsWithFigure({ parts }: Drawn): boolean {
  return parts.at(-1)?.kind === "figure";
}

/** Something that is nobody's response. */
function plainEntry(parts: DrawnPart[], above: number): Drawn {
  return {
    above,
    step: HALF,
    heading: 0,
    beside: 0,
    parts,
    begin: () => {},
    rise: 0,
    name: null,
    section: null,
  };
}

/** Where an entry ends, on its last page. */
function endOf(entry: Drawn, { start, parts }: PlacedEntry): number {
  const last = parts.at(-1);
  const end = last === undefined ? start.y : last.y + last.height;
  return last === undefined || last.page === start.page ? Math.max(end, start.y + entry.beside) : end;
}

function pageOf(section: Section, entries: readonly Drawn[], pages: Pages): number {
  return pages.entries[entries.findIndex((entry) => entry.section === section)].heading.page + 1;
}
