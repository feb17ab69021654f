/**
 * Pictures for a PDF, which can hold JPEG and plain PNG as they are.
 *
 * The rest (WebP, GIF, PNG with transparency or interlacing) is decoded, made smaller and laid on a plain ground. That costs
 * time and memory, of which a function has little: a letter has a budget for it, and a picture beyond the budget is replaced by
 * words. What a JPEG says about where and with what it was taken is left out.
 */

import { decode as decodePng } from "fast-png";
// @ts-types="@types/omggif"
import { GifReader } from "omggif";
import { Buffer } from "node:buffer";
import { deflateSync, inflateSync } from "node:zlib";
import { default as decodeWebp, init as initWebp } from "@jsquash/webp/decode.js";
import type { Picture } from "../input.ts";
import { inspect, PictureError, type PictureInfo, shownSize } from "../pictures.ts";
import type { Document, Image } from "./document.ts";
import { WEBP_DECODER } from "./webp_decoder.generated.ts";

/** A picture that is ready to be drawn. */
export interface Plate {
  /** What PDFKit's `image` takes. */
  image: Image;
  /** In pixels, upright. */
  width: number;
  height: number;
}

/** A larger PDF picture than this is taken for an attack or an accident. */
const MAX_PIXELS = 50_000_000;

/** Pixels that one letter may have decoded: less than half a second of one processor. */
const DECODE_BUDGET = 4_000_000;

/** The longer side of a decoded picture in the PDF: 300 dots an inch in a column, less in a plate of full width. */
const MAX_SIDE = 1000;

interface Pixels {
  width: number;
  height: number;
  /** Red, green, blue and opacity, a byte each. */
  rgba: Uint8Array;
}

/** Opens the pictures of one letter in one document. */
export class PlateMaker {
  #budget = DECODE_BUDGET;
  #count = 0;
  readonly #made = new Map<Uint8Array, Promise<Plate>>();

  /** @param ground The colour, as "#rrggbb", under transparent pictures. */
  constructor(readonly document: Document, readonly ground: string) {}

  /**
   * Make a picture ready to be drawn.
   *
   * @throws {PictureError} It has no bytes, they are damaged, or there is no budget left to decode them.
   */
  make(picture: Picture): Promise<Plate> {
    const { bytes } = picture;
    if (bytes === undefined) {
      return Promise.reject(new PictureError("The PDF needs the bytes of the picture."));
    }
    const plate = this.#made.get(bytes) ?? this.#open(bytes);
    this.#made.set(bytes, plate);
    return plate;
  }

  async #open(bytes: Uint8Array): Promise<Plate> {
    const info = inspect(bytes);
    const pixels = info.width * info.height;
    if (pixels > MAX_PIXELS) throw new PictureError("The picture has more than 50 million pixels.");
    if (info.plain) return { ...shownSize(info), image: this.#embed(bytes, info) };
    if (pixels > this.#budget) {
      throw new PictureError("The letter has too many pictures that must be converted.");
    }
    this.#budget -= pixels;
    const decoded = shrink(await decode(bytes, info));
    return { width: decoded.width, height: decoded.height, image: this.#raw(decoded) };
  }

  #embed(bytes: Uint8Array, info: PictureInfo): Image {
    const clean = info.type === "image/jpeg" ? withoutMetadata(bytes, info.orientation) : bytes;
    try {
      return this.document.openImage(Buffer.from(clean.buffer, clean.byteOffset, clean.byteLength));
    } catch (error) {
      // PDFKit throws strings as well as errors; nothing but the bytes can be the cause.
      throw new PictureError(
        `The picture cannot be embedded: ${error instanceof Error ? error.message : error}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Make an image of pixels, as PDFKit's own classes for JPEG and PNG do it. */
  #raw({ width, height, rgba }: Pixels): Image {
    const document = this.document;
    const data = deflateSync(flatten(rgba, this.ground), { level: 1 });
    this.#count += 1;
    const image = {
      label: `Raw${this.#count}`,
      width,
      height,
      obj: null as ReturnType<Document["ref"]> | null,
      embed() {
        image.obj = document.ref({
          Type: "XObject",
          Subtype: "Image",
          BitsPerComponent: 8,
          Width: width,
          Height: height,
          ColorSpace: "DeviceRGB",
          Filter: "FlateDecode",
        });
        image.obj.end(data);
      },
    };
    return image as unknown as Image;
  }
}

async function decode(bytes: Uint8Array, info: PictureInfo): Promise<Pixels> {
  try {
    switch (info.type) {
      case "image/webp":
        return await webp(bytes);
      case "image/gif":
        return gif(bytes, info);
      default:
        return png(bytes, info);
    }
  } catch (error) {
    // The decoders throw plain errors and ranges; nothing but the bytes can be the cause.
    throw new PictureError(`The picture is damaged: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

let webpReady: Promise<void> | null = null;

async function webp(bytes: Uint8Array): Promise<Pixels> {
  webpReady ??= WebAssembly.compile(Buffer.from(WEBP_DECODER, "base64")).then((module) => initWebp(module));
  await webpReady;
  const { width, height, data } = await decodeWebp(bytes.slice().buffer);
  return { width, height, rgba: new Uint8Array(data.buffer) };
}

/** Decode the first frame. */
function gif(bytes: Uint8Array, { width, height }: PictureInfo): Pixels {
  const reader = new GifReader(Buffer.from(bytes));
  const frame = reader.frameInfo(0);
  if (frame.x + frame.width > width || frame.y + frame.height > height) {
    throw new Error("The frame is too large.");
  }
  const rgba = new Uint8Array(width * height * 4);
  reader.decodeAndBlitFrameRGBA(0, rgba);
  return { width, height, rgba };
}

function png(bytes: Uint8Array, { width, height }: PictureInfo): Pixels {
  const { data, channels, depth, palette, transparency } = decodePng(inflated(bytes, width, height), {
    checkCrc: false,
  });
  const rgba = new Uint8Array(width * height * 4);
  const byte = (value: number) =>
    depth === 16 ? value >> 8 : depth === 8 ? value : Math.round(value * 255 / ((1 << depth) - 1));
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [from, to] = [pixel * channels, pixel * 4];
    if (palette !== undefined) {
      const [red, green, blue, alpha = 255] = palette[data[from]];
      rgba.set([red, green, blue, alpha], to);
      continue;
    }
    const grey = channels < 3;
    rgba[to] = byte(data[from]);
    rgba[to + 1] = byte(data[grey ? from : from + 1]);
    rgba[to + 2] = byte(data[grey ? from : from + 2]);
    const opaque = channels === 1 || channels === 3;
    const keyed = opaque && transparency !== undefined && transparency.length >= channels &&
      transparency.every((value, index) => index >= channels || value === data[from + index]);
    rgba[to + 3] = keyed ? 0 : opaque ? 255 : byte(data[from + channels - 1]);
  }
  return { width, height, rgba };
}

/**
 * Return a PNG with its data stored instead of compressed. The decoder inflates in JavaScript, many times slower, and without
 * a limit, though a few bytes can unpack to gigabytes.
 */
function inflated(bytes: Uint8Array, width: number, height: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head: Uint8Array[] = [bytes.subarray(0, 8)];
  const data: Uint8Array[] = [];
  // `inspect` has found every chunk to be whole.
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const [length, type] = [view.getUint32(at), view.getUint32(at + 4)];
    if (type === IDAT) data.push(bytes.subarray(at + 8, at + 8 + length));
    else if (data.length === 0) head.push(bytes.subarray(at, at + 12 + length));
  }
  // Eight bytes a pixel, and one for each row of each of seven passes, is the most there can be.
  const raw = inflateSync(Buffer.concat(data), { maxOutputLength: width * height * 8 + height * 8 + 64 });
  return Buffer.concat([...head, chunk(IDAT, deflateSync(raw, { level: 0 })), chunk(IEND, new Uint8Array())]);
}

const IDAT = 0x49444154;
const IEND = 0x49454e44;

/** A chunk without its checksum, which the decoder does not read. */
function chunk(type: number, data: Uint8Array): Buffer {
  const frame = Buffer.alloc(12 + data.length);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(type, 4);
  frame.set(data, 8);
  return frame;
}

/** Make a picture smaller, each new pixel the mean of the old ones that it covers. */
function shrink({ width, height, rgba }: Pixels): Pixels {
  const factor = Math.ceil(Math.max(width, height) / MAX_SIDE);
  if (factor === 1) return { width, height, rgba };
  const [columns, rows] = [Math.floor(width / factor) || 1, Math.floor(height / factor) || 1];
  const [across, down] = [Math.min(factor, width), Math.min(factor, height)];
  const small = new Uint8Array(columns * rows * 4);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let [red, green, blue, alpha] = [0, 0, 0, 0];
      for (let y = 0; y < down; y++) {
        let from = ((row * down + y) * width + column * across) * 4;
        for (let x = 0; x < across; x++, from += 4) {
          const opacity = rgba[from + 3];
          red += rgba[from] * opacity;
          green += rgba[from + 1] * opacity;
          blue += rgba[from + 2] * opacity;
          alpha += opacity;
        }
      }
      const to = (row * columns + column) * 4;
      small[to] = red / (alpha || 1);
      small[to + 1] = green / (alpha || 1);
      small[to + 2] = blue / (alpha || 1);
      small[to + 3] = alpha / (across * down);
    }
  }
  return { width: columns, height: rows, rgba: small };
}

/** Lay pixels on a ground; three bytes a pixel come back. */
function flatten(rgba: Pixels["rgba"], ground: string): Uint8Array {
  const under = [1, 3, 5].map((start) => Number.parseInt(ground.slice(start, start + 2), 16));
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const opacity = rgba[from + 3] / 255;
    rgb[to] = rgba[from] * opacity + under[0] * (1 - opacity);
    rgb[to + 1] = rgba[from + 1] * opacity + under[1] * (1 - opacity);
    rgb[to + 2] = rgba[from + 2] * opacity + under[2] * (1 - opacity);
  }
  return rgb;
}

/** Drop all but what decoding needs from a JPEG (place, camera, thumbnail go), and keep which side is up. */
function withoutMetadata(bytes: Uint8Array, orientation: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [bytes.subarray(0, 2), uprightness(orientation)];
  let at = 2;
  while (view.getUint8(at + 1) !== 0xda) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (end + 2 > bytes.length) throw new PictureError("The JPEG has no data.");
    // Of the application segments, JFIF (E0) and Adobe's (EE) say how to read the colours; FE is a comment.
    const metadata = (marker > 0xe0 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (!metadata) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}

/** The smallest EXIF segment that tells an orientation. */
function uprightness(orientation: number): Uint8Array {
  // deno-fmt-ignore
  return Uint8Array.of(
    0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, // the segment "Exif"
    0x4d, 0x4d, 0, 42, 0, 0, 0, 8, // TIFF, high byte first; its directory follows
    0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, // one entry: orientation, a short, once
    0, 0, 0, 0, // no further directory
  );
}
