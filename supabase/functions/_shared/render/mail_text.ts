/** The newsletter as plain text: lines of at most 72 characters, addresses in full. */

import type { Abridged } from "./abridge.ts";
import type { Answer, Letter, PictureBlock } from "./letter.ts";
import { type Passage, plain, webAddress } from "./text.ts";

const WIDTH = 72;

/** Render an abridged letter as text; `footer` is put where a person's own links come. */
export function mailText({ letter, cut, dropped }: Abridged, footer: string): string {
  const { words, space, headline, sections, links, intro } = letter;
  const blocks: (string | null)[] = [
    [
      headline,
      headline === space.name ? null : space.name,
      [letter.weekLabel, letter.date?.label ?? words.draft, letter.byline].filter((part) => part !== null)
        .join(" · "),
      links.page === null ? null : `${words.readOnTheWeb}: ${links.page}`,
    ].filter((line) => line !== null).join("\n"),
    ...intro.map((passage) => passageText(passage, "")),
    letter.quiet ? wrap(words.quietWeek, "") : null,
    ...sections.flatMap((section) => [
      `${"-".repeat(WIDTH)}\n${wrap(`${section.number}. ${section.question}`, "")}`,
      section.answers.length === 0 && !letter.quiet ? `    ${words.noAnswers}` : null,
      ...section.answers.map((answer) => answerText(answer, letter, cut.has(answer.id))),
    ]),
    cut.size > 0 || dropped > 0
      ? [
        wrap(words.abridged, ""),
        dropped > 0 ? wrap(words.moreAnswers(dropped), "") : null,
        links.page === null ? null : `${words.continueOnTheWeb}: ${links.page}`,
      ].filter((line) => line !== null).join("\n")
      : null,
    // The line of two hyphens and a space is how mail programs know a signature.
    `-- \n${wrap(words.whyThisMail(space.name), "")}\n${
      links.pdf === null ? "" : `${words.downloadPdf}: ${links.pdf}\n`
    }${footer}${words.madeWith}\n`,
  ];
  return blocks.filter((block) => block !== null).join("\n\n");
}

function answerText({ author, text, picture, music }: Answer, letter: Letter, cut: boolean): string {
  const { links, words } = letter;
  const parts = [
    author.username === null ? author.name : `${author.name} (@${author.username})`,
    ...text.map((passage) => passageText(passage, "    ")),
    cut && links.page !== null ? `    ${words.continueOnTheWeb}: ${links.page}` : null,
    picture === null ? null : `    [${pictureText(picture, letter)}]`,
    music === null
      ? null
      : `    ♫ ${music.artist === null ? music.title : `${music.title} – ${music.artist}`}` +
        (music.href === null ? "" : `\n      ${music.href}`),
  ];
  return parts.filter((part) => part !== null).join("\n\n");
}

function pictureText({ picture, caption, alt, elsewhere, missing }: PictureBlock, { links }: Letter): string {
  const source = webAddress(picture?.url);
  if (source !== null) return `${caption ?? alt}: ${source}`;
  return links.page === null ? missing : `${elsewhere}: ${links.page}`;
}

function passageText(passage: Passage, indent: string): string {
  return plain(passage).split("\n").map((line) =>
    wrap(line, passage.kind === "quote" ? `${indent}> ` : indent)
  ).join("\n");
}

/** Break a line between words; a word longer than the line stays whole, so that addresses can be clicked. */
function wrap(line: string, indent: string): string {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current !== "" && indent.length + current.length + 1 + word.length > WIDTH) {
      lines.push(indent + current);
      current = word;
    } else {
      current = current === "" ? word : `${current} ${word}`;
    }
  }
  return [...lines, indent + current].join("\n");
}
