/** What a page is set from: rows, passages, links, and names in other scripts. */

import { directed, type Html, markup, trusted } from "./html.ts";
import { type Item, itemsOf, movedIn } from "./items.ts";
import type { Han } from "./fonts/fallbacks.ts";
import { languageOf } from "./language.ts";
import {
  type Direction,
  direction,
  hasDirection,
  type Inline,
  type Line,
  type Passage,
  withGaps,
} from "./text.ts";
import { wordsIn } from "../words/words.ts";

/** What is around a text. */
export interface Surroundings {
  /** The language of the words. */
  lang: string;
  /** What Chinese characters are; see `hanAround`. */
  han: Han | null;
}

export function inMargin(margin: Html | null, content: Html): Html {
  return markup`<div class="row">${margin ?? trusted("<div></div>")}${content}</div>`;
}

export function passageList(list: readonly Passage[], around: Surroundings): Html[] {
  return list.map((passage) => {
    const { kind, isTold, lines } = passage;
    // Also if it is the page's own: text in an unknown language is not hyphenated.
    const language = passage.language ?? (isTold ? around.lang : null);
    const attributes = markup`${turned(passage.direction, around.lang)}${
      language !== null && markup` lang="${language}"`
    }`;
    switch (kind) {
      case "list":
        return itemList(itemsOf(passage), attributes);
      case "verse":
        return markup`<p class="verse"${attributes}>${lines.map(verseLine)}</p>\n`;
      case "quote":
        return markup`<blockquote${attributes}><p>${broken(lines.map(movedIn))}</p></blockquote>\n`;
      case "paragraph":
        return markup`<p${attributes}>${broken(lines.map(movedIn))}</p>\n`;
    }
  });
}

/** Lines that end where they were ended. */
function broken(lines: readonly Inline[][]): Html[] {
  return lines.map((line, index) => markup`${index > 0 && trusted("<br>\n")}${line.map(inlineOf)}`);
}

/** A line of verse: where it is too long for the screen, what comes below it is moved in. */
function verseLine({ indent, inlines }: Line): Html {
  return markup`<span>${" ".repeat(indent)}${inlines.map(inlineOf)}<br></span>`;
}

function itemList(items: readonly Item[], attributes: Html | false = false): Html {
  const first = items[0].number;
  const tag = trusted(first === null ? "ul" : "ol");
  const start = first !== null && first !== 1 && markup` start="${first}"`;
  const all = items.map(({ number, lines, items: below }, index) => {
    const value = number !== null && number !== first! + index && markup` value="${number}"`;
    return markup`<li${value}>${broken(lines)}${below.length > 0 && itemList(below)}</li>\n`;
  });
  return markup`<${tag}${start}${attributes}>\n${all}</${tag}>\n`;
}

function inlineOf(inline: Inline): Html {
  return inline.kind === "text" ? directed(withGaps(inline.text)) : link(inline.href, inline.text);
}

export function link(href: string, text: string): Html {
  return markup`<a href="${href}" rel="noopener noreferrer nofollow ugc">${text}</a>`;
}

/** A name or a title, which runs as it does whatever is around it. */
export function apart(text: string, around: Surroundings): Html {
  const runs = hasDirection(text)
    ? turned(direction(text), around.lang)
    : turned(wordsIn([around.lang]).direction, "en");
  return markup`<bdi${runs}${spoken(text, around)}>${directed(text)}</bdi>`;
}

/** The attribute for a text in another script than the newsletter's own words. */
export function spoken(text: string, { lang, han }: Surroundings): Html | false {
  const language = languageOf(text, lang, han);
  return language !== null && markup` lang="${language}"`;
}

/** The attribute for what runs another way than the words around it. */
export function turned(direction: Direction, around: string): Html | false {
  return direction !== wordsIn([around]).direction && markup` dir="${direction}"`;
}
