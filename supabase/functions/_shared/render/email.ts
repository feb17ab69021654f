/**
 * The newsletter as an email: HTML for mail programs, and the same as plain text.
 *
 * It is made once and finished for each person, and never longer than what programs show without clipping.
 */

import { abridge, type Abridged, type Cut, cutsOf, isAbridged, unabridged } from "./abridge.ts";
import { escapeHtml } from "./html.ts";
import { names, type Newsletter } from "./newsletter.ts";
import { emailHtml, emailScale, footerLink } from "./email_html.ts";
import { emailText } from "./email_text.ts";
import { webAddress } from "./text.ts";

/** One person's email. */
export interface Email {
  subject: string;
  html: string;
  text: string;
}

/** The addresses in a person's own footer; only http(s) ones are used. */
export interface PersonalLinks {
  unsubscribeSpace?: string | null;
  unsubscribeReminders?: string | null;
  unsubscribeAll?: string | null;
  /** What makes the newsletter's own addresses this reader's; without it they are everybody's. */
  reading?: string | null;
}

/** An email that is complete but for a person's own links. Plain data: it can be stored as JSON and finished later. */
export interface PreparedEmail {
  subject: string;
  /** Whether responses are cut short or left out to stay below the size at which programs clip a message. */
  abridged: boolean;
  /** Both parts have a mark where the links come. */
  html: string;
  text: string;
  /** The links, each with a mark where its address comes. */
  offers: { space: Offer; all: Offer; reminders?: Offer };
  /**
   * Stands in the newsletter's own addresses where each reader's token comes: a text that nobody can have written.
   */
  readingMark?: string;
}

export interface Offer {
  html: string;
  text: string;
}

/** Gmail clips at 102 KB; what is left of it is for the personal footer. */
export const MAX_BYTES = 96_000;

/** Stands where something personal comes. No text of a newsletter can hold a noncharacter (see `cleanText`). */
const MARK = "\uffff";

/** Gmail clips what is longer, and shows a link to the rest. Source: measured by many; Google does not document it. */
export const CLIPPED_BYTES = 102 * 1024;

/**
 * Render a newsletter as an email, short enough not to be clipped.
 *
 * @param missing How many responses the newsletter has besides: the email says that they are on the web.
 * @param readingMark What the newsletter's own addresses hold in place of each reader's token; see `withReading`.
 */
export function prepareEmail(newsletter: Newsletter, missing = 0, readingMark?: string): PreparedEmail {
  return layOutEmail(newsletter, missing, readingMark).prepared;
}

/** Render a newsletter as an email as `prepareEmail` does, and say what was cut for it. */
export function layOutEmail(
  newsletter: Newsletter,
  missing = 0,
  readingMark?: string,
): { prepared: PreparedEmail; cuts: Cut[] } {
  const { abridged, html } = fit(newsletter, missing);
  return { prepared: prepared(newsletter, abridged, html, readingMark), cuts: cutsOf(newsletter, abridged) };
}

/** Return how many bytes the HTML of an email has, with a reader's own links of the usual length. */
export function emailSize(prepared: PreparedEmail): number {
  const link = `https://example.supabase.co/functions/v1/unsubscribe?token=${"0".repeat(64)}&scope=space#${
    "0".repeat(36)
  }`;
  const links = { unsubscribeSpace: link, unsubscribeReminders: link, unsubscribeAll: link };
  return size(finishEmail(prepared, { ...links, reading: prepared.readingMark }).html);
}

function prepared(
  newsletter: Newsletter,
  abridged: Abridged,
  html: string,
  readingMark?: string,
): PreparedEmail {
  const { words, space } = newsletter;
  const offer = (label: string) => ({
    html: footerLink(newsletter, MARK, label),
    text: `${words.labelled(label)} ${MARK}\n`,
  });
  return {
    subject: names(newsletter.title, space.name)
      ? newsletter.title
      : words.subject(newsletter.title, space.name),
    abridged: isAbridged(abridged),
    html,
    text: emailText(abridged, MARK),
    ...(readingMark === undefined ? {} : { readingMark }),
    offers: { space: offer(words.unsubscribeSpace(space.name)), all: offer(words.unsubscribeAll) },
  };
}

/** Finish the email for one person; takes microseconds. */
export function finishEmail(prepared: PreparedEmail, links: PersonalLinks): Email {
  const { subject, offers } = prepared;
  const [html, text] = [prepared.html, prepared.text].map((part) =>
    makeOnesOwn(part, prepared.readingMark, links.reading)
  );
  const footer = { html: "", text: "" };
  for (
    const [offer, address] of [
      [offers.reminders, links.unsubscribeReminders],
      [offers.space, links.unsubscribeSpace],
      [offers.all, links.unsubscribeAll],
    ] as const
  ) {
    const href = webAddress(address);
    if (offer === undefined || href === null) continue;
    // Functions as replacements, since dollar signs in a string would be interpreted.
    footer.html += offer.html.replace(MARK, () => escapeHtml(href));
    footer.text += offer.text.replace(MARK, () => href);
  }
  return {
    subject,
    html: html.replace(MARK, () => footer.html),
    text: text.replace(MARK, () => footer.text),
  };
}

/** Put a reader's token where the mark is; without one the addresses are everybody's. */
function makeOnesOwn(part: string, mark: string | undefined, token: string | null | undefined): string {
  if (mark === undefined) return part;
  return token
    ? part.replaceAll(mark, () => token)
    : part.replaceAll(new RegExp(`(\\?|&amp;|&)link=${mark}`, "g"), "");
}

/** Cut responses shorter until the email fits, and leave out as few as possible. */
function fit(newsletter: Newsletter, missing: number): { abridged: Abridged; html: string } {
  const whole = unabridged(newsletter, missing);
  const html = emailHtml(whole, MARK);
  if (size(html) <= MAX_BYTES) return { abridged: whole, html };
  const scale = emailScale(newsletter);
  let room = MAX_BYTES - frameSize(newsletter, missing);
  for (let attempt = 0;; attempt++) {
    const abridged = { ...abridge(newsletter, room, scale) };
    abridged.dropped += missing;
    const html = emailHtml(abridged, MARK);
    const excess = size(html) - MAX_BYTES;
    // The sizes of the parts add up to the whole; repeat in case they do not.
    if (excess <= 0 || attempt === MOST_ATTEMPTS) return { abridged, html };
    room -= excess + attempt * 1000;
  }
}

const MOST_ATTEMPTS = 5;

/** What a newsletter takes without what people wrote, every remark included that an abridged one may have. */
function frameSize(newsletter: Newsletter, missing: number): number {
  const sections = newsletter.sections.map((section) => ({ ...section, responses: [] }));
  return size(emailHtml(
    {
      newsletter: { ...newsletter, intro: [], sections },
      cut: new Set(),
      left: new Map(sections.map(({ id }) => [id, 1_000_000])),
      dropped: 1_000_000 + missing,
      introCut: true,
    },
    MARK,
  ));
}

function size(html: string): number {
  return new TextEncoder().encode(html).length;
}
