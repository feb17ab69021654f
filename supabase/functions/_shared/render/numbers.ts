/**
 * Numbers in running text: mixed numbers and fractions of a unit, set so that nobody reads "1 1/2" as "11/2", and
 * numbers that stay in the order in which they were typed between words that run from right to left.
 */

/**
 * Stands for what is left alone: an address, or code. No text of a newsletter can hold a noncharacter (see
 * `cleanText`).
 */
export const LEFT_ALONE = "\ufdd0";

/** Fractions that have a character of their own. */
const FRACTIONS: Readonly<Record<string, string>> = {
  "1/2": "½",
  "1/3": "⅓",
  "2/3": "⅔",
  "1/4": "¼",
  "3/4": "¾",
  "1/5": "⅕",
  "2/5": "⅖",
  "3/5": "⅗",
  "4/5": "⅘",
  "1/6": "⅙",
  "5/6": "⅚",
  "1/8": "⅛",
  "3/8": "⅜",
  "5/8": "⅝",
  "7/8": "⅞",
};

/** Units that recipes and measures have, in the languages that Monogram speaks. */
const UNITS = [
  "l|dl|cl|ml|kg|g|mg|lb|lbs|oz|pt|qt|km|m|dm|cm|mm|in|ft|yd|h|hr|hrs|min",
  // English.
  "cups?|tsps?|tbsps?|teaspoons?|tablespoons?|(?:kilo)?gram(?:me)?s?|pounds?|ounces?|pints?|quarts?|gallons?|(?:milli)?lit(?:re|er)s?",
  "inch(?:es)?|foot|feet|yards?|miles?|(?:kilo|centi)?met(?:re|er)s?|hours?|minutes?|acres?|dozen|sticks?|cans?|packets?|bunch(?:es)?",
  // German.
  "EL|TL|Essl(?:\\.|öffel)|Teel(?:\\.|öffel)|Tassen?|Pfund|Pfd\\.?|Prisen?|Bund|Stangen?|Dosen?|Päckchen|Pck\\.?|Pkg\\.?|Becher|Gl(?:as|äser)",
  "Zentner|Würfel|Flaschen?|Stunden?|Std\\.?|Minuten?|Meter|Kilo(?:meter)?|Dutzend|Stück|Liter|Gramm",
  // French.
  "tasses?|verres?|cuill(?:[eè]res?|\\.)|c\\. ?à|livres?|gousses?|bottes?|sachets?|pincées?|(?:kilo|centi)?mètres?|heures?|douzaines?",
  // Spanish.
  "tazas?|vasos?|cucharad(?:it)?as?|cdas?|cditas?|libras?|litros?|kilos?|gramos?|metros?|kilómetros?|horas?|docenas?|pizcas?|dientes?",
  // Arabic.
  "كوب|أكواب|كأس|ملعقة|ملاعق|لتر|كيلو|غرام|جرام|رطل|متر|ساعة|سم|كغ|كجم|مل",
].join("|");

const FRACTION = "(\\d{1,2}/\\d{1,2})";
const NO_NUMBER = "(?![\\p{N}/]|[.,:]\\p{N})";

/** What a number of a house, a room or a part comes after: what follows it is not a fraction of it. */
const NUMBERED =
  /(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|(?<!\p{L})(?:apt|unit|room|suite|zimmer|tür|top|stiege|rue|avenue|calle|no|nr|nº|n°|pages?|seiten?|teil|part|partie|parte|kapitel|chapter|week|woche)\.?) ?$/iu;

const MIXED = new RegExp(
  `(?<![\\p{L}\\p{N}.,:/+=_-])(\\d{1,3})[ \\u00a0]${FRACTION}(?!_)${NO_NUMBER}`,
  "gu",
);
const OF_A_UNIT = new RegExp(
  `(?<![\\p{L}\\p{N}.,:/=_])${FRACTION}${NO_NUMBER}` +
    // A range shares its unit: "1/2-3/4 l", "1/4 bis 1/2 l".
    `(?=(?: ?[-–] ?(?:\\d{1,2}/\\d{1,2}|[½⅓⅔¼¾⅛]|\\d+)| (?:to|or|bis|oder|à|ou|o|a) (?:\\d{1,2}/\\d{1,2}|\\d+))?` +
    `[ \\u00a0-]?(?:${UNITS})(?![\\p{L}\\p{M}\\p{N}/]))`,
  "giu",
);

/** A space that nothing breaks and nobody takes for the one within a number. */
const WIDE = "\u00a0\u00a0";

/**
 * Set the mixed numbers of a prose, and its fractions of a unit. Dates, ratios, numbers of houses, and fractions by
 * themselves stay.
 */
export function setFractions(text: string): string {
  if (!/\d\/\d/.test(text)) return text;
  return text
    .replace(MIXED, (_typed, whole: string, fraction: string, at: number) => {
      const isNumbered = NUMBERED.test(text.slice(Math.max(0, at - 20), at));
      return whole + (isNumbered ? WIDE + fraction : FRACTIONS[fraction] ?? WIDE + fraction);
    })
    .replace(
      OF_A_UNIT,
      (typed, fraction: string, at: number, all: string) =>
        NUMBERED.test(all.slice(Math.max(0, at - 20), at)) ? typed : FRACTIONS[fraction] ?? typed,
    );
}

/** Begins and ends what runs from left to right whatever is around it. */
const [LEFT_TO_RIGHT, END] = ["\u2066", "\u2069"];

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Groups of digits with what people write between and before them in one number; a code may be in brackets. */
const GROUP = "(?:\\p{Nd}+(?:\\(\\p{Nd}{1,5}\\))?|\\(\\+?\\p{Nd}{1,5}\\)\\p{Nd}*)";
const BETWEEN = "(?:[ \\u00a0\\u202f]{1,2}|[ \\u00a0\\u202f]?[-–/.][ \\u00a0\\u202f]?|,)";
const GROUPS = new RegExp(
  `(?<![\\p{L}\\p{N}\\p{M}_]|\\p{N}[.:,])[+-]?${GROUP}(?:[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]|(?:${BETWEEN}${GROUP})*)(?![\\p{L}\\p{N}\\p{M}_])` +
    `|${LEFT_ALONE}`,
  "gu",
);

/**
 * Put marks around what would not be read as it was typed among words from right to left: telephone numbers, dates with
 * hyphens, numbers with spaces, a sign or a fraction, and addresses. Lists and ranges of numbers run as the words do.
 *
 * @param text With `LEFT_ALONE` for each address.
 * @param runs How it runs.
 */
export function keepOrder(text: string, runs: "ltr" | "rtl"): string {
  if (runs === "ltr" && !RIGHT_TO_LEFT.test(text)) return text;
  return text.replace(
    GROUPS,
    (typed) => typed === LEFT_ALONE || isOneNumber(typed) ? LEFT_TO_RIGHT + typed + END : typed,
  );
}

function isOneNumber(typed: string): boolean {
  const groups = typed.match(/\p{Nd}+/gu)!;
  const digits = groups.reduce((sum, group) => sum + group.length, 0);
  const isSigned = /^[+-]/u.test(typed);
  const isDialled = /^[+0٠۰(]/u.test(typed);
  if (groups.length === 1) return isSigned || /[½-¾⅓-⅞]$/u.test(typed);
  // A mixed number whose fraction has no character of its own, and thousands.
  if (/^\p{Nd}{1,3}[ \u00a0]{1,2}\p{Nd}+\/\p{Nd}+$/u.test(typed)) return true;
  if (/^[+-]?\p{Nd}{1,3}(?:[ \u00a0\u202f]\p{Nd}{3})+(?:[.,]\p{Nd}+)?$/u.test(typed)) return true;
  // A range: of hours, of days.
  if (/[ \u00a0\u202f][-–][ \u00a0\u202f]/u.test(typed) && (!isDialled || /[.,\/]/u.test(typed))) {
    return false;
  }
  if (isSigned) return true;
  if (groups.length >= 3) return digits >= (/[-–.()\/]/u.test(typed) ? 6 : 7) && !/, /u.test(typed);
  const areYears = groups.every((group) => /^(?:1[5-9]|20)\p{Nd}\p{Nd}$/u.test(group));
  return digits >= 7 && !areYears && (isDialled || !/[-–]/u.test(typed));
}

/** Marks around what runs from left to right, and what is between them. */
export const ISOLATED = /\u2066([^\u2066-\u2069]*)\u2069/gu;

/** Return a text as it was typed, without the marks that `keepOrder` puts into it. */
export function withoutIsolates(text: string): string {
  return text.replace(ISOLATED, "$1");
}
