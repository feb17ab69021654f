/**
 * The newsletter as an email: HTML for mail programs, and the same as plain text.
 *
 * It is made once and finished for each person, and never longer than what programs show without clipping.
 */

import { abridge, type Abridged } from "./abridge.ts";
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

/** An email that lacks nothing but a person's own links. */
export interface PreparedMail {
  /** Whether answers are cut short or left out to stay below the size at which programs clip a message. */
  abridged: boolean;
  /** Finish the email for one person; takes microseconds. */
  to(links: PersonalLinks): Mail;
}

/** Gmail clips at 102 KB; what is left of it is for the personal footer. */
const MAX_BYTES = 96_000;

/** How many characters of an answer are kept, from the first attempt to the last. */
const EXCERPTS = [Infinity, 4000, 2000, 1000, 500, 240];

/** Stands where the personal footer comes. No text of a letter can hold a noncharacter (see `cleanText`). */
const FOOTER = "\uffff";

/** Render a letter as an email, short enough not to be clipped. */
export function prepareMail(letter: Letter): PreparedMail {
  const { abridged, html } = fit(letter);
  const text = mailText(abridged, FOOTER);
  return {
    abridged: abridged.cut.size > 0 || abridged.dropped > 0,
    to(links) {
      const offers = unsubscribeOffers(letter, links);
      const footer = offers.map(({ href, label }) => footerLink(letter, href, label)).join("");
      const lines = offers.map(({ href, label }) => `${label}: ${href}\n`).join("");
      return {
        subject: letter.title,
        // A function, because a text would have its dollar signs interpreted.
        html: html.replace(FOOTER, () => footer),
        text: text.replace(FOOTER, () => lines),
      };
    },
  };
}

/** Cut answers shorter until the mail fits, then leave out as few as possible. */
function fit(letter: Letter): { abridged: Abridged; html: string } {
  const attempt = (characters: number, answers: number) => {
    const abridged = abridge(letter, characters, answers);
    return { abridged, html: mailHtml(abridged, FOOTER) };
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

function unsubscribeOffers(
  { words, space }: Letter,
  { unsubscribeSpace, unsubscribeAll }: PersonalLinks,
): { href: string; label: string }[] {
  return [
    { href: webAddress(unsubscribeSpace), label: words.unsubscribeSpace(space.name) },
    { href: webAddress(unsubscribeAll), label: words.unsubscribeAll },
  ].filter((offer): offer is { href: string; label: string } => offer.href !== null);
}
