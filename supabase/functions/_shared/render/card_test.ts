import { deepStrictEqual as equal, notDeepStrictEqual as notEqual, ok } from "node:assert";
import { decodePng } from "../pictures/png.ts";
import { inspect } from "../pictures/inspect.ts";
import { renderCard } from "./card.ts";
import { CARD_SIZE } from "./newsletter.ts";
import { buildNewsletter } from "./newsletter.ts";
import { Canvas, type Step } from "./raster.ts";
import { newsletterRow } from "./testing.ts";

const card = (title: string, theme?: unknown) =>
  renderCard(
    buildNewsletter({ newsletter: newsletterRow([], { title }), theme }),
    () => Promise.resolve(null),
  );

Deno.test("a card has the size that programs ask for, is small, and the same for the same newsletter", async () => {
  for (const title of ["Trams", "Book Club, week 12", "word ".repeat(60), "رسائل 🦊 δ", "\u{10ffff}", "字"]) {
    const png = await card(title);
    const { type, width, height } = inspect(png);
    equal([type, width, height], ["image/png", CARD_SIZE.width, CARD_SIZE.height]);
    ok(png.length < 80_000, `${png.length} bytes for ${title}`);
    equal(await card(title), png);
  }
});

Deno.test("a card says what its newsletter is called, in the colours of its theme", async () => {
  notEqual(await card("Trams"), await card("Lichens"));
  // Marks are drawn, and so are characters without a typeface.
  notEqual(await card("Trams"), await card("T\u0336rams"));
  notEqual(await card("Tram"), await card("Tram\u{10000}"));
  const dark = await pixels(await card("Trams", { paper: "#12131a", ink: "#f2efe6", accent: "#e8b64c" }));
  equal([...dark.slice(0, 3)], [0x12, 0x13, 0x1a]);
  // Something is drawn in the accent.
  let isDrawn = false;
  for (let at = 0; at < dark.length && !isDrawn; at += 4) {
    isDrawn = dark[at] === 0xe8 && dark[at + 1] === 0xb6 && dark[at + 2] === 0x4c;
  }
  ok(isDrawn);
});

async function pixels(png: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const rows: Uint8Array[] = [];
  await decodePng(png, inspect(png), (row) => rows.push(row.slice()));
  return new Uint8Array(rows.flatMap((row) => [...row]));
}

Deno.test("an outline covers as much of each pixel as it goes around, and nothing beyond the picture", () => {
  const canvas = new Canvas(6, 4, "#000000");
  const square = (left: number, top: number, side: number): Step[] => [
    { kind: "move", to: [left, top] },
    { kind: "line", to: [left + side, top] },
    { kind: "line", to: [left + side, top + side] },
    { kind: "line", to: [left, top + side] },
    { kind: "close" },
  ];
  canvas.fill(square(1.5, 1, 2), "#ffffff");
  const row = (y: number) => Array.from({ length: 6 }, (_, x) => canvas.pixels.rgba[(y * 6 + x) * 4]);
  equal([row(0), row(1), row(2), row(3)], [
    [0, 0, 0, 0, 0, 0],
    [0, 132, 255, 132, 0, 0],
    [0, 132, 255, 132, 0, 0],
    [0, 0, 0, 0, 0, 0],
  ]);
  const whole = new Canvas(6, 4, "#000000");
  whole.fill(square(-3, -3, 50), "#ff0000");
  ok(whole.pixels.rgba.every((value, at) => value === (at % 4 === 0 || at % 4 === 3 ? 255 : 0)));
  whole.fill(square(100, 100, 5), "#00ff00");
  equal(whole.pixels.rgba[1], 0);
});
