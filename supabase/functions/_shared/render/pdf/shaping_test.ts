/** Words put together from pairs of letters are what fontkit makes of them whole. */

import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import { createDocument } from "./document.ts";
import { quicken, type ShapingFont } from "./shaping.ts";
import { unpackWoff } from "../fonts/sfnt.ts";
import { LITERATA } from "../fonts/literata.generated.ts";

function font(style: string, script: string): ShapingFont {
  const document = createDocument({
    title: "x",
    author: "x",
    subject: "x",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  const { woff } = LITERATA.find((file) => file.style === style && file.script === script)!;
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
      const [whole, quick] = [font(style, script), font(style, script)];
      quicken(quick);
      for (const word of [words, ...words.split(" "), ...words.split(" ").map((word) => `${word} `)]) {
        equal(shaped(quick, word), shaped(whole, word), word);
      }
    });
  }
}

Deno.test("known words do not go through fontkit any more", () => {
  const quick = font("regular", "latin");
  const shape = quick.layoutRun.bind(quick);
  const asked: string[] = [];
  quick.layoutRun = (text, features) => {
    asked.push(text);
    return shape(text, features);
  };
  quicken(quick);
  quick.layoutRun("banana");
  ok(asked.length > 0 && asked.every((text) => text.length <= 2));
  asked.length = 0;
  quick.layoutRun("anana");
  equal(asked, []);
});
