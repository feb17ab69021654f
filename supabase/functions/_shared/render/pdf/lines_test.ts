import { deepStrictEqual as equal, ok } from "node:assert";
import { PRINT } from "../palette.ts";
import { passages } from "../text.ts";
import { newsletterFrame } from "./newsletter_setter.ts";
import { Sheets } from "./sheets.ts";
import { createDocument, PAGE_SIZES } from "./document.ts";
import { Compositor, HYPHEN, type Line } from "./lines.ts";
import { loadTypefaces, Typeface, type Typefaces } from "./typeface.ts";
import { fileBeside } from "../fonts/fallbacks.ts";

function compositor(measure: number, typefaces?: Typefaces): Compositor {
  const document = createDocument({
    title: "x",
    author: "x",
    subject: "x",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  document.addPage();
  return new Compositor(new Typeface(document, typefaces), "regular", 10, measure);
}

const seen = (lines: Line[]) => lines.map((line) => line.pieces.map((piece) => piece.text).join(""));

/** In the order in which it was written, and without hyphens that were not. */
const text = (lines: Line[]) =>
  lines.map(({ pieces }) =>
    pieces.toSorted((one, other) => one.start - other.start)
      .map((piece) => piece.said === HYPHEN ? "" : piece.text).join("")
  );

const set = (words: string, measure: number) => {
  const [passage] = passages(words);
  return compositor(measure).lines(passage.lines[0].inlines);
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

Deno.test("a word that is too long for a line begins on its own, and is parted with hyphens between its syllables", () => {
  equal(seen(set("Sofia Konstantinopoulou Ray", 75)), ["Sofia ", "Konstantino-", "poulou Ray"]);
  equal(seen(set("(Donaudampfschifffahrtsgesellschaft),", 100)), [
    "(Donaudampfschiff-",
    "fahrtsgesellschaft),",
  ]);
  equal(seen(set("Ja aaaaaaaaaaaaaaaaaaaaaa", 60)), ["Ja ", "aaaaaaaaaa-", "aaaaaaaaaa-", "aa"]);
  const address = seen(set("See www.example.org/donaudampfschifffahrtsgesellschaft", 100)).join("");
  equal(address, "See www.example.org/donaudampfschifffahrtsgesellschaft");
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

Deno.test("a character without a font is a box, and marks that no font has are drawn on their character", () => {
  const typeface = compositor(100).typeface;
  equal(typeface.runs("a三b", "regular"), [
    { text: "a", font: "literata-regular-latin" },
    { text: "三", font: null },
    { text: "b", font: "literata-regular-latin" },
  ]);
  const font = "literata-bold-latin";
  equal(typeface.runs("q\u0335\u0316", "bold"), [{
    text: "q",
    font,
    said: "q\u0335\u0316",
    marks: "\u0335\u0316",
  }]);
  equal(typeface.runs("Ａ‑ﬁ", "bold"), [
    { text: "A", font, said: "Ａ" },
    { text: "-", font, said: "‑" },
    { text: "fi", font, said: "ﬁ" },
  ]);
  equal(typeface.runs("𓀀", "regular"), [{ text: "𓀀", font: null }]);
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

async function everywhere(words: string, measure: number, direction: "ltr" | "rtl" = "ltr"): Promise<Line[]> {
  const typefaces = await loadTypefaces([words], fileBeside);
  return compositor(measure, typefaces).lines([{ kind: "text", text: words }], direction);
}

Deno.test("what runs both ways is put in the order in which it is seen, by line", async () => {
  const newsletters = async (words: string, direction: "ltr" | "rtl") =>
    seen(await everywhere(words, 1000, direction));
  equal(await newsletters("one שתיים שלוש four", "ltr"), ["one שתיים שלוש four"]);
  // The space belongs to the word before it, and is at its left.
  equal(await newsletters("one שתיים 3 four", "ltr"), ["one 3שתיים  four"]);
  equal(await newsletters("אחת two שלוש", "rtl"), ["שלוש twoאחת "]);
  equal(await newsletters("אחת (12) two", "rtl"), ["two) 12(אחת "]);
});

Deno.test("the space at the end of a line that runs from right to left hangs at its left", async () => {
  const lines = await everywhere("אחת שתיים שלוש ארבע חמש", 60, "rtl");
  ok(lines.length > 1);
  for (const { pieces, width, hang } of lines) {
    ok(width <= 60);
    const all = pieces.reduce((sum, piece) => sum + piece.width, 0);
    ok(Math.abs(all - width - hang) < 1e-6);
  }
  ok(lines[0].hang > 0 && lines.at(-1)!.hang === 0);
});

Deno.test("Thai and Khmer are broken between words, and Chinese not before what closes", async () => {
  for (const words of ["สัปดาห์นี้ฉันอ่านหนังสือเกี่ยวกับน้ำและฝน", "សប្តាហ៍នេះខ្ញុំបានអានសៀវភៅអំពីទឹកភ្លៀង"]) {
    const boundaries = new Set([words.length]);
    const segments = new Intl.Segmenter("th", { granularity: "word" }).segment(words);
    for (const { index } of segments) boundaries.add(index);
    const lines = text(await everywhere(words, 60));
    ok(lines.length > 2);
    equal(lines.join(""), words);
    let end = 0;
    for (const line of lines) ok(boundaries.has(end += line.length), line);
  }
  for (let measure = 40; measure < 120; measure += 7) {
    const lines = text(await everywhere("「海」と、（雨）。" + "本を、読んだ。".repeat(8), measure));
    for (const line of lines) ok(!/^[、。」）]/.test(line) && !/[「（]$/.test(line), line);
  }
});

Deno.test("a word of Arabic that is longer than a line keeps its joined forms where it can", async () => {
  const lines = await everywhere("ه".repeat(200), 200, "rtl");
  ok(lines.length > 2 && lines.length < 20);
  for (const { width } of lines) ok(width <= 200);
  equal(text(lines).join(""), "ه".repeat(200));
});

Deno.test("a missing typeface is told with what it would show, and nothing is taken for one that is not it", async () => {
  const sources = [
    () => Promise.resolve(null),
    () => Promise.resolve(new TextEncoder().encode("a typeface")),
  ];
  for (const source of sources) {
    const { unset } = await loadTypefaces(["한 \ue123 a", "한한"], source);
    ok(unset.some(({ typeface, characters }) => typeface === "Noto Serif KR" && characters === "한"));
    ok(unset.some(({ typeface, characters }) => typeface === null && characters === "\ue123"));
  }
});

/** First and last code points of scripts and of what joins, turns and marks. */
const BLOCKS = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x300, 0x36f],
  [0x590, 0x6ff],
  [0x900, 0x9ff],
  [0xb80, 0xbff],
  [0xe00, 0xe7f],
  [0x1780, 0x17ff],
  [0x2000, 0x20ff],
  [0x2190, 0x2bff],
  [0x3000, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xd800, 0xdfff],
  [0xfe00, 0xfeff],
  [0x1f1e6, 0x1f1ff],
  [0x1f300, 0x1faff],
  [0x1f3fb, 0x1f3ff],
  [0xe0020, 0xe007f],
];
const JOINTS = ["\u200d", "\ufe0f", "\u200c", "\u20e3", " ", "(", "»", "1", "https://example.org/x "];

/** Words that nobody writes, always the same for a seed. */
function nonsense(seed: number): string {
  let state = seed;
  const below = (end: number) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * end);
  };
  let [first, last] = BLOCKS[0];
  return Array.from({ length: 250 }, () => {
    if (below(9) === 0) [first, last] = BLOCKS[below(BLOCKS.length)];
    return below(6) === 0
      ? JOINTS[below(JOINTS.length)]
      : String.fromCodePoint(first + below(last - first + 1));
  }).join("");
}

Deno.test("whatever characters stand side by side, they are set, within the measure", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const words = nonsense(seed);
    const [passage] = passages(words);
    const typefaces = await loadTypefaces([words], fileBeside);
    const { typeface: { document } } = compositor(100);
    const sheets = new Sheets(document, PRINT, newsletterFrame(PAGE_SIZES.A4), typefaces, "en");
    const type = { style: "bold", size: 10, leading: 15, colour: "ink" } as const;
    const lines = passage.lines.flatMap(({ inlines }) => sheets.lines(inlines, type, sheets.text));
    for (const line of lines) ok(line.width <= sheets.text.width + 1e-6, `${seed}`);
    sheets.addSheet();
    sheets.place(sheets.tags.element(sheets.root, "P"), "P", lines, type, sheets.text, 0);
  }
});

Deno.test("Chinese characters alone are set as those around them are", async () => {
  const texts = ["鎌倉。人、人、人。", "家族新聞", "麻婆豆腐，特别辣！", "雨が降る"];
  const typefaces = await loadTypefaces(texts, fileBeside, "ja");
  const typeface = compositor(100, typefaces).typeface;
  const fonts = texts.map((text) => new Set(typeface.runs(text, "regular").map(({ font }) => font)));
  equal(fonts, ["jp", "jp", "sc", "jp"].map((language) => new Set([`noto-serif-${language}`])));
});

Deno.test("a word of thousands of characters is measured in proportion to its length", () => {
  const lines = compositor(100);
  const { typeface } = lines;
  const width = typeface.width.bind(typeface);
  let measured = 0;
  typeface.width = (piece, size) => {
    measured += piece.text.length;
    return width(piece, size);
  };
  for (const word of ["ma".repeat(5000), "x".repeat(10_000)]) {
    measured = 0;
    ok(lines.lines([{ kind: "text", text: word }], "ltr").length > 100);
    ok(measured < 300 * word.length, `${measured}`);
  }
});
