/** Words put together from pairs of characters are what fontkit makes of them whole. */

import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import { createDocument } from "./document.ts";
import { quicken, type ShapingFont } from "./shaping.ts";
import { Pairs } from "../fonts/kerning.ts";
import { unpackWoff } from "../fonts/sfnt.ts";
import { LITERATA } from "../fonts/literata.generated.ts";

function fileOf(style: string, script: string) {
  return LITERATA.find((file) => file.style === style && file.script === script)!;
}

function pairs(style: string, script: string): Pairs | null {
  const { kerning } = fileOf(style, script);
  return kerning && new Pairs(kerning);
}

function font(style: string, script: string): ShapingFont {
  const document = createDocument({
    title: "x",
    author: "x",
    subject: "x",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  const { woff } = fileOf(style, script);
  document.registerFont("font", unpackWoff(Buffer.from(woff, "base64")));
  return document.font("font")._font;
}

function shaped(font: ShapingFont, text: string) {
  const { glyphs, positions, advanceWidth } = font.layoutRun(text);
  return {
    glyphs: glyphs.map(({ id }) => id),
    positions: positions.map(({ xAdvance, xOffset, yOffset }) => [xAdvance, xOffset, yOffset]),
    width: Math.round(advanceWidth * 1000),
  };
}

const WORDS = {
  latin:
    "The office fjord AVAST To. Yes, “waffle” – ruffian; 1/2 (Wave) fi ffl Tyne L’Été naïve co-op 10–12 ¿Qué? tt ct st",
  cyrillic: "Мастер и Маргарита ГАУДИ Рукописи не горят УДАР ТАЛ Ґанок ёлка",
  greek: "Καβάφης ένα ποίημα κάθε πρωί ΑΥΡΑ Τάσος όρθια ΓΑΛΑ",
  "latin-ext": "Łódź čeština őrült ŞİŞ ăâ",
};

for (const style of ["regular", "italic", "bold"]) {
  for (const [script, words] of Object.entries(WORDS)) {
    Deno.test(`${script} ${style}`, () => {
      const [whole, quick, quickest] = [1, 2, 3].map(() => font(style, script));
      quicken(quick, null);
      quicken(quickest, pairs(style, script));
      const newsletters = words.split(" ").flatMap((word) => [...word]);
      for (
        const word of [
          words,
          ...words.split(" "),
          ...words.split(" ").map((word) => `${word} `),
          ...newsletters,
        ]
      ) {
        equal(shaped(quick, word), shaped(whole, word), word);
        equal(shaped(quickest, word), shaped(whole, word), word);
      }
    });
  }
}

/** What a font asks fontkit for while it shapes a word. */
function asked(word: string, pairs: Pairs | null): string[] {
  const quick = font("regular", "latin");
  const shape = quick.layoutRun.bind(quick);
  const texts: string[] = [];
  quick.layoutRun = (text, features) => {
    texts.push(text);
    return shape(text, features);
  };
  quicken(quick, pairs);
  quick.layoutRun(word);
  return texts;
}

Deno.test("a word is put together from its pairs, each asked for once", () => {
  const texts = asked("banana", null);
  ok(texts.every((text) => text.length <= 2));
  equal(texts.length, new Set(texts).size);
});

Deno.test("fontkit is asked for nothing that was worked out before, and for ligatures", () => {
  equal(asked("Banana, naïve: “12” ", pairs("regular", "latin")), []);
  equal(asked("office", pairs("regular", "latin")), ["office"]);
});
