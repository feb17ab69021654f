/**
 * Text in the header of an email, so that every reader sees it as it was written.
 *
 * A name may hold anything, also what looks like an encoded word (`=?UTF-8?Q?...?=`), which mail programs would decode,
 * so all that is not plain is encoded. Source: RFC 2047.
 */

import { Buffer } from "node:buffer";

/** A line has at most this many characters, and an encoded word as well. */
const LINE = 76;
const WORD = 75;
const FRAME = "=?UTF-8?B??=".length;

/** Characters of any script, digits, signs and single spaces, and nothing that has a meaning in a header. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/**
 * Return `text` as the value of a header, folded.
 *
 * @param name The header's, which takes room on the first line.
 */
export function headerText(text: string, name: string): string {
  const line = oneLine(text);
  const first = LINE - name.length - 2;
  if (PLAIN.test(line) && !line.includes("=?") && line.length <= first) return line;
  return encodedWords(line, first);
}

function encodedWords(line: string, first: number): string {
  const words: string[] = [];
  let current = "";
  for (const character of graphemes(line)) {
    const room = (words.length === 0 ? Math.min(WORD, first) : WORD) - FRAME;
    if (current !== "" && base64Length(current + character) > room) {
      words.push(current);
      current = "";
    }
    current += character;
  }
  words.push(current);
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}

/**
 * Text for a provider that encodes it itself and may skip what looks encoded already: a zero-width joiner prevents
 * that.
 */
export function plainHeaderText(text: string): string {
  return oneLine(text).replaceAll("=?", "=\u2060?");
}

/** Alphabetic characters and digits only: nothing in them has a meaning in a list of addresses. */
const ATOMS = /^[A-Za-z0-9]+(?: [A-Za-z0-9]+)*$/;

/** Return a name and an address as the value of a header such as `From`, folded. */
export function headerMailbox(name: string, address: string, header: string): string {
  const line = oneLine(name);
  if (line === "") return address.includes("@") ? address : `<${address}>`;
  const first = LINE - header.length - 2;
  const fits = ATOMS.test(line) && line.length + address.length + 3 <= first;
  return fits ? `${line} <${address}>` : `${encodedWords(line, first)}\r\n <${address}>`;
}

/**
 * Return a name and an address for a provider that encodes them itself, and refuses what it cannot read: signs that
 * have a meaning beside an address are left out of the name.
 */
export function plainMailbox(name: string, address: string): string {
  // A comma that only looks like one.
  const plain = plainHeaderText(name).replaceAll(",", "\u201a").replace(/[()<>[\]:;@\\"]+/g, " ");
  const line = plain.replace(/\s+/g, " ").trim();
  return line === "" ? address : `${line} <${address}>`;
}

/** A header is one line: what would end it is a space. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
}

/** Characters as people count them, so that no reader sees half of one; piles of accents are cut. */
function* graphemes(text: string): Iterable<string> {
  for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
    if (segment.length <= 12) yield segment;
    else yield* segment;
  }
}

function base64Length(text: string): number {
  return 4 * Math.ceil(Buffer.byteLength(text) / 3);
}
