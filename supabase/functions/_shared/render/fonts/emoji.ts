/**
 * The emoji and their drawings. They are loaded with the first text that has one, and kept as long as the process runs.
 */

import { Buffer } from "node:buffer";
import { release, unpackAtOnce } from "./brotli.ts";

type Module = typeof import("./emoji.generated.ts");

let module: Module | undefined;
let numbers: Map<string, number> | undefined;
let lastBlock: { at: number; drawings: string[] } | undefined;

/** Matches what may be an emoji: then they are loaded. */
const PERHAPS = /\p{Extended_Pictographic}|[\u{1f1e6}-\u{1f1ff}\u20e3]/u;

/** Matches what is shown as an emoji by default: by itself, or because of what follows it. */
const COLOURED = /^\p{Emoji_Presentation}|[\ufe0f\u20e3\u200d\u{1f3fb}-\u{1f3ff}]/u;

/** Load the emoji if a text has some. */
export async function loadEmoji(text: string): Promise<void> {
  if (module !== undefined || !PERHAPS.test(text)) return;
  const loaded = await import("./emoji.generated.ts");
  numbers = new Map(unpack(loaded.NAMES).map((name, index) => [name, index]));
  module = loaded;
}

/** Return true if a character is to be shown as an emoji, if there is one for it. */
export function isColoured(character: string): boolean {
  return COLOURED.test(character) && !character.includes("\ufe0e");
}

/**
 * Split a character into emoji that there are drawings of: itself, if there is one; else the emoji that it was joined
 * from. Null without any, or if they are not loaded.
 */
export function emojiIn(character: string): { name: string; text: string }[] | null {
  if (numbers === undefined) return null;
  const name = nameOf(character);
  if (numbers.has(name)) return [{ name, text: character }];
  // The flag of a region without a drawing is shown as a black flag.
  const plain = nameOf(character.replace(/[\u{e0020}-\u{e007f}]/gu, ""));
  if (plain !== name && numbers.has(plain)) return [{ name: plain, text: character }];
  const known = (text: string) => numbers!.has(nameOf(text.replace("\u200d", "")));
  const texts = character.split(/(?<=\u200d)/u)
    .flatMap((text) => known(text) ? [text] : text.split(/(?=[\u{1f3fb}-\u{1f3ff}])/u));
  if (texts.length === 1 || !texts.every(known)) return null;
  return texts.map((text) => ({ name: nameOf(text.replace("\u200d", "")), text }));
}

function nameOf(character: string): string {
  return character.replaceAll("\ufe0f", "");
}

/** Return the drawing of an emoji: operators of PDF in a square of 36 from its top left, and the opacities that they name. Those
 * that are asked for in the order of `placeOf` are unpacked once. */
export function drawingOf(name: string): { operators: string; opacities: number[] } {
  const { BLOCKS, TOGETHER, OPACITIES } = module!;
  const number = numbers!.get(name)!;
  const at = Math.floor(number / TOGETHER);
  // A block is a megabyte, so only one is kept.
  if (lastBlock?.at !== at) lastBlock = { at, drawings: unpack(BLOCKS[at]) };
  const operators = lengthened(lastBlock.drawings[number % TOGETHER]);
  return { operators, opacities: OPACITIES.filter((hundredths) => operators.includes(`/O${hundredths} `)) };
}

/** Where a drawing is among the others. */
export function placeOf(name: string): number {
  return numbers!.get(name)!;
}

/** Write a drawing out: see `BLOCKS`. */
function lengthened(drawing: string): string {
  const out: string[] = [];
  let [x, y] = [0, 0];
  const tokens = /#(\w{6})|\(([^)]*)\)|([mlc])([-\d ]*)|[hfF]/g;
  for (const [whole, colour, operators, operator, steps] of drawing.matchAll(tokens)) {
    if (colour !== undefined) {
      const parts = [0, 2, 4].map((at) => short(Number.parseInt(colour.slice(at, at + 2), 16) / 255));
      out.push(`${parts.join(" ")} rg`);
    } else if (operator !== undefined) {
      const values = steps.match(/-?\d+/g)!.map((step, index) => Number(step) + (index % 2 === 0 ? x : y));
      [x, y] = values.slice(-2);
      out.push(`${values.map((value) => short(value / 100)).join(" ")} ${operator}`);
    } else {
      out.push(operators ?? (whole === "F" ? "f*" : whole));
    }
  }
  return out.join(" ");
}

function short(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** More bytes than any block has. */
const MOST = 2 * 1024 * 1024;

function unpack(base64: string): string[] {
  const unpacked = unpackAtOnce(Buffer.from(base64, "base64"), MOST);
  const lines = unpacked.toString("utf8").split("\n");
  release(unpacked);
  return lines;
}
