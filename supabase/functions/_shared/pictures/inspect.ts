/**
 * What kind of picture some bytes are, how large it is and which side is up; read from its container, without decoding
 * it.
 *
 * Cameras, phones and programs write containers that are not quite right. What viewers show is not refused here: bytes
 * between the parts of a JPEG, an Exif block that points beyond its end, a file that ends too early.
 */

import { PictureError } from "./problem.ts";
import { gifFrames } from "./gif_frames.ts";

export interface PictureInfo {
  type: "image/jpeg" | "image/png" | "image/webp" | "image/gif";
  /** As stored, before any turning. A decoder makes room for no more: a file whose parts differ on it is refused. */
  width: number;
  height: number;
  /** 1 to 8, as in Exif: 1 is upright, above 4 the picture lies on its side. */
  orientation: number;
  /** Whether pixels may be partly or wholly transparent. */
  transparent: boolean;
  /** Whether there is more than one frame. */
  animated: boolean;
  /** Whether the picture comes in several passes over all of it, so that a decoder holds all of it until the last one. */
  progressive: boolean;
  /** How often a decoder goes over it all. */
  scans: number;
  /** Where the numbers of four colours are stored upside down, as Adobe's programs do. */
  adobe: boolean;
  /** The colour profile, packed as in the container; null without one. */
  profile: Uint8Array | null;
  /** Whether the file is whole as far as its container tells. */
  whole: boolean;
}

/**
 * Read the kind and size of a picture.
 *
 * @throws {PictureError} The bytes are not a JPEG, PNG, WebP or GIF, or end before the size is stored.
 */
export function inspect(bytes: Uint8Array): PictureInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let info: PictureInfo | null;
  try {
    info = read(view, bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PictureError("The picture ends before its size is told.", "DAMAGED", { cause: error });
  }
  if (info === null) {
    const brand = isoBrand(bytes);
    throw brand === null
      ? new PictureError("The bytes are not a JPEG, PNG, WebP or GIF.", "UNKNOWN_FORMAT")
      : new PictureError(`The picture is ${brand}: store it as a JPEG.`, "UNSUPPORTED_FORMAT");
  }
  if (info.width === 0 || info.height === 0) throw new PictureError("The picture has no size.");
  return info;
}

/** Return the size of a picture as it is shown, after turning it upright. */
export function shownSize(
  { width, height, orientation }: Pick<PictureInfo, "width" | "height" | "orientation">,
): { width: number; height: number } {
  return orientation > 4 ? { width: height, height: width } : { width, height };
}

function read(view: DataView, bytes: Uint8Array): PictureInfo | null {
  if (starts(bytes, 0, [0xff, 0xd8, 0xff])) return jpeg(view, bytes);
  if (starts(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return png(view, bytes);
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return webp(view, bytes);
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return gif(view, bytes);
  return null;
}

const NOTHING = {
  orientation: 1,
  transparent: false,
  animated: false,
  progressive: false,
  scans: 1,
  adobe: false,
  profile: null,
  whole: true,
};

// JPEG ---------------------------------------------------------------------------------------------------------------

function jpeg(view: DataView, bytes: Uint8Array): PictureInfo {
  let frame: { width: number; height: number; components: number; progressive: boolean } | null = null;
  let [orientation, adobe, scans] = [1, false, 0];
  const profile: Uint8Array[] = [];
  let at = 2;
  while (true) {
    // Bytes between two segments are skipped, as decoders do.
    while (at + 1 < bytes.length && (bytes[at] !== 0xff || bytes[at + 1] === 0 || bytes[at + 1] === 0xff)) {
      at++;
    }
    if (at + 3 >= bytes.length) break;
    const marker = bytes[at + 1];
    if (marker === 0xd9) break;
    if ((marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    const body = bytes.subarray(at + 4, at + 2 + length);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      frame ??= {
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        components: view.getUint8(at + 9),
        progressive: (marker & 3) === 2,
      };
    } else if (marker === 0xda) {
      scans++;
      // Where the first scan lacks a component, others follow, and libjpeg keeps all of the picture until the last one.
      if (frame !== null && scans === 1 && body[0] < frame.components) frame.progressive = true;
      // The data of a scan has no marker in it but restarts; of the next scan only the count matters.
      if (frame !== null && !frame.progressive) break;
    } else if (marker === 0xe1 && ascii(body, 0, 6) === "Exif\0\0") {
      orientation = exifOrientation(body.subarray(6));
    } else if (marker === 0xe2 && ascii(body, 0, 12) === "ICC_PROFILE\0") {
      profile[body[12]] = body.subarray(14);
    } else if (marker === 0xee && ascii(body, 0, 5) === "Adobe") {
      adobe = true;
    }
    at += 2 + Math.max(2, length);
  }
  if (frame === null) throw new PictureError("The JPEG has no frame.");
  const { width, height, progressive } = frame;
  return {
    ...NOTHING,
    type: "image/jpeg",
    width,
    height,
    progressive,
    orientation,
    adobe,
    scans: Math.max(1, scans),
    profile: joined(profile.filter((part) => part !== undefined)),
  };
}

/** Return the orientation that a TIFF structure names; 1 where it names none, or is damaged. */
export function exifOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  try {
    const little = ascii(tiff, 0, 2) === "II";
    const directory = view.getUint32(4, little);
    const entries = view.getUint16(directory, little);
    for (let index = 0; index < entries; index++) {
      const entry = directory + 2 + index * 12;
      if (view.getUint16(entry, little) !== 0x0112) continue;
      // A short number; some programs write a long one.
      const value = view.getUint16(entry + 2, little) === 4
        ? view.getUint32(entry + 8, little)
        : view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

// PNG ----------------------------------------------------------------------------------------------------------------

function png(view: DataView, bytes: Uint8Array): PictureInfo {
  if (ascii(bytes, 12, 4) !== "IHDR") throw new PictureError("The PNG is damaged.");
  let [orientation, transparent, animated, whole] = [1, view.getUint8(25) >= 4, false, false];
  let profile: Uint8Array | null = null;
  let hasData = false;
  for (const { type, body } of pngChunks(bytes)) {
    if (type === "tRNS") transparent = true;
    else if (type === "acTL") animated = true;
    else if (type === "eXIf") orientation = exifOrientation(body);
    else if (type === "iCCP") profile = body;
    else if (type === "IDAT") hasData = true;
    else if (type === "IEND") whole = true;
  }
  if (!hasData) throw new PictureError("The PNG has no data.");
  return {
    ...NOTHING,
    type: "image/png",
    width: view.getUint32(16),
    height: view.getUint32(20),
    orientation,
    transparent,
    animated,
    progressive: view.getUint8(28) !== 0,
    profile,
    whole,
  };
}

/** The chunks of a PNG; the last one is shorter than it says where the file ends too early. */
export function* pngChunks(bytes: Uint8Array): Generator<{ type: string; body: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = ascii(bytes, at + 4, 4);
    yield { type, body: bytes.subarray(at + 8, Math.min(bytes.length, at + 8 + length)) };
    if (type === "IEND") return;
    at += 12 + length;
  }
}

// WebP ---------------------------------------------------------------------------------------------------------------

function webp(view: DataView, bytes: Uint8Array): PictureInfo {
  const info: PictureInfo = { ...NOTHING, type: "image/webp", width: 0, height: 0 };
  let [frames, hasCanvas, kept] = [0, false, 12];
  for (const { type, body, start } of riffChunks(bytes)) {
    const at = start + 8;
    kept = at + body.length;
    if (type === "VP8X" && !hasCanvas) {
      info.width = uint24(view, at + 4) + 1;
      info.height = uint24(view, at + 7) + 1;
      info.transparent = (bytes[at] & 0x10) !== 0;
      hasCanvas = true;
    } else if (type === "ANMF") frames++;
    else if (type === "EXIF") {
      // Some programs keep the name of a JPEG's segment before it.
      info.orientation = exifOrientation(ascii(body, 0, 6) === "Exif\0\0" ? body.subarray(6) : body);
    } else if (type === "ICCP") info.profile = body;
  }
  const drawn = webpDrawn(bytes);
  // Without a canvas the first picture is one; a frame never is.
  let canvas = hasCanvas ? info : null;
  for (const { type, body } of riffChunks(drawn.bytes, drawn.from)) {
    const stored = webpSize(type, body);
    if (stored === null) continue;
    if (canvas === null && drawn.frame === null) canvas = Object.assign(info, stored);
    const { left, top, width, height } = drawn.frame ?? { left: 0, top: 0, ...info };
    const fits = stored.width === width && stored.height === height &&
      left + width <= info.width && top + height <= info.height;
    if (!fits) throw new PictureError("The parts of the WebP tell different sizes.");
  }
  if (canvas === null) throw new PictureError("The WebP is damaged.");
  return { ...info, animated: frames > 1, whole: kept >= view.getUint32(4, true) + 7 };
}

/** The size that the data of a picture tells, which is what a decoder makes room for; null for other chunks. */
function webpSize(
  type: string,
  body: Uint8Array,
): Pick<PictureInfo, "width" | "height" | "transparent"> | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (type === "VP8 ") {
    return {
      width: view.getUint16(6, true) & 0x3fff,
      height: view.getUint16(8, true) & 0x3fff,
      transparent: false,
    };
  }
  if (type !== "VP8L") return null;
  const bits = view.getUint32(1, true);
  return {
    width: (bits & 0x3fff) + 1,
    height: ((bits >>> 14) & 0x3fff) + 1,
    transparent: (bits >>> 28 & 1) !== 0,
  };
}

/** Where on the canvas a frame is drawn. */
export interface WebpFrame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What of a WebP is decoded: the chunks of its first frame, or of all of it where it has no frames. */
export function webpDrawn(bytes: Uint8Array): { bytes: Uint8Array; from: number; frame: WebpFrame | null } {
  for (const { type, body } of riffChunks(bytes)) {
    if (type !== "ANMF") continue;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const frame = {
      left: uint24(view, 0) * 2,
      top: uint24(view, 3) * 2,
      width: uint24(view, 6) + 1,
      height: uint24(view, 9) + 1,
    };
    return { bytes: body, from: 16, frame };
  }
  return { bytes, from: 12, frame: null };
}

/** The chunks of a WebP, or of one frame in it; the last one is shorter than it says where the file ends too early. */
export function* riffChunks(
  bytes: Uint8Array,
  from = 12,
): Generator<{ type: string; body: Uint8Array; start: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    const end = Math.min(bytes.length, at + 8 + length);
    yield { type: ascii(bytes, at, 4), body: bytes.subarray(at + 8, end), start: at };
    at += 8 + length + length % 2;
  }
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

// GIF ----------------------------------------------------------------------------------------------------------------

function gif(view: DataView, bytes: Uint8Array): PictureInfo {
  const frames = [...gifFrames(bytes)];
  if (frames.length === 0) throw new PictureError("The GIF has no frame.");
  const [first] = frames;
  // A screen without a size, or smaller than what is drawn first, is as large as that.
  return {
    ...NOTHING,
    type: "image/gif",
    width: Math.max(view.getUint16(6, true), first.left + first.width),
    height: Math.max(view.getUint16(8, true), first.top + first.height),
    // Areas that no frame covers are transparent, too.
    transparent: true,
    animated: frames.length > 1,
  };
}

// Helpers ------------------------------------------------------------------------------------------------------------

/** "AVIF" or "HEIC" where the bytes are one, else null. */
function isoBrand(bytes: Uint8Array): string | null {
  if (ascii(bytes, 4, 4) !== "ftyp") return null;
  const brands = ascii(bytes, 8, 64);
  if (/avi[fs]/.test(brands)) return "AVIF";
  return /hei[cxms]|hev[cxms]|mif1|msf1/.test(brands) ? "HEIC" : null;
}

function starts(bytes: Uint8Array, at: number, wanted: number[]): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}

export function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

export function joined(parts: Uint8Array[]): Uint8Array | null {
  if (parts.length === 0) return null;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
