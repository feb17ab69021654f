/** Files of fonts with some of their characters, by HarfBuzz and WOFF 2. */

import wasm from "harfbuzzjs/dist/harfbuzz-subset.wasm" with { type: "bytes" };
import { Buffer } from "node:buffer";
import { compress } from "wawoff2";

/** What is used of HarfBuzz: numbers are addresses. */
interface HarfBuzz {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(length: number): number;
  free(address: number): void;
  hb_blob_create(data: number, length: number, mode: number, userData: number, destroy: number): number;
  hb_blob_destroy(blob: number): void;
  hb_blob_get_data(blob: number, length: number): number;
  hb_blob_get_length(blob: number): number;
  hb_face_create(blob: number, index: number): number;
  hb_face_destroy(face: number): void;
  hb_face_reference_blob(face: number): number;
  hb_set_add(set: number, value: number): void;
  hb_set_clear(set: number): void;
  hb_set_invert(set: number): void;
  hb_subset_input_create_or_fail(): number;
  hb_subset_input_destroy(input: number): void;
  hb_subset_input_set(input: number, kind: number): number;
  hb_subset_input_set_flags(input: number, flags: number): void;
  hb_subset_input_unicode_set(input: number): number;
  hb_subset_or_fail(face: number, input: number): number;
}

const READ_ONLY = 1;
const LAYOUT_FEATURES = 6;
/**
 * A browser draws the first glyph of the first font for what no font has. Without its outline that would be nothing.
 */
const NOTDEF_OUTLINE = 0x40;

const { instance } = await WebAssembly.instantiate(wasm);
const harfBuzz = instance.exports as unknown as HarfBuzz;
harfBuzz._initialize();

/** Return an OpenType font with some of its characters and all of their features, as WOFF 2. */
export async function subset(openType: Buffer, codePoints: Iterable<number>): Promise<Buffer> {
  const address = harfBuzz.malloc(openType.length);
  new Uint8Array(harfBuzz.memory.buffer).set(openType, address);
  const blob = harfBuzz.hb_blob_create(address, openType.length, READ_ONLY, 0, 0);
  const face = harfBuzz.hb_face_create(blob, 0);
  const input = harfBuzz.hb_subset_input_create_or_fail();
  const features = harfBuzz.hb_subset_input_set(input, LAYOUT_FEATURES);
  harfBuzz.hb_set_clear(features);
  harfBuzz.hb_set_invert(features);
  harfBuzz.hb_subset_input_set_flags(input, NOTDEF_OUTLINE);
  const wanted = harfBuzz.hb_subset_input_unicode_set(input);
  for (const codePoint of codePoints) harfBuzz.hb_set_add(wanted, codePoint);

  const made = harfBuzz.hb_subset_or_fail(face, input);
  if (made === 0) throw new Error("HarfBuzz makes no subset of the font.");
  const result = harfBuzz.hb_face_reference_blob(made);
  const data = harfBuzz.hb_blob_get_data(result, 0);
  const bytes = new Uint8Array(harfBuzz.memory.buffer).slice(
    data,
    data + harfBuzz.hb_blob_get_length(result),
  );

  for (const one of [result, blob]) harfBuzz.hb_blob_destroy(one);
  for (const one of [made, face]) harfBuzz.hb_face_destroy(one);
  harfBuzz.hb_subset_input_destroy(input);
  harfBuzz.free(address);
  return Buffer.from(await compress(bytes));
}
