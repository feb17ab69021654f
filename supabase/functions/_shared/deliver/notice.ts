/** The emails for notifications: what happened, in a sentence or two, and the published questions. */

import { MAX_BYTES, type PreparedEmail } from "../render/email.ts";
import { type Button, type Notice, noticeFooterLink, noticeHtml } from "../render/notice_html.ts";
import { excerpt } from "../render/excerpt.ts";
import { type Han, hanAround } from "../render/fonts/fallbacks.ts";
import { noticeText } from "../render/notice_text.ts";
import {
  characters,
  cleanLine,
  initials,
  type Passage,
  passages,
  plain,
  setLine,
  webAddress,
} from "../render/text.ts";
import { withinQuotes } from "../render/typography.ts";
import { type Words, wordsIn } from "../words/words.ts";
import type { Content, Sender } from "./compose.ts";
import type { BatchEmail } from "./email_queue.ts";
import { type DigestKind, isNoticeKind } from "./kinds.ts";

export interface NoticeSettings extends Sender {
  /** The base address of buttons, of the pages of spaces and of questions; without it there are no buttons. */
  appUrl: string | null;
}

/** Marks where the recipient's own links go; see `PreparedEmail`. */
const MARK = "\uffff";

/** What differs between the kinds of notifications. */
interface News {
  subject: string;
  /** The headline, if it is not the subject. */
  headline?: string;
  sentences: string[];
  quote?: Passage[];
  questions?: Question[];
  items?: Notice["items"];
  button: { label: string; path: string };
}

interface Question {
  id: string;
  question: string;
  /** Shown below it if the questions are of several people; else null. */
  by: string | null;
}

/** Write the email of a notification in its reader's language. */
export function notice(email: BatchEmail, settings: NoticeSettings, date: Date): Content {
  const words = wordsIn(email.languages ?? []);
  const name = cleanLine(email.display_name);
  const given = email.space_id === null ? "" : cleanLine(email.space_name, words.say("notice.yourSpace"));
  const space = unlinked(given);
  const news = newsOf(email, shortened(space, NAME), space, words);
  const { from, replyTo, unsubscribe } = settings;
  const button = buttonOf(settings.appUrl, news.button.path, news.button.label);
  const said: Notice = {
    lang: words.lang,
    direction: words.direction,
    subject: news.subject,
    preview: news.questions?.[0] === undefined
      ? news.items?.[0]?.text ?? news.sentences.at(-1) ?? ""
      : words.say("mail.quoted", { line: withinQuotes(unlinked(news.questions[0].question)) }),
    seal: initials(given || "Monogram", given ? 3 : 1),
    space: (news.headline ?? news.subject).includes(shortened(space, NAME)) ? "" : space,
    headline: news.headline ?? news.subject,
    sentences: [
      name === "" ? words.say("notice.helloYou") : words.say("notice.hello", { name: unlinked(name) }),
      ...news.sentences,
    ],
    quote: news.quote ?? [],
    questions: (news.questions ?? []).map(({ id, question, by }, index) => ({
      number: index + 1,
      question,
      by,
      button: buttonOf(
        settings.appUrl,
        ["", "spaces", email.space_id, "prompts", id].join("/"),
        words.say("notice.answerQuestion", { number: index + 1 }),
      ),
    })),
    items: news.items ?? [],
    button: news.questions?.length && button !== null ? null : button,
    reason: space === "" ? words.say("notice.reasonAccount") : words.say("notice.reasonSpace", { space }),
  };
  // A digest has at most fifty entries, and each may quote somebody's message.
  let html = noticeHtml(said, MARK);
  if (new TextEncoder().encode(html).length > MAX_BYTES) {
    said.items = said.items.map((item) => ({
      ...item,
      quotes: item.quotes.slice(0, 1).map((quote) => excerpt(quote, SHORT, lengthOf)),
    }));
    html = noticeHtml(said, MARK);
  }
  const prepared: PreparedEmail = {
    subject: news.subject,
    abridged: false,
    html,
    text: noticeText(said, MARK, words),
    offers: {
      space: offer(
        words.say("mail.unsubscribeSpace", { space: space || words.say("notice.yourSpace") }),
        words,
      ),
      ...(email.kind === "RESPONSE_REMINDER"
        ? { reminders: offer(words.say("notice.stopReminders"), words) }
        : {}),
      all: offer(words.say("notice.stopAll"), words),
    },
  };
  return {
    sender: { from, replyTo, unsubscribe },
    from_name: email.space_id === null ? null : given,
    date: date.toISOString(),
    mail: prepared,
  };
}

/** Return the button to a page of the application; null if the application's address is not configured. */
function buttonOf(app: string | null, path: string, label: string): Button | null {
  const address = webAddress(app);
  if (address === null) return null;
  const url = new URL(address);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  return { href: url.href, label };
}

/**
 * @param short The space's name, short enough for a subject.
 * @param space The whole name.
 */
function newsOf(
  { kind, payload, space_id: spaceId, languages }: BatchEmail,
  short: string,
  space: string,
  words: Words,
): News {
  const week = Number(payload.week_number);
  const button = toSpace(spaceId, words);
  const han = (languages ?? []).map((tag) => hanAround(tag, [])).find((found) => found !== null) ?? null;
  if (!isNoticeKind(kind)) return unknownNews(spaceId, words);
  switch (kind) {
    case "CURATOR_ASSIGNED":
      return {
        subject: words.say("notice.curatorSubject", { space: short }),
        sentences: [words.say("notice.curatorTurn", { week, space }), words.say("notice.curatorHow")],
        button: { ...button, label: words.say("notice.curatorButton") },
      };
    case "PROMPTS_PUBLISHED": {
      const { questions, curator } = questionsOf(payload, words);
      const count = questions.length;
      const out = count === 0
        ? words.say("notice.questionsOut", { week, space })
        : curator === null
        ? words.say("notice.questionsCounted", { count, week, space })
        : words.say("notice.questionsCountedBy", { count, week, space, curator });
      const invitation = words.say("notice.questionsAnswer", { count: count === 0 ? MANY : count });
      return {
        subject: words.say("notice.questionsSubject", { space: short }),
        headline: words.say("notice.questionsHeadline", { count: count === 0 ? MANY : count }),
        sentences: count === 0
          ? [out, invitation]
          : [`${out} ${invitation}`, words.say("notice.untilWhen", { week })],
        questions,
        button,
      };
    }
    case "RESPONSE_REMINDER":
      return {
        subject: words.say("notice.reminderSubject", { space: short }),
        sentences: [
          words.say("notice.reminderNotYet", { week, space }),
          `${words.say("notice.reminderTime")} ${words.say("notice.untilWhen", { week })}`,
        ],
        questions: questionsOf(payload, words).questions,
        button,
      };
    case "GIFT_RECEIVED": {
      const message = messageOf(payload, words, han);
      const giver = giverOf(payload, words);
      const gift = {
        giver,
        tokens: words.say("notice.tokens", { count: Number(payload.amount) }),
      };
      return {
        subject: words.say("notice.giftSubject", { ...gift, giver: shortened(giver, NAME) }),
        sentences: [
          message.length === 0 ? words.say("notice.giftSent", gift) : words.say("notice.giftWrote", gift),
        ],
        quote: message,
        button,
      };
    }
    case "DIGEST":
      return digest(payload, words, han);
  }
}

/** The notice for a kind that only a newer database has. */
function unknownNews(spaceId: string | null, words: Words): News {
  return {
    subject: words.say("notice.newsSubject"),
    sentences: [words.say("notice.news")],
    button: toSpace(spaceId, words),
  };
}

function toSpace(spaceId: string | null, words: Words): News["button"] {
  return { label: words.say("notice.openMonogram"), path: spaceId === null ? "" : `/spaces/${spaceId}` };
}

/**
 * Return the questions of a week as the database has them when the email is sent, and the curator if all are of one
 * person.
 */
function questionsOf(
  payload: Record<string, unknown>,
  words: Words,
): { questions: Question[]; curator: string | null } {
  const { lang } = wordsIn([text(payload.language)]);
  const rows = Array.isArray(payload.questions) ? payload.questions as Record<string, unknown>[] : [];
  const asked = rows.map(({ id, question, curator_name: name }) => ({
    id: encodeURIComponent(text(id) ?? ""),
    question: setLine(cleanLine(text(question)), lang),
    curator: unlinked(cleanLine(text(name))),
  })).filter(({ question }) => question !== "");
  const isOnes = new Set(asked.map(({ curator }) => curator)).size === 1;
  return {
    questions: asked.map(({ id, question, curator }) => ({
      id,
      question,
      by: isOnes || curator === "" ? null : words.say("notice.askedBy", { curator }),
    })),
    curator: isOnes ? asked[0].curator || null : null,
  };
}

/** The built-in badges. One that was renamed or added keeps its name in every language. */
const BADGES = [
  "badge.firstWords",
  "badge.fiveWeekStreak",
  "badge.firstCurator",
  "badge.generous",
  "badge.collector",
  "badge.frontPage",
] as const;

/** Return the name of a badge in the reader's language: the database has the English one. */
function badgeName(name: string, words: Words): string {
  const english = wordsIn(["en"]);
  const known = BADGES.find((key) => english.say(key) === name);
  return known === undefined ? name : words.say(known);
}

/** Write a day's notifications as one email: badges, and gifts grouped by sender. */
function digest(payload: Record<string, unknown>, words: Words, han: Han | null): News {
  const entries = Array.isArray(payload.entries) ? payload.entries as Record<string, unknown>[] : [];
  const ofKind = (kind: DigestKind) => entries.filter((entry) => entry.kind === kind);
  // A kind that is missing here would be in no digest, so the compiler requires each.
  const { BADGE_EARNED: badges, GIFT_RECEIVED: gifts }: Record<DigestKind, Record<string, unknown>[]> = {
    BADGE_EARNED: ofKind("BADGE_EARNED"),
    GIFT_RECEIVED: ofKind("GIFT_RECEIVED"),
  };
  const givers = new Map<string, Record<string, unknown>[]>();
  for (const gift of gifts) {
    const giver = text(gift.sender_id) ?? "";
    givers.set(giver, [...givers.get(giver) ?? [], gift]);
  }
  const tokens = (count: number) => words.say("notice.tokens", { count });
  const items = badges.map(({ name, tokens: reward }) => {
    const badge = badgeName(cleanLine(text(name), words.say("notice.aBadge")), words);
    return {
      text: Number(reward) > 0
        ? words.say("notice.badgeTokens", { badge, tokens: tokens(Number(reward)) })
        : words.say("notice.badge", { badge }),
      quotes: [] as Passage[][],
    };
  });
  for (const given of givers.values()) {
    const sent = {
      count: given.length,
      giver: giverOf(given[0], words),
      tokens: tokens(given.reduce((sum, { amount }) => sum + Number(amount), 0)),
    };
    const messages = given.map((gift) => messageOf(gift, words, han)).filter((message) => message.length > 0);
    items.push({
      text: messages.length === 0
        ? words.say("notice.giftsSent", sent)
        : words.say("notice.giftsWrote", sent),
      quotes: messages.slice(0, MESSAGES_A_GIVER),
    });
  }
  const more = Number(payload.more);
  if (more > 0) items.push({ text: words.say("notice.digestMore", { count: more }), quotes: [] });
  const counted = [
    ...(badges.length === 0 ? [] : [words.say("notice.countBadges", { count: badges.length })]),
    ...(gifts.length === 0 ? [] : [words.say("notice.countGifts", { count: gifts.length })]),
  ];
  return {
    subject: counted.length === 0
      ? words.say("notice.digestSubjectUnknown")
      : words.say("notice.digestSubject", { news: words.list(counted) }),
    headline: words.say("notice.digestHeadline"),
    sentences: [words.say("notice.digestCame")],
    items,
    button: { label: words.say("notice.openMonogram"), path: "" },
  };
}

/** Return the message of a gift, set as in a newsletter but without links: a link would look like the platform's. */
function messageOf({ message }: Record<string, unknown>, words: Words, han: Han | null): Passage[] {
  if (cleanLine(text(message)) === "") return [];
  return passages(text(message), words.lang, han).map((passage) => ({
    ...passage,
    lines: passage.lines.map((line) => ({
      ...line,
      inlines: line.inlines.map((inline) => ({ kind: "text", text: inline.text })),
    })),
  }));
}

/** Return how many characters passages have, as readers count them. */
function lengthOf(list: readonly Passage[]): number {
  return list.reduce((sum, passage) => sum + characters(plain(passage)).length, 0);
}

/** Return the name of a gift's sender. */
function giverOf({ sender_name: name }: Record<string, unknown>, words: Words): string {
  return unlinked(cleanLine(text(name), words.say("notice.somebody")));
}

/** Return the beginning of a text, cut between words unless a word is long. */
function shortened(words: string, most: number): string {
  const all = characters(words);
  if (all.length <= most) return words;
  const kept = all.slice(0, most).join("");
  const whole = /\s/u.test(all[most]) ? kept : kept.replace(/(?<=\S.*)\s+\S*$/u, "");
  return `${(whole.length * 2 < kept.length ? kept : whole).trimEnd().replace(/[.,;:…\u2060]+$/u, "")}…`;
}

/**
 * Return a name in which no mail program finds an address to link: without a scheme, and with a zero-width joiner after
 * each dot. The rest of the email is the platform's, and no user may put a link in it.
 */
function unlinked(name: string): string {
  return name.replace(/[a-z][a-z0-9+.-]*:\/\/+/giu, "").replace(/(?<=\S)[.．。｡:@＠﹫](?=\S)/gu, "$&\u2060");
}

/** How many characters of a name stand in a subject. */
const NAME = 40;

/** How many characters of a message a digest repeats that would be too long. */
const SHORT = 60;

/** How many messages of one person a digest repeats. */
const MESSAGES_A_GIVER = 5;

/** A plural, where the number is not known. */
const MANY = 3;

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function offer(label: string, words: Words): PreparedEmail["offers"]["all"] {
  return { html: noticeFooterLink(MARK, label), text: `${words.say("mail.labelled", { label })} ${MARK}\n` };
}
