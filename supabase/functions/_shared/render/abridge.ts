/**
 * A shorter newsletter, for where there is a limit. Responses are cut before any is left out, each question keeps its
 * share of the room, and within a question each response does: what one does not need, the others get.
 */

import type { Newsletter, ResponseBlock } from "./newsletter.ts";
import { excerpt } from "./excerpt.ts";
import { characters, type Passage, plain } from "./text.ts";

export interface Abridged {
  newsletter: Newsletter;
  /** The identifiers of the responses that are cut short. */
  cut: ReadonlySet<string>;
  /** How many responses are left out altogether, by the identifier of their section. */
  left: ReadonlyMap<string, number>;
  /** How many responses are left out, those included whose sections are not in the newsletter at all. */
  dropped: number;
  /** Whether the words before the first question are cut short. */
  introCut: boolean;
}

/** Return true if anything is missing. */
export function isAbridged({ cut, dropped, introCut }: Abridged): boolean {
  return cut.size > 0 || dropped > 0 || introCut;
}

/** Measures parts of a newsletter in one unit: bytes of markup, or characters. */
export interface Scale {
  passages(list: readonly Passage[]): number;
  /** A response without its text. */
  frame(response: ResponseBlock): number;
  /** What is said where a response is cut. */
  continuation(response: ResponseBlock): number;
  /** The least text of a response that is kept, if it has so much. */
  least: number;
}

/** The same newsletter, if nothing must be cut. */
export function unabridged(newsletter: Newsletter, missing = 0): Abridged {
  return { newsletter, cut: new Set(), left: new Map(), dropped: missing, introCut: false };
}

/** Cut a newsletter so that its intro and its responses take at most `room`. */
export function abridge(newsletter: Newsletter, room: number, scale: Scale): Abridged {
  const sections = newsletter.sections.map(({ id, responses }) => ({
    id,
    responses: responses.map((one) => weigh(one, scale)),
  }));
  const intro = scale.passages(newsletter.intro);
  const kept = keep(sections.map(({ responses }) => responses), room - Math.min(intro, scale.least));
  const frames = kept.flatMap((group) => group).reduce((sum, { frame }) => sum + frame, 0);
  const groups = [intro, ...kept.map((group) => group.reduce((sum, { text }) => sum + text, 0))];
  const [forIntro, ...forSections] = shares(groups, room - frames);
  const cut = new Set<string>();
  const left = new Map<string, number>();
  let dropped = 0;
  const shorter = kept.map((group, index) => {
    const missing = sections[index].responses.length - group.length;
    if (missing > 0) left.set(sections[index].id, missing);
    dropped += missing;
    const rooms = shares(group.map(({ text }) => text), forSections[index]);
    const responses = group.map(({ response, text, continuation }, place) => {
      if (rooms[place] >= text) return response;
      const short = excerpt(response.text, rooms[place] - continuation, scale.passages);
      cut.add(response.id);
      return { ...response, text: short };
    });
    return { ...newsletter.sections[index], responses };
  });
  const introCut = forIntro < intro;
  return {
    newsletter: {
      ...newsletter,
      intro: introCut ? excerpt(newsletter.intro, forIntro, scale.passages) : newsletter.intro,
      sections: shorter,
    },
    cut,
    left,
    dropped,
    introCut,
  };
}

/**
 * What text costs in a PDF, in characters of Latin prose. The rest was measured beside it: each line ended by its
 * writer, each link and each emoji takes the time and the memory of many characters, and a Chinese, Japanese or Korean
 * character those of one and a half.
 */
export function paperCost(list: readonly Passage[]): number {
  let cost = 0;
  for (const { lines } of list) {
    for (const { inlines } of lines) {
      cost += LINE_COST;
      for (const { kind, text } of inlines) {
        cost += text.length + (kind === "link" ? LINK_COST : 0) +
          (text.match(WIDE)?.length ?? 0) * WIDE_COST +
          (text.match(PICTOGRAPH)?.length ?? 0) * PICTOGRAPH_COST;
      }
    }
  }
  return cost;
}

const LINE_COST = 8;
const LINK_COST = 22;
const WIDE = /[\u3000-\u9fff\uac00-\ud7a3]/gu;
const WIDE_COST = 0.5;
const PICTOGRAPH = /\p{Extended_Pictographic}/gu;
const PICTOGRAPH_COST = 10;

/**
 * How much text a PDF may have: about a hundred pages of prose, which take half of the 2 s and of the memory that a
 * function has. See `benchmarks.paper`.
 */
export const MOST_ON_PAPER = 240_000;

/**
 * Cut the longest responses so that all of them fit a PDF. They are cut to one length, and shorter ones stay whole; the
 * words before the first question stay whole.
 */
export function abridgeForPaper(newsletter: Newsletter, room = MOST_ON_PAPER): Abridged {
  const responses = newsletter.sections.flatMap((section) => section.responses);
  const wanted = responses.map(({ text }) => paperCost(text));
  const given = shares(wanted, room);
  const cut = new Map<string, ResponseBlock>();
  responses.forEach((response, index) => {
    if (given[index] >= wanted[index]) return;
    cut.set(response.id, { ...response, text: excerpt(response.text, given[index], paperCost) });
  });
  const sections = cut.size === 0 ? newsletter.sections : newsletter.sections.map((section) => ({
    ...section,
    responses: section.responses.map((response) => cut.get(response.id) ?? response),
  }));
  return { ...unabridged(newsletter), newsletter: { ...newsletter, sections }, cut: new Set(cut.keys()) };
}

/** What an email or a PDF has less of than the newsletter. */
export interface Cut {
  /** Whose response it is; null for the words before the first question. */
  author: string | null;
  /** Counted as readers count them. */
  characters: number;
  /** How many of them are there; null where the whole response is not, with its picture. */
  kept: number | null;
}

/** What of a newsletter is not in a shorter one, in the order of the newsletter. */
export function cutsOf(newsletter: Newsletter, { newsletter: shorter, introCut }: Abridged): Cut[] {
  const texts = new Map(
    shorter.sections.flatMap(({ responses }) => responses.map(({ id, text }) => [id, text])),
  );
  const cuts = newsletter.sections.flatMap(({ responses }) => responses).flatMap(
    ({ id, author, text }): Cut[] => {
      const there = texts.get(id);
      return there === text
        ? []
        : [{ author: author.name, characters: length(text), kept: there === undefined ? null : kept(there) }];
    },
  );
  return introCut
    ? [{ author: null, characters: length(newsletter.intro), kept: kept(shorter.intro) }, ...cuts]
    : cuts;
}

/** How many of the author's own characters an excerpt has: the ellipsis at its end is ours. */
function kept(passages: readonly Passage[]): number {
  return length(passages) - (passages.length > 0 && plain(passages.at(-1)!).endsWith("…") ? 1 : 0);
}

function length(passages: readonly Passage[]): number {
  return passages.reduce((sum, passage) => sum + characters(plain(passage)).length, 0);
}

/** Divide `room` fairly: nobody gets more than they want, and what one does not need the others get. */
export function shares(wanted: readonly number[], room: number): number[] {
  const given = wanted.map(() => 0);
  let left = Math.max(room, 0);
  const modest = [...wanted.keys()].sort((one, other) => wanted[one] - wanted[other]);
  for (const [place, index] of modest.entries()) {
    given[index] = Math.min(wanted[index], Math.floor(left / (modest.length - place)));
    left -= given[index];
  }
  return given;
}

interface Weighed {
  response: ResponseBlock;
  frame: number;
  text: number;
  continuation: number;
  /** The least that it takes. */
  least: number;
}

function weigh(response: ResponseBlock, scale: Scale): Weighed {
  const [frame, text, continuation] = [
    scale.frame(response),
    scale.passages(response.text),
    scale.continuation(response),
  ];
  return { response, frame, text, continuation, least: frame + Math.min(text, scale.least) };
}

/** Choose the responses that stay: all, or as many of each question as its share has room for. */
function keep(groups: readonly Weighed[][], room: number): Weighed[][] {
  const least = groups.map((group) => group.reduce((sum, one) => sum + one.least, 0));
  const given = shares(least, room);
  if (given.every((share, index) => share === least[index])) return [...groups];
  const chosen = new Set<Weighed>();
  let spare = room;
  const take = (one: Weighed) => {
    chosen.add(one);
    spare -= one.least;
  };
  groups.forEach((group, index) => {
    let left = given[index];
    for (const one of group) {
      // One that is too large does not stop those after it.
      if (one.least > left) continue;
      left -= one.least;
      take(one);
    }
  });
  // The rest of the shares may be enough for one more in some sections.
  for (const group of groups) {
    const next = group.find((one) => !chosen.has(one) && one.least <= spare);
    if (next) take(next);
  }
  return groups.map((group) => group.filter((one) => chosen.has(one)));
}
