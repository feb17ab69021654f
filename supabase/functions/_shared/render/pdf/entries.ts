/** What is put on the pages of a newsletter one after another: the masthead, the intro, questions and responses. */

import type { Section } from "../newsletter.ts";
import type { Entry, Pages, PlacedEntry } from "./pagination.ts";
import { type DrawnPart, GRID } from "./parts.ts";

/** What is put on pages, and drawn there. */
export interface Drawn extends Entry<DrawnPart> {
  /** What is drawn where it begins: a heading, and who writes. */
  begin(placed: { heading: number; start: number }): void;
  /** What is drawn after its parts on the page where it begins. */
  end?(placed: { start: number }): void;
  /** How far what begins it stands above it. */
  rise: number;
  /** Whose it is, for the page on which it goes on. */
  name: string | null;
  section: Section | null;
}

/** Where a brief response may stand, since it is larger than the grid; one of one line takes three and a half steps. */
export const HALF = GRID / 2;

export function endsWithFigure({ parts }: Drawn): boolean {
  return parts.at(-1)?.kind === "figure";
}

/** An entry that is not a response. */
export function plainEntry(parts: DrawnPart[], above: number): Drawn {
  return {
    above,
    step: HALF,
    heading: 0,
    beside: 0,
    parts,
    begin: () => {},
    rise: 0,
    name: null,
    section: null,
  };
}

/** Where an entry ends, on its last page. */
export function endOf(entry: Drawn, { start, parts }: PlacedEntry): number {
  const last = parts.at(-1);
  const end = last === undefined ? start.y : last.y + last.height;
  return last === undefined || last.page === start.page ? Math.max(end, start.y + entry.beside) : end;
}

export function pageOf(section: Section, entries: readonly Drawn[], pages: Pages): number {
  return pages.entries[entries.findIndex((entry) => entry.section === section)].heading.page + 1;
}
