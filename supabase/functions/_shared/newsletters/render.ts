/**
 * From the row of a newsletter to its page, PDF and email.
 *
 * The same row and pictures give the same bytes, and files are stored under names of their own, so that doing it again
 * after a failure, at any point, changes nothing.
 */

import { createHash } from "node:crypto";
import type { Client } from "../platform/mod.ts";
import { buildNewsletter, type Newsletter } from "../render/newsletter.ts";
import { type PreparedEmail, prepareEmail } from "../render/email.ts";
import { renderPage } from "../render/page.ts";
import type { PageSize, Paper, RenderedPdf } from "../render/pdf.ts";
import { readableResponses, type SnapshotPrompt } from "../render/input.ts";
import { type NewsletterWords, newsletterWords } from "../render/words.ts";
import { catalogueOf, type Language, wordsIn } from "../words/words.ts";
import {
  BUCKET,
  cardAddress,
  cardName,
  findNewsletter,
  folderOf,
  type NewsletterRow,
  pageAddress,
  withReading,
} from "./newsletters.ts";
import {
  type Album,
  findPictures,
  type LeftOut,
  loadPictures,
  picturesBeside,
  picturesByAddress,
  picturesInside,
  picturesOf,
} from "./pictures.ts";
import { typefacesOf, unsetProblem } from "./typefaces.ts";

export interface Addresses {
  /** The base URL of the project's API. */
  project: string;
  /** `NEWSLETTER_URL`: the address of an application's own page, with `{id}` in it. */
  pageTemplate?: string;
}

/** There is no such newsletter, or it is not published. No later attempt will do better. */
export class NothingToRenderError extends Error {
  override name = "NothingToRenderError";
}

/** The forms of a newsletter. Each is a job of its own, so that none delays the others. */
export type Part = "email" | "page" | "pdf";

export interface RenderedNewsletter {
  /** Null if it was not asked for. */
  htmlPath: string | null;
  pdfPath: string | null;
  /** In the space's language; to be finished for each recipient by `finishEmail`; plain data, to be stored as it is. */
  email: PreparedEmail | null;
  /** The same in the languages of readers who want another, where it has words in them. */
  translations: Translations;
  /** The space's name, as the newsletter has it. */
  space: string;
  /** When somebody was last taken out of what this was made of. */
  redactedAt: string | null;
  /** Pictures that could not be shown, and why: for the log. */
  problems: string[];
}

/** Emails by the language of the words around what people wrote. */
export type Translations = Partial<Record<Language, PreparedEmail>>;

/** A newsletter that is to be set, and what there is of its pictures. */
export interface Prepared {
  album: Album;
  /**
   * For the email, which shows pictures by their addresses; with what makes those one reader's own. Of a draft as it
   * is sent once it is published: its addresses open from then on.
   */
  forEmail(reading?: string, words?: NewsletterWords): Newsletter;
  /** Put the pictures themselves into the HTML of an email, so that it shows them to whoever may read a preview. */
  withPicturesInside(html: string): Promise<string>;
  /**
   * For the page for reading, which takes its pictures from beside it. Of a published newsletter only: drafts have no
   * copies.
   */
  forReading(): Newsletter;
  /** With the pictures themselves, and which of them are left out. */
  withPictures(where: "page" | "print"): Promise<{ newsletter: Newsletter; leftOut: LeftOut[] }>;
  /**
   * Of one response, to be printed by itself; null where the newsletter does not have it, or no longer has its words.
   */
  forKeepsake(responseId: string): Promise<Newsletter | null>;
}

/** The paper that a PDF is for, and whether it is coloured as the page is. */
export interface Sheet {
  size: PageSize;
  paper: Paper;
}

const SHEETS: Sheet[] = (["A4", "LETTER"] as const).flatMap((size) =>
  (["print", "screen"] as const).map((paper) => ({ size, paper }))
);

/** The one that is made with the page; the others are made when they are wanted. */
const FIRST_SHEET = SHEETS[0];

/**
 * Render a published newsletter, store its page and its PDF, and note in its row where they are.
 *
 * @param service A client with the secret key.
 * @param parts What to make; all of it unless given.
 * @throws {NothingToRenderError} It does not exist, or is a draft.
 * @throws {PicturesPendingError} Some of its pictures are still being made; try again later.
 * @throws {ApiError} The API refused or could not be reached; try again later.
 */
export async function renderNewsletter(
  service: Client,
  id: string,
  addresses: Addresses,
  parts: readonly Part[] = ["email", "page", "pdf"],
): Promise<RenderedNewsletter> {
  const row = await findNewsletter(service, id);
  if (row === null || !row.is_published) {
    throw new NothingToRenderError(
      `Newsletter ${id} ${row === null ? "does not exist" : "is not published"}.`,
    );
  }
  const prepared = await prepare(service, row, addresses, { waits: true });
  // Files that were made before somebody was redacted, and that are not overwritten below.
  if (row.redacted_at !== null) {
    await service.remove(
      BUCKET,
      ...SHEETS.slice(1).map((sheet) => pdfName(row, sheet)),
    );
  }
  const problems: string[] = [];
  const note = (leftOut: LeftOut[]) =>
    problems.push(...leftOut.map(({ bucket, path, reason }) => `${bucket}/${path}: ${reason}`));
  note(prepared.album.leftOut);
  const htmlPath = parts.includes("page") ? `${folderOf(row)}/newsletter.html` : null;
  if (htmlPath !== null) {
    const { newsletter, leftOut } = await prepared.withPictures("page");
    note(leftOut);
    const page = renderPage(newsletter);
    problems.push(...page.problems.map(({ picture, reason }) => `${picture}: ${reason}`));
    await storePage(service, row, prepared.forReading());
    await service.upload(BUCKET, htmlPath, page.bytes(), "text/html");
    await service.upload(BUCKET, cardName(row), await makeCard(service, newsletter), "image/png");
  }
  let pdfPath: string | null = null;
  if (parts.includes("pdf")) {
    const { newsletter, leftOut } = await prepared.withPictures("print");
    note(leftOut);
    const stored = await storePdf(service, row, newsletter, FIRST_SHEET);
    pdfPath = stored.name;
    problems.push(...stored.unset.map(unsetProblem));
  }
  // In one update: browsers reload the page whenever the row changes.
  const paths = Object.entries({ html_path: htmlPath, pdf_path: pdfPath }).filter(([, path]) =>
    path !== null
  );
  let noted = 0;
  if (paths.length > 0) {
    const unnoted = {
      id: `eq.${id}`,
      redacted_at: row.redacted_at === null ? "is.null" : `eq.${row.redacted_at}`,
      or: `(${paths.map(([column]) => `${column}.is.null`).join()})`,
    };
    noted = await service.update("newsletters", unnoted, Object.fromEntries(paths));
  }
  if (noted === 0) await requireUnchanged(service, row);
  const mark = readingMark(row);
  let email: PreparedEmail | null = null;
  let translations: Translations = {};
  if (parts.includes("email")) {
    const set = (words?: NewsletterWords) => prepareEmail(prepared.forEmail(mark, words), 0, mark);
    email = set();
    translations = await translated(service, row, set);
  }
  return {
    htmlPath,
    pdfPath,
    email,
    translations,
    space: row.content.space.name,
    redactedAt: row.redacted_at,
    problems: [...new Set(problems)],
  };
}

/**
 * Render the email of a published newsletter without responses and pictures, with a link to its page: a fallback if
 * rendering the whole one keeps failing.
 *
 * @throws {NothingToRenderError} It does not exist, or is a draft.
 */
export async function renderBareEmail(
  service: Client,
  id: string,
  addresses: Addresses,
): Promise<Pick<RenderedNewsletter, "email" | "translations" | "space" | "redactedAt">> {
  const row = await findNewsletter(service, id);
  if (row === null || !row.is_published) {
    throw new NothingToRenderError(`No published newsletter has the id ${id}.`);
  }
  const mark = readingMark(row);
  const links = { page: withReading(pageAddress(addresses.project, row.id, addresses.pageTemplate), mark) };
  const count = row.content.prompts.reduce((sum, { responses }) => sum + responses.length, 0);
  const content = { ...row.content, prompts: [] };
  const set = (words?: NewsletterWords) => {
    const newsletter = buildNewsletter({ newsletter: { ...row, content }, theme: row.theme, links, words });
    return prepareEmail({ ...newsletter, quiet: false }, count, mark);
  };
  const translations = await translated(service, row, set);
  return { email: set(), translations, space: content.space.name, redactedAt: row.redacted_at };
}

/** Make the email once in each language that one of its readers has chosen, other than the space's. */
async function translated(
  service: Client,
  { id, content }: NewsletterRow,
  set: (words: NewsletterWords) => PreparedEmail,
): Promise<Translations> {
  const wanted = await service.rpc<string[]>("newsletter_languages", { newsletter_id: id });
  const languages = new Set(wanted.map(catalogueOf).filter((language) => language !== null));
  languages.delete(wordsIn([content.space.language]).lang);
  return Object.fromEntries([...languages].map((language) => [language, set(newsletterWords([language]))]));
}

/**
 * Return the placeholder for each reader's token: the digest of all that people wrote. No text can contain its own
 * digest, so nobody can have written it. It is as long as a token, so that the email does not grow.
 */
export function readingMark({ id, title, intro, content }: NewsletterRow): string {
  return createHash("sha256").update(JSON.stringify([id, title, intro, content])).digest("hex").slice(0, 32);
}

/**
 * @throws {Error} Somebody was redacted in the newsletter, or it was deleted, while its files were made: make them
 * again.
 */
async function requireUnchanged(service: Client, row: NewsletterRow): Promise<void> {
  if (await wasChanged(service, row)) throw new Error(`Newsletter ${row.id} was changed meanwhile.`);
}

/** Return true if somebody was redacted in a newsletter, or it was deleted, since this row was read. */
export async function wasChanged(service: Client, row: NewsletterRow): Promise<boolean> {
  const now = await findNewsletter(service, row.id);
  return now?.redacted_at !== row.redacted_at;
}

/**
 * Load what a newsletter is rendered from. A published one gets copies of its pictures here.
 *
 * @param waits Whether to refuse a published one of which pictures are still being made; otherwise it goes without
 * them.
 * @throws {PicturesPendingError} It is to wait.
 */
export async function prepare(
  service: Client,
  row: NewsletterRow,
  addresses: Addresses,
  { waits = false } = {},
): Promise<Prepared> {
  const album = await findPictures(service, row, waits);
  const page = pageAddress(addresses.project, row.id, addresses.pageTemplate);
  const pdf = `${pageAddress(addresses.project, row.id)}.pdf`;
  const linksFor = (reading?: string) => ({
    page: withReading(page, reading),
    pdf: withReading(pdf, reading),
    card: cardAddress(addresses.project, row.id),
  });
  const ownAddress = (own: string) => `${pageAddress(addresses.project, row.id)}/${own}`;
  const addressOf = row.is_published ? ownAddress : null;
  const input = { newsletter: row, theme: row.theme, links: row.is_published ? linksFor() : {} };
  const pending = pendingOf(album);
  return {
    album,
    forEmail: (reading, words) =>
      buildNewsletter({
        ...input,
        words,
        links: linksFor(reading),
        pictures: { ...picturesByAddress(row, album, ownAddress, reading), pending },
      }),
    withPicturesInside: (html) => picturesInside(service, album, html, ownAddress),
    forReading: () =>
      buildNewsletter({
        ...input,
        links: { ...input.links, file: `${row.id}.html` },
        pictures: { ...picturesBeside(row, album), pending },
      }),
    async withPictures(where) {
      const { pictures, leftOut } = await loadPictures(service, album, where, addressOf);
      return { newsletter: buildNewsletter({ ...input, pictures: { ...pictures, pending } }), leftOut };
    },
    async forKeepsake(responseId) {
      const { content } = row;
      const prompt = promptOf(row, responseId);
      if (prompt === null) return null;
      const [response] = prompt.responses;
      const prompts = [prompt];
      const space = { ...content.space, cover_path: null };
      const alone = { ...row, intro: null, content: { ...content, space, prompts } };
      const own = picturesOf(album, response);
      const { pictures } = await loadPictures(service, own, "print", addressOf);
      const newsletter = buildNewsletter({
        ...input,
        newsletter: alone,
        pictures: { ...pictures, pending: pendingOf(own) },
      });
      const { proof } = newsletter;
      return { ...newsletter, proof: proof && { ...proof, mark: `${proof.mark}:${responseId}` } };
    },
  };
}

/** Return the prompt of a response, with that response alone; null where it has no keepsake: it is not there, or redacted. */
export function promptOf({ content }: NewsletterRow, responseId: string): SnapshotPrompt | null {
  const response = readableResponses(content).find(({ id }) => id === responseId);
  const prompt = content.prompts.find(({ responses }) => responses.some(({ id }) => id === responseId));
  if (response === undefined || response.author.id === null || prompt === undefined) return null;
  return { ...prompt, responses: [response] };
}

/** The paths of pictures that are still being made. */
function pendingOf({ leftOut }: Album): ReadonlySet<string> {
  return new Set(leftOut.filter(({ reason }) => reason === "PENDING").map(({ path }) => path));
}

/** Render the page for reading and store it; returns the object's name. */
export async function storePage(
  service: Client,
  row: NewsletterRow,
  newsletter: Newsletter,
): Promise<string> {
  await service.upload(BUCKET, pageName(row), renderPage(newsletter).bytes(), "text/html");
  return pageName(row);
}

/** The object that holds the page for reading. The row names the self-contained one. */
export function pageName(row: Pick<NewsletterRow, "space_id" | "id">): string {
  return `${folderOf(row)}/page.html`;
}

/**
 * Render a PDF. The renderer is loaded for the first one: loading takes as long as a page does, and few requests need
 * it.
 */
export async function makePdf(service: Client, newsletter: Newsletter, sheet: Sheet): Promise<RenderedPdf> {
  const { renderPdf } = await import("../render/pdf.ts");
  return await renderPdf(newsletter, { ...sheet, typefaces: typefacesOf(service) });
}

/** Render a keepsake of a newsletter with one response. */
export async function makeKeepsake(service: Client, newsletter: Newsletter): Promise<RenderedPdf> {
  const { renderKeepsake } = await import("../render/pdf.ts");
  return await renderKeepsake(newsletter, { typefaces: typefacesOf(service) });
}

/** Draw the share card. As for PDFs, the renderer is loaded for the first one. */
export async function makeCard(service: Client, newsletter: Newsletter): Promise<Uint8Array<ArrayBuffer>> {
  const { renderCard } = await import("../render/card.ts");
  return await renderCard(newsletter, typefacesOf(service));
}

/** Render the PDF for one paper and store it; returns the object's name, and what it has boxes for. */
export async function storePdf(
  service: Client,
  row: NewsletterRow,
  newsletter: Newsletter,
  sheet: Sheet,
): Promise<{ name: string; unset: RenderedPdf["unset"] }> {
  const name = pdfName(row, sheet);
  const { bytes, unset } = await makePdf(service, newsletter, sheet);
  await service.upload(BUCKET, name, bytes, "application/pdf");
  return { name, unset };
}

/** The object that holds the PDF for one paper. */
export function pdfName(row: Pick<NewsletterRow, "space_id" | "id">, { size, paper }: Sheet): string {
  const name = [
    "newsletter",
    ...(size === "A4" ? [] : [size.toLowerCase()]),
    ...(paper === "print" ? [] : [paper]),
  ];
  return `${folderOf(row)}/${name.join("-")}.pdf`;
}
