/** Sets the parts of a letter on sheets, from the masthead to the colophon. */

import type { Answer, Author, Letter, MusicBlock, PictureBlock, Section } from "../letter.ts";
import { PictureError } from "../pictures.ts";
import type { Problem } from "../problem.ts";
import type { Passage } from "../text.ts";
import type { Document } from "./document.ts";
import type { Plate, PlateMaker } from "./pictures.ts";
import type { Column, Sheets, Type } from "./sheets.ts";
import type { Element } from "./tags.ts";

const HEADLINE: Type = { style: "regular", size: 31, leading: 35, colour: "ink" };
const SPACE: Type = { style: "italic", size: 11, leading: 16, colour: "muted" };
const ISSUE: Type = { style: "regular", size: 8.5, leading: 13, colour: "muted" };
const INTRO: Type = { style: "italic", size: 12.5, leading: 19.5, colour: "ink" };
const QUIET: Type = { style: "italic", size: 16, leading: 24, colour: "ink" };
const SEAL: Type = { style: "regular", size: 17, leading: 20, colour: "link" };
const NUMERAL: Type = { style: "regular", size: 36, leading: 40, colour: "accent" };
const QUESTION: Type = { style: "regular", size: 17, leading: 22.5, colour: "ink" };
const NAME: Type = { style: "bold", size: 8.2, leading: 11, colour: "ink" };
const USERNAME: Type = { style: "regular", size: 7.2, leading: 10, colour: "muted" };
const INITIALS: Type = { style: "regular", size: 9, leading: 11, colour: "ink" };
const BRIEF: Type = { style: "regular", size: 13.5, leading: 20, colour: "ink" };
const BODY: Type = { style: "regular", size: 10.2, leading: 15.8, colour: "ink" };
const CAPTION: Type = { style: "italic", size: 8, leading: 12, colour: "muted" };
const ASIDE: Type = { style: "italic", size: 9.5, leading: 14.5, colour: "muted" };
const TITLE: Type = { style: "bold", size: 9.5, leading: 14, colour: "ink" };
const SMALL: Type = { style: "regular", size: 8.8, leading: 13.5, colour: "muted" };

const AVATAR = 28;
const PARAGRAPH_GAP = 7;
const CAPTION_GAP = 4;
/** How much of its size a picture keeps at least when it is made smaller to fit the rest of a page. */
const LEAST_SCALE = 0.6;
const MAX_PICTURE_HEIGHT = 400;
const MAX_COVER_HEIGHT = 190;

export class LetterSetter {
  readonly problems: Problem[] = [];

  /** @param cut The identifiers of the answers that are cut short. */
  constructor(
    readonly letter: Letter,
    readonly cut: ReadonlySet<string>,
    readonly sheets: Sheets,
    readonly plates: PlateMaker,
  ) {}

  async set(): Promise<void> {
    const { intro, quiet, sections, words } = this.letter;
    await this.#masthead();
    if (intro.length > 0) {
      this.sheets.y += 26;
      this.#passages(this.sheets.tags.element(this.sheets.root, "Sect"), intro, INTRO, 9);
    }
    if (quiet) {
      this.sheets.y += 34;
      this.#paragraph(this.sheets.root, words.quietWeek, QUIET);
    }
    for (const section of sections) await this.#section(section);
    this.#colophon();
  }

  async #masthead(): Promise<void> {
    const { sheets, letter } = this;
    const { tags, text, root } = sheets;
    const { space, headline, words } = letter;
    const top = sheets.y;
    this.#seal(space.initials);
    const masthead = tags.element(root, "Sect");
    if (headline !== space.name) {
      sheets.y = sheets.place(tags.element(masthead, "P"), "P", space.name, SPACE, text, sheets.y) + 2;
    }
    const size = headline.length > 60 ? { ...HEADLINE, size: 23, leading: 28 } : HEADLINE;
    const lines = sheets.balanced(headline, size, text);
    sheets.flow(tags.element(masthead, "H1"), "H1", lines, size, text, "right");
    sheets.y += 8;
    const issue = [letter.weekLabel, letter.date?.label ?? words.draft, letter.byline].filter((part) =>
      part !== null
    );
    sheets.y = sheets.place(tags.element(masthead, "P"), "P", issue.join("  ·  "), ISSUE, text, sheets.y);
    sheets.y = Math.max(sheets.y, top + 58);
    if (letter.cover !== null) {
      sheets.y += 18;
      await this.#picture(masthead, letter.cover, MAX_COVER_HEIGHT);
    }
  }

  #seal(initials: string): void {
    const { sheets } = this;
    const radius = 25;
    const [x, y] = [sheets.margin.x + radius, sheets.y + radius + 3];
    sheets.ornament((document) => {
      document.lineWidth(0.9).circle(x, y, radius).stroke(sheets.palette.accent);
      document.lineWidth(0.5).circle(x, y, radius + 2.2).stroke(sheets.palette.accent);
    });
    this.#centred(initials, initials.length > 2 ? { ...SEAL, size: 13 } : SEAL, x, y);
  }

  async #section(section: Section): Promise<void> {
    const { sheets, letter } = this;
    const { tags, text, margin } = sheets;
    const lines = sheets.balanced(section.question, QUESTION, text);
    sheets.y += 34;
    // A question stands with the beginning of its first answer.
    sheets.ensure(Math.max(lines.length * QUESTION.leading, NUMERAL.leading) + 90);
    const element = tags.element(sheets.root, "Sect");
    sheets.document.outline.addItem(`${section.number}. ${section.question}`);
    const top = sheets.y;
    const heading = tags.element(element, "H2");
    sheets.decorate(String(section.number), NUMERAL, margin, top - 10);
    sheets.y = top;
    sheets.flow(heading, "H2", lines, QUESTION, text, section.direction === "rtl" ? "left" : "right");
    sheets.y = Math.max(sheets.y, top + 26) + 4;
    if (section.answers.length === 0 && !letter.quiet) {
      sheets.y += 4;
      this.#paragraph(element, letter.words.noAnswers, ASIDE);
    }
    for (const [index, answer] of section.answers.entries()) {
      if (index > 0) {
        sheets.y += 15;
        if (sheets.room > 80) sheets.rule(text.x, 30, sheets.y);
      }
      sheets.y += 17;
      await this.#answer(element, answer);
    }
  }

  async #answer(parent: Element, answer: Answer): Promise<void> {
    const { sheets } = this;
    const { tags } = sheets;
    // The author stands beside the beginning of the answer, so that has to be on the same page.
    const pictureFirst = answer.text.length === 0 && answer.picture !== null;
    sheets.ensure(pictureFirst ? await this.#leastHeight(answer.picture!) : 66);
    const article = tags.element(parent, "Art");
    const page = sheets.count;
    const top = sheets.y;
    const authorEnd = await this.#author(article, answer.author);
    sheets.y = top;
    this.#passages(article, answer.text, answer.brief ? BRIEF : BODY, PARAGRAPH_GAP);
    if (this.cut.has(answer.id)) this.#continuation(article, answer.id);
    if (answer.picture !== null) {
      if (answer.text.length > 0) sheets.y += 11;
      await this.#picture(article, answer.picture, MAX_PICTURE_HEIGHT);
    }
    if (answer.music !== null) {
      if (answer.text.length > 0 || answer.picture !== null) sheets.y += 11;
      this.#music(article, answer.music);
    }
    if (sheets.count === page) sheets.y = Math.max(sheets.y, authorEnd);
  }

  /** Set the author in the margin; return the height below. */
  async #author(article: Element, author: Author): Promise<number> {
    const { sheets } = this;
    const { margin, palette, tags } = sheets;
    const top = sheets.y;
    const [x, y, radius] = [margin.x + AVATAR / 2, top + AVATAR / 2, AVATAR / 2];
    const plate = author.avatar === null ? null : await this.#plate(author.avatar, author.name);
    if (plate === null) {
      sheets.ornament((document) =>
        document.lineWidth(0.6).circle(x, y, radius).fillAndStroke(palette.card, palette.hairline)
      );
      this.#centred(author.initials, INITIALS, x, y);
    } else {
      sheets.ornament((document) => {
        document.save().circle(x, y, radius).clip();
        document.image(plate.image, x - radius, y - radius, {
          cover: [AVATAR, AVATAR],
          align: "center",
          valign: "center",
        });
        document.restore();
      });
    }
    const heading = tags.element(article, "H3");
    let end = sheets.place(heading, "H3", author.name, NAME, margin, top + AVATAR + 5);
    if (author.username !== null) {
      end = sheets.place(tags.element(article, "P"), "P", `@${author.username}`, USERNAME, margin, end);
    }
    return end;
  }

  #passages(parent: Element, list: readonly Passage[], type: Type, gap: number): void {
    for (const [index, passage] of list.entries()) {
      if (index > 0) this.sheets.y += gap;
      this.sheets.passage(parent, passage, type, this.sheets.text);
    }
  }

  #paragraph(parent: Element, text: string, type: Type): void {
    const { sheets } = this;
    const lines = sheets.lines([{ kind: "text", text }], type, sheets.text);
    sheets.flow(sheets.tags.element(parent, "P"), "P", lines, type, sheets.text, "right");
  }

  /** Say that an answer is cut short, and where the rest is. */
  #continuation(parent: Element, id: string): void {
    const { words, links } = this.letter;
    this.sheets.y += PARAGRAPH_GAP;
    if (links.page === null) {
      this.#paragraph(parent, words.abridged, ASIDE);
      return;
    }
    const page = new URL(links.page);
    page.hash = id;
    this.#link(parent, words.continueOnTheWeb, page.href, ASIDE);
  }

  #link(parent: Element, text: string, href: string, type: Type): void {
    const { sheets } = this;
    const lines = sheets.lines([{ kind: "link", text, href }], type, sheets.text);
    sheets.flow(sheets.tags.element(parent, "P"), "P", lines, type, sheets.text, "right");
  }

  async #picture(parent: Element, block: PictureBlock, maxHeight: number): Promise<void> {
    const { sheets } = this;
    const { text, tags } = sheets;
    const plate = block.picture === null ? null : await this.#plate(block.picture, block.alt);
    if (plate === null) {
      this.#missing(parent, block);
      return;
    }
    const captionHeight = block.caption === null ? 0 : CAPTION.leading + CAPTION_GAP;
    const whole = this.#scale(plate, maxHeight);
    const left = (sheets.room - captionHeight) / plate.height;
    // Rather a little smaller than a page with a hole.
    const scale = left < whole && left >= whole * LEAST_SCALE ? left : whole;
    const [width, height] = [plate.width * scale, plate.height * scale];
    sheets.ensure(height + captionHeight);
    const { x } = text;
    const y = sheets.y;
    const figure = tags.element(
      parent,
      "Figure",
      {
        alt: block.alt,
        bbox: [x, y, x + width, y + height],
      } as Parameters<Document["struct"]>[1],
    );
    tags.content(figure, "Figure", () => sheets.document.image(plate.image, x, y, { width, height }));
    sheets.y = y + height;
    if (block.caption !== null) {
      sheets.y = sheets.place(
        tags.element(parent, "Caption"),
        "Caption",
        block.caption,
        CAPTION,
        text,
        sheets.y + 4,
      );
    }
  }

  /** How large a picture is drawn where there is room: a screen's pixel is three quarters of a point at most. */
  #scale(plate: Plate, maxHeight: number): number {
    return Math.min(this.sheets.text.width / plate.width, maxHeight / plate.height, 0.75);
  }

  /** The least height that the picture of an answer takes with its caption. */
  async #leastHeight({ picture, alt }: PictureBlock): Promise<number> {
    const plate = picture === null ? null : await this.#plate(picture, alt);
    const height = plate === null ? 0 : plate.height * this.#scale(plate, MAX_PICTURE_HEIGHT) * LEAST_SCALE;
    return Math.max(66, height + CAPTION.leading + CAPTION_GAP + 1);
  }

  #missing(parent: Element, { missing, elsewhere }: PictureBlock): void {
    const { page } = this.letter.links;
    if (page === null) this.#paragraph(parent, missing, ASIDE);
    else this.#link(parent, elsewhere, page, ASIDE);
  }

  #music(parent: Element, { title, artist, invitation, href }: MusicBlock): void {
    const { sheets } = this;
    const { text, tags, palette } = sheets;
    const card: Column = { x: text.x, width: Math.min(text.width, 270) };
    const inner: Column = { x: card.x + 54, width: card.width - 54 - 14 };
    const titleLines = sheets.lines([{ kind: "text", text: title }], TITLE, inner);
    const artistLines = artist === null ? [] : sheets.lines([{ kind: "text", text: artist }], SMALL, inner);
    const listen = href === null
      ? { kind: "text" as const, text: invitation }
      : { kind: "link" as const, text: invitation, href };
    const listenLines = sheets.lines([listen], SMALL, inner);
    const height = 20 + titleLines.length * TITLE.leading +
      (artistLines.length + listenLines.length) * SMALL.leading;
    sheets.ensure(height);
    const top = sheets.y;
    sheets.ornament((document) => {
      document.lineWidth(0.6).roundedRect(card.x, top, card.width, height, 4).fillAndStroke(
        palette.card,
        palette.hairline,
      );
      record(document, card.x + 29, top + height / 2, palette.accent);
    });
    const element = tags.element(parent, "Sect");
    sheets.y = top + 10;
    sheets.flow(tags.element(element, "P"), "P", titleLines, TITLE, inner, "right");
    if (artistLines.length > 0) {
      sheets.flow(tags.element(element, "P"), "P", artistLines, SMALL, inner, "right");
    }
    sheets.flow(tags.element(element, "P"), "P", listenLines, SMALL, inner, "right");
    sheets.y = top + height;
  }

  #colophon(): void {
    const { sheets, letter } = this;
    const { space, words, links } = letter;
    const { text, tags, root } = sheets;
    sheets.y += 44;
    sheets.ensure(70);
    sheets.rule(text.x, text.width, sheets.y);
    sheets.y += 14;
    const colophon = tags.element(root, "Sect");
    if (space.description !== "") this.#paragraph(colophon, space.description, { ...ASIDE, colour: "ink" });
    this.#paragraph(colophon, words.madeWith, SMALL);
    if (links.page !== null) this.#link(colophon, words.readOnTheWeb, links.page, SMALL);
  }

  async #plate(picture: Parameters<PlateMaker["make"]>[0], name: string): Promise<Plate | null> {
    try {
      return await this.plates.make(picture);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      const known = this.problems.some((problem) =>
        problem.picture === name && problem.reason === error.message
      );
      if (!known) this.problems.push({ picture: name, reason: error.message });
      return null;
    }
  }

  /** Set a line with the middle of its capitals at a point. */
  #centred(text: string, type: Type, x: number, y: number): void {
    this.sheets.decorate(
      text,
      type,
      { x: x - 50, width: 100 },
      y + type.size * 0.35 - type.leading * 0.72,
      true,
    );
  }
}

/** A note on a record. */
function record(document: Document, x: number, y: number, colour: string): void {
  document.save().translate(x - 15, y - 15).scale(0.75);
  document.lineWidth(1.3).circle(20, 20, 18.5).path("M16 26.5V13l10-2.5v13.5").stroke(colour);
  document.ellipse(13.6, 26.7, 2.6, 2.1).ellipse(23.6, 24.2, 2.6, 2.1).stroke(colour);
  document.restore();
}
