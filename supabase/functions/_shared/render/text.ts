/**
 * People's words, made safe to set beside other people's words.
 *
 * Markup is not dealt with here: whoever writes HTML escapes (see `html.ts`). This module takes out what no escaping
 * helps against: control characters, characters that turn the direction of everything after them, piles of accents
 * that grow over the neighbours, and addresses that are not of the web.
 */

import { INVISIBLE_RANGES } from "./blank.generated.ts";
import { blocksOf } from "./blocks.ts";
import { type Han, hanAround } from "./fonts/fallbacks.ts";
import { FOREIGN, languageOf, latinLanguageOf } from "./language.ts";
import { keepOrder, LEFT_ALONE } from "./numbers.ts";
import { setTypography, typographyAround } from "./typography.ts";

/** A run of text within a line, or a link whose words are the address as it was typed. */
export type Inline = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

/**
 * Lines that belong together, with the direction of their first strong character; without one they run as the words
 * around them.
 */
export interface Passage {
  /** Verse is what has lines that are moved in and none that is long. */
  kind: "paragraph" | "quote" | "verse" | "list";
  direction: "ltr" | "rtl";
  /** The language that its words are in, as a BCP 47 tag; null where it is the newsletter's own, or cannot be told. */
  language: string | null;
  /** Whether it could be told that they are in that language, or the newsletter's. */
  isTold: boolean;
  lines: Line[];
}

export interface Line {
  /**
   * How far it was moved in, in spaces: 0, or 2 and more. That of a list's items says which of them are below others.
   */
  indent: number;
  /**
   * What an item of a list begins with: "•", or the number that was typed, as "3."; null for its further lines, and
   * outside lists.
   */
  marker: string | null;
  inlines: Inline[];
}

/**
 * Characters that end a line, besides the line feed: carriage return, vertical tab, form feed, U+0085, U+2028, U+2029.
 */
const LINE_ENDS = /\r\n?|[\v\f\u0085\u2028\u2029]/g;

/**
 * Characters that no reader sees and some programs obey: controls, direction marks and overrides, zero-width spaces,
 * interlinear annotations, fillers that look like nothing, and code points that are not characters.
 *
 * The two joiners (U+200C, U+200D) stay: Persian and emoji families are made with them.
 */
const INVISIBLE = new RegExp(
  "[\\u0000-\\u0008\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u180e\\u200b\\u200e\\u200f" +
    "\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff]" +
    "|[\\u{1fffe}\\u{1ffff}\\u{2fffe}-\\u{2ffff}\\u{3fffe}-\\u{dffff}\\u{e0080}-\\u{effff}\\u{ffffe}\\u{fffff}\\u{10fffe}\\u{10ffff}]",
  "gu",
);

/** Something to see: more than blanks, and than marks without a character to stand on. */
const SEEN = new RegExp(`[^${INVISIBLE_RANGES}\\p{M}]`, "u");

/** Tag characters spell the flags of regions after a black flag (U+1F3F4); anywhere else they hide text. */
const LOOSE_TAGS = /(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]{0,12})[\u{e0000}-\u{e007f}]+/gu;

/** No script stacks more marks than this on a character. */
const ACCENT_PILE = /(\p{M}{6})\p{M}+/gu;

/** An address in running text, greedy; `splitAddress` gives back the punctuation that ends it. */
const ADDRESS =
  /(?<![A-Za-z0-9_])(?:https?:\/\/|(?<![@./-])www\.(?=[\p{L}\p{N}][\p{L}\p{N}-]*\.))[^\s<>"`{}|\\^\u3000-\u3002\u3008-\u3011\u3014-\u301f\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f“”„«»‹›—]+/giu;

/** An apostrophe in the name of a host: the address is somebody's, as in "example.org's". */
const OWNED = /^((?:https?:\/\/)?[^/?#'’]+)['’].*$/iu;

/** What ends sentences and parts of them, but for hyphens and brackets. */
const SENTENCE_ENDS: ReadonlySet<string> = new Set(".,;:!?…'’*_~–،؛؟۔।॥։។");

const MAX_ADDRESS = 2048;

const RIGHT_TO_LEFT =
  /^[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

export const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Return `text` with its lines ended by line feeds and without characters that could disturb what is around it. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .normalize("NFC")
    .replace(LINE_ENDS, "\n")
    .replaceAll("\t", "    ")
    .replace(INVISIBLE, "")
    .replace(LOOSE_TAGS, "")
    .replace(ACCENT_PILE, "$1");
}

/** Return `text` cleaned and on one line, or `otherwise` if there is nothing to see in it. */
export function cleanLine(text: string | null | undefined, otherwise = ""): string {
  const line = cleanText(text ?? "").replace(/\s+/gu, " ").trim();
  return SEEN.test(line) ? line : otherwise;
}

/**
 * Split plain text into passages at blank lines, find the links in it, and set its quotes, dashes and numbers (see
 * `typography.ts` and `numbers.ts`).
 *
 * A paragraph whose every line starts with ">" is a quote, as in plain-text email; lines that people number, or begin
 * with "-", "*" or "•", are a list; lines that begin with two spaces keep them.
 *
 * @param around The language of the words around it, as a BCP 47 tag.
 * @param han What Chinese characters around it are; see `hanAround`.
 */
export function passages(
  text: string | null | undefined,
  around = "en",
  han: Han | null = hanAround(around, []),
): Passage[] {
  const clean = cleanText(text ?? "");
  const whole = latinLanguageOf(clean);
  const blocks = blocksOf(clean);
  const texts = blocks.map(({ lines }) => lines.map((line) => line.text).join("\n"));
  const own = blocks.length === 1 ? [whole] : texts.map(latinLanguageOf);
  // Where the whole does not tell, its passages do, if they agree.
  const known = new Set(own.filter((language) => language !== null));
  const latin = whole ?? (known.size === 1 ? [...known][0] : null);
  return blocks.map(({ kind, lines }, index) => {
    const words = texts[index];
    const script = languageOf(words, around, han);
    const language = script ?? own[index] ?? (FOREIGN.test(words) ? null : latin);
    const runs = direction(words, directionOf(around));
    const found = inlinesOf(
      lines.map((line) => line.text),
      language ?? typographyAround(words, around),
      runs,
    );
    return {
      kind,
      direction: runs,
      language: language?.split("-")[0] === around.split("-")[0] && script === null ? null : language,
      isTold: language !== null,
      lines: lines.map(({ indent, marker }, index) => ({ indent, marker, inlines: found[index] })),
    };
  });
}

/** Return a text of one line, as of `cleanLine`, with its quotes, dashes and numbers set. */
export function setLine(line: string, around: string, han: Han | null = hanAround(around, [])): string {
  const language = languageOf(line, around, han) ?? latinLanguageOf(line) ?? typographyAround(line, around);
  const runs = direction(line, directionOf(around));
  return inlinesOf([line], language, runs)[0].map((inline) => inline.text).join("");
}

export type Direction = "ltr" | "rtl";

/** Return true if `text` has a strong character: one of a script, which runs in one direction. */
export function hasDirection(text: string): boolean {
  return /\p{L}/u.test(text);
}

/** Languages that run from right to left. */
const RIGHT_TO_LEFT_LANGUAGES = new Set([
  "ar",
  "arc",
  "ckb",
  "dv",
  "fa",
  "he",
  "nqo",
  "ps",
  "sd",
  "syr",
  "ug",
  "ur",
  "yi",
]);

/** Return the direction that a language runs in, by its BCP 47 tag. */
export function directionOf(language: string): Direction {
  return RIGHT_TO_LEFT_LANGUAGES.has(language.split("-")[0]) ? "rtl" : "ltr";
}

/** Return the direction of the first strong character of `text`, or `otherwise` without one. */
export function direction(text: string, otherwise: Direction = "ltr"): Direction {
  const first = /\p{L}/u.exec(text);
  return first === null ? otherwise : RIGHT_TO_LEFT.test(first[0]) ? "rtl" : "ltr";
}

/** Return the words of a passage without its links, indents and markers, its lines ended by line feeds. */
export function plain(passage: Passage): string {
  return passage.lines.map(({ inlines }) => inlines.map((inline) => inline.text).join("")).join("\n");
}

/**
 * Return a text whose gaps HTML keeps: tabs, which are spaces by now, as of a table from a spreadsheet. Two spaces, as
 * some people type them after a sentence, are one there.
 */
export function withGaps(text: string): string {
  return text.replace(/ {3,}/g, (gap) => "\u00a0".repeat(gap.length - 1) + " ");
}

/** Return `address` as a normal http(s) address, or null if it is not valid. Addresses with a user name are refused. */
export function webAddress(address: unknown): string | null {
  if (typeof address !== "string" || address.length > MAX_ADDRESS) return null;
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  return url.username === "" && url.password === "" && url.hostname !== "" ? url.href : null;
}

/**
 * Return up to `limit` initials: those of the first and last words, or of the first words where `limit` is above two.
 */
export function initials(name: string, limit = 2): string {
  const words = name.split(/[\s_.,/&+]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const chosen = words.length <= limit
    ? words
    : limit === 2
    ? [words[0], words[words.length - 1]]
    : words.slice(0, limit);
  // Thai and Lao write some vowels before the consonant that a syllable begins with.
  const firsts = chosen.map((word) => firstGrapheme(word.replace(/^(?:[^\p{L}\p{N}]|[เ-ไເ-ໄ])+/u, "")));
  // Arabic characters side by side would be joined to a word that nobody is called; syllables of Indic scripts are too
  // wide for two.
  const isWide = firsts.some((first) =>
    /^[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}/u.test(first)
  );
  const joined = isWide
    ? firsts[0]
    : firsts.join(/^\p{Script=Arabic}/u.test(firsts[0] ?? "") ? "\u200c" : "");
  // The capitals of Georgian are for whole words in capitals only.
  return /\p{Script=Georgian}/u.test(joined) ? joined : joined.toLocaleUpperCase("en") || firstGrapheme(name);
}

/**
 * Whether a text has characters that hang together: those of Arabic, and those below the line of Devanagari and
 * Bengali.
 */
export function hangsTogether(text: string): boolean {
  return /[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}]/u.test(text);
}

/** Whether a text is mostly of scripts that have no italic, so that programs would slant their upright characters. */
export function isUpright(text: string): boolean {
  const upright = text.match(/[^\P{L}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/gu)?.length ?? 0;
  return upright * 2 > (text.match(/\p{L}/gu)?.length ?? 0);
}

/**
 * Whether a text has characters of a script that reaches further above and below its line than Latin does: lines of
 * large type need more room between them.
 */
export function isTall(text: string): boolean {
  return /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Thai}\p{Script=Lao}\p{Script=Tibetan}\p{Script=Myanmar}\p{Script=Khmer}]/u
    .test(text);
}

/** Characters and punctuation that nothing is joined with: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Georgian, kana, Chinese
 * characters and syllables of Hangul. */
const PLAIN =
  /^[\x20-\x7e\u00a0-\u02ff\u0370-\u0482\u048a-\u052f\u0531-\u058a\u05d0-\u05ea\u0621-\u064a\u10d0-\u10ff\u2010-\u2027\u3001-\u3011\u3041-\u3096\u30a1-\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]*$/;

/** Split text into what a reader takes for single characters. */
export function characters(text: string): string[] {
  // Almost all text is plain enough that every code unit is one; asking the segmenter costs a hundred times as much.
  return PLAIN.test(text) ? text.split("") : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function firstGrapheme(text: string): string {
  return characters(text)[0] ?? "";
}

/** Find the links in the lines of a passage, and set the quotes, dashes and numbers of what is between them. */
function inlinesOf(lines: readonly string[], language: string, runs: Direction): Inline[][] {
  const found = lines.map(linksOf);
  const links = found.flat();
  const text = lines.map((line, index) => {
    let end = 0;
    const parts = found[index].map(({ at, link }) => {
      const between = line.slice(end, at);
      end = at + link.text.length;
      return between + LEFT_ALONE;
    });
    return parts.join("") + line.slice(end);
  }).join("\n");
  return keepOrder(setTypography(text, language), runs).split("\n").map((line) =>
    line.split(LEFT_ALONE).flatMap((between, index) => [
      ...(index > 0 ? [links.shift()!.link] : []),
      ...(between === "" ? [] : [{ kind: "text" as const, text: between }]),
    ])
  );
}

/** The links in a line, and where they begin. */
function linksOf(line: string): { at: number; link: Inline }[] {
  const found: { at: number; link: Inline }[] = [];
  for (const match of line.matchAll(ADDRESS)) {
    const text = withoutEndOfSentence(match[0].replace(OWNED, "$1"));
    const href = webAddress(/^www\./i.test(text) ? `https://${text}` : text);
    if (href !== null) found.push({ at: match.index, link: { kind: "link", text, href } });
  }
  return found;
}

/**
 * Leave off the punctuation of the sentence, in any script, two hyphens or more, and a closing bracket that was opened
 * before the address. One walk from the end: whatever somebody writes, it takes no longer than it has characters.
 */
function withoutEndOfSentence(address: string): string {
  const unclosed = { ")": 0, "]": 0 };
  for (const character of address) {
    if (character === "(") unclosed[")"] += 1;
    else if (character === "[") unclosed["]"] += 1;
    else if (character === ")" || character === "]") unclosed[character] -= 1;
  }
  let end = address.length;
  for (;;) {
    const last = address[end - 1];
    if (last === ")" || last === "]") {
      if (unclosed[last] >= 0) break;
      unclosed[last] += 1;
      end -= 1;
    } else if (last === "-") {
      let start = end - 1;
      while (address[start - 1] === "-") start -= 1;
      if (end - start === 1) break;
      end = start;
    } else if (last !== undefined && SENTENCE_ENDS.has(last)) end -= 1;
    else break;
  }
  return address.slice(0, end);
}
