/** Unpacking what is large, with no more memory than it takes. */

import type { Buffer } from "node:buffer";
import { brotliDecompressSync } from "node:zlib";

/**
 * Unpack bytes in one piece: else they are put together from small ones, and there twice for a while.
 *
 * @param most They are no more than this.
 */
export function unpackAtOnce(packed: Uint8Array, most: number): Buffer {
  return brotliDecompressSync(packed, { chunkSize: most + 1 });
}

/** Give the memory of such bytes back at once: the collector of garbage comes when the next ones are there as well. */
export function release({ buffer, length }: Buffer): void {
  // What is smaller may lie in memory that it shares with others.
  if (buffer instanceof ArrayBuffer && length > 64 * 1024) buffer.transfer(0);
}
