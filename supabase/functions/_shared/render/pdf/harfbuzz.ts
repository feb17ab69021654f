/**
 * Shaping by HarfBuzz, compiled to WebAssembly: which glyphs stand for a text, and where. For every script in which a
 * character's form depends on its neighbours; what is simple needs none of it (see `shaping.ts`).
 */

import { Buffer } from "node:buffer";
import { brotliDecompressSync } from "node:zlib";
import { HARFBUZZ } from "./harfbuzz.generated.ts";

/** A glyph in its place; lengths in units of the font. */
export interface Shaped {
  id: number;
  /** Which code unit of the text the glyph's cluster begins with. */
  cluster: number;
  advance: number;
  dx: number;
  dy: number;
}

/** Functions of the library that are called here. */
interface Exports {
  memory: WebAssembly.Memory;
  malloc(size: number): number;
  free(pointer: number): void;
  hb_blob_create(data: number, length: number, mode: number, user: number, destroy: number): number;
  hb_face_create(blob: number, index: number): number;
  hb_face_get_upem(face: number): number;
  hb_font_create(face: number): number;
  hb_buffer_create(): number;
  hb_buffer_clear_contents(buffer: number): void;
  hb_buffer_add_utf16(buffer: number, text: number, length: number, offset: number, count: number): void;
  hb_buffer_guess_segment_properties(buffer: number): void;
  hb_buffer_set_direction(buffer: number, direction: number): void;
  hb_buffer_get_length(buffer: number): number;
  hb_buffer_get_glyph_infos(buffer: number, length: number): number;
  hb_buffer_get_glyph_positions(buffer: number, length: number): number;
  hb_shape(font: number, buffer: number, features: number, count: number): void;
  __wasm_call_ctors(): void;
}

const LEFT_TO_RIGHT = 4;
const RIGHT_TO_LEFT = 5;
/** HB_MEMORY_MODE_READONLY: the library keeps the bytes where they are. */
const READ_ONLY = 1;
/** `sizeof` of both hb_glyph_info_t and hb_glyph_position_t, in words of 32 bits. */
const WORDS = 5;

let library: Exports | undefined;

function load(): Exports {
  const module = new WebAssembly.Module(
    new Uint8Array(brotliDecompressSync(Buffer.from(HARFBUZZ, "base64"))),
  );
  const refuse = () => {
    throw new Error("HarfBuzz stopped.");
  };
  const instance = new WebAssembly.Instance(module, {
    env: {
      _abort_js: refuse,
      _emscripten_runtime_keepalive_clear: () => {},
      _setitimer_js: () => 0,
      emscripten_resize_heap: (size: number) => {
        const { memory } = library!;
        try {
          // Half as much again, so that it is not asked for each font anew.
          const wanted = Math.max(size, memory.buffer.byteLength * 1.5);
          memory.grow(Math.ceil((wanted - memory.buffer.byteLength) / 65536));
          return 1;
        } catch {
          return 0;
        }
      },
    },
    wasi_snapshot_preview1: { proc_exit: refuse },
  });
  library = instance.exports as unknown as Exports;
  library.__wasm_call_ctors();
  return library;
}

/**
 * A font that shapes. It stays in the library's memory as long as the process runs, so there should be one for each
 * file.
 */
export class Shaper {
  readonly unitsPerEm: number;
  readonly #font: number;
  readonly #buffer: number;
  readonly #library: Exports;

  /** @param openType The whole font file. */
  constructor(openType: Uint8Array) {
    const hb = this.#library = library ?? load();
    const data = hb.malloc(openType.length);
    if (data === 0) throw new Error("There is no memory for another font.");
    new Uint8Array(hb.memory.buffer).set(openType, data);
    const face = hb.hb_face_create(hb.hb_blob_create(data, openType.length, READ_ONLY, 0, 0), 0);
    this.unitsPerEm = hb.hb_face_get_upem(face);
    this.#font = hb.hb_font_create(face);
    this.#buffer = hb.hb_buffer_create();
  }

  /** Return the glyphs of a text of one script and direction, from left to right. */
  shape(text: string, rightToLeft: boolean): Shaped[] {
    const hb = this.#library;
    const buffer = this.#buffer;
    const pointer = hb.malloc(text.length * 2);
    const units = new Uint16Array(hb.memory.buffer, pointer, text.length);
    for (let index = 0; index < text.length; index++) units[index] = text.charCodeAt(index);
    hb.hb_buffer_clear_contents(buffer);
    hb.hb_buffer_add_utf16(buffer, pointer, text.length, 0, text.length);
    hb.free(pointer);
    hb.hb_buffer_guess_segment_properties(buffer);
    hb.hb_buffer_set_direction(buffer, rightToLeft ? RIGHT_TO_LEFT : LEFT_TO_RIGHT);
    hb.hb_shape(this.#font, buffer, 0, 0);
    const count = hb.hb_buffer_get_length(buffer);
    const infos = new Uint32Array(hb.memory.buffer, hb.hb_buffer_get_glyph_infos(buffer, 0), count * WORDS);
    const places = new Int32Array(
      hb.memory.buffer,
      hb.hb_buffer_get_glyph_positions(buffer, 0),
      count * WORDS,
    );
    return Array.from({ length: count }, (_, index) => {
      const at = index * WORDS;
      return {
        id: infos[at],
        cluster: infos[at + 2],
        advance: places[at],
        dx: places[at + 2],
        dy: places[at + 3],
      };
    });
  }
}
