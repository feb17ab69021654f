/**
 * The front page of a newsletter that has three pages and more: cover, seal, title, who writes, and what is asked on
 * which page.
 */

import type { Author, Newsletter, Section } from "../newsletter.ts";
import { type Composer, FACE } from "./composer.ts";
import { drawFace, drawSeal } from "./furniture.ts";
import type { Line } from "./lines.ts";
import { belowTitle, titleType } from "./parts.ts";
import type { Column, Sheets, Type } from "./sheets.ts";

const SEAL = 72;
const TITLES: Type[] = [[44, 46], [34, 37], [26, 30], [20, 24]].map(([size, leading]) => ({
  style: "regular",
  size,
  leading,
  colour: "ink",
}));
const SPACE: Type = { style: "italic", size: 12.5, leading: 17, colour: "muted" };
const ISSUE: Type = { style: "regular", size: 9.5, leading: 14, colour: "muted" };
const ENTRY: Type = { style: "regular", size: 10.2, leading: 15.8, colour: "ink" };
const NUMBER: Type = { ...ENTRY, colour: "link" };
const PAGE: Type = { ...ENTRY, colour: "muted" };
const MORE: Type = { style: "italic", size: 9, leading: 13, colour: "muted" };

/** The cover is wider than it is high by this, and takes no more of the page. */
const CROP = 3 / 2;
const UPPER = 0.55;

const FACE_GAP = 5;
const MORE_WIDTH = 80;
const TITLE_LINES = 2;
/** The room for a numeral, and the space between it and the question. */
const NUMERAL_WIDTH = 12;
const GUTTER = 10;
const PAGE_WIDTH = 40;

/** The name of the place where a question stands. */
export function destinationOf({ id }: Section): string {
  return id;
}

/**
 * Set the front page.
 *
 * @param pageOf The number of the page on which a question stands.
 */
export function setFrontPage(composer: Composer, pageOf: (section: Section) => number): void {
  const { newsletter, sheets } = composer;
  const { tags } = sheets;
  const { width, height } = sheets.document.page;
  const left = sheets.at("start", { x: 0, width }, sheets.margin.width) === 0
    ? sheets.margin.x
    : width - sheets.margin.x - sheets.margin.width;
  const column: Column = { x: left, width: width - 2 * left };
  const masthead = tags.element(sheets.root, "Sect");
  let y = height * 0.16;
  const cover = newsletter.cover && composer.plate(newsletter.cover.picture, newsletter.cover.alt);
  if (newsletter.cover !== null && cover !== null) {
    const tall = Math.min(width / CROP, height * UPPER - SEAL / 2);
    const figure = tags.element(masthead, "Figure", { alt: newsletter.cover.alt, bbox: [0, 0, width, tall] });
    tags.content(figure, "Figure", () => {
      sheets.document.save().rect(0, 0, width, tall).clip();
      sheets.document.image(cover.image, 0, 0, { cover: [width, tall], align: "center", valign: "center" });
      sheets.document.restore();
    });
    y = tall - SEAL / 2;
  }
  const seal = sheets.at("start", column, SEAL) + SEAL / 2;
  drawSeal(sheets, newsletter.space.initials, seal, y + SEAL / 2, SEAL / 2);
  y += SEAL + 14;
  if (newsletter.headline !== newsletter.space.name) {
    const element = tags.textElement(masthead, "P", newsletter.space.name);
    y = sheets.place(element, "P", [sheets.oneLine(newsletter.space.name, SPACE, column)], SPACE, column, y) +
      6;
  }
  const runs = sheets.runs(newsletter.headline);
  const [type, lines] = title(sheets, newsletter.headline, column);
  y =
    sheets.place(tags.textElement(masthead, "H1", newsletter.headline), "H1", lines, type, column, y, runs) +
    belowTitle(8, newsletter.headline);
  const issue = [newsletter.weekLabel, newsletter.date?.label ?? newsletter.words.draft, newsletter.byline]
    .filter((part) => part !== null).join("  ·  ");
  y = sheets.place(
    tags.element(masthead, "P"),
    "P",
    sheets.lines([{ kind: "text", text: issue }], ISSUE, column),
    ISSUE,
    column,
    y,
  );
  y = faces(composer, newsletter, column, y + 14);
  contents(sheets, newsletter, column, y + 14, height - 56, pageOf);
}

/** The title as large as it can be on two lines. */
function title(sheets: Sheets, text: string, column: Column): [Type, Line[]] {
  for (const one of TITLES) {
    const type = titleType(one, text);
    const lines = sheets.balanced([{ kind: "text", text }], type, column);
    if (lines.length <= TITLE_LINES || one === TITLES.at(-1)) return [type, lines];
  }
  throw new Error("There is no type for titles.");
}

/** Those who write, each once, on one row; return the height below them. */
function faces(composer: Composer, newsletter: Newsletter, column: Column, y: number): number {
  const { sheets } = composer;
  const authors = new Map<string, Author>();
  for (const { responses } of newsletter.sections) {
    for (const { author } of responses) {
      const key = `${author.name} ${author.username}`;
      if (!authors.has(key) && author.name !== "") authors.set(key, author);
    }
  }
  if (authors.size === 0) return y - 14;
  const room = Math.floor((column.width + FACE_GAP) / (FACE + FACE_GAP));
  const shown = [...authors.values()].slice(0, authors.size > room ? room - 3 : room);
  for (const [index, author] of shown.entries()) {
    const plate = author.avatar === null ? null : composer.plate(author.avatar, author.name);
    const before = index * (FACE + FACE_GAP);
    const x = sheets.at("start", column, FACE + 2 * before) + before + FACE / 2;
    drawFace(sheets, plate, author.initials, x, y + FACE / 2, FACE / 2);
  }
  if (authors.size > shown.length) {
    const before = shown.length * (FACE + FACE_GAP) + 2;
    const x = sheets.at("start", column, MORE_WIDTH + 2 * before) + before;
    const more = `+ ${authors.size - shown.length}`;
    sheets.decorate(more, MORE, { x, width: MORE_WIDTH }, y + FACE / 2 - 7.5);
  }
  return y + FACE;
}

/** The questions with the numbers of their pages, as much of each as there is room for. */
function contents(
  sheets: Sheets,
  newsletter: Newsletter,
  column: Column,
  y: number,
  end: number,
  pageOf: (section: Section) => number,
): void {
  const { tags } = sheets;
  const single = (said: string, type: Type) => sheets.lines([{ kind: "text", text: said }], type, column)[0];
  const numerals = newsletter.sections.map(({ numeral }) => single(numeral, NUMBER));
  const room = Math.max(NUMERAL_WIDTH, ...numerals.map(({ width }) => width));
  const width = column.width - room - GUTTER - PAGE_WIDTH;
  const text: Column = {
    x: column.x + (sheets.direction === "rtl" ? PAGE_WIDTH : room + GUTTER),
    width,
  };
  const whole = newsletter.sections.map(({ question }) =>
    sheets.lines([{ kind: "text", text: question }], ENTRY, text)
  );
  const count = whole.reduce((sum, lines) => sum + lines.length, 0);
  const entries = count <= Math.floor((end - y - 10) / ENTRY.leading)
    ? whole
    : newsletter.sections.map(({ question }) => [sheets.oneLine(question, ENTRY, text)]);
  sheets.rule(column.x, column.width, y);
  y += 10;
  const list = tags.element(sheets.root, "TOC");
  for (const [index, section] of newsletter.sections.entries()) {
    const lines = entries[index];
    const link = tags.element(tags.element(list, "TOCI"), "Link");
    const numeral = numerals[index];
    const before = { x: sheets.at("start", column, room), width: room };
    sheets.drawLine(link, "Link", numeral, NUMBER, sheets.at("end", before, numeral.width), y);
    sheets.place(link, "Link", lines, ENTRY, text, y, sheets.runs(section.question));
    const page = single(String(pageOf(section)), PAGE);
    const last = y + (lines.length - 1) * PAGE.leading;
    sheets.drawLine(link, "Link", page, PAGE, sheets.at("end", column, page.width), last);
    tags.close();
    const height = lines.length * ENTRY.leading;
    const box = { x: column.x, y, width: column.width, height };
    sheets.link(link, box, { destination: destinationOf(section) }, section.question);
    y += height;
  }
}
