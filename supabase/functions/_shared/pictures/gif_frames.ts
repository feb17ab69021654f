/** The frames of a GIF: where each is, and where its data begins. Nothing is decoded. */

export interface GifFrame {
  left: number;
  top: number;
  width: number;
  height: number;
  interlaced: boolean;
  /** Three bytes a colour. */
  colours: Uint8Array;
  /** The index of the transparent colour; null without one. */
  clear: number | null;
  /** Where its data begins: with the least size of a code. */
  data: number;
}

/** The frames of a GIF, as far as the file goes. */
export function* gifFrames(bytes: Uint8Array): Generator<GifFrame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableOf = (at: number, flags: number) =>
    bytes.subarray(at, at + (flags & 0x80 ? 6 << (flags & 7) : 0));
  const shared = tableOf(13, bytes[10]);
  let at = 13 + shared.length;
  let clear: number | null = null;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === 0x2c && at + 10 < bytes.length) {
      const flags = bytes[at + 9];
      const own = tableOf(at + 10, flags);
      const data = at + 10 + own.length;
      yield {
        left: view.getUint16(at + 1, true),
        top: view.getUint16(at + 3, true),
        width: view.getUint16(at + 5, true),
        height: view.getUint16(at + 7, true),
        interlaced: (flags & 0x40) !== 0,
        colours: own.length > 0 ? own : shared,
        clear,
        data,
      };
      clear = null;
      at = afterBlocks(bytes, data + 1);
    } else if (kind === 0x21) {
      if (bytes[at + 1] === 0xf9 && bytes[at + 2] >= 4) clear = bytes[at + 3] & 1 ? bytes[at + 6] : null;
      at = afterBlocks(bytes, at + 2);
    } else if (kind === 0x3b) return;
    // Bytes that are not a block are skipped, as viewers do.
    else at++;
  }
}

function afterBlocks(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at] + 1;
  return at + 1;
}
