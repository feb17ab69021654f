/** PNG: decoded row by row while it is unpacked, so that little of it is in memory at a time; and encoded. */

import { Buffer } from "node:buffer";
import { constants, crc32, deflateSync } from "node:zlib";
import { joined, type PictureInfo, pngChunks } from "./inspect.ts";
import { PictureError } from "./problem.ts";
import type { Pixels } from "./pixels.ts";

/** Samples a pixel, by the type of colour. */
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Where the seven passes of an interlaced picture begin, and how far their pixels are apart. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/**
 * Decode a PNG.
 *
 * @param take Called with each row, from the top; an interlaced picture comes when all of it is there.
 * @returns How many rows came, in whole or in part: fewer than there are where the file is damaged.
 */
export async function decodePng(
  bytes: Uint8Array,
  { width, height, progressive }: PictureInfo,
  take: (row: Uint8Array) => void,
): Promise<number> {
  const reader = new RowReader(bytes, width);
  const plan = progressive
    ? PASSES.map(([left, top, across, down]) => ({
      left,
      top,
      across,
      down,
      columns: Math.ceil((width - left) / across),
      rows: Math.ceil((height - top) / down),
    })).filter(({ columns, rows }) => columns > 0 && rows > 0)
    : [{ left: 0, top: 0, across: 1, down: 1, columns: width, rows: height }];
  const whole = progressive ? new Uint8Array(width * height * 4) : null;
  let come = 0;
  let [pass, row] = [0, 0];
  let lines = reader.lines(plan[0].columns);
  for await (const packed of unpacked(bytes)) {
    for (let at = 0; at < packed.length && pass < plan.length;) {
      at += lines.fill(packed, at);
      if (!lines.isFull) break;
      const { left, top, across, down, columns, rows } = plan[pass];
      const rgba = lines.take();
      come++;
      if (whole === null) take(rgba);
      else {
        const start = ((top + row * down) * width + left) * 4;
        for (let column = 0; column < columns; column++) {
          const to = start + column * across * 4;
          for (let channel = 0; channel < 4; channel++) whole[to + channel] = rgba[column * 4 + channel];
        }
      }
      row++;
      if (row === rows) {
        [pass, row] = [pass + 1, 0];
        if (pass < plan.length) lines = reader.lines(plan[pass].columns);
      }
    }
    // Data that unpacks to more than its pixels is not read to its end.
    if (pass === plan.length) break;
  }
  if (whole !== null && come > 0) {
    for (let line = 0; line < height; line++) take(whole.subarray(line * width * 4, (line + 1) * width * 4));
  }
  return come;
}

/** How much is unpacked at once. A slice becomes a thousand times as much at worst, before its reader can stop. */
const SLICE = 1024;

/** The data of a PNG as it is unpacked, as far as that goes. */
async function* unpacked(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const slices = packedSlices(bytes);
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const { value, done } = slices.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
  try {
    yield* packed.pipeThrough(new DecompressionStream("deflate"));
  } catch (error) {
    // It ends too early, or is damaged from here on.
    if (!(error instanceof TypeError)) throw error;
  }
}

function* packedSlices(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (const { type, body } of pngChunks(bytes)) {
    if (type !== "IDAT") continue;
    for (let start = 0; start < body.length; start += SLICE) {
      yield body.subarray(start, start + SLICE) as Uint8Array<ArrayBuffer>;
    }
  }
}

class RowReader {
  readonly depth: number;
  readonly colour: number;
  readonly samples: number;
  readonly palette = new Uint8Array(256 * 4).fill(255);
  /** The transparent colour, a number for each sample. */
  readonly clear: number[] | null = null;

  constructor(bytes: Uint8Array, readonly width: number) {
    [this.depth, this.colour] = [bytes[24], bytes[25]];
    this.samples = SAMPLES[this.colour];
    const isKnown = this.samples !== undefined && [1, 2, 4, 8, 16].includes(this.depth) &&
      (this.depth >= 8 || this.samples === 1) && !(this.colour === 3 && this.depth === 16);
    if (!isKnown) throw new PictureError("The PNG has an unknown kind of pixels.");
    for (const { type, body } of pngChunks(bytes)) {
      if (type === "PLTE") {
        for (let index = 0; index < Math.min(256, Math.floor(body.length / 3)); index++) {
          this.palette.set(body.subarray(index * 3, index * 3 + 3), index * 4);
        }
      } else if (type === "tRNS" && this.colour === 3) {
        body.subarray(0, 256).forEach((alpha, index) => this.palette[index * 4 + 3] = alpha);
      } else if (type === "tRNS" && body.length >= this.samples * 2) {
        this.clear = Array.from(
          { length: this.samples },
          (_, index) => body[index * 2] << 8 | body[index * 2 + 1],
        );
      }
    }
  }

  lines(columns: number): Lines {
    return new Lines(this, columns);
  }
}

/** The rows of one pass. */
class Lines {
  readonly #size: number;
  /** How many bytes back the pixel to the left is. */
  readonly #back: number;
  readonly #line: Uint8Array;
  #former: Uint8Array;
  #present: Uint8Array;
  readonly #rgba: Uint8Array;
  #filled = 0;

  constructor(readonly reader: RowReader, readonly columns: number) {
    const bits = reader.depth * reader.samples;
    this.#size = Math.ceil(columns * bits / 8);
    this.#back = Math.max(1, bits >> 3);
    this.#line = new Uint8Array(this.#size + 1);
    // Nothing stands before the first pixel and above the first row.
    this.#former = new Uint8Array(this.#back + this.#size);
    this.#present = new Uint8Array(this.#back + this.#size);
    this.#rgba = new Uint8Array(columns * 4);
  }

  get isFull(): boolean {
    return this.#filled === this.#line.length;
  }

  /** Take what is missing of a row from `at` on, and return how many bytes that were. */
  fill(packed: Uint8Array, at: number): number {
    const count = Math.min(this.#line.length - this.#filled, packed.length - at);
    this.#line.set(packed.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return count;
  }

  /** The row as pixels; it is written over by the next one. */
  take(): Uint8Array {
    this.#filled = 0;
    [this.#former, this.#present] = [this.#present, this.#former];
    unfilter(this.#line, this.#present, this.#former, this.#back);
    this.#convert(this.#present.subarray(this.#back));
    return this.#rgba;
  }

  #convert(line: Uint8Array): void {
    const { depth, colour, palette, clear } = this.reader;
    const rgba = this.#rgba;
    const { columns } = this;
    if (depth === 8 && colour === 6) return rgba.set(line);
    if (depth === 8 && colour === 2 && clear === null) {
      for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
        rgba[to] = line[from];
        rgba[to + 1] = line[from + 1];
        rgba[to + 2] = line[from + 2];
        rgba[to + 3] = 255;
      }
      return;
    }
    const { samples } = this.reader;
    const wide = depth === 16;
    const most = (1 << Math.min(depth, 8)) - 1;
    const value = (index: number): number => {
      if (wide) return line[index * 2] << 8 | line[index * 2 + 1];
      if (depth === 8) return line[index];
      const bit = index * depth;
      return line[bit >> 3] >> (8 - depth - (bit & 7)) & most;
    };
    const byte = (sample: number): number => wide ? sample >> 8 : depth === 8 ? sample : sample * 255 / most;
    for (let column = 0, to = 0; column < columns; column++, to += 4) {
      const first = value(column * samples);
      if (colour === 3) {
        for (let channel = 0; channel < 4; channel++) rgba[to + channel] = palette[first * 4 + channel];
        continue;
      }
      const grey = samples < 3;
      rgba[to] = byte(first);
      rgba[to + 1] = grey ? rgba[to] : byte(value(column * samples + 1));
      rgba[to + 2] = grey ? rgba[to] : byte(value(column * samples + 2));
      rgba[to + 3] = samples % 2 === 0 ? byte(value(column * samples + samples - 1)) : 255;
      if (clear?.every((wanted, index) => wanted === value(column * samples + index))) rgba[to + 3] = 0;
    }
  }
}

/** Undo what a row was prepared with for packing. The arrays `to` and `above` begin with one pixel of nothing. */
function unfilter(line: Uint8Array, to: Uint8Array, above: Uint8Array, back: number): void {
  const size = line.length - 1;
  switch (line[0]) {
    case 1:
      for (let at = 0; at < size; at++) to[at + back] = line[at + 1] + to[at];
      break;
    case 2:
      for (let at = 0; at < size; at++) to[at + back] = line[at + 1] + above[at + back];
      break;
    case 3:
      for (let at = 0; at < size; at++) to[at + back] = line[at + 1] + ((to[at] + above[at + back]) >> 1);
      break;
    case 4:
      for (let at = 0; at < size; at++) {
        const [left, up, corner] = [to[at], above[at + back], above[at]];
        const [byLeft, byUp] = [Math.abs(up - corner), Math.abs(left - corner)];
        const byCorner = Math.abs(left + up - 2 * corner);
        const nearest = byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner;
        to[at + back] = line[at + 1] + nearest;
      }
      break;
    default:
      to.set(line.subarray(1), back);
  }
}

// Encoding -----------------------------------------------------------------------------------------------------------

/** Encode a picture as a PNG: with a palette where its colours are few. The same pixels give the same bytes. */
export function encodePng(pixels: Pixels, transparent: boolean): Uint8Array<ArrayBuffer> {
  const { width, height } = pixels;
  const few = palette(pixels);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  header[9] = few !== null ? 3 : transparent ? 6 : 2;
  const chunks = [chunk("IHDR", header)];
  let data: Uint8Array;
  if (few !== null) {
    const colours = new Uint8Array(few.colours.length * 3);
    const alphas = new Uint8Array(few.colours.length);
    few.colours.forEach((colour, index) => {
      colours.set([colour & 255, colour >> 8 & 255, colour >> 16 & 255], index * 3);
      alphas[index] = colour >>> 24;
    });
    chunks.push(chunk("PLTE", colours));
    if (alphas.some((alpha) => alpha !== 255)) chunks.push(chunk("tRNS", alphas));
    data = new Uint8Array((width + 1) * height);
    for (let row = 0; row < height; row++) {
      data.set(few.indices.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
    }
  } else data = filtered(pixels, transparent);
  const packed = deflateSync(data, {
    level: 6,
    strategy: few === null ? constants.Z_FILTERED : constants.Z_DEFAULT_STRATEGY,
  });
  chunks.push(chunk("IDAT", packed), chunk("IEND", new Uint8Array()));
  return joined([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), ...chunks]) as Uint8Array<
    ArrayBuffer
  >;
}

/** The colours of a picture, each a number, and which of them each pixel has; null where there are more than 256. */
function palette({ rgba }: Pixels): { colours: number[]; indices: Uint8Array } | null {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  const known = new Map<number, number>();
  const indices = new Uint8Array(pixels.length);
  let [former, index] = [-1, 0];
  for (let at = 0; at < pixels.length; at++) {
    // All fully transparent pixels get one colour.
    const pixel = pixels[at] >>> 24 === 0 ? 0 : pixels[at];
    if (pixel !== former) {
      const found = known.get(pixel);
      if (found === undefined && known.size === 256) return null;
      index = found ?? known.size;
      known.set(pixel, index);
      former = pixel;
    }
    indices[at] = index;
  }
  return { colours: [...known.keys()], indices };
}

/** The rows of a picture, each prepared for packing by the filter whose result is smallest. */
function filtered({ width, height, rgba }: Pixels, transparent: boolean): Uint8Array {
  const samples = transparent ? 4 : 3;
  const size = width * samples;
  const data = new Uint8Array((size + 1) * height);
  let [above, line] = [new Uint8Array(size + samples), new Uint8Array(size + samples)];
  const candidates = [1, 2, 4].map(() => new Uint8Array(size));
  for (let row = 0; row < height; row++) {
    for (let from = row * width * 4, to = samples; to < line.length; from += 4, to += samples) {
      line[to] = rgba[from];
      line[to + 1] = rgba[from + 1];
      line[to + 2] = rgba[from + 2];
      if (transparent) line[to + 3] = rgba[from + 3];
    }
    const [sub, up, paeth] = candidates;
    const sums = [0, 0, 0];
    for (let at = 0; at < size; at++) {
      const value = line[at + samples];
      const [left, top, corner] = [line[at], above[at + samples], above[at]];
      sub[at] = value - left;
      up[at] = value - top;
      const [byLeft, byUp] = [Math.abs(top - corner), Math.abs(left - corner)];
      const byCorner = Math.abs(left + top - 2 * corner);
      paeth[at] = value - (byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? top : corner);
      sums[0] += sub[at] < 128 ? sub[at] : 256 - sub[at];
      sums[1] += up[at] < 128 ? up[at] : 256 - up[at];
      sums[2] += paeth[at] < 128 ? paeth[at] : 256 - paeth[at];
    }
    const best = sums.indexOf(Math.min(...sums));
    const start = row * (size + 1);
    data[start] = [1, 2, 4][best];
    data.set(candidates[best], start + 1);
    [above, line] = [line, above];
  }
  return data;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}
