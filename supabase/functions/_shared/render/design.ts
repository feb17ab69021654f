/**
 * The design of a theme besides its colours: numerals, the ornament between responses, and the initial.
 */

import type { ResponseBlock } from "./newsletter.ts";
import { plain } from "./text.ts";

export interface Design {
  /** The numbers of the questions. */
  numerals: "lining" | "oldstyle" | "roman" | "ringed";
  /** What stands between two responses. */
  ornament: "rule" | "dots" | "diamond" | "asterism" | "wave" | "none";
  /**
   * The first character of the first long response to a question: as any other, over two lines, or large on its line.
   */
  initial: "plain" | "drop" | "raised";
}

/** What each may be; the first is Monogram's own. The database knows the same: `private.theme_problem`. */
export const CHOICES: { readonly [Part in keyof Design]: readonly Design[Part][] } = {
  numerals: ["lining", "oldstyle", "roman", "ringed"],
  ornament: ["rule", "dots", "diamond", "asterism", "wave", "none"],
  initial: ["plain", "drop", "raised"],
};

/** Return the design of a theme's metadata; Monogram's own for missing and unknown values. */
export function designOf(theme: unknown): Design {
  const given = (theme ?? {}) as Record<string, unknown>;
  const choose = <Part extends keyof Design>(part: Part): Design[Part] =>
    CHOICES[part].find((choice) => choice === given[part]) ?? CHOICES[part][0];
  return { numerals: choose("numerals"), ornament: choose("ornament"), initial: choose("initial") };
}

/** Write the number of a question. */
export function numeralOf(number: number, { numerals }: Design): string {
  return numerals === "roman" ? roman(number) : String(number);
}

function roman(number: number): string {
  const signs: [number, string][] = [[10, "X"], [9, "IX"], [5, "V"], [4, "IV"], [1, "I"]];
  let left = number;
  return signs.map(([worth, sign]) => {
    const times = Math.floor(left / worth);
    left -= times * worth;
    return sign.repeat(times);
  }).join("");
}

/** From so many characters on a text has an initial. */
const LONG_ENOUGH = 160;

/** Return true if a text can begin with an initial: it is long, and its script has capitals. */
function takesInitial(text: string, { initial }: Design): boolean {
  return initial !== "plain" && text.length >= LONG_ENOUGH && /^\p{Lu}\p{L}*[ \u2019'-]/u.test(text);
}

/** Marks below a character, and characters that reach below their line by themselves. */
const BELOW = /[QЏДЦЩ\u0316-\u0319\u031c-\u0333\u0339-\u033c\u0347-\u0349]/u;

/** Return true if an initial reaches below the second line, so that the third begins beside it, too: "Ç", "Q". */
export function reachesBelow(initial: string): boolean {
  return BELOW.test(initial.normalize("NFD"));
}

/** Return the first of the responses to a question that begins with an initial; undefined where none does. */
export function withInitial(responses: readonly ResponseBlock[], design: Design): ResponseBlock | undefined {
  return responses.find((response) => {
    try {
      const [first] = response.isReplaced ? [] : response.text;
      return first?.kind === "paragraph" && first.direction === "ltr" && takesInitial(plain(first), design);
    } catch {
      // Rendering it reports what is wrong with it: see `setOrReplace`.
      return false;
    }
  });
}

const shape = (width: number, drawing: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 16">${drawing}</svg>`;

/** What stands between responses, as drawings whose height is 16; null for a line, or nothing. */
export const ORNAMENTS: Readonly<Record<Design["ornament"], { width: number; drawing: string } | null>> = {
  rule: null,
  none: null,
  dots: {
    width: 56,
    drawing: shape(56, [6, 28, 50].map((x) => `<circle cx="${x}" cy="8" r="3"/>`).join("")),
  },
  diamond: { width: 16, drawing: shape(16, `<path d="M8 1l7 7-7 7-7-7z"/>`) },
  asterism: {
    width: 30,
    drawing: shape(
      30,
      [[15, 4], [7, 12], [23, 12]].map(([x, y]) =>
        `<path transform="translate(${x} ${y})" d="M-.6-3.6h1.2l-.2 2.7 2.4-1.2.6 1-2.3 1.1 2.3 1.1-.6 1-2.4-1.2.2 2.7h-1.2l.2-2.7-2.4 1.2-.6-1L-1.1 0l-2.3-1.1.6-1 2.4 1.2z"/>`
      ).join(""),
    ),
  },
  wave: {
    width: 72,
    drawing: shape(
      72,
      `<path fill="none" stroke="#000" stroke-width="1.8" stroke-linecap="round" d="M2 8c6-8 11-8 17 0s11 8 17 0 11-8 17 0 11 8 17 0"/>`,
    ),
  },
};
