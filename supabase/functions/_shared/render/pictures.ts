/** What kind of picture some bytes are, and how large it is; read from its first bytes, without decoding it. */

export interface PictureInfo {
  type: "image/jpeg" | "image/png" | "image/webp" | "image/gif";
  /** In pixels, as stored. */
  width: number;
  height: number;
  /** 1 to 8, as in EXIF: 1 is upright, above 4 the picture lies on its side. */
  orientation: number;
  /** Whether a PDF can hold the bytes as they are: a JPEG, or a PNG without transparency and interlacing. */
  plain: boolean;
}

/** Thrown for bytes that are not a picture of a kind that newsletters show. */
export class PictureError extends Error {
  override name = "PictureError";
}

/**
 * Read the kind and size of a picture.
 *
 * @throws {PictureError} The bytes are no JPEG, PNG, WebP or GIF, or end too early.
 */
export function inspect(bytes: Uint8Array): PictureInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (starts(bytes, 0, [0xff, 0xd8, 0xff])) return jpeg(view);
    if (starts(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return png(view);
    if (ascii(view, 0, 4) === "RIFF" && ascii(view, 8, 4) === "WEBP") return webp(view);
    if (ascii(view, 0, 3) === "GIF") {
      return info("image/gif", view.getUint16(6, true), view.getUint16(8, true), false);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PictureError("The picture ends before its size is told.", { cause: error });
  }
  throw new PictureError("The bytes are no JPEG, PNG, WebP or GIF.");
}

/** Return the size of a picture as it is shown, after turning it upright. */
export function shownSize({ width, height, orientation }: PictureInfo): { width: number; height: number } {
  return orientation > 4 ? { width: height, height: width } : { width, height };
}

function info(
  type: PictureInfo["type"],
  width: number,
  height: number,
  plain: boolean,
  orientation = 1,
): PictureInfo {
  if (width === 0 || height === 0) throw new PictureError("The picture has no size.");
  return { type, width, height, plain, orientation };
}

function jpeg(view: DataView): PictureInfo {
  let orientation = 1;
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) throw new PictureError("The JPEG is damaged.");
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // All frames but differential ones; C4, C8 and CC are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const components = view.getUint8(at + 9);
      if (![1, 3, 4].includes(components)) {
        throw new PictureError("The JPEG has an unknown number of colours.");
      }
      return info("image/jpeg", view.getUint16(at + 7), view.getUint16(at + 5), true, orientation);
    }
    if (marker === 0xda || marker === 0xd9) throw new PictureError("The JPEG has no frame.");
    if (marker === 0xe1 && ascii(view, at + 4, 6) === "Exif\0\0") {
      orientation = exifOrientation(view, at + 10);
    }
    at += 2 + view.getUint16(at + 2);
  }
}

/** Read the orientation from the TIFF structure that starts at `start`; 1 where it says nothing. */
function exifOrientation(view: DataView, start: number): number {
  const little = ascii(view, start, 2) === "II";
  const directory = start + view.getUint32(start + 4, little);
  const entries = view.getUint16(directory, little);
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12;
    if (view.getUint16(entry, little) === 0x0112) {
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

function png(view: DataView): PictureInfo {
  if (ascii(view, 12, 4) !== "IHDR") throw new PictureError("The PNG is damaged.");
  const hasAlpha = view.getUint8(25) >= 4;
  const interlaced = view.getUint8(28) !== 0;
  let transparent = hasAlpha;
  let hasData = false;
  // Every chunk must be whole: decoders believe the lengths they read.
  for (let at = 8; at < view.byteLength; at += 12 + view.getUint32(at)) {
    const type = ascii(view, at + 4, 4);
    const length = view.getUint32(at);
    if (at + 12 + length > view.byteLength) throw new PictureError("The PNG ends too early.");
    if (type === "PLTE" && length > 768) throw new PictureError("The PNG has too many colours.");
    if (type === "tRNS") transparent = true;
    if (type === "IDAT") hasData = true;
    if (type === "IEND") break;
  }
  if (!hasData) throw new PictureError("The PNG has no data.");
  return info("image/png", view.getUint32(16), view.getUint32(20), !transparent && !interlaced);
}

function webp(view: DataView): PictureInfo {
  switch (ascii(view, 12, 4)) {
    case "VP8 ":
      return info("image/webp", view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff, false);
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return info("image/webp", (bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1, false);
    }
    case "VP8X": {
      const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
      return info("image/webp", uint24(24) + 1, uint24(27) + 1, false);
    }
    default:
      throw new PictureError("The WebP is damaged.");
  }
}

function starts(bytes: Uint8Array, at: number, wanted: number[]): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}

function ascii(view: DataView, at: number, length: number): string {
  let text = "";
  for (let index = 0; index < length; index++) text += String.fromCharCode(view.getUint8(at + index));
  return text;
}
