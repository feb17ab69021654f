/** Messages for the tests of the providers. */

import { compose, type Content, type Message } from "../../../supabase/functions/_shared/deliver/compose.ts";

const offer = { html: '<a href="\uffff">stop</a>', text: "stop: \uffff\n" };
export const CONTENT: Content = {
  sender: { from: "Monogram <letters@example.org>", replyTo: null, unsubscribe: "https://example.org/u" },
  date: "2026-11-23T12:00:00Z",
  mail: {
    subject: "Week 1 ✉",
    abridged: false,
    html: "<p>Hello</p>\uffff",
    text: "Hello\n\uffff",
    offers: { space: offer, all: offer },
  },
};

export function message(n: number, to = `person${n}@example.test`): Message {
  const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  return compose(CONTENT, { id, email: to, token: "token", space_id: "space" }, CONTENT.sender!);
}

export const RECIPIENT = {
  id: "00000000-0000-4000-8000-000000000099",
  email: "person@example.test",
  token: "token",
  space_id: "space",
};

export const outcomes = (report: { results: { outcome: string }[] }) =>
  report.results.map(({ outcome }) => outcome);
