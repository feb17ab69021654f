/**
 * The newsletter as an email: HTML for mail programs, and the same as plain text.
 *
 * It is made once and finished for each person, and never longer than what programs show without clipping.
 */

import { abridge, type Abridged } from "./abridge.ts";
import { escapeHtml } from "./html.ts";
import type { Letter } from "./letter.ts";
import { footerLink, mailHtml } from "./mail_html.ts";
import { mailText } from "./mail_text.ts";
import { webAddress } from "./text.ts";

/** One person's email. */
export interface Mail {
  subject: string;
  html: string;
  text: string;
}

/** The addresses in a person's own footer; only http(s) ones are used. */
export interface PersonalLinks {
  unsubscribeSpace?: string | null;
  unsubscribeAll?: string | null;
}

/** An email that lacks nothing but a person's own links. Plain data: it can be stored as JSON and finished later. */
export interface PreparedMail {
  subject: string;
  /** Whether answers are cut short or left out to stay below the size at which programs clip a message. */
  abridged: boolean;
  /** Both parts have a mark where the links come. */
  html: string;
  text: string;
  /** The links, each with a mark where its address comes. */
  offers: { space: Offer; all: Offer };
}

export interface Offer {
  html: string;
  text: string;
}

/** Gmail clips at 102 KB; what is left of it is for the personal footer. */
const MAX_BYTES = 96_000;

/** How many characters of an answer are kept, from the first attempt to the last. */
const EXCERPTS = [Infinity, 4000, 2000, 1000, 500, 240];

/** Stands where something personal comes. No text of a letter can hold a noncharacter (see `cleanText`). */
const MARK = "\uffff";

/** Render a letter as an email, short enough not to be clipped. */
export function prepareMail(letter: Letter): PreparedMail {
  const { abridged, html } = fit(letter);
  const { words, space } = letter;
  const offer = (label: string) => ({ html: footerLink(letter, MARK, label), text: `${label}: ${MARK}\n` });
  return {
    subject: letter.title,
    abridged: abridged.cut.size > 0 || abridged.dropped > 0,
    html,
    text: mailText(abridged, MARK),
    offers: { space: offer(words.unsubscribeSpace(space.name)), all: offer(words.unsubscribeAll) },
  };
}

/** Finish the email for one person; takes microseconds. */
export function finishMail({ subject, html, text, offers }: PreparedMail, links: PersonalLinks): Mail {
  const footer = { html: "", text: "" };
  for (
    const [offer, address] of [[offers.space, links.unsubscribeSpace], [
      offers.all,
      links.unsubscribeAll,
    ]] as const
  ) {
    const href = webAddress(address);
    if (href === null) continue;
    // Functions, because a text would have its dollar signs interpreted.
    footer.html += offer.html.replace(MARK, () => escapeHtml(href));
    footer.text += offer.text.replace(MARK, () => href);
  }
  return {
    subject,
    html: html.replace(MARK, () => footer.html),
    text: text.replace(MARK, () => footer.text),
  };
}

/** Cut answers shorter until the mail fits, then leave out as few as possible. */
function fit(letter: Letter): { abridged: Abridged; html: string } {
  const attempt = (characters: number, answers: number) => {
    const abridged = abridge(letter, characters, answers);
    return { abridged, html: mailHtml(abridged, MARK) };
  };
  for (const characters of EXCERPTS) {
    const result = attempt(characters, Infinity);
    if (size(result.html) <= MAX_BYTES) return result;
  }
  const shortest = EXCERPTS[EXCERPTS.length - 1];
  let [fits, tooMany] = [0, letter.sections.flatMap((section) => section.answers).length];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (size(attempt(shortest, middle).html) <= MAX_BYTES) fits = middle;
    else tooMany = middle;
  }
  return attempt(shortest, fits);
}

function size(html: string): number {
  return new TextEncoder().encode(html).length;
}
