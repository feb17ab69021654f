/**
 * Putting what is set onto pages. Nothing is measured or drawn here: what comes in has heights, what comes out has
 * places.
 *
 * Words stay with their picture and their music, a heading with what is below it, and what ends a newsletter with what
 * comes before it. A picture is rather made smaller than moved, and rather moved with its words than parted from them.
 * Where moving all of them would leave much of a page empty, the words begin on it, and the last of them go with the
 * picture.
 */

/** What is in one piece: a line, a picture with its caption, a card. Lengths are points. */
export interface Part {
  /** Whether it is a line of words: a page may end before one that is in the middle of others. */
  kind: "line" | "figure";
  height: number;
  /** The space above it, which is left out at the top of a page. */
  above: number;
  /** How much lower it can be made. */
  give: number;
  /** For the first and the last line of a paragraph of several: no page ends with the one or begins with the other. */
  edge?: "first" | "last";
}

/** What belongs together: a response, or words that stand by themselves. Lines come before figures. */
export interface Entry<P extends Part = Part> {
  /** The space above it, which is left out at the top of a page. */
  above: number;
  /** Its top is so many whole steps below that of the page. */
  step: number;
  /**
   * The height of a heading that stands above it on the same page, with the space between them; 0 without a heading.
   */
  heading: number;
  /** The least height, on the page it begins on: that of what stands beside it. */
  beside: number;
  parts: readonly P[];
}

export interface Place {
  /** From 0. */
  page: number;
  /** From the top of the page's column. */
  y: number;
}

export interface PlacedPart extends Place {
  height: number;
}

export interface PlacedEntry {
  /** Its heading, or where it begins. */
  heading: Place;
  /** Its first part, or what stands beside it. */
  start: Place;
  parts: PlacedPart[];
  /** The pages that go on with it, besides the one where it starts. */
  continued: number[];
  /** Whether something else is above it on its page. */
  follows: boolean;
}

export interface Pages {
  entries: PlacedEntry[];
  end: Place;
  count: number;
}

/** A page begins and ends with so many lines of a response at least. */
const LEAST = 2;

/** Of many words so many lines at least are with the picture; or with the end of the newsletter. */
export const TAIL = 3;

/** Words of so many lines are not parted from their picture: they are too few for two pages. */
export const TOGETHER = LEAST + TAIL - 1;

/** Words move with their picture unless more than this part of a page would be left empty. */
export const MOST_EMPTY = 0.5;

/** Nor do they move if they fill more than this part of a page before their picture's: long texts go over pages. */
export const WORTH_PARTING = 0.2;

/** Half a thousandth of a point: sums of lengths are not exact. */
const NEARLY = 0.0005;

/**
 * Put entries onto pages.
 *
 * @param height Of a page's column.
 * @param end The height of what ends the newsletter, with the space above it: it is on a page with something of the
 * last entry.
 */
export function paginate(entries: readonly Entry[], height: number, end: number): Pages {
  const pages = new Paginator(height);
  const placed = entries.map((entry, index) => pages.place(entry, index === entries.length - 1 ? end : 0));
  if (!pages.fits(end)) pages.turn();
  return { entries: placed, end: { page: pages.page, y: pages.y }, count: pages.page + 1 };
}

class Paginator {
  page = 0;
  y = 0;

  constructor(readonly height: number) {}

  /** Return true if something fits below all that is there. */
  fits(height: number): boolean {
    return height <= this.height - this.y + NEARLY;
  }

  turn(): void {
    this.page += 1;
    this.y = 0;
  }

  /** @param end What must be on the same page below its last part. */
  place(entry: Entry, end: number): PlacedEntry {
    const { heading, beside, parts } = entry;
    const lines = parts.findLastIndex(({ kind }) => kind === "line") + 1;
    const isBound = lines < parts.length && lines <= TOGETHER;
    const whole = extent(parts);
    const least = Math.max(whole.height - whole.give, beside);
    const fitsWhole = heading + least + end;
    // In one piece where it can be; where it has a picture, also if the page before stays open at its end.
    const tail = this.#tail(parts, lines, end);
    const opening = heading + Math.max(extent(parts.slice(0, openingLines(parts, lines))).height, beside);
    const isWhole = (isBound || tail === 0) && fitsWhole <= this.height;
    const needed = isWhole ? fitsWhole : Math.min(fitsWhole, opening);
    const top = this.#top(entry);
    const stays = top + needed <= this.height + NEARLY && !this.#movesWhole(entry, top, tail, fitsWhole);
    if (this.y > 0 && !stays) this.turn();
    else this.y = top;

    const follows = this.y > 0;
    const at = { page: this.page, y: this.y };
    this.y += heading;
    const start = { page: this.page, y: this.y };
    const placed = this.#parts(parts, tail, end, start.y + beside);
    if (this.page === start.page) this.y = Math.max(this.y, start.y + beside);
    const continued = [...new Set(placed.map(({ page }) => page))].filter((page) => page !== start.page);
    return { heading: at, start, parts: placed, continued, follows };
  }

  #top({ above, step }: Entry): number {
    if (this.y === 0) return 0;
    return Math.ceil((this.y + above) / step - NEARLY) * step;
  }

  /**
   * Return true if an entry that could begin on this page moves to the next, so that words and picture are on one page.
   */
  #movesWhole({ heading, parts }: Entry, top: number, tail: number, whole: number): boolean {
    const room = this.height - top;
    const isFigured = parts.at(-1)?.kind === "figure";
    if (!isFigured || whole <= room + NEARLY || whole > this.height) return false;
    if (this.height - this.y > this.height * MOST_EMPTY) return false;
    // What would be on this page if they were parted.
    let count = 0;
    while (count < tail && heading + extent(parts.slice(0, count + 1)).height <= room + NEARLY) count += 1;
    return heading + extent(parts.slice(0, count)).height <= this.height * WORTH_PARTING;
  }

  /** The first part of those that stay together at the end of an entry. */
  #tail(parts: readonly Part[], lines: number, end: number): number {
    if (lines === parts.length && end === 0) return lines;
    let first = lines <= TOGETHER && lines < parts.length ? 0 : Math.max(0, lines - TAIL);
    while (first > 0 && !mayPart(parts, first)) first -= 1;
    return first < LEAST ? 0 : first;
  }

  /** @param least What it fills the page to, at least, on which it begins. */
  #parts(parts: readonly Part[], tail: number, end: number, least: number): PlacedPart[] {
    const first = this.page;
    const placed: PlacedPart[] = [];
    /** What is needed below a height, so that the end of the newsletter fits. */
    const below = (y: number) => end === 0 ? 0 : end + (this.page === first ? Math.max(0, least - y) : 0);
    let isFirst = true;
    const put = (part: Part, lower = 0) => {
      this.y += isFirst || this.y === 0 ? 0 : part.above;
      isFirst = false;
      const height = part.height - lower;
      placed.push({ page: this.page, y: this.y, height });
      this.y += height;
    };
    const room = () => this.height - this.y;
    const height = (some: readonly Part[]) => {
      const all = extent(some);
      return all.height + (isFirst || this.y === 0 ? 0 : some[0]?.above ?? 0);
    };

    for (let done = 0; done < tail;) {
      const left = parts.slice(done, tail);
      let fitting = 0;
      while (fitting < left.length && height(left.slice(0, fitting + 1)) <= room() + NEARLY) fitting += 1;
      if (fitting < left.length) {
        // Lines that stay alone go with their neighbours; what is longer than any page goes where it can.
        const remaining = parts.length - done - fitting;
        if (remaining < LEAST && fitting > LEAST) fitting -= LEAST - remaining;
        let parted = fitting;
        while (parted > 0 && !mayPart(parts, done + parted)) parted -= 1;
        if (parted >= (this.y > 0 ? LEAST : 1)) fitting = parted;
        else fitting = this.y > 0 ? 0 : Math.max(fitting, 1);
      }
      left.slice(0, fitting).forEach((part) => put(part));
      done += fitting;
      if (done < tail) this.turn();
    }

    const rest = parts.slice(tail);
    if (rest.length === 0) return placed;
    const { give } = extent(rest);
    const needed = (some: readonly Part[], lower: number) => {
      const needs = height(some) - lower;
      return needs + (some.at(-1) === rest.at(-1) ? below(this.y + needs) : 0);
    };
    if (needed(rest, give) > room() + NEARLY && this.y > 0 && placed.length > 0) this.turn();
    const excess = needed(rest, 0) - room();
    if (excess <= give + NEARLY) {
      // Each gives as much as it can give, in the same proportion.
      const share = give === 0 ? 0 : Math.min(1, Math.max(0, excess) / give);
      rest.forEach((part) => put(part, part.give * share));
      return placed;
    }
    // More than a page, whatever is done.
    for (const part of rest) {
      if (needed([part], part.give) > room() + NEARLY && this.y > 0) this.turn();
      put(part, Math.min(part.give, Math.max(0, needed([part], 0) - room())));
    }
    return placed;
  }
}

/** Return true if a page may end before a part: it is not between the first two or the last two lines of a paragraph. */
function mayPart(parts: readonly Part[], at: number): boolean {
  return parts[at - 1].edge !== "first" && parts[at]?.edge !== "last";
}

/** How many of the lines of an entry stand on the page where it begins, at least. */
function openingLines(parts: readonly Part[], lines: number): number {
  let count = Math.min(lines, LEAST + 1);
  while (count > 0 && count < lines && !mayPart(parts, count)) count += 1;
  return count;
}

/** The height of parts one below the other, and how much of it they can give. */
function extent(parts: readonly Part[]): { height: number; give: number } {
  let [height, give] = [0, 0];
  for (const [index, part] of parts.entries()) {
    height += part.height + (index === 0 ? 0 : part.above);
    give += part.give;
  }
  return { height, give };
}
