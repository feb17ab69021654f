/** The line that mail programs show beside the subject. */

import { excerpt } from "./excerpt.ts";
import type { Newsletter } from "./newsletter.ts";
import { cleanLine, plain } from "./text.ts";

/** How many characters of a response the preview beside the subject has. */
const PREVIEW_LENGTH = 110;

/** Return the first words of the first response that has any; without one, who is in the newsletter. */
export function preview({ words, authors, week, sections }: Newsletter): string {
  if (authors.length === 0) return words.quietWeek;
  for (const { author, text, isReplaced } of sections.flatMap(({ responses }) => responses)) {
    if (isReplaced) continue;
    const first = text.find((passage) =>
      passage.lines.some(({ inlines }) => inlines.some(({ kind }) => kind === "text"))
    );
    const [head] = first ? excerpt([first], PREVIEW_LENGTH, (list) => plain(list[0]).length) : [];
    const line = head ? cleanLine(plain(head)) : "";
    if (line !== "") return words.preheader(author.name, line);
  }
  const named = authors.length <= 3 ? authors : authors.slice(0, 2);
  return words.preheaderOfNames(named, authors.length - named.length, week);
}
