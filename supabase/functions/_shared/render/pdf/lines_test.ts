import { deepStrictEqual as equal, ok } from "node:assert";
import { passages } from "../text.ts";
import { createDocument } from "./document.ts";
import { Compositor, type Line } from "./lines.ts";
import { Typeface } from "./typeface.ts";

function compositor(measure: number): Compositor {
  const document = createDocument({
    title: "x",
    author: "x",
    subject: "x",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  document.addPage();
  return new Compositor(new Typeface(document), "regular", 10, measure);
}

const text = (lines: Line[]) => lines.map((line) => line.pieces.map((piece) => piece.text).join(""));

const set = (words: string, measure: number) => {
  const [passage] = passages(words);
  return compositor(measure).lines(passage.lines[0]);
};

Deno.test("lines are broken between words, and hold as many as fit", () => {
  const words = "The quick brown fox jumps over the lazy dog";
  equal(text(set(words, 100)), ["The quick brown fox ", "jumps over the lazy ", "dog"]);
});

Deno.test("no line is longer than the measure, and no character is lost", () => {
  const difficult = [
    "Donaudampfschifffahrt".repeat(20),
    `See https://example.org/${"long/".repeat(60)} and https://example.org/${"x".repeat(300)}.`,
    "長い文章".repeat(100),
    "words of all kinds, слова, λέξεις, 三, שלום, 🚋 and WAVES of To. ".repeat(20),
    "a ".repeat(500),
    "…".repeat(400),
  ];
  for (const words of difficult) {
    for (const measure of [40, 120, 375]) {
      const lines = set(words, measure);
      for (const { width, pieces } of lines) {
        ok(width <= measure + 1e-6, `${width} > ${measure}: ${pieces.map((piece) => piece.text).join("")}`);
        const set = pieces.reduce((sum, piece) => sum + piece.width, 0);
        ok(set >= width - 1e-6);
      }
      equal(text(lines).join(""), words.trim());
    }
  }
});

Deno.test("an address is not broken after its scheme", () => {
  // Narrower than the address, it is broken wherever it must be.
  for (let measure = 110; measure < 300; measure += 7) {
    for (const line of text(set("One two three https://example.org/ four", measure))) {
      ok(!line.endsWith("://"), line);
    }
  }
});

Deno.test("pieces keep their links across lines", () => {
  const pieces = set(`go to https://example.org/${"abc/".repeat(30)} now`, 120).flatMap((line) =>
    line.pieces
  );
  const linked = pieces.filter((piece) => piece.href !== null);
  equal(linked.map((piece) => piece.text).join(""), `https://example.org/${"abc/".repeat(30)}`);
  equal(new Set(linked.map((piece) => piece.href)).size, 1);
});

Deno.test("a character without a font is a box, and a letter with marks that no font has goes without them", () => {
  const typeface = compositor(100).typeface;
  equal(typeface.runs("a三b", "regular"), [
    { text: "a", font: "literata-regular-latin" },
    { text: "三", font: null },
    { text: "b", font: "literata-regular-latin" },
  ]);
  equal(typeface.runs("q\u0335\u0316", "bold"), [{ text: "q", font: "literata-bold-latin" }]);
  equal(typeface.runs("Ａ‑ﬁ", "italic"), [{ text: "A-fi", font: "literata-italic-latin" }]);
  equal(typeface.runs("👩‍👩‍👧", "regular"), [{ text: "👩‍👩‍👧", font: null }]);
});

Deno.test("every character that a font file claims has a glyph in it", () => {
  const typeface = compositor(100).typeface;
  for (const character of "aé ąžŁ яёЖґ ΩλῆΆ ặơ ѣҗ") {
    const [run] = typeface.runs(character, "regular");
    ok(run.font !== null, character);
    const { glyphs } = typeface.use(run.font, 10)._font.layoutRun(run.text) as { glyphs: { id: number }[] };
    ok(glyphs.every(({ id }) => id > 0), character);
  }
});
