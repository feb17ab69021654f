/**
 * People's words, made safe to set beside other people's words.
 *
 * Markup is not dealt with here: whoever writes HTML escapes (see `html.ts`). This module takes out what no escaping
 * helps against: control characters, characters that turn the direction of everything after them, piles of accents
 * that grow over the neighbours, and addresses that are not of the web.
 */

/** A run of text within a line, or a link whose words are the address as it was typed. */
export type Inline = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

/** Lines that belong together, with the direction of their first letter that has one. */
export interface Passage {
  kind: "paragraph" | "quote";
  direction: "ltr" | "rtl";
  lines: Inline[][];
}

/** Characters that end a line, besides the line feed: carriage return, vertical tab, form feed, U+0085, U+2028, U+2029. */
const LINE_ENDS = /\r\n?|[\v\f\u0085\u2028\u2029]/g;

/**
 * Characters that no reader sees and some programs obey: controls, direction marks and overrides, zero-width spaces,
 * interlinear annotations, fillers that look like nothing, and code points that are no characters.
 *
 * The two joiners (U+200C, U+200D) stay: Persian and emoji families are made with them.
 */
const INVISIBLE = new RegExp(
  "[\\u0000-\\u0008\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u180e\\u200b\\u200e\\u200f" +
    "\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff]" +
    "|[\\u{1fffe}\\u{1ffff}\\u{2fffe}-\\u{2ffff}\\u{3fffe}-\\u{dffff}\\u{e0080}-\\u{effff}\\u{ffffe}\\u{fffff}\\u{10fffe}\\u{10ffff}]",
  "gu",
);

/** Tag characters spell the flags of regions after a black flag (U+1F3F4); anywhere else they hide text. */
const LOOSE_TAGS = /(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]{0,12})[\u{e0000}-\u{e007f}]+/gu;

/** No script stacks more marks than this on a letter. */
const ACCENT_PILE = /(\p{M}{6})\p{M}+/gu;

/** An address in running text, greedy; `splitAddress` gives back the punctuation that ends it. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`{}|\\^]+/giu;

const MAX_ADDRESS = 2048;

const RIGHT_TO_LEFT =
  /^[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

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
  return /[^\s\u200c\u200d\p{M}]/u.test(line) ? line : otherwise;
}

/**
 * Split plain text into paragraphs at blank lines, and find the links in it.
 *
 * A paragraph whose every line starts with ">" is a quote, as in plain-text mail.
 */
export function passages(text: string | null | undefined): Passage[] {
  return cleanText(text ?? "")
    .split(/\n[^\S\n]*(?:\n[^\S\n]*)+/u)
    .map((paragraph) => paragraph.split("\n").map((line) => line.trimEnd()))
    .map((lines) => lines.filter((line, index) => line !== "" || (index > 0 && index < lines.length - 1)))
    .filter((lines) => lines.some((line) => line !== ""))
    .map((lines) => {
      const quoted = lines.every((line) => /^\s*>/.test(line));
      const bare = quoted ? lines.map((line) => line.replace(/^\s*>\s?/, "")) : lines;
      return {
        kind: quoted ? "quote" : "paragraph",
        direction: direction(bare.join(" ")),
        lines: bare.map((line) => inlines(line.trim())),
      };
    });
}

/** Return the direction of the first letter of `text`; left to right where there is none. */
export function direction(text: string): "ltr" | "rtl" {
  const first = /\p{L}/u.exec(text);
  return first !== null && RIGHT_TO_LEFT.test(first[0]) ? "rtl" : "ltr";
}

/** Return the text of a passage without its links, its lines ended by line feeds. */
export function plain(passage: Passage): string {
  return passage.lines.map((line) => line.map((inline) => inline.text).join("")).join("\n");
}

/** Return `address` as a normal http(s) address, or null if it is none. Addresses with a user name are refused. */
export function webAddress(address: unknown): string | null {
  if (typeof address !== "string" || address.length > MAX_ADDRESS) return null;
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  return url.username === "" && url.password === "" && url.hostname !== "" ? url.href : null;
}

/** Return up to `limit` initials: those of the first and last words, or of the first words where `limit` is above two. */
export function initials(name: string, limit = 2): string {
  const words = name.split(/[\s_.,/&+]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const chosen = words.length <= limit
    ? words
    : limit === 2
    ? [words[0], words[words.length - 1]]
    : words.slice(0, limit);
  const letters = chosen.map((word) => firstGrapheme(word.replace(/^[^\p{L}\p{N}]+/u, "")));
  return letters.join("").toLocaleUpperCase("en") || firstGrapheme(name);
}

/** Split text into what a reader takes for single characters. */
export function characters(text: string): string[] {
  // Almost all text is plain enough that every code unit is one; asking the segmenter costs a hundred times as much.
  return /^[\x20-\x7e\u00a0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027]*$/.test(text)
    ? text.split("")
    : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Cut passages to about `limit` characters, between words where there are any; tell whether anything was left out. */
export function excerpt(all: readonly Passage[], limit: number): { passages: Passage[]; cut: boolean } {
  const kept: Passage[] = [];
  let left = limit;
  for (const passage of all) {
    const text = plain(passage);
    if (text.length <= left) {
      kept.push(passage);
      left -= text.length;
      continue;
    }
    if (left > 0) {
      kept.push({ ...passage, lines: shorten(text, left).split("\n").map(inlines) });
    }
    return { passages: kept, cut: true };
  }
  return { passages: kept, cut: false };
}

function shorten(text: string, limit: number): string {
  const room = text.slice(0, limit + 1);
  const space = room.search(/\s\S*$/u);
  // A word longer than the room is cut between characters, never within one.
  const head = space > 0 ? room.slice(0, space) : fitting(characters(room.toWellFormed()), limit);
  // A line that ends in a cut address would link to somewhere else.
  return head.replace(/\bhttps?:\/\/\S*$/iu, "").trimEnd() + "…";
}

function fitting(pieces: string[], limit: number): string {
  let head = "";
  for (const piece of pieces) {
    if (head.length + piece.length > limit) break;
    head += piece;
  }
  return head;
}

function firstGrapheme(text: string): string {
  return characters(text)[0] ?? "";
}

function inlines(line: string): Inline[] {
  const found: Inline[] = [];
  let end = 0;
  for (const match of line.matchAll(ADDRESS)) {
    const address = withoutEndOfSentence(match[0]);
    const href = webAddress(address);
    if (href === null) continue;
    if (match.index > end) found.push({ kind: "text", text: line.slice(end, match.index) });
    found.push({ kind: "link", text: address, href });
    end = match.index + address.length;
  }
  if (end < line.length) found.push({ kind: "text", text: line.slice(end) });
  return found;
}

/** Leave off the punctuation of the sentence, and a closing bracket that was opened before the address. */
function withoutEndOfSentence(address: string): string {
  for (;;) {
    const shorter = address.replace(/[.,;:!?…’”»*_~]+$/u, "");
    const last = shorter.at(-1);
    const opening = last === ")" ? "(" : last === "]" ? "[" : null;
    if (opening === null || shorter.split(opening).length >= shorter.split(last!).length) return shorter;
    address = shorter.slice(0, -1);
  }
}
