/**
 * Mailpit's search language, as far as tests use it: `to:ada@example.com subject:"Weekly report" -is:read words`.
 *
 * All terms must hold; a leading `-` or `!` negates one. Case does not matter.
 */

import type { Address, Summary } from "./message.ts";

type Predicate = (summary: Summary, words: string) => boolean;

export function parseQuery(query: string): Predicate {
  const terms = [...query.matchAll(/([-!])?(?:([a-z-]+):)?(?:"([^"]*)"|(\S+))/gi)].map((match) => {
    const [, negation, field, quoted, bare] = match;
    const holds = term(field?.toLowerCase(), (quoted ?? bare).toLowerCase(), match[0]);
    return negation ? (...args: Parameters<Predicate>) => !holds(...args) : holds;
  });
  return (summary, words) => terms.every((holds) => holds(summary, words));
}

function term(field: string | undefined, value: string, whole: string): Predicate {
  const within = (list: Address[]) =>
    list.some(({ Name, Address }) => `${Name} <${Address}>`.toLowerCase().includes(value));
  switch (field) {
    case "from":
      return ({ From }) => within([From]);
    case "to":
      return ({ To }) => within(To);
    case "cc":
      return ({ Cc }) => within(Cc);
    case "bcc":
      return ({ Bcc }) => within(Bcc);
    case "reply-to":
      return ({ ReplyTo }) => within(ReplyTo);
    case "addressed":
      return ({ From, To, Cc, Bcc, ReplyTo }) => within([From, ...To, ...Cc, ...Bcc, ...ReplyTo]);
    case "subject":
      return ({ Subject }) => Subject.toLowerCase().includes(value);
    case "message-id":
      return ({ MessageID }) => MessageID.toLowerCase().includes(value.replace(/^<|>$/g, ""));
    case "is":
      return ({ Read }) => value === "read" ? Read : value === "unread" && !Read;
    case "has":
      return ({ Attachments }) => /^attachments?$/.test(value) && Attachments > 0;
    case "before":
      return ({ Created }) => Date.parse(Created) < Date.parse(value);
    case "after":
      return ({ Created }) => Date.parse(Created) >= Date.parse(value);
    case undefined:
      return everywhere(value);
    default:
      return everywhere(whole.replace(/^[-!]/, "").toLowerCase());
  }
}

function everywhere(value: string): Predicate {
  return ({ Subject, From, To, Cc }, words) =>
    [Subject, words, ...[From, ...To, ...Cc].map(({ Name, Address }) => `${Name} <${Address}>`)]
      .some((text) => text.toLowerCase().includes(value));
}
