/**
 * Splits plain text into blocks by the marks that people type in plain text: blank lines, ">", "-", "1." and spaces
 * before a line.
 */

import { INVISIBLE_RANGES } from "./blank.generated.ts";

/** What is between blank lines, or a list among it; `Passage` says what the kinds are. */
export interface Block {
  kind: "paragraph" | "quote" | "verse" | "list";
  lines: BlockLine[];
}

export interface BlockLine {
  indent: number;
  marker: string | null;
  /** Without what is before and after it. */
  text: string;
}

/** A line without a visible character, in any script: the database has the same definition of blank. */
const BLANK = new RegExp(`^[${INVISIBLE_RANGES}]*$`, "u");

const QUOTED = /^\s*>\s?/;

/** The beginning of an item. Dashes are not among them: in many languages they begin direct speech. */
const ITEM = /^(\s*)([-*•‣◦▪●○·]|\d{1,3}[.)])\s+(?=\S)(?![-*\s]+$)/u;

/** Longer lines are not verse. */
const LONGEST_VERSE = 120;

/** The deepest indent, in spaces: about half of the column. */
const DEEPEST = 40;

/** Split a clean text (see `cleanText`). */
export function blocksOf(text: string): Block[] {
  const paragraphs = text.split("\n").reduce<string[][]>((found, line) => {
    if (BLANK.test(line)) found.push([]);
    else found[found.length - 1].push(line.trimEnd());
    return found;
  }, [[]]).filter((lines) => lines.length > 0);
  const blocks: Block[] = [];
  for (let first = 0; first < paragraphs.length;) {
    // Items may have blank lines between them.
    let end = first;
    while (end < paragraphs.length && isAllItems(paragraphs[end], paragraphs[first][0])) end++;
    const items = end - first > 1 ? listOf(paragraphs.slice(first, end).flat()) : null;
    if (items !== null) {
      blocks.push(items);
      first = end;
    } else {
      blocks.push(...paragraphBlocks(paragraphs[first]));
      first += 1;
    }
  }
  return blocks;
}

/** The blocks of lines without a blank one among them: lists, and what is around them. */
function paragraphBlocks(lines: readonly string[]): Block[] {
  if (lines.every((line) => QUOTED.test(line))) {
    return [{ kind: "quote", lines: lines.map((line) => proseLine(line.replace(QUOTED, ""))) }];
  }
  const blocks: Block[] = [];
  let prose: string[] = [];
  const finish = () => {
    if (prose.length > 0) blocks.push(proseBlock(prose));
    prose = [];
  };
  for (let first = 0; first < lines.length;) {
    const end = endOfItems(lines, first);
    const list = end > first ? listOf(lines.slice(first, end)) : null;
    if (list === null) {
      prose.push(...lines.slice(first, Math.max(end, first + 1)));
      first = Math.max(end, first + 1);
    } else {
      finish();
      blocks.push(list);
      first = end;
    }
  }
  finish();
  return blocks;
}

/**
 * Where the items that begin at a line end: at the first line that neither begins an item nor is indented below one.
 */
function endOfItems(lines: readonly string[], first: number, like = lines[first]): number {
  const isItem = (line: string) =>
    ITEM.test(line) && (isNumbered(line) === isNumbered(like) || /^\s{2}/.test(line));
  let end = first;
  while (end < lines.length && (isItem(lines[end]) || (end > first && /^\s{2,}/.test(lines[end])))) end++;
  return end;
}

/** Return true if a paragraph is items and nothing else, numbered if `like` is. */
function isAllItems(lines: readonly string[], like: string): boolean {
  return ITEM.test(lines[0]) && endOfItems(lines, 0, like) === lines.length;
}

function isNumbered(line: string): boolean {
  return /^\s*\d/.test(line);
}

/** The list that some lines are; null if they only look like one. */
function listOf(lines: readonly string[]): Block | null {
  const found = lines.map((line): BlockLine => {
    const [whole, space, sign] = ITEM.exec(line) ?? [];
    if (whole === undefined) return { indent: 0, marker: null, text: line.trim() };
    return {
      indent: Math.min(space.length, DEEPEST),
      marker: /^\d/.test(sign) ? sign : "•",
      text: line.slice(whole.length),
    };
  });
  const items = found.filter(({ marker }) => marker !== null);
  const least = Math.min(...items.map(({ indent }) => indent));
  let last = 0;
  for (const line of found) {
    // What goes on below an item stands where the item does.
    if (line.marker !== null) last = line.indent - least;
    line.indent = last;
  }
  const isOne = items.length === 1 && !/^\s*[•‣◦▪●○·]/u.test(lines[0]);
  const isHyphened = lines.every((line) => !ITEM.test(line) || /^\s*-/u.test(line));
  return isOne || (isHyphened && isSpoken(items)) || !areInOrder(items)
    ? null
    : { kind: "list", lines: found };
}

/**
 * Return true if numbers go up by one, or are all the same, on each level: "3. May" below "12. April" is not a list.
 */
function areInOrder(items: readonly BlockLine[]): boolean {
  const last = new Map<number, number>();
  let step: number | null = null;
  return items.every(({ indent, marker }) => {
    for (const level of [...last.keys()]) if (level > indent) last.delete(level);
    if (!/^\d/.test(marker!)) return true;
    const number = Number.parseInt(marker!);
    const before = last.get(indent);
    last.set(indent, number);
    if (before === undefined) return true;
    step ??= number - before;
    return (step === 0 || step === 1) && number - before === step;
  });
}

/** What sentences begin with: a capital, or a character of a script that has none. Titlecase is of digraphs. */
const SENTENCE = /^["'“„«¿¡「『]?[\p{Lu}\p{Lt}\p{Lo}]/u;
/** How they end in all scripts, and which of them ask or call out. Greek asks with a semicolon. */
const QUOTE_END = `["'”“»’」』)]?$`;
const ENDED = new RegExp(`(?:[.?!…؟۔。．！？।॥։။።]|(?<=\\p{Script=Greek}.*)[;\u037e])${QUOTE_END}`, "u");
const CALLED = new RegExp(
  `(?:[?!؟！？]|(?<=\\p{Script=Greek}.*)[;\u037e])[.…]?${QUOTE_END}|[՜՞]`,
  "u",
);

/**
 * Whether items that begin with hyphens are a dialogue: sentences all of them, and a question or an exclamation among
 * them.
 */
function isSpoken(items: readonly BlockLine[]): boolean {
  return items.every(({ text }) => SENTENCE.test(text) && ENDED.test(text)) &&
    items.some(({ text }) => CALLED.test(text));
}

function proseBlock(lines: readonly string[]): Block {
  const found = lines.map(proseLine);
  const isVerse = found.some(({ indent }) => indent > 0) &&
    found.every(({ text }) => text.length <= LONGEST_VERSE);
  return isVerse
    ? { kind: "verse", lines: lines.map((line, index) => ({ ...found[index], ...movedBy(line, true) })) }
    : { kind: "paragraph", lines: found };
}

/**
 * Return a line and its indent. A single space does not count. One ideographic space, which begins paragraphs in
 * Japanese, stays in the line.
 */
function proseLine(line: string): BlockLine {
  const { indent, text } = movedBy(line, false);
  return { indent, marker: null, text: /^\u3000\S/u.test(line) ? `\u3000${text}` : text };
}

/** Return how far a line is moved in, and what is written in it. Within verse one ideographic space moves it in. */
function movedBy(line: string, isVerse: boolean): { indent: number; text: string } {
  const [space] = /^\s*/u.exec(line)!;
  const width = Array.from(space).reduce((sum, one) => sum + (/[\u2001\u2003\u3000]/.test(one) ? 2 : 1), 0);
  const isMoved = width >= 2 && (isVerse || space !== "\u3000");
  return { indent: isMoved ? Math.min(width, DEEPEST) : 0, text: line.trim() };
}
