/** A shorter letter, for where there is a limit: answers are cut before any is left out. */

import type { Letter } from "./letter.ts";
import { excerpt, plain } from "./text.ts";

export interface Abridged {
  letter: Letter;
  /** The identifiers of the answers that are cut short. */
  cut: ReadonlySet<string>;
  /** How many answers are left out altogether, from the end. */
  dropped: number;
}

/** Cut every answer to `characters` and keep the first `answers` of them. */
export function abridge(letter: Letter, characters: number, answers: number): Abridged {
  const cut = new Set<string>();
  let room = answers;
  let dropped = 0;
  const sections = letter.sections.map((section) => {
    const kept = section.answers.slice(0, room);
    room -= kept.length;
    dropped += section.answers.length - kept.length;
    return {
      ...section,
      answers: kept.map((answer) => {
        const shorter = excerpt(answer.text, characters);
        if (shorter.cut) cut.add(answer.id);
        return { ...answer, text: shorter.passages };
      }),
    };
  }).filter((section, index) => section.answers.length > 0 || letter.sections[index].answers.length === 0);
  return { letter: { ...letter, sections }, cut, dropped };
}

/** Cut the longest answers, all to one length, so that all together have at most `characters`. */
export function abridgeTo(letter: Letter, characters: number): Abridged {
  const lengths = letter.sections.flatMap((section) => section.answers)
    .map((answer) => answer.text.reduce((sum, passage) => sum + plain(passage).length, 0))
    .sort((one, other) => one - other);
  let left = characters;
  for (const [index, length] of lengths.entries()) {
    const share = Math.floor(left / (lengths.length - index));
    if (length > share) return abridge(letter, share, Infinity);
    left -= length;
  }
  return { letter, cut: new Set(), dropped: 0 };
}
