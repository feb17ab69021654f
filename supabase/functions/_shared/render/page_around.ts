/** Adds to a page, when it is shown, what may change after it was made: the newsletters beside it, and the feed. */

import { Buffer } from "node:buffer";
import type { Han } from "./fonts/fallbacks.ts";
import { type Html, markup } from "./html.ts";
import { apart, inMargin } from "./page_parts.ts";
import type { NewsletterWords } from "./words.ts";

/**
 * Placeholders in a stored page for what is known only when it is shown: see `shown`. No text of a newsletter can
 * contain a tag.
 */
export const FEED_MARK = "<!--feed-->";
export const AROUND_MARK = "<!--around-->";

/** What the reader of a page may see besides it. */
export interface Around {
  previous: Neighbour | null;
  next: Neighbour | null;
  /** The page of all newsletters. */
  all: string | null;
  /** The feed of the space, and what it is called. */
  feed: { address: string; title: string } | null;
  /** What Chinese characters in it are; see `hanAround`. */
  han?: Han | null;
}

export interface Neighbour {
  address: string;
  week: number;
  title: string;
}

/** Fill the placeholders of a page that `renderPage` made. */
export function shown(
  page: Uint8Array<ArrayBuffer>,
  around: Around,
  words: NewsletterWords,
): Uint8Array<ArrayBuffer> {
  const { feed } = around;
  const link = feed !== null &&
    markup`<link rel="alternate" type="application/atom+xml" title="${feed.title}" href="${feed.address}">`;
  return replaced(replaced(page, FEED_MARK, link), AROUND_MARK, navigation(around, words));
}

function replaced(page: Uint8Array<ArrayBuffer>, mark: string, by: Html | false): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.length);
  const at = bytes.indexOf(mark);
  if (at < 0) return page;
  const parts = [bytes.subarray(0, at), Buffer.from(by ? by.source : ""), bytes.subarray(at + mark.length)];
  return new Uint8Array(Buffer.concat(parts));
}

function navigation({ previous, next, all, han = null }: Around, words: NewsletterWords): Html | false {
  const to = (neighbour: Neighbour, kind: "prev" | "next", label: string) =>
    markup`<a class="${kind}" rel="${kind}" href="${neighbour.address}"><span>${label}</span> <b>${
      words.week(neighbour.week)
    }</b> ${apart(neighbour.title, { lang: words.lang, han })}</a>\n`;
  if (previous === null && next === null && all === null) return false;
  return markup`<nav class="around sheet" aria-label="${words.otherLetters}">${
    inMargin(
      null,
      markup`<div>
${previous !== null && to(previous, "prev", words.previousLetter)}${
        next !== null && to(next, "next", words.nextLetter)
      }${all !== null && markup`<a class="all" href="${all}">${words.allLetters}</a>\n`}</div>`,
    )
  }</nav>`;
}
