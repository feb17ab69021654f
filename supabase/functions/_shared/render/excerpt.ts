/** Cuts texts to a length: between sentences, words or characters, and never within a link. */

import { graphemes, type Inline, type Line, type Passage, plain } from "./text.ts";

const words = new Intl.Segmenter("en", { granularity: "word" });
const sentences = new Intl.Segmenter("en", { granularity: "sentence" });

/**
 * Cut passages so that they take at most `room`: at the end of a sentence where one is near, else between words, else
 * between what readers take for characters; never within a link.
 *
 * @param size What passages take; more text takes more.
 */
export function excerpt(
  all: readonly Passage[],
  room: number,
  size: (passages: readonly Passage[]) => number,
): Passage[] {
  const kept: Passage[] = [];
  let left = room;
  for (const passage of all) {
    const whole = size([passage]);
    if (whole <= left) {
      kept.push(passage);
      left -= whole;
      continue;
    }
    const head = headOf(passage, (some) => size([some]) <= left);
    return head === null ? kept : [...kept, head];
  }
  return kept;
}

/** How much of the room a sentence must fill, so that a text is cut at its end. */
const SENTENCE_FILLS = 0.6;

function headOf(passage: Passage, fits: (passage: Passage) => boolean): Passage | null {
  const text = plain(passage);
  let [most, tooMuch] = [0, text.length + 1];
  while (tooMuch - most > 1) {
    const middle = Math.floor((most + tooMuch) / 2);
    if (fits(beginning(passage, middle, "…"))) most = middle;
    else tooMuch = middle;
  }
  if (most === 0) return null;
  // A little more than fits, so that what is cut there is not taken for an end.
  const near = text.slice(0, most + 100).toWellFormed();
  const sentence = lastEnd(sentences, near, most);
  if (sentence >= most * SENTENCE_FILLS) return beginning(passage, sentence, "");
  const word = lastEnd(words, near, most, ({ isWordLike }) => isWordLike === true);
  const end = word >= most * SENTENCE_FILLS ? word : lastEnd(graphemes, near, most);
  const head = beginning(passage, end, "…");
  return end === 0 || plain(head) === "…" ? null : head;
}

/** Where the last segment ends that is within `most` code units; 0 if none is. */
function lastEnd(
  segmenter: Intl.Segmenter,
  text: string,
  most: number,
  counts: (segment: Intl.SegmentData) => boolean = () => true,
): number {
  let last = 0;
  for (const segment of segmenter.segment(text)) {
    const end = segment.index + segment.segment.trimEnd().length;
    if (end > most) break;
    // Where the text is cut is the end of nothing.
    if (counts(segment) && segment.index + segment.segment.length < text.length) last = end;
  }
  return last;
}

/** Return the first `length` code units of a passage and `more`; a link that does not end within them is left out. */
function beginning(passage: Passage, length: number, more: string): Passage {
  const lines: Line[] = [];
  let left = length;
  for (const line of passage.lines) {
    const kept: Inline[] = [];
    let isCut = false;
    for (const inline of line.inlines) {
      if (inline.text.length <= left) kept.push(inline);
      else {
        if (inline.kind === "text" && left > 0) {
          kept.push({ kind: "text", text: inline.text.slice(0, left).toWellFormed() });
        }
        isCut = true;
        break;
      }
      left -= inline.text.length;
    }
    lines.push({ ...line, inlines: kept });
    // The end of a line counts as one.
    left -= 1;
    if (isCut || left < 0) break;
  }
  while (lines.length > 1 && lines[lines.length - 1].inlines.length === 0) lines.pop();
  const last = lines[lines.length - 1].inlines;
  const end = last.at(-1);
  if (end?.kind === "text") last[last.length - 1] = { kind: "text", text: withoutOpening(end.text) + more };
  else if (more !== "") last.push({ kind: "text", text: more });
  return { ...passage, lines };
}

/** Return a text without the bracket at its end that opened what is left out, such as an address. */
function withoutOpening(text: string): string {
  return text.trimEnd().replace(/(?:\s*\p{Ps})+$/u, "");
}

/**
 * Return the beginning of a text of at most so many code units, and what says that there is more; no character is cut
 * in two.
 */
export function cutAt(text: string, most: number): string {
  return `${text.slice(0, lastEnd(graphemes, text, most))}…`;
}
