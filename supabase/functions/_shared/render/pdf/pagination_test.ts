import { deepStrictEqual as equal, ok } from "node:assert";
import { type Entry, MOST_EMPTY, paginate, type Part, TAIL, TOGETHER, WORTH_PARTING } from "./pagination.ts";

const GRID = 10;
const HEIGHT = 400;
const END = 40;

const line = (above = 0): Part => ({ kind: "line", height: GRID, above, give: 0 });
const words = (count: number): Part[] => Array.from({ length: count }, () => line());
const picture = (height: number, give = height * 0.4): Part => ({ kind: "figure", height, above: 5, give });

function responseOf(...parts: Part[]): Entry {
  return { above: 15, step: GRID, heading: 0, beside: 25, parts };
}

/** The pages of the parts of an entry. */
function pagesOf(entries: Entry[], index: number, end = END): number[] {
  return paginate(entries, HEIGHT, end).entries[index].parts.map(({ page }) => page);
}

Deno.test("a picture that is a little too high is made lower, and stays with its words", () => {
  const { entries } = paginate(
    [responseOf(...words(20)), responseOf(...words(2), picture(160))],
    HEIGHT,
    END,
  );
  equal(entries[1].parts.map(({ page }) => page), [0, 0, 0]);
  equal(entries[1].parts[2].y + entries[1].parts[2].height + END, HEIGHT);
});

Deno.test("one that would be made too low moves, and takes its words along", () => {
  equal(pagesOf([responseOf(...words(28)), responseOf(...words(3), picture(160))], 1), [1, 1, 1, 1]);
});

Deno.test("of many words the last are with the picture, and the others fill the page before", () => {
  const pages = pagesOf([responseOf(...words(20)), responseOf(...words(14), picture(300))], 1);
  equal(pages.at(-1), 1);
  equal(pages.filter((page) => page === 1).length, 4);
  equal(pages.filter((page) => page === 0).length, 11);
});

Deno.test("no line stands alone at the foot or the head of a page", () => {
  for (let before = 1; before < 40; before++) {
    for (let count = 2; count < 20; count++) {
      const pages = pagesOf([responseOf(...words(before)), responseOf(...words(count))], 1, 0);
      const [first, second] = [0, 1].map((page) => pages.filter((one) => one === page).length);
      ok(first !== 1 && second !== 1, `${before}, ${count}`);
    }
  }
});

/** Lines of paragraphs of such lengths. */
const paragraphs = (...lengths: number[]): Part[] =>
  lengths.flatMap((length) =>
    words(length).map((part, index): Part => ({
      ...part,
      edge: length === 1 ? undefined : index === 0 ? "first" : index === length - 1 ? "last" : undefined,
    }))
  );

Deno.test("no page ends with the first line of a paragraph, or begins with its last", () => {
  for (
    const lengths of [[5, 5], [1, 3, 4, 2], [2, 2, 2, 2, 2], [3, 3, 3, 3], [1, 4, 1, 9], [30, 30], [
      1,
      2,
      50,
      3,
    ]]
  ) {
    for (const figures of [[], [picture(120)]]) {
      for (const end of [0, END]) {
        for (let before = 1; before < 40; before++) {
          const entry = { ...responseOf(...paragraphs(...lengths), ...figures), heading: 30 };
          const [, { heading, parts }] = paginate([responseOf(...words(before)), entry], HEIGHT, end).entries;
          const says = `${lengths} after ${before}, ${figures.length}, ${end}`;
          equal(heading.page, parts[0].page, says);
          for (let at = 1; at < parts.length; at++) {
            if (parts[at].page === parts[at - 1].page) continue;
            ok(entry.parts[at - 1].edge !== "first" && entry.parts[at].edge !== "last", `${says}: at ${at}`);
          }
        }
      }
    }
  }
});

Deno.test("a heading is on the page of what it is the heading of", () => {
  for (let before = 1; before < 40; before++) {
    const entry = { ...responseOf(...words(12)), heading: 30 };
    const { heading, start, parts } = paginate([responseOf(...words(before)), entry], HEIGHT, END).entries[1];
    equal([heading.page, start.page], [parts[0].page, parts[0].page]);
    equal(start.y, heading.y + 30);
    equal(parts[0].y, start.y);
    equal(heading.y % GRID, 0);
  }
});

Deno.test("what ends a newsletter is never on a page of its own", () => {
  for (let before = 1; before < 40; before++) {
    for (const last of [words(9), [picture(120)], [...words(2), picture(390)], [picture(400, 160)]]) {
      const { end, entries } = paginate([responseOf(...words(before)), responseOf(...last)], HEIGHT, END);
      equal(entries[1].parts.at(-1)!.page, end.page, `${before}`);
      ok(end.y > 0 && end.y + END <= HEIGHT + 0.001, `${before}`);
    }
  }
});

Deno.test("whatever comes after what, all of it is there, in order, on the page, and over nothing else", () => {
  let state = 7;
  const below = (end: number) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * end);
  };
  for (let trial = 0; trial < 2000; trial++) {
    const entries = Array.from({ length: 1 + below(9) }, () => {
      const lines = Array.from(
        { length: [0, 1, 2, below(12), below(120)][below(5)] },
        (): Part => ({
          ...line(below(8) === 0 ? GRID : 0),
          edge: ([undefined, undefined, "first", "last"] as const)[below(4)],
        }),
      );
      const figures = [picture(60 + below(330)), { ...picture(50, 0) }].filter(() => below(3) === 0);
      const parts = lines.length + figures.length === 0 ? [line()] : [...lines, ...figures];
      return { ...responseOf(...parts), heading: below(3) === 0 ? 30 : 0, beside: 10 + below(40) };
    });
    const { entries: placed, end, count } = paginate(entries, HEIGHT, END);
    let last = { page: 0, y: 0 };
    for (const [index, { heading, start, parts, continued }] of placed.entries()) {
      equal(parts.length, entries[index].parts.length);
      const boxes = [{ ...heading, height: entries[index].heading }, ...parts];
      for (const [number, { page, y, height }] of boxes.entries()) {
        ok(page > last.page || y >= last.y - 0.001, `${trial}: over another`);
        ok(y + height <= HEIGHT + 0.001, `${trial}: off the page`);
        if (number > 0) {
          const { height: whole, give } = entries[index].parts[number - 1];
          ok(height <= whole && height >= whole - give - 0.001, `${trial}: too low`);
        }
        last = { page, y: y + height };
      }
      ok(start.y + entries[index].beside <= HEIGHT + 0.001, `${trial}: no room beside it`);
      equal(continued, [...new Set(parts.map(({ page }) => page))].filter((page) => page !== start.page));
    }
    equal(end.page, count - 1);
    equal(end.page, placed.at(-1)!.parts.at(-1)!.page);
    ok(end.y + END <= HEIGHT + 0.001, `${trial}: no room for the end`);
  }
});

Deno.test("a question, some lines and their picture move together, though two of the lines would have room", () => {
  const entry = { ...responseOf(...words(6), picture(300)), heading: 30 };
  const { heading, parts } = paginate([responseOf(...words(28)), entry], HEIGHT, 0).entries[1];
  equal([heading.page, ...parts.map(({ page }) => page)], [1, 1, 1, 1, 1, 1, 1, 1]);
});

Deno.test("wherever it begins and however long it is, a picture is with its words, and no page is left mostly empty", () => {
  // As on A4: a photograph upright and across, a panorama, a screen; each as low as it can become.
  const column = 45 * GRID;
  const kinds = { across: [158, 0.6], upright: [253, 0.6], panorama: [59, 0.6], screen: [410, 0.45] };
  for (const [kind, [high, scale]] of Object.entries(kinds)) {
    for (const heading of [0, 30]) {
      for (let count = 1; count <= 40; count++) {
        for (let before = 1; before <= 45; before++) {
          const says = `${kind}, heading ${heading}, ${count} lines, after ${before}`;
          const figure = picture(high, high * (1 - scale));
          const entry = { ...responseOf(...words(count), figure), heading };
          const { entries } = paginate(
            [responseOf(...words(before)), entry, responseOf(...words(9))],
            column,
            0,
          );
          const [first, placed] = entries;
          const shown = placed.parts.at(-1)!;
          const beside = placed.parts.slice(0, -1).filter(({ page }) => page === shown.page).length;
          const isWhole = placed.heading.page === shown.page;
          equal(isWhole, beside === count, says);
          ok(beside >= Math.min(count, TAIL), `${says}: the picture is without its words`);
          if (count <= TOGETHER) ok(isWhole, `${says}: too few words to part`);

          // It is not lower than it can be, and lower only to end where the page ends.
          ok(shown.height >= high * scale - 0.001, `${says}: too low`);
          const isLower = shown.height < high - 0.001;
          ok(!isLower || Math.abs(shown.y + shown.height - column) < 0.001, `${says}: lower than it need be`);

          // How much of the first page it leaves empty, and would leave if all of it moved.
          const above = first.parts.at(-1)!.y + GRID;
          const here = placed.parts.findLast(({ page }) => page === 0);
          const empty = column - Math.max(above, here === undefined ? 0 : here.y + here.height);
          const goesOn = placed.parts.some(({ page }) => page > 0);
          const isShort = count <= TOGETHER;
          if (goesOn && first.parts.at(-1)!.page === 0) {
            ok(empty <= column * (isShort ? 0.6 : MOST_EMPTY) + 0.001, `${says}: ${empty} are empty`);
          }
          // Words are parted from it only for a reason.
          const whole = heading + count * GRID + 5 + high * scale;
          const parted = heading + (count - beside) * GRID;
          const room = column - above;
          ok(
            isWhole || whole > column || room > column * MOST_EMPTY || parted > column * WORTH_PARTING,
            `${says}: parted for nothing`,
          );
        }
      }
    }
  }
});
