import { deepStrictEqual as equal, ok } from "node:assert";
import { latinLanguageOf } from "./language.ts";
import { passages, plain, setLine } from "./text.ts";
import { setTypography, withinQuotes } from "./typography.ts";

Deno.test("quotes, apostrophes and double hyphens are set as each language sets them", () => {
  const cases: [language: string, typed: string, set: string][] = [
    ["en", `She said "it's fine," and 'left' -- twice.`, "She said “it’s fine,” and ‘left’\u00a0— twice."],
    [
      "en",
      `'Tis the dogs' dinner; rock 'n' roll of the '90s, the 80's.`,
      "’Tis the dogs’ dinner; rock ’n’ roll of the ’90s, the 80’s.",
    ],
    ["en", `"He said 'no' to me." ("Really?") word--word`, "“He said ‘no’ to me.” (“Really?”) word—word"],
    ["en", `"But I--" "'You' what?"`, "“But I—” “‘You’ what?”"],
    ["en", `5'10" and 12" wide`, "5′10″ and 12″ wide"],
    [
      "en",
      `53°20'38"N 6° 15' 30.5" W, "at 53°20'38"", 12"x8"`,
      "53°20′38″N 6° 15′ 30.5″ W, “at 53°20′38″”, 12″x8″",
    ],
    ["en", `"pat.o'hara@example.com"--o'neil@example.org's`, "“pat.o'hara@example.com”—o'neil@example.org’s"],
    ["fr", `'d'angelo@example.com' -- l'été`, "“d'angelo@example.com”\u00a0– l’été"],
    ["en", "pages 12--15 --- or 1990--95", "pages 12–15\u00a0— or 1990–95"],
    ["en", `"One\n"Two"\n-- Ada`, "“One\n“Two”\n— Ada"],
    ["en", `O'Brien's "book"-club`, "O’Brien’s “book”-club"],
    ["de", `Er rief: "Komm 'sofort'!" -- und ging.`, "Er rief: „Komm ‚sofort‘!“\u00a0– und ging."],
    [
      "fr",
      `Elle m'a dit: "bonjour" -- c'est "l'été".`,
      "Elle m’a dit: «\u202fbonjour\u202f»\u00a0– c’est «\u202fl’été\u202f».",
    ],
    [
      "fr",
      "Quoi ? Oui ! « Non » ; voici : rien, à 12:30",
      "Quoi\u202f? Oui\u202f! «\u202fNon\u202f»\u202f; voici\u00a0: rien, à 12:30",
    ],
    [
      "es",
      `--Hola --dijo Juan--, ¿"qué" tal? "Bien 'gracias'".`,
      "—Hola —dijo Juan—, ¿«qué» tal? «Bien “gracias”».",
    ],
    ["ru", `Он сказал "да" -- и ушёл.`, "Он сказал «да»\u00a0— и ушёл."],
    ["sv", `Hon sa "hej".`, "Hon sa ”hej”."],
    ["pl", `Powiedział "tak".`, "Powiedział „tak”."],
    // On which side of a quotation one is: after an elision, whichever apostrophe was typed.
    ["fr", `j'ai relu l'"Odyssée" d'Homère`, "j’ai relu l’«\u202fOdyssée\u202f» d’Homère"],
    ["fr", `l’"Odyssée"`, "l’«\u202fOdyssée\u202f»"],
    [
      "fr",
      `d'"Emma" et de "Lolita", qu'"elle"`,
      "d’«\u202fEmma\u202f» et de «\u202fLolita\u202f», qu’«\u202felle\u202f»",
    ],
    ["fr", `"L'"Iliade"", dit-il`, "«\u202fL’“Iliade”\u202f», dit-il"],
    ["fr", `'j'ai lu l'"Odyssée"'`, "“j’ai lu l’«\u202fOdyssée\u202f»”"],
    ["fr", `'"Oui"'`, "“«\u202fOui\u202f»”"],
    [
      "fr",
      `l'"(Petit) Prince" et l'"*Odyssée*"`,
      "l’«\u202f(Petit) Prince\u202f» et l’«\u202f*Odyssée*\u202f»",
    ],
    ["it", `dell'"Emma" e l'"1984"`, "dell’«Emma» e l’«1984»"],
    ["en", `d'"Artagnan"`, "d’“Artagnan”"],
    ["de", `d'"Artagnan"`, "d’„Artagnan“"],
    [
      "en",
      `"I was runnin'" and "the dogs'", "the dogs'"--so`,
      "“I was runnin’” and “the dogs’”, “the dogs’”—so",
    ],
    // After marks of emphasis, and at their end.
    ["en", `*"Wow"* _"Oh"_ **'Ah'** "*so*" "_so_".`, "*“Wow”* _“Oh”_ **‘Ah’** “*so*” “_so_”."],
    // After dashes, and before them.
    [
      "de",
      `Er sagte --"nein"-- und "ja--", dann--"doch"--ging er.`,
      "Er sagte –„nein“– und „ja–“, dann–„doch“–ging er.",
    ],
    // What a word lost at its beginning, and after it a name whose genitive is an apostrophe.
    ["de", "den '90ern stand Hans' Auto", "den ’90ern stand Hans’ Auto"],
    ["de", "so 'ne Sache mit Thomas' Hund", "so ’ne Sache mit Thomas’ Hund"],
    ["de", "'nen Hund und Lukas' Katze", "’nen Hund und Lukas’ Katze"],
    ["de", "'xyz und Max' Katze", "’xyz und Max’ Katze"],
    ["de", `"Komm 'rein", sagte Hans' Frau.`, "„Komm ’rein“, sagte Hans’ Frau."],
    ["de", `"Komm 'rein`, "„Komm ’rein"],
    ["de", `"Ganz 'xyz", sagte er.`, "„Ganz ’xyz“, sagte er."],
    ["de", "Er rief 'raus hier' und 'Rein!', 's war laut", "Er rief ‚raus hier‘ und ‚Rein!‘, ’s war laut"],
    ["de", "Sie las 'die Buddenbrooks' und Klaus' Brief", "Sie las ‚die Buddenbrooks‘ und Klaus’ Brief"],
    [
      "en",
      "'Cause James' dog ran 'til dawn, 'bout the '90s, and Max' House",
      "’Cause James’ dog ran ’til dawn, ’bout the ’90s, and Max’ House",
    ],
    ["en", "'Great Expectations' Pip, 'Hard Times' too", "‘Great Expectations’ Pip, ‘Hard Times’ too"],
    ["fr", "en '68, 'tain d'Alexis' Chien", "en ’68, ’tain d’Alexis’ Chien"],
    ["es", "'tá en casa de Luis' Bar", "’tá en casa de Luis’ Bar"],
    // Two hyphens before a word.
    ["es", "—¡Yo! --dijo ella", "—¡Yo! —dijo ella"],
    ["es", "--¿Y tú? --preguntó.", "—¿Y tú? —preguntó."],
    ["en", "He left --suddenly. --well-- no", "He left —suddenly. —well— no"],
    // After punctuation that no space follows, and after Arabic words of one character.
    ["en", `"Well,"she said:"no"`, "“Well,”she said:“no”"],
    ["en", `Cook و"المقلوبة" or ب"كتاب" again`, "Cook و“المقلوبة” or ب“كتاب” again"],
  ];
  for (const [language, typed, set] of cases) {
    equal(setTypography(typed, language), set);
    // What is set is left as it is.
    equal(setTypography(set, language), set);
  }
});

Deno.test("the quotes of what stands within ours are inner ones", () => {
  const cases: Record<string, string> = {
    "Wo ist „zu Hause“ und „bei uns“?": "Wo ist ‚zu Hause‘ und ‚bei uns‘?",
    "What’s “home”?": "What’s ‘home’?",
    "Powiedział „tak”.": "Powiedział «tak».",
    "Hon sa ”hej”.": "Hon sa ’hej’.",
    "Dis «\u202foui\u202f», ¿«qué»?": "Dis “oui”, ¿“qué”?",
    // The other half was cut off.
    "„Der Zauber…": "‚Der Zauber…",
    "«\u202fMa…": "“Ma…",
    "It’s ‘so’, 5″": "It’s ‘so’, 5″",
  };
  for (const [text, inner] of Object.entries(cases)) equal(withinQuotes(text), inner);
});

Deno.test("code, commands, names of files, rules and other scripts stay as they were typed", () => {
  for (
    const text of [
      `\`git commit -m "it's"\``,
      `run it with --verbose or -v`,
      `use --force, then git commit --fixup, npm install --save-dev and the option --strict`,
      "--flag\n--other --more",
      `x="1" and print("hi") and {"a": 'b'} and ["a", "b"]`,
      `$ git commit -m "it's"`,
      `for (let i = 9; i > 0; i--) say("it's");`,
      "<!-- x --> a-->b my--file.txt a/b--c __x--y",
      "--\n---\n-----",
      `" " '`,
    ]
  ) equal(setTypography(text, "en"), text);
  equal(setTypography(`צה"ל וג'ירפה`, "he"), `צה"ל וג'ירפה`);
  // But no line begins with what stands for a dash.
  equal(setTypography("قرأت -- ثم نمت", "ar"), "قرأت\u00a0-- ثم نمت");
  equal(setTypography(`他说"好"`, "zh-Hans"), `他说"好"`);
  const [passage] = passages(`See "https://example.org/it's--so?q="a" and 'www.example.org/b'.`);
  equal(plain(passage), `See “https://example.org/it's--so?q=”a” and ‘www.example.org/b’.`);
});

const GERMAN = `Gestern haben wir den ganzen Abend in der Küche gesessen und über das alte Haus geredet.`;
const FRENCH = `Hier soir nous sommes restés dans la cuisine et nous avons parlé de la vieille maison.`;
const SPANISH = `Ayer nos quedamos toda la noche en la cocina y hablamos de la casa vieja de mi abuela.`;
const ENGLISH = `Yesterday we sat in the kitchen all evening and talked about the old house by the river.`;
const SWEDISH = `Igår satt vi i köket hela kvällen och pratade om det gamla huset nere vid floden.`;
const DANISH = `I går sad vi i køkkenet hele aftenen og talte om det gamle hus nede ved floden.`;

Deno.test("the language of a text is told where it is long enough", () => {
  equal([GERMAN, FRENCH, SPANISH, ENGLISH, SWEDISH].map(latinLanguageOf), ["de", "fr", "es", "en", "sv"]);
  equal(
    ["Middlemarch, again.", "My grandmother's kitchen.", "Brot.", "", "?!", "12".repeat(99)].map(
      latinLanguageOf,
    ),
    Array(6).fill(null),
  );
  equal(latinLanguageOf("¿Qué?"), "es");
  // What it does not know is not taken for what it knows.
  ok([null, "da", "nb"].includes(latinLanguageOf(DANISH)));
  equal(latinLanguageOf("Вчера мы весь вечер сидели на кухне и говорили о старом доме у реки."), null);
});

Deno.test("each passage says its language where that is another, and is set by it", () => {
  const found = passages(`${GERMAN}\n\nSie sagte "ja".\n\nОна сказала "да".\n\nהיא אמרה "כן".`, "en");
  equal(found.map(({ language }) => language), ["de", "de", "und-Cyrl", "he"]);
  equal(found.slice(1).map(plain), ["Sie sagte „ja“.", "Она сказала «да».", `היא אמרה "כן".`]);
  equal(passages(`${ENGLISH} It's "old".`, "en").map(({ language }) => language), [null]);
  equal(passages(`${ENGLISH} It's "old".`, "de").map(({ language }) => language), ["en"]);
  equal(passages(`Short and "sweet".`, "de").map(plain), ["Short and „sweet“."]);
  equal(setLine(`What's "home"?`, "en"), "What’s “home”?");
  equal(setLine(`¿Qué es "casa"?`, "en"), "¿Qué es «casa»?");
});

Deno.test("what is too short to tell its language is set like English where the language around it sets nothing", () => {
  const text = `Just toast. But "artisanal" toast -- with za'atar (زعتر) on top.`;
  for (const around of ["ar", "he", "ja"]) {
    const [passage] = passages(text, around);
    equal(plain(passage), "Just toast. But “artisanal” toast\u00a0— with za’atar (زعتر) on top.", around);
    equal(passage.language, null);
  }
  equal(
    plain(passages(text, "ru")[0]),
    "Just toast. But «artisanal» toast\u00a0— with za’atar (زعتر) on top.",
  );
  equal(plain(passages(`"زعتر" -- tea`, "ar")[0]), `"زعتر"\u00a0-- tea`);
});
