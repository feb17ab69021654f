/** Sets the parts of a newsletter: each as high as it is, to be put on a page and drawn there. */

import { PictureError } from "../../pictures/problem.ts";
import type { Picture } from "../input.ts";
import type { Author, MusicBlock, Newsletter, PictureBlock } from "../newsletter.ts";
import type { Problem } from "../problem.ts";
import { drawFace, drawRecord } from "./furniture.ts";
import type { Direction } from "./lines.ts";
import {
  ASIDE,
  type Block,
  type Byline,
  CAPTION,
  type DrawnPart,
  lazily,
  LEAST_SCALE,
  type Parent,
  SMALL,
} from "./parts.ts";
import { PassageComposer } from "./passages.ts";
import type { Plate, PlateMaker } from "./pictures.ts";
import { BASELINE, type Column, type Sheets, type Type } from "./sheets.ts";
import type { Element } from "./tags.ts";

const TITLE: Type = { style: "bold", size: 9.5, leading: 14, colour: "ink" };
const NAME: Type = { style: "bold", size: 8.2, leading: 11, colour: "ink" };
/** Smaller ones, for a name with a long word. */
const SMALLER_NAMES: readonly Type[] = [7.7, 7.2].map((size) => ({ ...NAME, size }));
const USERNAME: Type = { style: "regular", size: 7.2, leading: 10, colour: "muted" };

export const FACE = 22;
const FACE_GAP = 6;
const CAPTION_GAP = 4;
export class Composer extends PassageComposer {
  readonly problems: Problem[] = [];

  constructor(readonly newsletter: Newsletter, sheets: Sheets, readonly plates: PlateMaker) {
    super(sheets);
  }

  /** Set a picture with its caption, or the words in its place. */
  picture(
    parent: Parent,
    block: PictureBlock,
    size: PictureSize,
    column: Column,
    above: number,
    runs: Direction = this.sheets.direction,
  ): DrawnPart[] {
    const plate = this.plate(block.picture, block.alt);
    if (plate === null) {
      const { page } = this.newsletter.links;
      return [
        ...(page === null
          ? this.paragraph(parent, block.missing, ASIDE, column, above)
          : this.link(parent, block.elsewhere, page, ASIDE, column, above)),
        ...(block.caption === null ? [] : this.paragraph(parent, block.caption, CAPTION, column)),
      ];
    }
    const caption = this.caption(parent, block, column, runs);
    const scale = Math.min(size.width / plate.width, (size.height - caption.height) / plate.height, LARGEST);
    const [width, height] = [plate.width * scale, plate.height * scale];
    return [{
      kind: "figure",
      height: height + caption.height,
      above,
      give: height * (1 - (size.least ?? LEAST_SCALE)),
      draw: (y, given) => {
        const drawn = given - caption.height;
        const shown = (width * drawn) / height;
        const x = this.sheets.at("start", column, shown, runs);
        this.drawPicture(parent(), block, plate, { x, y, width: shown, height: drawn });
        caption.draw(y + drawn);
      },
    }];
  }

  drawPicture(
    parent: Element,
    { alt, picture }: PictureBlock,
    plate: Plate,
    box: { x: number; y: number; width: number; height: number },
  ): void {
    const { sheets } = this;
    const { x, y, width, height } = box;
    const href = picture?.original;
    const within = href === undefined ? parent : sheets.tags.element(parent, "Link");
    const figure = sheets.tags.element(within, "Figure", { alt, bbox: [x, y, x + width, y + height] });
    sheets.tags.content(figure, "Figure", () => sheets.document.image(plate.image, x, y, { width, height }));
    if (href !== undefined) {
      sheets.tags.close();
      sheets.link(within, box, { href }, this.newsletter.words.originalSize);
    }
  }

  /** Set the caption below a picture. */
  caption(
    parent: Parent,
    { caption }: PictureBlock,
    column: Column,
    runs: Direction = this.sheets.direction,
  ): Block {
    const { sheets } = this;
    if (caption === null) return { height: 0, draw: () => {} };
    const lines = sheets.lines([{ kind: "text", text: caption }], CAPTION, column);
    return {
      height: CAPTION_GAP + lines.length * CAPTION.leading,
      draw: (y) => {
        const element = sheets.tags.textElement(parent(), "Caption", caption);
        sheets.place(element, "Caption", lines, CAPTION, column, y + CAPTION_GAP, runs);
      },
    };
  }

  /** Set a card for a piece of music. */
  music(
    parent: Parent,
    { title, artist, invitation, href }: MusicBlock,
    column: Column,
    above: number,
  ): DrawnPart {
    const { sheets } = this;
    const { tags, palette } = sheets;
    const width = Math.min(column.width, 270);
    const card: Column = { x: sheets.at("start", column, width), width };
    const inner: Column = {
      x: sheets.at("end", card, width - 54) + (sheets.direction === "rtl" ? 14 : 0),
      width: width - 54 - 14,
    };
    const text = (said: string) => [{ kind: "text" as const, text: said }];
    const titleLines = sheets.lines(text(title), TITLE, inner);
    const artistLines = artist === null ? [] : sheets.lines(text(artist), SMALL, inner);
    const listen = href === null ? text(invitation) : [{ kind: "link" as const, text: invitation, href }];
    const listenLines = sheets.lines(listen, SMALL, inner);
    const height = 20 + titleLines.length * TITLE.leading +
      (artistLines.length + listenLines.length) * SMALL.leading;
    const draw = (top: number) => {
      sheets.ornament((document) => {
        document.lineWidth(0.6).roundedRect(card.x, top, card.width, height, 4).fillAndStroke(
          palette.card,
          palette.hairline,
        );
        drawRecord(document, sheets.at("start", card, 58) + 29, top + height / 2, palette.accent);
      });
      const element = tags.element(parent(), "Sect");
      let y = sheets.place(tags.textElement(element, "P", title), "P", titleLines, TITLE, inner, top + 10);
      if (artist !== null) {
        y = sheets.place(tags.textElement(element, "P", artist), "P", artistLines, SMALL, inner, y);
      }
      sheets.place(tags.element(element, "P"), "P", listenLines, SMALL, inner, y);
    };
    return { kind: "figure", height, above, give: 0, draw };
  }

  /**
   * Set the author of a response: a face, and beside it name and username.
   *
   * @param baseline Where the baseline of the name is, from the top: that of the words beside it.
   * @param runs From which side: the face is on it.
   */
  byline(
    article: Parent,
    author: Author,
    column: Column,
    baseline: number,
    runs: Direction = this.sheets.direction,
  ): Byline {
    const { sheets } = this;
    const { tags } = sheets;
    const plate = author.avatar === null ? null : this.plate(author.avatar, author.name);
    const width = column.width - FACE - FACE_GAP;
    const beside: Column = { x: sheets.at("end", column, width, runs), width };
    const type = this.#nameType(author.name, beside);
    const names = sheets.lines([{ kind: "text", text: author.name }], type, beside);
    const username = author.username === null ? null : `@${author.username}`;
    const usernames = username === null
      ? []
      : sheets.lines([{ kind: "text", text: username }], USERNAME, beside);
    const top = baseline - NAME.leading * BASELINE;
    const middle = Math.max(baseline - NAME.size * 0.34, 0);
    const end = top + names.length * NAME.leading + usernames.length * USERNAME.leading;
    const heading = lazily(() => tags.textElement(article(), "H3", author.name));
    const line = lazily(() => tags.element(article(), "P"));
    return {
      height: Math.max(end, middle + FACE / 2),
      announce: () => {
        heading();
        if (usernames.length > 0) line();
      },
      draw: (y) => {
        const x = sheets.at("start", column, FACE, runs) + FACE / 2;
        drawFace(sheets, plate, author.initials, x, y + middle, FACE / 2);
        const below = sheets.place(heading(), "H3", names, type, beside, y + top, runs);
        if (usernames.length > 0) sheets.place(line(), "P", usernames, USERNAME, beside, below, runs);
      },
    };
  }

  /** The largest type in which no word of a name is wider than its column; else the usual one, in which words are parted. */
  #nameType(name: string, column: Column): Type {
    const words = name.split(/(?<=[\s-])/u);
    const fits = (type: Type) =>
      words.every((word) => this.sheets.lines([{ kind: "text", text: word }], type, column).length === 1);
    return [NAME, ...SMALLER_NAMES].find(fits) ?? NAME;
  }

  /** Make a picture ready to be drawn; null where it cannot be shown. */
  plate(picture: Picture | null, name: string): Plate | null {
    if (picture === null) return null;
    try {
      return this.plates.make(picture);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      const known = this.problems.some((problem) =>
        problem.picture === name && problem.reason === error.message
      );
      if (!known) this.problems.push({ picture: name, reason: error.message });
      return null;
    }
  }
}

/** How large a picture is at most, with its caption. */
export interface PictureSize {
  width: number;
  height: number;
  /** How much of its size it keeps; `LEAST_SCALE` unless given. */
  least?: number;
}

/** A pixel of a screen is three quarters of a point: no picture is drawn larger. */
export const LARGEST = 0.75;
