/**
 * Where the large typefaces come from: a folder of the functions on a local machine, or the bucket `typefaces` of a
 * project.
 */

import type { Client } from "../platform/mod.ts";
import type { Unset } from "../render/pdf.ts";
import { fileBeside, type TypefaceSource } from "../render/fonts/fallbacks.ts";

const BUCKET = "typefaces";

/** More bytes than any of them has. */
const LARGEST = 8 * 1024 * 1024;

/** @param service A client with the secret key. */
export function typefacesOf(service: Client): TypefaceSource {
  return async (file) => await fileBeside(file) ?? await service.download(BUCKET, file, LARGEST);
}

/** Describe for the log what a PDF has boxes for. */
export function unsetProblem({ typeface, characters }: Unset): string {
  return typeface === null
    ? `No typeface has ${characters}.`
    : `${typeface} is missing for ${characters}: run "monogram typefaces push".`;
}
