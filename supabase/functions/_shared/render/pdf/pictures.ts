/**
 * Pictures for a PDF, which holds JPEG and plain PNG as they are: those that the function `pictures` has made. What a
 * JPEG says about where and with what it was taken is left out all the same.
 */

import { Buffer } from "node:buffer";
import { inspect, type PictureInfo, shownSize } from "../../pictures/inspect.ts";
import { PictureError } from "../../pictures/problem.ts";
import type { Picture } from "../input.ts";
import type { Document, Image } from "./document.ts";

/** A picture that is ready to be drawn. */
export interface Plate {
  /** What PDFKit's `image` takes. */
  image: Image;
  /** In pixels, upright. */
  width: number;
  height: number;
}

/** A larger picture than this is taken for an attack or an accident. */
const MAX_PIXELS = 50_000_000;

/** Opens the pictures of one newsletter in one document. */
export class PlateMaker {
  readonly #made = new Map<Uint8Array, Plate>();

  constructor(readonly document: Document) {}

  /**
   * Make a picture ready to be drawn.
   *
   * @throws {PictureError} It has no bytes, they are damaged, or of a kind that a PDF does not hold.
   */
  make({ bytes }: Picture): Plate {
    if (bytes === undefined) throw new PictureError("The PDF needs the bytes of the picture.");
    const plate = this.#made.get(bytes) ?? this.#open(bytes);
    this.#made.set(bytes, plate);
    return plate;
  }

  #open(bytes: Uint8Array): Plate {
    const info = inspect(bytes);
    if (info.width * info.height > MAX_PIXELS) {
      throw new PictureError("The picture has more than 50 million pixels.", "TOO_MANY_PIXELS");
    }
    if (!isPlain(info)) {
      throw new PictureError("A PDF holds JPEG and opaque PNG that are whole.", "UNSUPPORTED_FORMAT");
    }
    return { ...shownSize(info), image: this.#embed(bytes, info) };
  }

  #embed(bytes: Uint8Array, info: PictureInfo): Image {
    try {
      const clean = info.type === "image/jpeg" ? withoutMetadata(bytes, info.orientation) : bytes;
      return this.document.openImage(Buffer.from(clean.buffer, clean.byteOffset, clean.byteLength));
    } catch (error) {
      // PDFKit throws strings as well as errors; nothing but the bytes can be the cause.
      throw new PictureError(
        `The picture cannot be embedded: ${error instanceof Error ? error.message : error}`,
        "DAMAGED",
        { cause: error },
      );
    }
  }
}

/** Return true if a PDF holds pictures of this kind as they are. */
function isPlain({ type, transparent, progressive, whole }: PictureInfo): boolean {
  return type === "image/jpeg" || (type === "image/png" && !transparent && !progressive && whole);
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
