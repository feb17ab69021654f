/**
 * Converts an uploaded picture to those that are shown: upright, in sRGB, without metadata, and no larger than it is
 * shown. The same bytes give the same files.
 */

import { withoutMetadata } from "./clean.ts";
import { decodePng, encodePng } from "./png.ts";
import { decodeGif } from "./gif.ts";
import { conversion } from "./icc.ts";
import { inspect, type PictureInfo, shownSize } from "./inspect.ts";
import { decodeJpeg, encodeJpeg } from "./jpeg.ts";
import { fitted, flatten, isTransparent, type Pixels, shrink, Shrinker, square, upright } from "./pixels.ts";
import type { Use } from "./names.ts";
import { PictureError } from "./problem.ts";
import { decodeWebp } from "./webp.ts";

export interface DerivedFile {
  /** "page.jpeg"; what follows the point is also the kind. */
  name: string;
  type: "image/jpeg" | "image/png" | "image/webp" | "image/gif";
  bytes: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
}

export interface Derived {
  /** Of the original, upright. */
  width: number;
  height: number;
  files: DerivedFile[];
  /** The name of the file for each use; one may serve several. */
  uses: Partial<Record<Use, string>>;
}

const SIDES = { page: 1600, mail: 1120, small: 560, face: 192 };
const QUALITY = 82;
const WHITE = [255, 255, 255] as const;
/** The paper of an email without a theme, `LIGHT_MAT` in `render/palette.ts`. A theme may come after the picture. */
const PAPER = [0xfb, 0xf8, 0xf1] as const;

/** A larger animation is shown by its first frame, and so is a larger transparent picture on a smaller scale. */
const LARGEST_MOTION = 4_000_000;
const LARGEST_TRANSPARENT = 1_500_000;

/** In bytes: the largest object of the buckets. */
export const LARGEST = 10_485_760;

/**
 * In pixels: what takes at most a second of processor and 180 MB, with some room (see `benchmarks/pictures.py`). The
 * encoder chooses how many passes a progressive JPEG has: usually ten.
 */
export const MOST_PIXELS = {
  jpeg: 50_000_000,
  progressive: 16_000_000,
  scans: 20,
  png: 12_500_000,
  interlaced: 8_000_000,
  webp: 8_000_000,
  gif: 8_000_000,
};

/**
 * Make the pictures that are shown from one that was uploaded.
 *
 * @param isFace Whether it is a person's own picture.
 * @throws {PictureError} It is not a picture, is larger than a function can decode, or nothing of it can be decoded.
 */
export async function derive(bytes: Uint8Array, isFace = false): Promise<Derived> {
  if (bytes.length > LARGEST) throw new PictureError("The picture has too many bytes.", "TOO_MANY_BYTES");
  const info = inspect(bytes);
  requireBounds(info);
  const side = isFace ? SIDES.face : SIDES.page;
  // What is cut square is decoded larger by as much as is cut.
  const ratio = isFace ? Math.max(info.width, info.height) / Math.min(info.width, info.height) : 1;
  const decoded = await decode(bytes, info, Math.ceil(side * Math.min(8, ratio)));
  conversion(info.profile, info.type)?.(decoded.rgba);
  const turned = upright(decoded, info.orientation);
  const transparent = info.transparent && isTransparent(turned);
  const made = new Files(info.type !== "image/jpeg", transparent);
  if (isFace) await made.opaque("face", shrink(square(turned), SIDES.face, transparent), PAPER);
  else {
    made.whole(bytes, info);
    await made.shown(turned);
  }
  return { ...shownSize(info), files: made.files, uses: made.uses };
}

function requireBounds({ type, width, height, progressive, scans, whole }: PictureInfo): void {
  const pixels = width * height;
  const kind = type.slice("image/".length) as "jpeg" | "png" | "webp" | "gif";
  const most = !progressive
    // A truncated one is decoded twice.
    ? MOST_PIXELS[kind] / (kind === "webp" && !whole ? 2 : 1)
    : kind === "png"
    ? MOST_PIXELS.interlaced
    : MOST_PIXELS.progressive * Math.min(1, MOST_PIXELS.scans / scans);
  if (pixels > most) {
    throw new PictureError(
      `The picture has ${width} by ${height} pixels; ${Math.floor(most / 1e6)} million can be converted.`,
      "TOO_MANY_PIXELS",
    );
  }
}

/** Decode a picture and make it smaller, so that its longer side has at most so many pixels. It is not turned yet. */
async function decode(bytes: Uint8Array, info: PictureInfo, side: number): Promise<Pixels> {
  if (info.type === "image/jpeg") return shrink(await decodeJpeg(bytes, info, side), side, false);
  if (info.type === "image/webp") return shrink(await decodeWebp(bytes, info), side, info.transparent);
  if (info.type === "image/gif") {
    const { come, pixels } = decodeGif(bytes, info);
    if (come === 0) throw new PictureError("The GIF cannot be decoded.");
    return shrink(pixels, side, true);
  }
  const shrinker = new Shrinker(info, fitted(info.width, info.height, side), info.transparent);
  const rows = await decodePng(bytes, info, (row) => shrinker.push(row));
  if (rows === 0) throw new PictureError("The PNG cannot be decoded.");
  return shrinker.finish();
}

class Files {
  readonly files: DerivedFile[] = [];
  readonly uses: Derived["uses"] = {};

  /** @param lossless Whether a PNG may be the smaller file. */
  constructor(readonly lossless: boolean, readonly transparent: boolean) {}

  /** All that is shown of one in a response, or of a cover. */
  async shown(pixels: Pixels): Promise<void> {
    let large = pixels;
    if (this.transparent) {
      for (const side of [SIDES.page, SIDES.mail, SIDES.small]) {
        large = shrink(pixels, side, true);
        const bytes = encodePng(large, true);
        if (bytes.length > LARGEST_TRANSPARENT && side !== SIDES.small) continue;
        this.#add("page", "image/png", large, bytes);
        break;
      }
      await this.opaque("print", large, WHITE);
    } else {
      await this.opaque("page", pixels, PAPER);
      this.uses.print = this.uses.page;
    }
    const middle = shrink(large, SIDES.mail, this.transparent);
    if (middle === large && !this.transparent) this.uses.mail = this.uses.page;
    else await this.opaque("mail", middle, PAPER);
    const small = shrink(middle, SIDES.small, this.transparent);
    if (small === middle) this.uses.small = this.uses.mail;
    else await this.opaque("small", small, PAPER);
  }

  /** What is shown as it was uploaded: an animation, and what is larger than the page shows it. */
  whole(bytes: Uint8Array, info: PictureInfo): void {
    const moves = info.animated && bytes.length <= LARGEST_MOTION;
    if (!moves && Math.max(info.width, info.height) <= SIDES.page) return;
    const clean = withoutMetadata(bytes, info);
    if (clean !== null && clean.length <= LARGEST) {
      this.#add(moves ? "motion" : "original", info.type, shownSize(info), clean);
    }
  }

  async opaque(use: Use, pixels: Pixels, ground: readonly [number, number, number]): Promise<void> {
    const flat = this.transparent ? flatten(pixels, ground) : pixels;
    const jpeg = await encodeJpeg(flat, QUALITY);
    const png = this.lossless && promises(flat, jpeg.length) ? encodePng(flat, false) : null;
    if (png !== null && png.length <= jpeg.length) this.#add(use, "image/png", flat, png);
    else this.#add(use, "image/jpeg", flat, jpeg);
  }

  #add(
    use: Use,
    type: DerivedFile["type"],
    { width, height }: Pick<Pixels, "width" | "height">,
    bytes: Uint8Array<ArrayBuffer>,
  ) {
    const name = `${use}.${type.slice("image/".length)}`;
    this.files.push({ name, type, bytes, width, height });
    this.uses[use] = name;
  }
}

/** Return true if a PNG may have as few bytes: tried on a strip from the middle, since it takes as long as a JPEG. */
function promises({ width, height, rgba }: Pixels, bytes: number): boolean {
  const rows = Math.ceil(height / 8);
  const top = (height - rows) >> 1;
  const strip = rgba.slice(top * width * 4, (top + rows) * width * 4);
  return encodePng({ width, height: rows, rgba: strip }, false).length * height / rows < bytes * 1.5;
}
