/** What a newsletter begins and ends with on paper: its masthead, and its colophon. */

import type { Composer } from "./composer.ts";
import { type Drawn, plainEntry } from "./entries.ts";
import { drawSeal } from "./furniture.ts";
import { ASIDE, belowTitle, lazily, SMALL, titleType } from "./parts.ts";
import type { Type } from "./sheets.ts";

const HEADLINE: Type = { style: "regular", size: 31, leading: 35, colour: "ink" };
const LONG_HEADLINE: Type = { ...HEADLINE, size: 23, leading: 28 };
const SPACE: Type = { style: "italic", size: 11, leading: 16, colour: "muted" };
const ISSUE: Type = { style: "regular", size: 8.5, leading: 13, colour: "muted" };

const MAX_COVER_HEIGHT = 190;

/** Compose what stands at the top of a newsletter that has no front page. */
export function mastheadOf(composer: Composer): Drawn {
  const { sheets, newsletter } = composer;
  const { tags, text, root } = sheets;
  const { space, headline, words, cover } = newsletter;
  const masthead = lazily(() => tags.element(root, "Sect"));
  const line = (said: string, type: Type) => sheets.lines([{ kind: "text", text: said }], type, text);
  const runs = sheets.runs(headline);
  const above = headline === space.name ? [] : line(space.name, SPACE);
  const type = titleType(headline.length > 60 ? LONG_HEADLINE : HEADLINE, headline);
  const gap = belowTitle(8, headline);
  const lines = sheets.balanced([{ kind: "text", text: headline }], type, text);
  const issue = [newsletter.weekLabel, newsletter.date?.label ?? words.draft, newsletter.byline].filter((
    part,
  ) => part !== null)
    .join("  ·  ");
  const issueLines = line(issue, ISSUE);
  const height = (above.length === 0 ? 0 : above.length * SPACE.leading + 2) + lines.length * type.leading +
    gap +
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
        gap;
      sheets.place(tags.element(masthead(), "P"), "P", issueLines, ISSUE, text, y);
    },
  };
}

/** Compose what stands below the last response. */
export function colophonOf(composer: Composer): { height: number; draw(y: number): void } {
  const { sheets, newsletter } = composer;
  const { space, words, links, proof } = newsletter;
  const { text, tags, root } = sheets;
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
