/** Values of any type, and texts that are hard to handle; the same ones for the same seed. */

import { Chance } from "../deliver/simulation.ts";

export let chance = new Chance(0);

/** Begin the values of a seed. */
export function seedWith(seed: number): void {
  chance = new Chance(seed);
}

export function pick<T>(values: readonly T[]): T {
  return values[chance.below(values.length)];
}

const PIECES = [
  "",
  "a",
  "hello world",
  "\0",
  "\ud800",
  "\udc00x",
  "\u202e",
  "\u200b",
  "\ufeff",
  "=?UTF-8?Q?x?=",
  "<script>alert(1)</script>",
  "' or 1=1 --",
  "\r\nBcc: x@example.test",
  "%00",
  "%zz",
  "../../etc/passwd",
  "שלום",
  "👩‍👩‍👧",
  "e\u0301".repeat(20),
  "https://example.org/?q=1",
  "$1 $& ${x}",
  "\\u0000",
  "NaN",
  "undefined",
  "[object Object]",
  "-0",
  "1e999",
];

/** Some text, seldom a long one. */
export function text(): string {
  const some = Array.from({ length: 1 + chance.below(3) }, () => pick(PIECES))
    .join(chance.hits(0.5) ? "" : " ");
  return chance.hits(0.01) ? some.repeat(500) : some;
}

export function address(): string {
  return pick([
    "https://www.youtube.com/watch?v=",
    "HTTPS://Example.ORG/",
    "http://[::1]/",
    "ftp://x/",
    "https://",
  ]) +
    text();
}

/** A value of any type, deep now and then. */
export function value(depth = 0): unknown {
  switch (chance.below(depth > 3 ? 8 : 11)) {
    case 0:
      return null;
    case 1:
      return chance.hits(0.5);
    case 2:
      return pick([0, -1, 1, 1.5, 2 ** 53 + 2, -(2 ** 63), 1e308]);
    case 3:
    case 4:
    case 5:
    case 6:
      return text();
    case 7:
      return address();
    case 8:
      return Array.from({ length: chance.below(5) }, () => value(depth + 1));
    default:
      return Object.fromEntries(
        Array.from(
          { length: chance.below(5) },
          () => [text(), value(depth + 1)],
        ),
      );
  }
}

export function json(): string {
  if (chance.hits(0.02)) return "[".repeat(20_000) + "]".repeat(20_000);
  if (chance.hits(0.02)) return '{"a":'.repeat(5_000) + "1" + "}".repeat(5_000);
  return JSON.stringify(value());
}
