/** The pictures of one page, and the page as bytes with the pictures in it. */

import { Buffer } from "node:buffer";
import { inspect, shownSize } from "../pictures/inspect.ts";
import { PictureError } from "../pictures/problem.ts";
import { type Html, markup, trusted } from "./html.ts";
import type { Beside, Picture } from "./input.ts";
import type { Problem } from "./problem.ts";
import { webAddress } from "./text.ts";

/** Stands where the bytes of a picture come. No text of a newsletter can hold a noncharacter (see `cleanText`). */
const MARK = "\uffff";

/** Collects the pictures of one page, and the origins that it may load them from. */
export class Gallery {
  readonly problems: Problem[] = [];
  /** The seal in the tab of the browser is in the page itself. */
  readonly #origins = new Set<string>(["data:"]);
  readonly #hung: Uint8Array[] = [];

  /** Return what to write into `src`, and the size where it is known; null if the picture cannot be shown. */
  hang(
    picture: Picture,
    name: string,
  ): { address: Html; size: { width: number; height: number } | null; beside: Beside | null } | null {
    if (picture.bytes !== undefined) {
      try {
        const info = inspect(picture.bytes);
        const mark = `${MARK}${this.#hung.push(picture.bytes) - 1};`;
        return { address: trusted(`data:${info.type};base64,${mark}`), size: shownSize(info), beside: null };
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        this.problems.push({ picture: name, reason: error.message });
        return null;
      }
    }
    const { beside, width, height } = picture;
    if (beside !== undefined) {
      this.#origins.add("'self'");
      const size = width === undefined || height === undefined ? null : { width, height };
      return { address: markup`${beside.address}`, size, beside };
    }
    const address = webAddress(picture.url);
    if (address === null) {
      this.problems.push({ picture: name, reason: "There are neither bytes nor an http(s) address." });
      return null;
    }
    this.#origins.add(new URL(address).origin);
    return { address: markup`${address}`, size: null, beside: null };
  }

  /** The page in pieces: text, and the pictures whose bytes come between. */
  fill(source: string): (string | Uint8Array)[] {
    const pieces = source.split(new RegExp(`${MARK}(\\d+);`));
    return pieces.map((piece, index) => index % 2 === 0 ? piece : this.#hung[Number(piece)]);
  }

  /** The sources for `img-src`. */
  origins(): string {
    return [...this.#origins].sort().join(" ");
  }
}

export function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

export function encode(parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const texts = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const sizes = texts.map(({ length }, index) =>
    texts[index] === parts[index] ? Math.ceil(length / 3) * 4 : length
  );
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  texts.forEach((text, index) => {
    if (text === parts[index]) encoder.encodeInto(base64(text), bytes.subarray(at));
    else bytes.set(text, at);
    at += sizes[index];
  });
  return bytes;
}
