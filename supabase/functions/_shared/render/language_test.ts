import { deepStrictEqual as equal, ok } from "node:assert";
import { languageOf, latinLanguageOf } from "./language.ts";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage } from "./page.ts";
import { withResponse } from "./testing.ts";
import { passages, plain } from "./text.ts";

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
  for (const text of ["臺灣", "早餐吃蘿蔔糕", "圖畫", "我很歡喜", "聽鋼琴", "舊曆新年"]) {
    equal(languageOf(text, "en"), "zh-Hant", text);
  }
  for (const text of ["台湾", "图画", "我很欢喜", "听钢琴", "旧历新年", "你好"]) {
    equal(languageOf(text, "en"), "zh-Hans", text);
  }
});

Deno.test("what is Latin, of several scripts, or as the text around it, has none", () => {
  const none = ["", "Ein schöner Tag", "🎉🚋", "1 + 1 = ②", "𝒜", "一 two three", "\u0301", "ก ა"];
  for (const text of none) equal(languageOf(text, "en"), null, text);
  equal(languageOf("Καλημέρα", "el"), null);
  equal(languageOf("مرحبا بكم", "ar"), null);
});

Deno.test("a sentence tells its language by its characters, or by its small words", () => {
  const sentences: Record<string, string[]> = {
    en: [
      "Grandma said „eat more“ – so we did, and nobody complained about it at all.",
      "Our neighbours moved out and left us a piano with four dead keys.",
    ],
    de: [
      "Wenn ihr im März kommt, bringt Stiefel mit: Der Garten ist nur noch Matsch.",
      "Oma sagt, im Ofen ist noch Kuchen, und wer zuerst kommt, bekommt das größte Stück.",
    ],
    fr: [
      "Papa a vendu hier la vieille voiture, celle dont les freins grinçaient.",
      "Hier soir j'ai relu l'Odyssée d'Homère, puis j'ai dormi comme une pierre jusqu'à midi.",
      `J'ai lu "L'Étranger" ; c'est court ! Et toi ? Ma sœur dit : "Tu lis trop." -- Jamais !`,
      `J'ai vu "Amélie" hier ; j'ai pleuré, j'ai ri, j'ai tout aimé`,
      "Vacances réservées : trois semaines en Bretagne, sous la tente -- hâte !",
    ],
    it: ["Ieri sera ho riletto l'Odissea nell'edizione che c'era in casa dell'amica di mia zia."],
    es: [
      `Hemos visto "Volver" otra vez -- y lloramos todos, hasta papá.`,
      "El gato ha aprendido a abrir la nevera, así que el desayuno es una carrera.",
      "El martes hubo tormenta y nos quedamos sin luz durante tres horas.",
    ],
    // What is near to one of them is not taken for it.
    nl: ["Deze week heb ik voor het eerst brood gebakken en maar één kant verbrand."],
    pt: ["A minha irmã finalmente ligou e falámos quase duas horas sobre nada."],
  };
  for (const [language, texts] of Object.entries(sentences)) {
    for (const text of texts) {
      equal(latinLanguageOf(text), language, text);
      equal(latinLanguageOf(text.replaceAll("'", "’")), language, text);
    }
  }
  for (
    const text of [
      "I'm sure it's Ada's rock'n'roll, don't you think she'd know?",
      "That's d'Artagnan's, isn't it?",
    ]
  ) {
    ok([null, "en"].includes(latinLanguageOf(text)), text);
  }
  equal(latinLanguageOf("Krk Vlk Pst Brrr Hmm Tsk Grr Pff Shh Zzz Krk Vlk Pst Brrr Hmm"), null);
});

Deno.test("what is too short to tell its language is in that of the rest of its response", () => {
  const verse =
    "  The rain it raineth on the just\n  And also on the unjust fella,\n  But chiefly on the just, because\n" +
    "  The unjust hath the just's umbrella.";
  const [short, long] = passages(`My uncle used to call this one "our hymn":\n\n${verse}`, "de");
  equal([short.language, long.language], ["en", "en"]);
  equal(plain(short), "My uncle used to call this one “our hymn”:");
});

Deno.test("what has no characters is set as anything else", () => {
  for (const content of ["🎉", "👩‍👩‍👧", "1️⃣ 2️⃣", "∑ ≠ ∞", "① ② ③"]) {
    const newsletter = buildNewsletter(withResponse({ content }));
    for (const html of [renderPage(newsletter).html, finishEmail(prepareEmail(newsletter), {}).html]) {
      ok(html.includes(content), content);
      ok(!html.includes("could not be shown"), content);
    }
  }
});
