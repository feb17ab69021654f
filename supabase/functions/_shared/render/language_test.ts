import { deepStrictEqual as equal, ok } from "node:assert";
import { languageOf, latinLanguageOf } from "./language.ts";
import { buildNewsletter } from "./newsletter.ts";
import { hanAround, hanOf } from "./fonts/fallbacks.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage } from "./page.ts";
import { newsletterRow, responseRow, withResponse } from "./testing.ts";
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

Deno.test("Chinese characters alone are in the language around them, as far as it has them", () => {
  for (
    const text of ["鎌倉。人、人、人。", "最高", "元気", "鈴木一郎", "家族新聞", "這裡下雨", "髙橋", "噓"]
  ) {
    equal(hanOf(text, "ja"), "ja", text);
    equal(languageOf(text, "en", "ja"), "ja", text);
    equal(languageOf(text, "ja"), null, text);
  }
  for (const text of ["金民俊", "韓國", "大韓民國", "人"]) equal(hanOf(text, "ko"), "ko", text);
  equal(hanOf("麻婆豆腐，特别辣！", "ja"), "zh-Hans");
  equal(hanOf("打电话给我", "ko"), "zh-Hans");
  equal(hanOf("妳好嗎", "ja"), "zh-Hant");
  equal([hanOf("人", "zh-Hant"), hanOf("人"), hanOf("ㄅㄆㄇ")], ["zh-Hant", "zh-Hans", "zh-Hant"]);
  equal(languageOf("ㄅㄆㄇ", "en"), "zh-Hant");
  equal(hanOf("広島"), "ja", "No Chinese is written so.");
});

Deno.test("what Chinese characters in a letter are is told by its language, or by its other texts", () => {
  equal(["ja", "ko-KR", "zh", "zh-TW", "zh-Hant-HK"].map((language) => hanAround(language, [])), [
    "ja",
    "ko",
    "zh-Hans",
    "zh-Hant",
    "zh-Hant",
  ]);
  equal(hanAround("en", ["元気", "雨が降る"]), "ja");
  equal(hanAround(null, ["金民俊", "비가 온다"]), "ko");
  equal(hanAround("en", ["人", "雨が降る", "你好"]), null);
  equal(hanAround("en", ["人", "Ada"]), null);
});

Deno.test("answers, names and titles of Chinese characters alone are Japanese in a Japanese letter", () => {
  const author = { ...responseRow().author, display_name: "鈴木一郎" };
  const row = newsletterRow(
    [[responseRow({ author, content: "鎌倉。人、人、人。", image_caption: "最高" })]],
    {
      title: "家族新聞",
      intro: "今週号",
    },
  );
  row.content.prompts[0].question = "一言";
  row.content.space.name = "田中家";
  for (const language of ["ja", null]) {
    row.content.space.language = language;
    row.content.space.description = language === null ? "わたしたちの手紙" : null;
    const newsletter = buildNewsletter({ newsletter: row });
    for (const html of [renderPage(newsletter).html, finishEmail(prepareEmail(newsletter), {}).html]) {
      const languages = new Set(Array.from(html.matchAll(/ lang="([^"]+)"/g), ([, language]) => language));
      equal(languages, new Set(["en", "ja"]));
    }
  }
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

Deno.test("recipes, addresses and quotations tell their language by words that it alone has", () => {
  const sentences: Record<string, string[]> = {
    de: [
      `Apfelstrudel: 250 g Mehl, 1/8 l Wasser, 3 EL Öl, 1 Prise Salz. "Schmeckt's?" -- "Ja, Oma!"`,
      `400 g Mehl, 3 Eier, 1 Prise Salz. Oma sagt: "Nicht zu lange kneten!"`,
      `Zutaten: 500 g Mehl, 2 Eier, 250 ml Milch, etwas Zucker und "viel Liebe".`,
      `Pizzateig: 500g Mehl, 300ml Wasser, 7g Hefe. "Über Nacht gehen lassen!"`,
      `Tel. 030 1234567, Anna Schmidt: "Ruft bitte vor acht Uhr an!"`,
      `Meine Großmutter sagt immer "langsam, langsam", wenn wir zusammen kochen.`,
    ],
    fr: [
      `Recette : 200 g de sucre, 3 œufs, 100 g de beurre. "Délicieux", dit-il.`,
      `Gâteau au yaourt : 3 œufs, 2 pots de sucre, 1 pot d'huile. "Trop bon !"`,
      `Mon adresse : 12 rue de la Paix, 75002 Paris. On l'appelle "le château".`,
    ],
    es: [
      `Mi abuela siempre dice "poco a poco" cuando cocinamos juntos.`,
      `Receta: 3 huevos, 200 g de harina, 1/2 l de leche. "Riquísimo", dijo papá.`,
      `Calle Mayor 12, 28013 Madrid: mi abuelo la llama "la casa grande".`,
      `Tortilla: 6 huevos, 4 patatas, 1 cebolla, sal. "Con cebolla", dice mamá.`,
    ],
    en: [
      `Ingredients: 2 cups flour, 1 tsp salt, 3 eggs. Grandma says "don't overmix".`,
      `Apple pie: 6 apples, 1/2 cup sugar, 1 tsp cinnamon. "Perfect", says Dad.`,
      `My abuela's tortilla: eggs, potatoes, onion. She says "con cebolla, siempre".`,
      `New number: 020 7946 0958. Please don't "lose" it again, Mum and Dad!`,
    ],
    it: [`Ingredienti: 400 g di farina, 3 uova, un pizzico di sale. "Buono", dice la nonna.`],
    nl: [`Ingrediënten: 250 g bloem, 3 eieren, een snufje zout. "Lekker", zegt oma.`],
    pt: [`Receita: 3 ovos, 200 g de açúcar, 1/2 l de leite. "Delicioso", disse a avó.`],
    sv: [`Recept: 3 ägg, 2 dl mjölk, 1 msk socker. "Gott", säger mormor och ler.`],
    da: [`Pandekager: 250 g hvedemel, 3 æg, 5 dl mælk. "Flere tak", siger mormor.`],
    fi: [`Lätyt: 3 munaa, 5 dl maitoa, 2 dl jauhoja. "Hyvää", sanoo mummi aina.`],
  };
  for (const [language, texts] of Object.entries(sentences)) {
    for (const text of texts) equal(latinLanguageOf(text), language, text);
  }
  for (
    const text of [
      "Ada Lindqvist, Boris Petrov, Chloe Martin, Dana Levi, Emil Novak, Fatima",
      `Truita: 6 ous, 4 patates, 1 ceba, oli i sal. "Boníssima", diu l'àvia.`,
      `Naleśniki: 250 g mąki, 3 jajka, pół litra mleka. "Pyszne", mówi babcia.`,
    ]
  ) equal(latinLanguageOf(text), null, text);
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
