/**
 * The language of a passage, as far as its script and its characters tell: for the `lang` of what is written in another
 * language than the newsletter's own words, by which browsers choose typefaces and break lines, and screen readers
 * their voices; and for its quotes.
 */

import { type Han, hanAround, hanOf } from "./fonts/fallbacks.ts";
// @ts-types="./franc.d.ts"
import { francAll } from "./franc.generated.js";
import type { Guess } from "./franc.d.ts";

/** Scripts, and what is most likely written in each. */
const SCRIPTS: readonly { characters: RegExp; language: (text: string, han: Han | null) => string }[] = [
  { characters: /\p{Script=Greek}/gu, language: () => "el" },
  { characters: /\p{Script=Cyrillic}/gu, language: cyrillic },
  { characters: /\p{Script=Arabic}/gu, language: arabic },
  { characters: /\p{Script=Hebrew}/gu, language: () => "he" },
  { characters: /\p{Script=Devanagari}/gu, language: () => "hi" },
  { characters: /\p{Script=Bengali}/gu, language: (text) => /[ৰৱ]/u.test(text) ? "as" : "bn" },
  { characters: /\p{Script=Tamil}/gu, language: () => "ta" },
  { characters: /\p{Script=Thai}/gu, language: () => "th" },
  { characters: /\p{Script=Khmer}/gu, language: () => "km" },
  { characters: /\p{Script=Georgian}/gu, language: () => "ka" },
  { characters: /\p{Script=Armenian}/gu, language: () => "hy" },
  {
    characters:
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/gu,
    language: hanOf,
  },
];

/** Characters of another script than Latin. */
export const FOREIGN = /[^\0-\u024f\u1e00-\u1eff\u2000-\u2bff\p{M}\p{N}\p{P}\p{S}\s]/u;

/**
 * Return the language of a text of which most characters are of one script, as a BCP 47 tag; null where it is Latin,
 * whose languages cannot be told apart, or the same as the text around it.
 *
 * @param around The language of what is around it.
 * @param han What Chinese characters around it are; see `hanAround`.
 */
export function languageOf(
  text: string,
  around: string,
  han: Han | null = hanAround(around, []),
): string | null {
  if (!FOREIGN.test(text)) return null;
  const all = text.match(/\p{L}/gu)?.length ?? 0;
  for (const { characters, language } of SCRIPTS) {
    if ((text.match(characters)?.length ?? 0) * 2 <= all) continue;
    const found = language(text, han);
    return found.split("-")[0] === around.split("-")[0] && found.length <= 2 ? null : found;
  }
  return null;
}

/** Languages of Latin script that are told apart: the names that franc has for them, and their tags. */
const LATIN: Readonly<Record<string, string>> = {
  ces: "cs",
  dan: "da",
  deu: "de",
  eng: "en",
  fin: "fi",
  fra: "fr",
  hrv: "hr",
  hun: "hu",
  ind: "id",
  ita: "it",
  nld: "nl",
  nob: "nb",
  pol: "pl",
  por: "pt",
  ron: "ro",
  slk: "sk",
  spa: "es",
  swe: "sv",
  tur: "tr",
};

/** From so many characters on, and with such a margin over the next likely language, it is seldom wrong. */
const TELLING = 45;
const DISTANCE = 0.08;

/**
 * The words that sentences are made with: they tell a language where its characters do not, also from its neighbours.
 */
const WORDS: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries({
    da:
      "af at da de den der det efter er et for fra gik han har havde hun i ikke jeg med men når og os også på så til var ved vi",
    de:
      "aber als am auch auf aus bei bis das dem den der die ein eine er es für hat ich ihr im in ist mich mit nach nicht noch " +
      "nur sich sie sind so und uns von vor war was wenn wie wir wird zu zum zur",
    en:
      "a after an and are as at but by for from had has have he her his i in is it its me my not of on our out she so that " +
      "the their they this to up us was we were what when who will with you your",
    es:
      "al así como con cuando de del el en es ese esta estaba este está ha han hasta hemos la las le lo los me mi muy más no " +
      "nos nosotros o otra otro pero por porque que quien se sin su también todo todos tres un una y ya yo",
    fr:
      "après au aux avec ce ces chez comme dans de des deux du elle en est et il ils je la le les leur ma mais mes mon ne nous " +
      "on ont ou pas pour puis que qui sa se ses son sous sur tous tout trois très un une vous à été",
    it:
      "al alla anche che ci come con da dal del della di e gli ha ho i il in la le lo ma mi nel non per più quando se si sono " +
      "un una è",
    nl:
      "aan als bij dat de die dit een en er had hebben heeft het hij ik in is maar met mijn naar niet nog om onze op ook te tot " +
      "uit van voor was we wij ze zijn",
    pt:
      "a ao as com como da das de do dos e ela em era eu foi isso mais mas me minha muito na no nos não o os ou para pela por " +
      "quando que se sem todo todos três um uma à é",
    sv:
      "att av de den det ett en för från han har hon i inte jag med men när och om oss på så som sig till vad var vi är",
  }).map(([language, words]) => [language, new Set(words.split(" "))]),
);

/**
 * Words of kitchens and families that one of these languages alone has: they tell it where recipes and
 * quotations leave out the small ones. Each counts as two of those.
 */
const TELLTALES: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries({
    da: "hvedemel mælk smør sukker æg",
    de:
      "apfel backen bitte bruder brot dann doch eier eigelb esslöffel etwas fragt gestern großmutter großvater hefe heute immer " +
      "kartoffeln kinder kneten kochen kuchen käse mehl mein meine meint meinte milch minuten mutter ofen prise rezept ruft " +
      "sagt sagte sahne salz schmeckt schon schwester straße stunden tasse tassen teelöffel teig uhr unser unsere vater viel " +
      "wasser woche zucker zusammen zutaten zwiebel zwiebeln äpfel öl",
    en:
      "always apple apples asked aunt bake because bread brother called calls cheese children cook cream cup cups dad delicious " +
      "eggs father flour grandfather grandma grandmother grandpa house ingredients knead little milk mom mother mum never onion " +
      "onions recipe said says sister stir street sugar tablespoon tablespoons tbsp teaspoon teaspoons together tsp uncle " +
      "would years yesterday",
    es:
      "abuela abuelo ahora ajo ajos ayer azúcar años calle cebolla cebollas cocinamos cocinar cucharada cucharadas cucharadita " +
      "cucharaditas después desayuno dijo gritó harina hermana hermano horno hoy huevo huevos leche llama mamá mantequilla " +
      "mañana mucha mucho niños nuestra nuestro patatas receta riquísimo siempre taza tazas tía tío",
    fr:
      "aussi beurre crème cuillère cuillères cuire demain disait délicieux déjà encore enfants ensemble eau farine frère gousse " +
      "gousses ingrédients jamais lait levure maman maison mamie mère oeufs papi personnes pincée pomme pommes père pâte " +
      "recette rue répète semaine sœur sucre toujours œuf œufs",
    it:
      "acqua bambini buona buono cipolla cipolle così cucchiai cucchiaio domani dopo farina ieri ingredienti insieme molto nonna " +
      "nonno nostra nostro oggi olio perché pizzico ricetta settimana uova uovo zia zio zucchero",
    nl:
      "altijd bloem boter broer eetlepel eieren gisteren huis ingrediënten jaar kinderen lekker moeder samen snufje suiker " +
      "theelepel uien uur vandaag zegt zei zout zus",
    pt:
      "alho avó avô azeite açúcar cebola colher colheres depois farinha hoje irmã irmão leite manteiga muito mãe nossa nosso " +
      "ontem ovo ovos pai receita também você xícara água",
    sv: "grädde idag igår mjölk msk säger smör socker tillsammans vatten vecka ägg",
  }).map(([language, words]) => [language, new Set(words.split(" "))]),
);

const TELLTALE = 2;

/**
 * Elided small words before an apostrophe: each counts as one small word, or as two if no other language has it.
 */
const ELISIONS: readonly { language: string; words: ReadonlySet<string>; count: number }[] = [
  { language: "fr", words: new Set("j jusqu lorsqu n puisqu qu quelqu".split(" ")), count: 2 },
  { language: "fr", words: new Set("c d l m s t".split(" ")), count: 1 },
  { language: "it", words: new Set("all com dall dell dov nell quell sull un".split(" ")), count: 2 },
  { language: "it", words: new Set("c d l m s t".split(" ")), count: 1 },
];

/**
 * How many of these words a text needs, and how many times as many as of any other language. Some more of them tell
 * also where the characters are too few.
 */
const [FEWEST, AHEAD] = [3, 1.5];
const [MANY, SHORTEST] = [4, 30];
/** With so many, and so many times as many as of the language that its characters look like, the words are right. */
const [SURELY, FAR_AHEAD] = [6, 3];

/** The rest of the text would not change the result. */
const ENOUGH = 400;

/**
 * Return the language of a text of Latin script that is long enough to tell, as a BCP 47 tag; null where it is not, or
 * is in another script.
 */
export function latinLanguageOf(text: string): string | null {
  // No other language opens questions and exclamations.
  if (/[¿¡]["'«“]?\p{L}/u.test(text)) return "es";
  // Most keyboards have a straight apostrophe only.
  const start = text.slice(0, ENOUGH).toWellFormed().replace(/(?<=\p{L})'/gu, "’");
  const characters = start.match(/\p{Script=Latin}/gu)?.length ?? 0;
  if (characters < TELLING) return characters < SHORTEST ? null : languageOfWords(start, MANY);
  const [first, second]: Guess[] = francAll(start, { only: Object.keys(LATIN) });
  if (!(first[0] in LATIN)) return null;
  if (1 - (second?.[1] ?? 0) < DISTANCE) return languageOfWords(start, FEWEST);
  const found = LATIN[first[0]];
  const counted = wordsByLanguage(start);
  const [[language, most]] = counted;
  const own = counted.find(([one]) => one === found)?.[1] ?? most;
  return most >= SURELY && most >= FAR_AHEAD * own ? language : found;
}

/**
 * The language that most of the small words of a text are of; null where they are too few, or another one has nearly as
 * many.
 */
function languageOfWords(text: string, fewest: number): string | null {
  const [[language, most], [, next]] = wordsByLanguage(text);
  // Danish and Norwegian share theirs.
  return most >= fewest && most >= AHEAD * next && language !== "da" ? language : null;
}

/** How many words of a text are of each language, from the most on. */
function wordsByLanguage(text: string): [language: string, count: number][] {
  const lower = text.toLowerCase();
  const words = lower.match(/\p{L}+(?!’)(?!\p{L})/gu) ?? [];
  const elided = lower.match(/\p{L}+(?=’["'«“„*_]*\p{L})/gu) ?? [];
  return Object.entries(WORDS)
    .map(([language, known]) => {
      const elisions = ELISIONS.filter((one) => one.language === language)
        .map(({ words, count }) => elided.filter((word) => words.has(word)).length * count);
      const count = words.reduce(
        (sum, word) => sum + (known.has(word) ? 1 : TELLTALES[language].has(word) ? TELLTALE : 0),
        0,
      );
      return [language, elisions.reduce((sum, count) => sum + count, count)] as [string, number];
    })
    .sort(([, one], [, other]) => other - one);
}

function cyrillic(text: string): string {
  if (/[їєґ]/iu.test(text)) return "uk";
  if (/ў/iu.test(text)) return "be";
  if (/[ђћјљњџ]/iu.test(text)) return /[ѓќѕ]/iu.test(text) ? "mk" : "sr";
  if (/[ыэё]/iu.test(text)) return "ru";
  return "und-Cyrl";
}

function arabic(text: string): string {
  if (/[ٹڈڑںےھہ]/u.test(text)) return "ur";
  return /[پچژگکی]/u.test(text) ? "fa" : "ar";
}
