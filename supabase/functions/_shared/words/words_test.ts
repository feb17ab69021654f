import { deepStrictEqual as equal, match, ok } from "node:assert";
import { CATALOGUES, type Key } from "./catalogues.generated.ts";
import { acceptedLanguages, catalogueOf, type Language, LANGUAGES, wordsIn } from "./words.ts";

const KEYS = Object.keys(CATALOGUES.en) as Key[];

/** What a message says about plurals, and where something is put in, as far as braces tell. */
function shape(message: string): { names: string[]; plurals: string[][] } {
  const names = new Set<string>();
  const plurals: string[][] = [];
  for (const [, name, kind] of message.matchAll(/\{(\w+)(?:\}|, (plural),)/g)) {
    names.add(name);
    if (kind !== undefined) {
      const rest = message.slice(message.indexOf(`{${name}, plural,`));
      plurals.push([...rest.matchAll(/\b(zero|one|two|few|many|other) \{/g)].map(([, category]) => category));
    }
  }
  return { names: [...names].sort(), plurals };
}

Deno.test("no language lacks a key, or has one that is not there", () => {
  equal(LANGUAGES, ["en", "de", "fr", "es", "ar"]);
  for (const language of LANGUAGES) equal(Object.keys(CATALOGUES[language]), KEYS, language);
});

Deno.test("each text has the placeholders of the English one, and the plurals of its own language", () => {
  for (const language of LANGUAGES) {
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    for (const key of KEYS) {
      const [own, english] = [shape(CATALOGUES[language][key]), shape(CATALOGUES.en[key])];
      equal(own.names, english.names, `${language} ${key}`);
      equal(own.plurals.length, english.plurals.length, `${language} ${key}`);
      for (const plural of own.plurals) equal(plural.toSorted(), categories, `${language} ${key}`);
    }
  }
});

Deno.test("every text can be said in every language, and says what it is given", () => {
  for (const language of LANGUAGES) {
    const words = wordsIn([language]);
    for (const key of KEYS) {
      const { names, plurals } = shape(CATALOGUES[language][key]);
      for (const count of [0, 1, 2, 3, 11, 100, 1_000_000]) {
        const given = Object.fromEntries(names.map((name) => [name, name === "count" ? count : `‹${name}›`]));
        const said = (words.say as (key: Key, values: object) => string).call(words, key, given);
        ok(said.trim() !== "" && !/[{}#]/.test(said), `${language} ${key}: ${said}`);
        for (const name of names) {
          if (name !== "count" && count > 0) ok(said.includes(`‹${name}›`), `${language} ${key}: ${said}`);
        }
        if (plurals.length === 0) break;
      }
    }
  }
});

Deno.test("texts are set as their language sets them", () => {
  for (const language of LANGUAGES) {
    for (const [key, text] of Object.entries(CATALOGUES[language])) {
      ok(!/['"]/.test(text), `${language} ${key} has a straight quote, which ICU reads as a sign of its own`);
      equal(text, text.normalize("NFC").trim(), `${language} ${key}`);
      if (language === "fr") {
        const said = text.replace(/\{\w+, plural,/g, "");
        ok(!/[^\u00a0\u202f][:;?!»]|«(?!\u202f)/.test(said), `${key} lacks a space that does not break`);
        // "De Élodie" and "que Anne" are no French, and nobody knows with what a name begins.
        ok(
          !/(?<!\p{L})(?:de|que|le|la|ne|se) (?:\{(?!count)|#)(?!\}? ?de\b)/u.test(said),
          `${key} may need an elision`,
        );
      }
      // Names are not translated, nor is what a text is made of but names.
      const own = text.replace(/\{\w+(, plural,)?|[^\p{L}]|PDF|Monogram/gu, "");
      if (language === "ar" && own !== "") match(text, /\p{Script=Arabic}/u, key);
    }
  }
});

Deno.test("Arabic has six kinds of number, and its digits are those of the numerals", () => {
  const words = wordsIn(["ar"]);
  const said = [0, 1, 2, 3, 11, 100, 1234].map((count) => words.say("notice.countGifts", { count }));
  equal(said, ["لا هدايا", "هدية", "هديتان", "3 هدايا", "11 هدية", "100 هدية", "1,234 هدية"]);
  equal(words.direction, "rtl");
});

Deno.test("days and lists are written as each language writes them", () => {
  const date = new Date("2026-11-30T23:59:59Z");
  const written = Object.fromEntries(LANGUAGES.map((language) => [language, wordsIn([language]).day(date)]));
  equal(written, {
    en: "30 November 2026",
    de: "30. November 2026",
    fr: "30 novembre 2026",
    es: "30 de noviembre de 2026",
    ar: "30 نوفمبر 2026",
  });
  equal(wordsIn(["de"]).list(["Ada", "Boris", "Chloé"]), "Ada, Boris und Chloé");
  equal(wordsIn([]).list(["Ada", "Boris", "Chloé"]), "Ada, Boris and Chloé");
});

Deno.test("names that run the other way are kept apart, and no others", () => {
  equal(wordsIn(["en"]).say("letter.questionsBy", { name: "דינה" }), "Questions by \u2068דינה\u2069");
  equal(wordsIn(["en"]).say("letter.questionsBy", { name: "Dina" }), "Questions by Dina");
  equal(wordsIn(["ar"]).say("letter.questionsBy", { name: "Dina" }), "الأسئلة من \u2068Dina\u2069");
  equal(wordsIn(["ar"]).say("letter.questionsBy", { name: "دينا" }), "الأسئلة من دينا");
});

Deno.test("the first language that has words is spoken, else English", () => {
  const spoken: [(string | null | undefined)[], Language][] = [
    [[], "en"],
    [[null, undefined, ""], "en"],
    [["pt-BR"], "en"],
    [["pt-BR", "de-AT"], "de"],
    [["zh-Hant-TW", null, "ar-EG"], "ar"],
    [["DE"], "de"],
    [["constructor", "__proto__", "toString"], "en"],
    [["de-"], "de"],
    [["-"], "en"],
  ];
  for (const [tags, language] of spoken) equal(wordsIn(tags).lang, language, JSON.stringify(tags));
  equal(catalogueOf("fr-CA"), "fr");
  equal(catalogueOf("pt"), null);
});

Deno.test("a browser's languages are taken by how much it wants them", () => {
  equal(acceptedLanguages("de-CH;q=0.5, fr, en;q=0.9, *;q=0.1"), ["fr", "en", "de-CH"]);
  for (const odd of [null, "", "*", ";;;", "de;q=0", "de;q=x", "\u0000", "x".repeat(10_000)]) {
    equal(acceptedLanguages(odd), [], String(odd));
  }
});
