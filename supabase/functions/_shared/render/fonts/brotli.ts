/** Unpacks large files without extra memory. */

import type { Buffer } from "node:buffer";
import { brotliDecompressSync } from "node:zlib";

/**
 * Unpack bytes into one array: joining small pieces would hold them twice for a while.
 *
 * @param most They are no more than this.
 */
export function unpackAtOnce(packed: Uint8Array, most: number): Buffer {
  return brotliDecompressSync(packed, { chunkSize: most + 1 });
}

/** Free the memory of such bytes at once: the garbage collector runs only after the next ones are allocated. */
export function release({ buffer, length }: Buffer): void {
  // Smaller ones may share their memory with others.
  if (buffer instanceof ArrayBuffer && length > 64 * 1024) buffer.transfer(0);
}
