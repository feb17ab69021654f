/**
 * The newsletter as a PDF to print and keep: tagged, with a title, a language, bookmarks and page numbers, and with its
 * typeface inside.
 *
 * The typeface has Latin, Greek and Cyrillic. A character of another script, or an emoji, is drawn as a box; copying and
 * screen readers still find the character behind the box.
 */

import { abridgeTo } from "./abridge.ts";
import type { Letter } from "./letter.ts";
import { type Palette, PRINT } from "./palette.ts";
import { createDocument, finish, type PageSize } from "./pdf/document.ts";
import { LetterSetter } from "./pdf/letter_setter.ts";
import { PlateMaker } from "./pdf/pictures.ts";
import { Sheets } from "./pdf/sheets.ts";
import type { Problem } from "./problem.ts";

export type { PageSize } from "./pdf/document.ts";

export interface RenderedPdf {
  bytes: Uint8Array<ArrayBuffer>;
  pages: number;
  /** Whether answers are cut short because there is too much text. */
  abridged: boolean;
  /** Pictures that are replaced by words. */
  problems: Problem[];
}

/**
 * How much text a PDF may have: about eighty pages. Beyond it rendering would take longer than a function has, and an answer cut
 * short is better than no PDF.
 */
const MAX_CHARACTERS = 200_000;

/** Render a letter as a PDF. The same letter gives the same bytes. */
export async function renderPdf(
  letter: Letter,
  { size = "A4" }: { size?: PageSize } = {},
): Promise<RenderedPdf> {
  const palette: Palette = letter.colours.themed ? letter.colours.light : PRINT;
  const document = createDocument({
    title: letter.title,
    author: letter.space.name,
    subject: [letter.space.name, letter.weekLabel].join(", "),
    lang: letter.words.lang,
    size,
    createdAt: letter.date?.iso ?? null,
  });
  const sheets = new Sheets(document, palette);
  const { letter: shown, cut } = abridgeTo(letter, MAX_CHARACTERS);
  const setter = new LetterSetter(shown, cut, sheets, new PlateMaker(document, palette.mat));
  await setter.set();
  sheets.finish((page, pages) => ({
    left: `${letter.space.name} · ${letter.weekLabel}`,
    right: letter.words.pageOf(page, pages),
  }));
  const pages = sheets.count;
  return { bytes: await finish(document), pages, abridged: cut.size > 0, problems: setter.problems };
}
