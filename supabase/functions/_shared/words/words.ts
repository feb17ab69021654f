/**
 * What Monogram itself says to people, in their language. The texts are in the catalogues beside this module, one file
 * a language; see README.md.
 */

import { type Arguments, CATALOGUES, type Key } from "./catalogues.generated.ts";
// @ts-types="./messageformat.d.ts"
import { IntlMessageFormat } from "./messageformat.generated.js";
import type { Values } from "./messageformat.d.ts";

export type Language = keyof typeof CATALOGUES;

export const LANGUAGES = Object.keys(CATALOGUES) as Language[];

/** How each language writes numbers and dates: English says the day first, Arabic has the digits of the others. */
const LOCALES: Record<Language, string> = { en: "en-GB", de: "de", fr: "fr", es: "es", ar: "ar-u-nu-latn" };

const RIGHT_TO_LEFT: readonly Language[] = ["ar"];

/** Characters of scripts that run from right to left, and those of all others. */
const LETTER_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const LETTER_TO_RIGHT =
  /(?![\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}])\p{L}/u;

/** The words of one language. */
export class Words {
  readonly direction: "ltr" | "rtl";
  readonly #formats = new Map<Key, IntlMessageFormat>();
  readonly #dates: Intl.DateTimeFormat;
  readonly #lists: Intl.ListFormat;

  constructor(readonly lang: Language) {
    this.direction = RIGHT_TO_LEFT.includes(lang) ? "rtl" : "ltr";
    this.#dates = new Intl.DateTimeFormat(LOCALES[lang], {
      day: "numeric",
      month: "long",
      year: "numeric",
      timeZone: "UTC",
    });
    this.#lists = new Intl.ListFormat(LOCALES[lang]);
  }

  /** Say a text. Names in it that run the other way are kept from turning it round. */
  say<K extends Key>(
    key: K,
    ...values: Record<never, never> extends Arguments[K] ? [] : [Arguments[K]]
  ): string {
    const text = CATALOGUES[this.lang][key];
    // Most have nothing to put in, and reading a message costs more than saying it.
    if (!text.includes("{")) return text;
    let format = this.#formats.get(key);
    if (format === undefined) {
      format = new IntlMessageFormat(text, LOCALES[this.lang]);
      this.#formats.set(key, format);
    }
    const given: Values = values[0] ?? {};
    return format.format(
      Object.fromEntries(
        Object.entries(given).map((
          [name, value],
        ) => [name, typeof value === "string" ? this.isolated(value) : value]),
      ),
    );
  }

  /** A day, as it was in UTC. */
  day(date: Date): string {
    return this.#dates.format(date);
  }

  /** "Ada, Boris and Chloé". */
  list(names: readonly string[]): string {
    return this.#lists.format(names.map((name) => this.isolated(name)));
  }

  /** Somebody's words between ours: in marks that keep directions apart, if it has another one. */
  isolated(text: string): string {
    const other = this.direction === "ltr" ? LETTER_TO_LEFT : LETTER_TO_RIGHT;
    return other.test(text) ? `\u2068${text}\u2069` : text;
  }
}

const known = new Map<Language, Words>();

/** The words of the first of these languages that has a catalogue; English where none has. */
export function wordsIn(languages: readonly (string | null | undefined)[]): Words {
  const lang = languages.map((tag) => catalogueOf(tag)).find((found) => found !== null) ?? "en";
  const words = known.get(lang) ?? new Words(lang);
  known.set(lang, words);
  return words;
}

/** The catalogue for a tag: its own, or that of the language without region and script. */
export function catalogueOf(tag: string | null | undefined): Language | null {
  for (
    let rest = (tag ?? "").toLowerCase();
    rest !== "";
    rest = rest.slice(0, Math.max(0, rest.lastIndexOf("-")))
  ) {
    if (Object.hasOwn(CATALOGUES, rest)) return rest as Language;
  }
  return null;
}

/** The languages that a browser asks for, best first. Source: RFC 9110, `Accept-Language`. */
export function acceptedLanguages(header: string | null): string[] {
  return (header ?? "").slice(0, 500).split(",")
    .map((part) => {
      const [tag, ...parameters] = part.split(";").map((piece) => piece.trim());
      const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ tag, quality }) => /^[a-z]{2,3}(-[a-z0-9]+)*$/i.test(tag) && quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ tag }) => tag);
}
