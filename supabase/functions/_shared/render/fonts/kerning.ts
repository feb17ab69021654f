/**
 * The distances between characters, computed beforehand from a font's own rules: fontkit takes half a millisecond for a
 * pair, and a newsletter to print has a thousand pairs.
 */

import { Buffer } from "node:buffer";

/** The pairs of a font file's simple characters. */
export interface Kerning {
  /** Characters that stand for themselves when they are alone. */
  characters: string;
  /** The row of each character when it is the first of a pair: a byte each, in Base64. */
  rows: string;
  /** The column of each when it is the second. */
  columns: string;
  /**
   * By how much the advance of the first character changes, in units of the font; null where a pair becomes something
   * else than its two characters side by side.
   */
  changes: readonly (number | null)[];
  /** For each row and column the index in `changes`: a byte each, in Base64. */
  pairs: string;
}

/** Looks pairs up. */
export class Pairs {
  readonly #index: Map<string, number>;
  readonly #rows: Uint8Array;
  readonly #columns: Uint8Array;
  readonly #pairs: Uint8Array;
  readonly #changes: Kerning["changes"];
  readonly #width: number;

  constructor({ characters, rows, columns, changes, pairs }: Kerning) {
    this.#index = new Map(Array.from(characters, (character, index) => [character, index]));
    this.#rows = Buffer.from(rows, "base64");
    this.#columns = Buffer.from(columns, "base64");
    this.#pairs = Buffer.from(pairs, "base64");
    this.#changes = changes;
    this.#width = Math.max(...this.#columns) + 1;
  }

  has(character: string): boolean {
    return this.#index.has(character);
  }

  /** The change of the first character's advance before the second; undefined where either character is not known. */
  change(first: string, second: string): number | null | undefined {
    const [from, to] = [this.#index.get(first), this.#index.get(second)];
    if (from === undefined || to === undefined) return undefined;
    return this.#changes[this.#pairs[this.#rows[from] * this.#width + this.#columns[to]]];
  }
}
