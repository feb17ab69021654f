/**
 * A shorter letter, for where there is a limit. Responses are cut before any is left out, each question keeps its share of the
 * room, and within a question each response does: what one does not need, the others get.
 */

import type { Answer, Letter } from "./letter.ts";
import { excerpt, type Passage, plain } from "./text.ts";

export interface Abridged {
  letter: Letter;
  /** The identifiers of the answers that are cut short. */
  cut: ReadonlySet<string>;
  /** How many answers are left out altogether, by the identifier of their section. */
  left: ReadonlyMap<string, number>;
  /** How many answers are left out, those included whose sections are not in the letter at all. */
  dropped: number;
  /** Whether the words before the first question are cut short. */
  introCut: boolean;
}

/** Whether anything is not there. */
export function isAbridged({ cut, dropped, introCut }: Abridged): boolean {
  return cut.size > 0 || dropped > 0 || introCut;
}

/** What things take of the room, in one unit: bytes of markup, or characters. */
export interface Scale {
  passages(list: readonly Passage[]): number;
  /** An answer without its text. */
  frame(answer: Answer): number;
  /** What is said where an answer is cut. */
  continuation(answer: Answer): number;
  /** An answer that is kept has at least so much of its text, where it has so much. */
  least: number;
}

/** The same letter, if nothing must be cut. */
export function unabridged(letter: Letter, missing = 0): Abridged {
  return { letter, cut: new Set(), left: new Map(), dropped: missing, introCut: false };
}

/** Cut a letter so that its intro and its answers take at most `room`. */
export function abridge(letter: Letter, room: number, scale: Scale): Abridged {
  const sections = letter.sections.map(({ id, answers }) => ({
    id,
    answers: answers.map((one) => weigh(one, scale)),
  }));
  const intro = scale.passages(letter.intro);
  const kept = keep(sections.map(({ answers }) => answers), room - Math.min(intro, scale.least));
  const frames = kept.flatMap((group) => group).reduce((sum, { frame }) => sum + frame, 0);
  const groups = [intro, ...kept.map((group) => group.reduce((sum, { text }) => sum + text, 0))];
  const [forIntro, ...forSections] = shares(groups, room - frames);
  const cut = new Set<string>();
  const left = new Map<string, number>();
  let dropped = 0;
  const shorter = kept.map((group, index) => {
    const missing = sections[index].answers.length - group.length;
    if (missing > 0) left.set(sections[index].id, missing);
    dropped += missing;
    const rooms = shares(group.map(({ text }) => text), forSections[index]);
    const answers = group.map(({ answer, text, continuation }, place) => {
      if (rooms[place] >= text) return answer;
      const short = excerpt(answer.text, rooms[place] - continuation, scale.passages);
      cut.add(answer.id);
      return { ...answer, text: short };
    });
    return { ...letter.sections[index], answers };
  });
  const introCut = forIntro < intro;
  return {
    letter: {
      ...letter,
      intro: introCut ? excerpt(letter.intro, forIntro, scale.passages) : letter.intro,
      sections: shorter,
    },
    cut,
    left,
    dropped,
    introCut,
  };
}

const CHARACTERS: Scale = {
  passages: (list) => list.reduce((sum, passage) => sum + plain(passage).length, 0),
  frame: () => 0,
  continuation: () => 0,
  least: 0,
};

/** Cut answers so that all together have at most `characters`. */
export function abridgeTo(letter: Letter, characters: number): Abridged {
  const { intro, ...rest } = letter;
  const abridged = abridge({ ...rest, intro: [] }, characters, CHARACTERS);
  return { ...abridged, letter: { ...abridged.letter, intro } };
}

/** Divide `room`: nobody gets more than is wanted, and what one does not want the others get. */
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
  answer: Answer;
  frame: number;
  text: number;
  continuation: number;
  /** The least that it takes. */
  least: number;
}

function weigh(answer: Answer, scale: Scale): Weighed {
  const [frame, text, continuation] = [
    scale.frame(answer),
    scale.passages(answer.text),
    scale.continuation(answer),
  ];
  return { answer, frame, text, continuation, least: frame + Math.min(text, scale.least) };
}

/** Choose the answers that stay: all, or as many of each question as its share has room for. */
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
      // One that is too large keeps none that comes after it.
      if (one.least > left) continue;
      left -= one.least;
      take(one);
    }
  });
  // What is left of the shares is enough for one more here and there.
  for (const group of groups) {
    const next = group.find((one) => !chosen.has(one) && one.least <= spare);
    if (next) take(next);
  }
  return groups.map((group) => group.filter((one) => chosen.has(one)));
}
