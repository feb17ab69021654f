/**
 * The typefaces for what Literata has no characters for. Each is loaded when the first text wants it and kept as long
 * as the process runs; those of Chinese, Japanese and Korean are too large to be deployed with a function and come from
 * elsewhere.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { brotliDecompressSync } from "node:zlib";
import { release, unpackAtOnce } from "./brotli.ts";
import { copyOutline, copyWithoutOutlines } from "./sfnt.ts";
import { MODULES, type TypefaceFile, TYPEFACES } from "./typefaces.generated.ts";

/** Returns a large typeface by the name of its file, as it is in the bucket `typefaces`; null where it is missing. */
export type TypefaceSource = (file: string) => Promise<Uint8Array | null>;

/** A character that changes its neighbours and needs no glyph: the joiners and the variation selectors. */
export const SILENT = /[\u200c\u200d\ufe00-\ufe0f]/gu;

/** What shows Chinese characters, by the language; the first that has a character shows it. */
const HAN_ORDER = {
  ja: ["noto-serif-jp", "noto-serif-sc", "noto-serif-tc"],
  ko: ["noto-serif-kr", "noto-serif-jp", "noto-serif-tc", "noto-serif-sc"],
  "zh-Hans": ["noto-serif-sc", "noto-serif-tc", "noto-serif-jp"],
  "zh-Hant": ["noto-serif-tc", "noto-serif-jp", "noto-serif-sc"],
} as const;
export type Han = keyof typeof HAN_ORDER;

const BY_NAME = new Map(TYPEFACES.map((file) => [file.name, file]));
const LARGE = TYPEFACES.filter(({ file }) => file !== null).map(({ name }) => name);
const FIRST_LARGE = TYPEFACES.findIndex(({ file }) => file !== null);

const coverage = new Map<string, Uint8Array>();
const loaded = new Map<string, Buffer>();

/** A large typeface: the whole file as it is packed, and what is unpacked of it. */
interface Large {
  packed: Uint8Array;
  /** The file with the outlines of some glyphs; those of the others are empty. */
  openType: Buffer;
  /** Those glyphs; null while there is nothing at all. */
  outlines: Set<number> | "all" | null;
}

const large = new Map<string, Large>();

/** Return true if a typeface has glyphs for all of a text. */
export function shows(name: string, text: string): boolean {
  const { characters } = BY_NAME.get(name)!;
  let bits = coverage.get(name);
  if (bits === undefined) {
    coverage.set(name, bits = brotliDecompressSync(Buffer.from(characters, "base64")));
  }
  for (const character of text.replace(SILENT, "")) {
    const codePoint = character.codePointAt(0)!;
    if (((bits[codePoint >> 3] ?? 0) & (1 << (codePoint & 7))) === 0) return false;
  }
  return true;
}

/** The typefaces that have a character, the best first. */
export function typefacesOf(character: string, han: Han): string[] {
  const order = [
    ...TYPEFACES.slice(0, FIRST_LARGE).map(({ name }) => name),
    ...new Set([...HAN_ORDER[han], ...LARGE]),
    ...TYPEFACES.slice(FIRST_LARGE + LARGE.length).map(({ name }) => name),
  ];
  return order.filter((name) => shows(name, character));
}

/**
 * Load a typeface.
 *
 * @param source Where the large ones come from.
 * @returns False if it cannot be loaded. The next call tries again.
 */
export async function load(name: string, source: TypefaceSource): Promise<boolean> {
  if (loaded.has(name) || large.has(name)) return true;
  const typeface = BY_NAME.get(name)!;
  const packed = await packedFile(typeface, source);
  if (packed === null) return false;
  // A concurrent call may have been faster.
  if (loaded.has(name) || large.has(name)) return true;
  if (typeface.file === null) loaded.set(name, unpacked(name, packed));
  // Pages that are never written take no memory, so most of it may be allocated up front.
  else large.set(name, { packed, openType: Buffer.alloc(typeface.length), outlines: null });
  return true;
}

/**
 * Unpack the outlines of some glyphs of a large typeface that is loaded; all of them would take too much memory. The
 * four of Chinese, Japanese and Korean are eighteen megabytes, of which a newsletter needs a few hundred kilobytes.
 *
 * @param glyphs Says which they are; it may ask for the whole file.
 */
export function unpackOutlines(name: string, glyphs: (file: () => Buffer) => number[]): void {
  const typeface = large.get(name);
  if (typeface === undefined || typeface.outlines === "all") return;
  let whole: Buffer | undefined;
  const file = () => whole ??= unpacked(name, typeface.packed);
  if (typeface.outlines === null) copyWithoutOutlines(file(), typeface.openType);
  const outlines = typeface.outlines ?? new Set<number>();
  typeface.outlines = outlines;
  for (const glyph of glyphs(file)) {
    if (outlines.has(glyph)) continue;
    copyOutline(file(), typeface.openType, glyph);
    outlines.add(glyph);
  }
  if (whole !== undefined) release(whole);
}

/**
 * Ensure that the outlines of glyphs of a loaded typeface are there: all of them, if one is missing. Unpacking a file
 * for each would take too long.
 */
export function ensureOutlines(name: string, glyphs: readonly { id: number }[]): void {
  const typeface = large.get(name);
  if (typeface === undefined || typeface.outlines === "all") return;
  const { outlines } = typeface;
  if (outlines !== null && glyphs.every(({ id }) => outlines.has(id))) return;
  const whole = unpacked(name, typeface.packed);
  whole.copy(typeface.openType);
  release(whole);
  typeface.outlines = "all";
}

function unpacked(name: string, packed: Uint8Array): Buffer {
  return unpackAtOnce(packed, BY_NAME.get(name)!.length);
}

/**
 * Where the large ones are, if there are files: everywhere but on the platform, which deploys imported modules only.
 */
const FOLDER = new URL("../typefaces/", import.meta.url);

/** Return a large typeface from the folder beside this one. */
export const fileBeside: TypefaceSource = (file) => Deno.readFile(new URL(file, FOLDER)).catch(() => null);

async function packedFile(
  { name, file, digest }: TypefaceFile,
  source: TypefaceSource,
): Promise<Uint8Array | null> {
  if (file === null) return Buffer.from((await MODULES[name]()).FONT, "base64");
  const packed = await source(file);
  // Another version has other characters than are known here, and a file that is not a typeface would make rendering
  // fail.
  const isOurs = packed !== null && createHash("sha256").update(packed).digest("hex") === digest;
  return isOurs ? packed : null;
}

/** Return a loaded typeface as OpenType; a large one with the outlines that are unpacked. */
export function openTypeOf(name: string): Buffer {
  const typeface = large.get(name);
  if (typeface === undefined) return loaded.get(name)!;
  ensureOutlines(name, []);
  return typeface.openType;
}

/** The family name of a typeface, for people: "Noto Serif SC". */
export function familyOf(name: string): string {
  return BY_NAME.get(name)!.family;
}

/** The character sets of the languages that are written with Chinese characters, as their first and second bytes. */
const CHARSETS = {
  "gbk": { first: [0xb0, 0xf7], second: [0xa1, 0xfe], mark: 1 }, // The part that is GB 2312.
  "big5": { first: [0xa4, 0xf9], second: [0x40, 0xfe], mark: 2 },
  "euc-jp": { first: [0xb0, 0xfc], second: [0xa1, 0xfe], mark: 4 }, // JIS X 0208, and what names need besides.
  "euc-kr": { first: [0xca, 0xfd], second: [0xa1, 0xfe], mark: 8 },
} as const;
const SIMPLIFIED = CHARSETS.gbk.mark;
const TRADITIONAL = CHARSETS.big5.mark;
const JAPANESE = CHARSETS["euc-jp"].mark;
const KOREAN = CHARSETS["euc-kr"].mark;

/** Characters for everyday use in Japan that are newer than its character set. */
const NEWER_IN_JAPAN = "\u5653\u9830\u525d\u5861";
const FIRST = 0x4e00;
const LAST = 0x9fff;

/** For each character from U+4E00 on the marks of the sets that have it; made when it is first asked for. */
let marks: Uint8Array | null = null;

function marksOfHan(): Uint8Array {
  if (marks !== null) return marks;
  const found = new Uint8Array(LAST - FIRST + 1);
  const note = (text: string, mark: number) => {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= FIRST && code <= LAST) found[code - FIRST] |= mark;
    }
  };
  for (const [charset, { first, second, mark }] of Object.entries(CHARSETS)) {
    const decoder = new TextDecoder(charset);
    for (let one: number = first[0]; one <= first[1]; one++) {
      const bytes: number[] = [];
      for (let other: number = second[0]; other <= second[1]; other++) {
        if (other < 0x7f || other > 0xa0) bytes.push(one, other);
      }
      note(decoder.decode(new Uint8Array(bytes)), mark);
    }
  }
  note(NEWER_IN_JAPAN, JAPANESE);
  return marks = found;
}

/** What is written in one language only, besides Chinese characters. */
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const HANGUL = /\p{Script=Hangul}/u;
const BOPOMOFO = /\p{Script=Bopomofo}/u;

/**
 * Which of the four typefaces of Chinese characters a text is best set in. Kana are Japanese, Hangul Korean and
 * Bopomofo Taiwanese. A text of Chinese characters alone is in the language around it, unless it has one that is not
 * written in Japanese or Korean; elsewhere the languages are told apart by the characters that only one of them has,
 * and it is simplified Chinese where there are none.
 *
 * @param around What Chinese characters around it are; null where that is not known.
 */
export function hanOf(text: string, around: Han | null = null): Han {
  if (KANA.test(text)) return "ja";
  if (HANGUL.test(text)) return "ko";
  if (BOPOMOFO.test(text)) return "zh-Hant";
  const found = Array.from(
    text.matchAll(/[\u4e00-\u9fff]/gu),
    ([character]) => marksOfHan()[character.charCodeAt(0) - FIRST],
  );
  const isChinese = (mark: number) => (mark & (SIMPLIFIED | TRADITIONAL)) !== 0;
  const isWrittenIn = (own: number) => !found.some((mark) => isChinese(mark) && (mark & own) === 0);
  if (around === "ja" && isWrittenIn(JAPANESE)) return "ja";
  if (around === "ko" && isWrittenIn(KOREAN)) return "ko";
  if (found.some((mark) => (mark & JAPANESE) !== 0 && !isChinese(mark)) && isWrittenIn(JAPANESE)) return "ja";
  const balance = found.reduce((sum, mark) => {
    const chinese = mark & (SIMPLIFIED | TRADITIONAL);
    return sum + Number(chinese === SIMPLIFIED) - Number(chinese === TRADITIONAL);
  }, 0);
  return balance < 0 || (balance === 0 && around === "zh-Hant") ? "zh-Hant" : "zh-Hans";
}

/**
 * What Chinese characters in a newsletter are: what its language says, else what its other texts tell; null where they do
 * not.
 *
 * @param language The language that was chosen for it, as a BCP 47 tag.
 */
export function hanAround(language: string | null | undefined, texts: readonly string[]): Han | null {
  const [primary, ...subtags] = (language ?? "").toLowerCase().split("-");
  if (primary === "ja" || primary === "ko") return primary;
  if (primary === "zh") {
    return subtags.some((tag) => ["hant", "tw", "hk", "mo"].includes(tag)) ? "zh-Hant" : "zh-Hans";
  }
  const found = new Set<Han>();
  if (texts.some((text) => KANA.test(text))) found.add("ja");
  if (texts.some((text) => HANGUL.test(text))) found.add("ko");
  if (found.size !== 1) return null;
  const [one] = found;
  return texts.some((text) => hanOf(text, one).startsWith("zh")) ? null : one;
}
