/** The newsletter as plain text: lines of at most 72 characters, addresses in full. */

import { type Abridged, isAbridged } from "./abridge.ts";
import { type Newsletter, type PictureBlock, type ResponseBlock, setOrReplace } from "./newsletter.ts";
import { withoutIsolates } from "./numbers.ts";
import { type Direction, hasDirection, type Passage, webAddress } from "./text.ts";

const WIDTH = 72;

/** Render an abridged newsletter as text; `footer` is put where a person's own links come. */
export function emailText(abridged: Abridged, footer: string): string {
  const { newsletter, cut, left, dropped, introCut } = abridged;
  const { words, space, headline, sections, links, intro } = newsletter;
  const blocks: (string | null)[] = [
    [
      headline,
      headline === space.name ? null : space.name,
      [newsletter.weekLabel, newsletter.date?.label ?? words.draft, newsletter.byline].filter((part) =>
        part !== null
      )
        .join(" · "),
      links.page === null ? null : `${words.labelled(words.readOnTheWeb)} ${links.page}`,
    ].filter((line) => line !== null).join("\n"),
    ...intro.map((passage) => passageText(passage, "")),
    introCut && links.page !== null ? `${words.labelled(words.continueOnTheWeb)} ${links.page}` : null,
    newsletter.quiet ? wrap(words.quietWeek, "") : null,
    ...sections.flatMap((section) => [
      `${"-".repeat(WIDTH)}\n${
        wrap(marked(`${section.number}. ${section.question}`, section.direction), "")
      }`,
      section.responses.length === 0 && !left.has(section.id) && !newsletter.quiet
        ? `    ${words.noAnswers}`
        : null,
      ...section.responses.map((response) =>
        setOrReplace(response, newsletter, (one) => responseText(one, newsletter, cut.has(response.id)))
      ),
      leftOut(newsletter, section.id, left.get(section.id) ?? 0),
    ]),
    isAbridged(abridged)
      ? [
        wrap(words.abridged, ""),
        dropped > 0 && left.size === 0 ? wrap(words.moreAnswers(dropped), "") : null,
        links.page === null ? null : `${words.labelled(words.continueOnTheWeb)} ${links.page}`,
      ].filter((line) => line !== null).join("\n")
      : null,
    // Mail programs recognise a signature by a line of two hyphens and a space.
    `-- \n${wrap(words.whyThisMail(space.name), "")}\n${
      links.pdf === null ? "" : `${words.labelled(words.downloadPdf)} ${links.pdf}\n`
    }${footer}${words.madeWith}\n`,
  ];
  return withoutIsolates(blocks.filter((block) => block !== null).join("\n\n"));
}

function leftOut({ words, links }: Newsletter, section: string, count: number): string | null {
  if (count === 0) return null;
  const said = words.moreAnswers(count);
  return links.page === null ? `    ${said}` : `    ${said} ${links.page}#${section}`;
}

function responseText(
  { id, author, text, picture, music }: ResponseBlock,
  newsletter: Newsletter,
  cut: boolean,
): string {
  const { links, words } = newsletter;
  const parts = [
    author.username === null ? author.name : `${author.name} (@${author.username})`,
    ...text.map((passage) => passageText(passage, "    ")),
    cut && links.page !== null ? `    ${words.labelled(words.continueOnTheWeb)} ${links.page}#${id}` : null,
    picture === null ? null : `    [${pictureText(id, picture, newsletter)}]`,
    music === null
      ? null
      : `    ♫ ${music.artist === null ? music.title : `${music.title} – ${music.artist}`}` +
        (music.href === null ? "" : `\n      ${music.href}`),
  ];
  return parts.filter((part) => part !== null).join("\n\n");
}

/** A sentence with its end: no other punctuation follows it. */
const ENDED = /[.?!…:;،؛؟۔。！？।॥։]$/u;

/** @param id Of the response: its place on the page. */
function pictureText(
  id: string,
  { picture, caption, alt, elsewhere, missing }: PictureBlock,
  { links, words }: Newsletter,
): string {
  const source = webAddress(picture?.url);
  if (source !== null) {
    // As in the HTML, to the page: the email's own copy is small.
    const target = links.page === null ? webAddress(picture?.original) ?? source : `${links.page}#${id}`;
    return `${caption !== null && ENDED.test(caption) ? caption : words.labelled(caption ?? alt)} ${target}`;
  }
  const said = caption === null ? "" : ENDED.test(caption) ? `${caption} ` : `${caption} – `;
  return said + (links.page === null ? missing : `${words.labelled(elsewhere)} ${links.page}`);
}

/** Write passages one below the other, with a blank line between them. */
export function passagesText(list: readonly Passage[], indent: string): string {
  return list.map((passage) => passageText(passage, indent)).join(`\n${indent.trimEnd()}\n`);
}

/** Tells programs that a line runs from right to left which has no strong character to show it. */
const RIGHT_TO_LEFT_MARK = "\u200f";

/** Return a line with what tells its direction, where nothing in it does. */
export function marked(line: string, direction: Direction): string {
  return direction === "rtl" && !hasDirection(line) ? RIGHT_TO_LEFT_MARK + line : line;
}

function passageText({ kind, lines, direction }: Passage, indent: string): string {
  return lines.map((line) => {
    const words = line.inlines.map((inline) => inline.text).join("");
    const text = marked(words, direction);
    const moved = indent + (kind === "quote" ? "> " : "") + " ".repeat(line.indent);
    if (kind !== "list") return wrap(text, moved, kind === "verse" ? `${moved}    ` : moved);
    // The further lines of an item stand below its words.
    const below = moved + " ".repeat(1 + (line.marker ?? "•").length);
    return wrap(text, line.marker === null ? below : `${moved}${line.marker} `, below);
  }).join("\n");
}

/**
 * Break a line between words; a word longer than the line stays whole, so that addresses can be clicked.
 *
 * @param below What the lines after the first begin with.
 */
export function wrap(line: string, indent: string, below = indent): string {
  const lines: string[] = [];
  let current: string | null = null;
  for (const word of line.split(" ")) {
    const before = lines.length === 0 ? indent : below;
    if (current === null) current = word;
    else if (before.length + current.length + 1 + word.length > WIDTH && current !== "") {
      lines.push(before + current);
      current = word;
    } else current = `${current} ${word}`;
  }
  return [...lines, (lines.length === 0 ? indent : below) + (current ?? "")].join("\n");
}
