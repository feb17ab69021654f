/**
 * The newsletter as a PDF to print and keep: tagged, with a title, a language, bookmarks and page numbers, and with its
 * typeface inside.
 *
 * Literata has Latin, Greek and Cyrillic; for other scripts there are other typefaces, loaded when a newsletter needs
 * them. A character that no typeface has, or whose typeface cannot be loaded, is drawn as a box; copying and screen
 * readers still find the character behind the box.
 */

import { abridgeForPaper } from "./abridge.ts";
import { type Newsletter, textsOf } from "./newsletter.ts";
import { createDocument, type Document, finish, PAGE_SIZES, type PageSize } from "./pdf/document.ts";
import { keepsakeFrame, KeepsakeSetter } from "./pdf/keepsake.ts";
import { newsletterFrame, NewsletterSetter } from "./pdf/newsletter_setter.ts";
import { PlateMaker } from "./pdf/pictures.ts";
import { Sheets } from "./pdf/sheets.ts";
import { loadTypefaces, type Unset } from "./pdf/typeface.ts";
import { fileBeside, type TypefaceSource } from "./fonts/fallbacks.ts";
import type { Problem } from "./problem.ts";

/** "print" is on white, with the accent of a theme; "screen" as the page looks in light. */
export type Paper = "print" | "screen";

export type { PageSize } from "./pdf/document.ts";
export type { Unset } from "./pdf/typeface.ts";
export type { TypefaceSource } from "./fonts/fallbacks.ts";

export interface RenderedPdf {
  bytes: Uint8Array<ArrayBuffer>;
  pages: number;
  /** Whether responses are cut short because there is too much text. */
  abridged: boolean;
  /** Pictures that are replaced by words. */
  problems: Problem[];
  /** Characters that are drawn as boxes. */
  unset: Unset[];
}

/**
 * Render a newsletter as a PDF. The same newsletter gives the same bytes.
 *
 * @param options.typefaces Where the large typefaces come from: the folder beside this module, unless given. Without
 * them
 *   Chinese, Japanese and Korean are boxes.
 */
export async function renderPdf(
  newsletter: Newsletter,
  { size = "A4", paper = "print", typefaces = fileBeside }: {
    size?: PageSize;
    paper?: Paper;
    typefaces?: TypefaceSource;
  } = {},
): Promise<RenderedPdf> {
  const loaded = await loadTypefaces(textsOf(newsletter), typefaces, newsletter.han);
  const document = open(newsletter, size);
  const palette = paper === "screen" ? newsletter.colours.light : newsletter.colours.print;
  const { lang, direction } = newsletter.words;
  const frame = newsletterFrame(PAGE_SIZES[size], direction);
  const sheets = new Sheets(document, palette, frame, loaded, lang, direction);
  const { newsletter: shown, cut } = abridgeForPaper(newsletter);
  const setter = new NewsletterSetter(shown, cut, sheets, new PlateMaker(document));
  setter.set();
  setter.finish();
  const pages = sheets.count;
  const bytes = await finish(document);
  return { bytes, pages, abridged: cut.size > 0, problems: setter.problems, unset: loaded.unset };
}

/**
 * Render a keepsake: a sheet of A5 with one response of a newsletter. The same newsletter gives the same bytes.
 *
 * @param newsletter One with a single section, and a single response in it.
 * @param options.typefaces As for `renderPdf`.
 */
export async function renderKeepsake(
  newsletter: Newsletter,
  { typefaces = fileBeside }: { typefaces?: TypefaceSource } = {},
): Promise<RenderedPdf> {
  const loaded = await loadTypefaces(textsOf(newsletter), typefaces, newsletter.han);
  const document = open(newsletter, "A5");
  const frame = keepsakeFrame(PAGE_SIZES.A5);
  const { lang, direction } = newsletter.words;
  const sheets = new Sheets(document, newsletter.colours.print, frame, loaded, lang, direction);
  const setter = new KeepsakeSetter(newsletter, sheets, new PlateMaker(document));
  setter.set();
  setter.finish();
  const pages = sheets.count;
  const bytes = await finish(document);
  return { bytes, pages, abridged: false, problems: setter.problems, unset: loaded.unset };
}

function open(newsletter: Newsletter, size: keyof typeof PAGE_SIZES): Document {
  return createDocument({
    title: newsletter.title,
    author: newsletter.space.name,
    subject: [newsletter.space.name, newsletter.weekLabel].join(", "),
    mark: newsletter.proof?.mark ?? null,
    lang: newsletter.words.lang,
    size,
    createdAt: newsletter.date?.iso ?? null,
  });
}

/**
 * Return what of a newsletter the PDF would have boxes for, as `RenderedPdf.unset`, without rendering it.
 *
 * @param typefaces As for `renderPdf`.
 */
export async function unsetIn(
  newsletter: Newsletter,
  typefaces: TypefaceSource = fileBeside,
): Promise<Unset[]> {
  return (await loadTypefaces(textsOf(newsletter), typefaces, newsletter.han)).unset;
}
