/** The first frame of a GIF, as far as its data goes. */

import { gifFrames } from "./gif_frames.ts";
import type { PictureInfo } from "./inspect.ts";
import type { Pixels } from "./pixels.ts";

/** The most codes that there are: twelve bits. */
const CODES = 4096;

/** @returns How many pixels of the frame came, and the screen with them on it. */
export function decodeGif(
  bytes: Uint8Array,
  { width, height }: PictureInfo,
): { come: number; pixels: Pixels } {
  const [frame] = gifFrames(bytes);
  const rgba = new Uint8Array(width * height * 4);
  const indices = new Uint8Array(frame.width * frame.height);
  const come = unpack(bytes, frame.data, indices);
  const rows = Array.from({ length: frame.height }, (_, row) => row);
  if (frame.interlaced) order(rows, Math.floor(come / frame.width));
  for (let at = 0; at < indices.length; at++) {
    const [row, column] = [Math.floor(at / frame.width), at % frame.width];
    const from = rows[row] * frame.width + column;
    if (from >= come || indices[from] === frame.clear) continue;
    const index = indices[from];
    const [x, y] = [frame.left + column, frame.top + row];
    const to = (y * width + x) * 4;
    rgba[to] = frame.colours[index * 3];
    rgba[to + 1] = frame.colours[index * 3 + 1];
    rgba[to + 2] = frame.colours[index * 3 + 2];
    rgba[to + 3] = 255;
  }
  return { come, pixels: { width, height, rgba } };
}

/** Unpack LZW into `pixels`, and return how many came before they were full, the data ended or was damaged. */
function unpack(bytes: Uint8Array, start: number, pixels: Uint8Array): number {
  const least = bytes[start];
  if (!(least >= 1 && least <= 11)) return 0;
  const clear = 1 << least;
  const prefix = new Uint16Array(CODES);
  const suffix = new Uint8Array(CODES);
  const length = new Uint16Array(CODES);
  for (let code = 0; code < clear; code++) {
    suffix[code] = code;
    length[code] = 1;
  }
  let [size, next, former] = [least + 1, clear + 2, -1];
  let [bits, count, come] = [0, 0, 0];
  let at = start + 1;
  let left = 0;
  while (come < pixels.length) {
    while (count < size) {
      if (left === 0) {
        left = bytes[at++] ?? 0;
        if (left === 0) return come;
      }
      if (at >= bytes.length) return come;
      bits |= bytes[at++] << count;
      count += 8;
      left--;
    }
    const code = bits & ((1 << size) - 1);
    bits >>>= size;
    count -= size;
    if (code === clear) {
      [size, next, former] = [least + 1, clear + 2, -1];
      continue;
    }
    if (code === clear + 1 || code > next || (code === next && former < 0)) return come;
    // A code that is not complete yet: the one before, and its own first pixel again.
    const known = code < next ? code : former;
    const run = length[known] + (code < next ? 0 : 1);
    let to = come + length[known] - 1;
    let step = known;
    while (length[step] > 1) {
      if (to < pixels.length) pixels[to] = suffix[step];
      to--;
      step = prefix[step];
    }
    const first = suffix[step];
    if (to < pixels.length) pixels[to] = first;
    if (code === next && come + run - 1 < pixels.length) pixels[come + run - 1] = first;
    come = Math.min(pixels.length, come + run);
    if (former >= 0 && next < CODES) {
      prefix[next] = former;
      suffix[next] = first;
      length[next] = length[former] + 1;
      next++;
      if (next === 1 << size && size < 12) size++;
    }
    former = code;
  }
  return come;
}

/** Return where each row of an interlaced frame is stored; a missing row repeats the nearest one above. */
function order(rows: number[], come: number): void {
  const height = rows.length;
  rows.fill(-1);
  let next = 0;
  for (const [first, step] of [[0, 8], [4, 8], [2, 4], [1, 2]]) {
    for (let row = first; row < height && next < Math.max(1, come); row += step) rows[row] = next++;
  }
  for (let row = 1; row < height; row++) if (rows[row] < 0) rows[row] = rows[row - 1];
}
