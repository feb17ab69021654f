/** The items of a list, each with those below it. */

import type { Inline, Line, Passage } from "./text.ts";

export interface Item {
  /** The number that was typed; null for a bullet. */
  number: number | null;
  lines: Inline[][];
  items: Item[];
}

/** Return the items of a passage that is a list. */
export function itemsOf({ lines }: Pick<Passage, "lines">): Item[] {
  const top: Item[] = [];
  /** The open items, from the outermost on. */
  const open: { indent: number; item: Item }[] = [];
  for (const { indent, marker, inlines } of lines) {
    const last = open.at(-1);
    if (marker === null && last !== undefined) {
      last.item.lines.push(inlines);
      continue;
    }
    while (open.length > 0 && open[open.length - 1].indent >= indent) open.pop();
    const item: Item = { number: numberOf(marker), lines: [inlines], items: [] };
    (open.at(-1)?.item.items ?? top).push(item);
    open.push({ indent, item });
  }
  return top;
}

/** Return a line with its indent, as no-break spaces, and its marker before it. */
export function movedIn({ indent, marker, inlines }: Line): Inline[] {
  const before = "\u00a0".repeat(indent) + (marker === null ? "" : `${marker}\u00a0`);
  return before === "" ? inlines : [{ kind: "text", text: before }, ...inlines];
}

function numberOf(marker: string | null): number | null {
  const number = Number.parseInt(marker ?? "");
  return Number.isNaN(number) ? null : number;
}
