/** Decodes JPEGs at an eighth to the whole of their size, and encodes them. */

import { Buffer } from "node:buffer";
import { default as encodeMozjpeg, init as initMozjpeg } from "@jsquash/jpeg/encode.js";
import { JPEG_DECODER, JPEG_ENCODER } from "./codecs.generated.ts";
import type { PictureInfo } from "./inspect.ts";
import { PictureError } from "./problem.ts";
import type { Pixels } from "./pixels.ts";

/** The functions of libjpeg-turbo's own interface (see its turbojpeg.h) that the module has. */
interface Turbo {
  memory: WebAssembly.Memory;
  malloc(size: number): number;
  free(at: number): void;
  tjInitDecompress(): number;
  // deno-fmt-ignore
  tjDecompressHeader3(handle: number, data: number, size: number, width: number, height: number, subsampling: number, colours: number): number;
  // deno-fmt-ignore
  tjDecompress2(handle: number, data: number, size: number, to: number, width: number, pitch: number, height: number, format: number, flags: number): number;
}

const [RGBA, CMYK] = [7, 11];
/** Of `tjDecompressHeader3`: four colours, plainly or as lightness and hue. */
const FOUR_COLOURS = [3, 4];

let decoder: Promise<WebAssembly.Module> | null = null;

/**
 * An instance for one picture: after an error in the C code, which cannot unwind, it is not fit for another one, and
 * its memory never shrinks.
 */
async function turbo(): Promise<Turbo> {
  decoder ??= WebAssembly.compile(Buffer.from(JPEG_DECODER, "base64"));
  const never = (name: string) => () => {
    throw new Error(name);
  };
  const instance = await WebAssembly.instantiate(await decoder, {
    env: { setjmp: () => 0, longjmp: never("longjmp") },
    wasi_snapshot_preview1: {
      environ_sizes_get: () => 0,
      environ_get: never("environ_get"),
      proc_exit: never("proc_exit"),
      fd_close: never("fd_close"),
      fd_seek: never("fd_seek"),
      fd_write: () => 0,
    },
  });
  return instance.exports as unknown as Turbo;
}

/**
 * Decode a JPEG at the smallest scale at which its longer side has at least `side` pixels, or at its own.
 *
 * What is damaged comes as far as it can be decoded, with grey below.
 *
 * @throws {PictureError} Nothing of it can be decoded.
 */
export async function decodeJpeg(bytes: Uint8Array, info: PictureInfo, side: number): Promise<Pixels> {
  const c = await turbo();
  const data = c.malloc(bytes.length);
  new Uint8Array(c.memory.buffer).set(bytes, data);
  const handle = c.tjInitDecompress();
  const header = c.malloc(16);
  new Int32Array(c.memory.buffer, header, 4).fill(0);
  try {
    // A result other than 0 may also be a warning, here and below: of a truncated file, of stray bytes.
    c.tjDecompressHeader3(handle, data, bytes.length, header, header + 4, header + 8, header + 12);
  } catch (error) {
    throw new PictureError("The JPEG cannot be read.", "DAMAGED", { cause: error });
  }
  const [fullWidth, fullHeight, , colours] = new Int32Array(c.memory.buffer, header, 4);
  // Container and decoder must agree on the size: the container's was compared with the limits.
  if (fullWidth !== info.width || fullHeight !== info.height) {
    throw new PictureError("The JPEG cannot be read.");
  }
  let eighths = 8;
  while (eighths > 1 && Math.ceil(Math.max(fullWidth, fullHeight) * (eighths - 1) / 8) >= side) eighths--;
  const [width, height] = [fullWidth, fullHeight].map((full) => Math.ceil(full * eighths / 8));
  const size = width * height * 4;
  const to = c.malloc(size);
  if (to === 0) throw new PictureError("The JPEG takes too much memory.", "TOO_MANY_PIXELS");
  new Uint8Array(c.memory.buffer, to, size).fill(0);
  const fourColours = FOUR_COLOURS.includes(colours);
  let isBroken = false;
  try {
    c.tjDecompress2(handle, data, bytes.length, to, width, width * 4, height, fourColours ? CMYK : RGBA, 0);
  } catch {
    isBroken = true;
  }
  const rgba = new Uint8Array(c.memory.buffer, to, size).slice();
  if (isBroken && !keepWhatCame(rgba, width, height)) throw new PictureError("The JPEG cannot be decoded.");
  if (fourColours) fromFourColours(rgba, info.adobe);
  return { width, height, rgba };
}

/** Make what was not decoded grey; return false where that is all. A decoded pixel is opaque (or has some ink). */
function keepWhatCame(rgba: Uint8Array, width: number, height: number): boolean {
  let last = rgba.length - 1;
  while (last >= 0 && rgba[last] === 0) last--;
  const rows = Math.floor((last + 1) / (width * 4));
  for (let at = rows * width * 4; at < rgba.length; at++) rgba[at] = at % 4 === 3 ? 255 : 128;
  return rows >= height / 50;
}

/**
 * Convert CMYK to RGB. Adobe's programs store the inverse of each ink.
 */
function fromFourColours(rgba: Uint8Array, adobe: boolean): void {
  for (let at = 0; at < rgba.length; at += 4) {
    const black = adobe ? rgba[at + 3] : 255 - rgba[at + 3];
    for (let channel = at; channel < at + 3; channel++) {
      rgba[channel] = (adobe ? rgba[channel] : 255 - rgba[channel]) * black / 255 + 0.5;
    }
    rgba[at + 3] = 255;
  }
}

let encoder: Promise<unknown> | null = null;

/** Encode opaque pixels. The same pixels give the same bytes. */
export async function encodeJpeg(
  { width, height, rgba }: Pixels,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  encoder ??= WebAssembly.compile(Buffer.from(JPEG_ENCODER, "base64")).then((module) => initMozjpeg(module));
  await encoder;
  const data = { width, height, data: new Uint8ClampedArray(rgba.buffer, rgba.byteOffset, rgba.length) };
  // A progressive one would take more than twice as long and be 3% smaller.
  const options = { quality, progressive: false, auto_subsample: false, chroma_subsample: 2 };
  return new Uint8Array(await encodeMozjpeg(data as unknown as ImageData, options));
}
