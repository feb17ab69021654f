/** Literata as its package has it: a file for each script and style. */

import { Buffer } from "node:buffer";

/**
 * Return one of the files, in the format WOFF 1.
 *
 * @param suffix How the files of a style end.
 */
export async function literataFile(script: string, suffix: string): Promise<Buffer> {
  const name = `@fontsource/literata/files/literata-${script}-${suffix}.woff`;
  const { default: bytes } = await import(name, { with: { type: "bytes" } }) as { default: Uint8Array };
  return Buffer.from(bytes);
}
