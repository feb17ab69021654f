/**
 * Converts the colours of a profile to sRGB. Of profiles those are read that are three colours with a curve each
 * (Display P3, Adobe RGB, ProPhoto, what scanners and screens write), or one grey with a curve; of others the numbers
 * are taken for sRGB.
 */

import { inflateSync } from "node:zlib";
import { ascii } from "./inspect.ts";

/** Changes pixels, four bytes each, in their place. */
export type Conversion = (rgba: Uint8Array) => void;

/** What a profile may unpack to, in bytes: those of cameras and screens have a few thousand. */
const LARGEST = 4_000_000;

/** From the white of profiles (D50) to sRGB's own colours, as linear light. */
const TO_SRGB = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.0334540],
  [0.0719453, -0.2289914, 1.4052427],
];

/** A profile that cannot be read, or equals sRGB, changes nothing. */
export function conversion(profile: Uint8Array | null, type: string): Conversion | null {
  if (profile === null) return null;
  try {
    return convert(type === "image/png" ? unpack(profile) : profile);
  } catch {
    // Thrown by reading beyond its end, or by the unpacking.
    return null;
  }
}

/** A name, a zero, a zero for the one way of packing that there is, and the profile. */
function unpack(chunk: Uint8Array): Uint8Array {
  return inflateSync(chunk.subarray(chunk.indexOf(0) + 2), { maxOutputLength: LARGEST });
}

function convert(profile: Uint8Array): Conversion | null {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const tags = new Map<string, number>();
  for (let index = 0; index < Math.min(100, view.getUint32(128)); index++) {
    tags.set(ascii(profile, 132 + index * 12, 4), view.getUint32(136 + index * 12));
  }
  const curveOf = (tag: string) => {
    const at = tags.get(tag);
    return at === undefined ? null : curve(view, profile, at);
  };
  if (ascii(profile, 16, 4) === "GRAY") {
    const grey = curveOf("kTRC");
    if (grey === null) return null;
    const table = Uint8Array.from(grey, (value) => encodeByte(value));
    if (table.every((value, index) => Math.abs(value - index) <= 2)) return null;
    return (rgba) => {
      for (let at = 0; at < rgba.length; at++) if (at % 4 < 3) rgba[at] = table[rgba[at]];
    };
  }
  const curves = ["rTRC", "gTRC", "bTRC"].map(curveOf);
  const columns = ["rXYZ", "gXYZ", "bXYZ"].map((tag) => {
    const at = tags.get(tag);
    return at === undefined ? null : [8, 12, 16].map((more) => view.getInt32(at + more) / 65536);
  });
  if ([...curves, ...columns].some((part) => part === null)) return null;
  const [red, green, blue] = curves as Float64Array[];
  const matrix = TO_SRGB.map((row) =>
    columns.map((column) => row.reduce((sum, factor, index) => sum + factor * column![index], 0))
  );
  const isOwn =
    matrix.every((row, one) =>
      row.every((value, other) => Math.abs(value - (one === other ? 1 : 0)) < 0.01)
    ) && curves.every((table) => table!.every((value, index) => Math.abs(encodeByte(value) - index) <= 2));
  if (isOwn) return null;
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix;
  const light = ENCODED;
  const clamp = (value: number) => value <= 0 ? 0 : value >= 1 ? STEPS : value * STEPS + 0.5 | 0;
  return (rgba) => {
    for (let at = 0; at < rgba.length; at += 4) {
      const [r, s, t] = [red[rgba[at]], green[rgba[at + 1]], blue[rgba[at + 2]]];
      rgba[at] = light[clamp(a * r + b * s + c * t)];
      rgba[at + 1] = light[clamp(d * r + e * s + f * t)];
      rgba[at + 2] = light[clamp(g * r + h * s + i * t)];
    }
  };
}

/** The light, 0 to 1, that each of 256 numbers stands for. */
function curve(view: DataView, profile: Uint8Array, at: number): Float64Array | null {
  const table = new Float64Array(256);
  const kind = ascii(profile, at, 4);
  if (kind === "curv") {
    const count = view.getUint32(at + 8);
    if (count === 0) return table.map((_, index) => index / 255);
    if (count === 1) {
      const gamma = view.getUint16(at + 12) / 256;
      return table.map((_, index) => (index / 255) ** gamma);
    }
    return table.map((_, index) => {
      const place = index / 255 * (count - 1);
      const [low, high] = [Math.floor(place), Math.ceil(place)]
        .map((entry) => view.getUint16(at + 12 + entry * 2) / 65535);
      return low + (high - low) * (place % 1);
    });
  }
  if (kind !== "para") return null;
  const form = view.getUint16(at + 8);
  const given = Array.from(
    { length: [1, 3, 4, 5, 7][form] },
    (_, index) => view.getInt32(at + 12 + index * 4) / 65536,
  );
  const [gamma, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = given;
  const [threshold, slope, high, low] = form === 0
    ? [0, 0, 0, 0]
    : form === 1
    ? [-b / a, 0, 0, 0]
    : form === 2
    ? [-b / a, 0, c, c]
    : [d, c, e, f];
  return table.map((_, index) => {
    const value = index / 255;
    return value >= threshold ? (a * value + b) ** gamma + high : slope * value + low;
  });
}

const STEPS = 8191;

function encodeByte(light: number): number {
  const value = light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.max(0, Math.min(255, Math.round(value * 255)));
}

const ENCODED = Uint8Array.from({ length: STEPS + 1 }, (_, index) => encodeByte(index / STEPS));
