import { deepStrictEqual as equal, ok } from "node:assert";
import { languageOf } from "./language.ts";
import { buildLetter } from "./letter.ts";
import { finishMail, prepareMail } from "./mail.ts";
import { renderPage } from "./page.ts";
import { withResponse } from "./testing.ts";

Deno.test("the language of a text is what its script tells", () => {
  const languages: Record<string, string> = {
    el: "Καλημέρα",
    ru: "Я ещё читаю",
    uk: "Їжак і щука",
    sr: "Љубазни ђак",
    "und-Cyrl": "Добре",
    ar: "مرحبا بكم",
    fa: "پنجره و گل",
    ur: "آپ کیسے ہیں",
    he: "שלום, Ada",
    hi: "नमस्ते",
    bn: "নমস্কার",
    ta: "வணக்கம்",
    th: "สวัสดี",
    km: "សួស្តី",
    ka: "გამარჯობა",
    hy: "Բարեւ",
    ja: "雨が降る",
    ko: "비가 온다",
    "zh-Hans": "这里下雨",
    "zh-Hant": "這裡下雨",
  };
  for (const [language, text] of Object.entries(languages)) equal(languageOf(text, "en"), language, text);
});

Deno.test("what is Latin, of several scripts, or as the text around it, has none", () => {
  const none = ["", "Ein schöner Tag", "🎉🚋", "1 + 1 = ②", "𝒜", "一 two three", "\u0301", "ก ა"];
  for (const text of none) equal(languageOf(text, "en"), null, text);
  equal(languageOf("Καλημέρα", "el"), null);
  equal(languageOf("مرحبا بكم", "ar"), null);
});

Deno.test("what has no letters is set as anything else", () => {
  for (const content of ["🎉", "👩‍👩‍👧", "1️⃣ 2️⃣", "∑ ≠ ∞", "① ② ③"]) {
    const letter = buildLetter(withResponse({ content }));
    for (const html of [renderPage(letter).html, finishMail(prepareMail(letter), {}).html]) {
      ok(html.includes(content), content);
      ok(!html.includes("could not be shown"), content);
    }
  }
});
