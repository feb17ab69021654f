/** Scales, rotates, crops and flattens pixels. */

export interface Pixels {
  width: number;
  height: number;
  /** Red, green, blue and opacity, a byte each. */
  rgba: Uint8Array;
}

/** The size that a picture is shown at when its longer side may have so many pixels; never larger than it is. */
export function fitted(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Makes a picture smaller that comes row by row: each new pixel is the mean of what it covers, by area. */
export class Shrinker {
  readonly #rgba: Uint8Array;
  readonly #sums: Float64Array;
  readonly #line: Float64Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #share: Float64Array;
  #row = 0;
  #target = 0;

  constructor(
    readonly from: { width: number; height: number },
    readonly to: { width: number; height: number },
    /** Whether colours are weighted by opacity. */
    readonly transparent: boolean,
  ) {
    this.#rgba = new Uint8Array(to.width * to.height * 4);
    this.#sums = new Float64Array(to.width * 4);
    this.#line = new Float64Array(to.width * 4);
    this.#first = new Int32Array(to.width);
    this.#last = new Int32Array(to.width);
    this.#share = new Float64Array(to.width * 2);
    const step = from.width / to.width;
    for (let x = 0; x < to.width; x++) {
      const [start, end] = [x * step, Math.min(from.width, (x + 1) * step)];
      this.#first[x] = Math.floor(start);
      this.#last[x] = Math.max(this.#first[x], Math.ceil(end - 1e-9) - 1);
      this.#share[2 * x] = Math.min(end, this.#first[x] + 1) - start;
      this.#share[2 * x + 1] = end - this.#last[x];
    }
  }

  /** Take rows that begin at `at` of `rgba`, one after the other. Those beyond the picture are left out. */
  push(rgba: Uint8Array, rows = 1, at = 0): void {
    const stride = this.from.width * 4;
    for (let row = 0; row < rows && this.#row < this.from.height; row++, at += stride) {
      if (this.from.width === this.to.width && this.from.height === this.to.height) {
        this.#rgba.set(rgba.subarray(at, at + stride), this.#row++ * stride);
      } else this.#add(rgba, at);
    }
  }

  /** The picture. Missing rows are transparent, or grey in an opaque picture. */
  finish(): Pixels {
    const { width, height } = this.from;
    const come = this.#row;
    if (come < height) {
      const missing = new Uint8Array(width * 4);
      if (!this.transparent) {
        for (let at = 0; at < missing.length; at++) {
          missing[at] = at % 4 === 3 ? 255 : 128;
        }
      }
      while (this.#row < height) this.push(missing);
    }
    return { ...this.to, rgba: this.#rgba };
  }

  #add(rgba: Uint8Array, at: number): void {
    this.#across(rgba, at);
    const step = this.from.height / this.to.height;
    const [top, bottom] = [this.#row, this.#row + 1];
    this.#row++;
    let from = top;
    while (from < bottom - 1e-9 && this.#target < this.to.height) {
      const end = this.#target === this.to.height - 1 ? this.from.height : (this.#target + 1) * step;
      const until = Math.min(bottom, end);
      const share = until - from;
      const [sums, line] = [this.#sums, this.#line];
      for (let index = 0; index < sums.length; index++) sums[index] += line[index] * share;
      from = until;
      if (end - until < 1e-9) this.#settle();
    }
  }

  /** One row of the old picture as one row of the new one's width, in sums. */
  #across(rgba: Uint8Array, at: number): void {
    const [line, first, last, share] = [this.#line, this.#first, this.#last, this.#share];
    const { width } = this.to;
    for (let x = 0, to = 0; x < width; x++, to += 4) {
      const end = at + last[x] * 4;
      let from = at + first[x] * 4;
      const [left, right] = [share[2 * x], from === end ? 0 : share[2 * x + 1]];
      let red: number, green: number, blue: number, alpha = 0;
      if (this.transparent) {
        let weight = left * rgba[from + 3];
        red = rgba[from] * weight;
        green = rgba[from + 1] * weight;
        blue = rgba[from + 2] * weight;
        alpha = weight;
        for (from += 4; from <= end; from += 4) {
          weight = from === end ? right * rgba[from + 3] : rgba[from + 3];
          red += rgba[from] * weight;
          green += rgba[from + 1] * weight;
          blue += rgba[from + 2] * weight;
          alpha += weight;
        }
      } else {
        red = rgba[from] * left + rgba[end] * right;
        green = rgba[from + 1] * left + rgba[end + 1] * right;
        blue = rgba[from + 2] * left + rgba[end + 2] * right;
        for (from += 4; from < end; from += 4) {
          red += rgba[from];
          green += rgba[from + 1];
          blue += rgba[from + 2];
        }
      }
      line[to] = red;
      line[to + 1] = green;
      line[to + 2] = blue;
      line[to + 3] = alpha;
    }
  }

  #settle(): void {
    const [sums, rgba] = [this.#sums, this.#rgba];
    const area = (this.from.width / this.to.width) * (this.from.height / this.to.height);
    let to = this.#target * this.to.width * 4;
    for (let index = 0; index < sums.length; index += 4, to += 4) {
      const weight = this.transparent ? sums[index + 3] || 1 : area;
      rgba[to] = sums[index] / weight + 0.5;
      rgba[to + 1] = sums[index + 1] / weight + 0.5;
      rgba[to + 2] = sums[index + 2] / weight + 0.5;
      rgba[to + 3] = this.transparent ? sums[index + 3] / area + 0.5 : 255;
    }
    sums.fill(0);
    this.#target++;
  }
}

/** Make a picture smaller, so that its longer side has at most so many pixels. */
export function shrink(pixels: Pixels, side: number, transparent: boolean): Pixels {
  const size = fitted(pixels.width, pixels.height, side);
  if (size.width === pixels.width && size.height === pixels.height) return pixels;
  const shrinker = new Shrinker(pixels, size, transparent);
  shrinker.push(pixels.rgba, pixels.height);
  return shrinker.finish();
}

/** Turn and mirror a picture, so that the side that Exif calls its top is up. */
export function upright(pixels: Pixels, orientation: number): Pixels {
  if (orientation < 2 || orientation > 8) return pixels;
  const { width, height } = pixels;
  const lies = orientation > 4;
  const [columns, rows] = lies ? [height, width] : [width, height];
  const from = new Uint32Array(pixels.rgba.buffer, pixels.rgba.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let [x, y] = lies ? [row, column] : [column, row];
      if (orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8) x = width - 1 - x;
      if (orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7) {
        y = height - 1 - y;
      }
      to[row * columns + column] = from[y * width + x];
    }
  }
  return { width: columns, height: rows, rgba: new Uint8Array(to.buffer) };
}

/** Return true if a pixel is not wholly opaque. */
export function isTransparent({ rgba }: Pixels): boolean {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 255) return true;
  return false;
}

/** Flatten a picture onto one colour. */
export function flatten({ width, height, rgba }: Pixels, ground: readonly [number, number, number]): Pixels {
  const flat = new Uint8Array(rgba.length);
  for (let at = 0; at < rgba.length; at += 4) {
    const opacity = rgba[at + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      flat[at + channel] = rgba[at + channel] * opacity + ground[channel] * (1 - opacity) + 0.5;
    }
    flat[at + 3] = 255;
  }
  return { width, height, rgba: flat };
}

/** Cut the middle of a picture out, as wide as it is high. */
export function square({ width, height, rgba }: Pixels): Pixels {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const cut = new Uint8Array(side * side * 4);
  for (let row = 0; row < side; row++) {
    const from = ((top + row) * width + left) * 4;
    cut.set(rgba.subarray(from, from + side * 4), row * side * 4);
  }
  return { width: side, height: side, rgba: cut };
}
