/**
 * From the row of a newsletter to its page, PDF and email.
 *
 * The same row and pictures give the same bytes, and files are stored under names of their own, so that doing it again
 * after a failure, at any point, changes nothing.
 */

import { createHash } from "node:crypto";
import type { Client } from "../platform/mod.ts";
import { abridgeForPaper, cutsOf } from "../render/abridge.ts";
import { buildLetter, type Letter } from "../render/letter.ts";
import {
  CLIPPED_BYTES,
  finishMail,
  layOutMail,
  type Mail,
  mailSize,
  type PreparedMail,
  prepareMail,
} from "../render/mail.ts";
import { renderPage } from "../render/page.ts";
import type { PageSize, Paper, RenderedPdf } from "../render/pdf.ts";
import { readableResponses } from "../render/input.ts";
import { type LetterWords, letterWords } from "../render/words.ts";
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

/** What a newsletter becomes. Each is a job of its own, so that none keeps the others. */
export type Part = "mail" | "page" | "pdf";

export interface RenderedNewsletter {
  /** Null where it was not wanted. */
  htmlPath: string | null;
  pdfPath: string | null;
  /** In the space's language; to be finished for each recipient by `finishMail`; plain data, to be stored as it is. */
  mail: PreparedMail | null;
  /** The same in the languages of readers who want another, where it has words in them. */
  translations: Translations;
  /** The space's name, as the newsletter has it. */
  space: string;
  /** When somebody was last taken out of what this was made of. */
  redactedAt: string | null;
  /** Pictures that could not be shown, and why: for the log. */
  problems: string[];
}

/** Emails by the language that they speak to their reader in. */
export type Translations = Partial<Record<Language, PreparedMail>>;

/** A newsletter that is to be set, and what there is of its pictures. */
export interface Prepared {
  album: Album;
  /** For the mail, which shows pictures by their addresses; with what makes those one reader's own. */
  mailLetter(reading?: string, words?: LetterWords): Letter;
  /** For the page for reading, which takes its pictures from beside it. Of a published newsletter only: drafts have no copies. */
  readingLetter(): Letter;
  /** With the pictures themselves, and which of them are left out. */
  letter(where: "page" | "print"): Promise<{ letter: Letter; leftOut: LeftOut[] }>;
  /** Of one response, to be printed by itself; null where the newsletter does not have it, or no longer has its words. */
  keepsakeLetter(responseId: string): Promise<Letter | null>;
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
 * @param service A client that passes all access rules.
 * @param parts What to make; all of it unless given.
 * @throws {NothingToRenderError} It does not exist, or is a draft.
 * @throws {PicturesPendingError} Some of its pictures are still being made; try again later.
 * @throws {ApiError} The API refused or could not be reached; try again later.
 */
export async function renderNewsletter(
  service: Client,
  id: string,
  addresses: Addresses,
  parts: readonly Part[] = ["mail", "page", "pdf"],
): Promise<RenderedNewsletter> {
  const row = await findNewsletter(service, id);
  if (row === null || !row.is_published) {
    throw new NothingToRenderError(
      `Newsletter ${id} ${row === null ? "does not exist" : "is not published"}.`,
    );
  }
  const prepared = await prepare(service, row, addresses, { waits: true });
  // What was made of it before somebody was taken out, and is not written over below.
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
    const { letter, leftOut } = await prepared.letter("page");
    note(leftOut);
    const page = renderPage(letter);
    problems.push(...page.problems.map(({ picture, reason }) => `${picture}: ${reason}`));
    await storePage(service, row, prepared.readingLetter());
    await service.upload(BUCKET, htmlPath, page.bytes(), "text/html");
    await service.upload(BUCKET, cardName(row), await makeCard(service, letter), "image/png");
  }
  let pdfPath: string | null = null;
  if (parts.includes("pdf")) {
    const { letter, leftOut } = await prepared.letter("print");
    note(leftOut);
    const stored = await storePdf(service, row, letter, FIRST_SHEET);
    pdfPath = stored.name;
    problems.push(...stored.unset.map(unsetProblem));
  }
  // Once: when the row changes, browsers take the page for another one.
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
  let mail: PreparedMail | null = null;
  let translations: Translations = {};
  if (parts.includes("mail")) {
    const set = (words?: LetterWords) => prepareMail(prepared.mailLetter(mark, words), 0, mark);
    mail = set();
    translations = await translated(service, row, set);
  }
  return {
    htmlPath,
    pdfPath,
    mail,
    translations,
    space: row.content.space.name,
    redactedAt: row.redacted_at,
    problems: [...new Set(problems)],
  };
}

/**
 * The email of a published newsletter without what people wrote and showed, with a link to its page: for one that cannot
 * be made otherwise, however often it is tried.
 *
 * @throws {NothingToRenderError} It does not exist, or is a draft.
 */
export async function renderBareMail(
  service: Client,
  id: string,
  addresses: Addresses,
): Promise<Pick<RenderedNewsletter, "mail" | "translations" | "space" | "redactedAt">> {
  const row = await findNewsletter(service, id);
  if (row === null || !row.is_published) throw new NothingToRenderError(`There is no letter ${id} to mail.`);
  const mark = readingMark(row);
  const links = { page: withReading(pageAddress(addresses.project, row.id, addresses.pageTemplate), mark) };
  const count = row.content.prompts.reduce((sum, { responses }) => sum + responses.length, 0);
  const content = { ...row.content, prompts: [] };
  const set = (words?: LetterWords) => {
    const letter = buildLetter({ newsletter: { ...row, content }, theme: row.theme, links, words });
    return prepareMail({ ...letter, quiet: false }, count, mark);
  };
  const translations = await translated(service, row, set);
  return { mail: set(), translations, space: content.space.name, redactedAt: row.redacted_at };
}

/** Make the email once in each language that one of its readers has chosen, other than the space's. */
async function translated(
  service: Client,
  { id, content }: NewsletterRow,
  set: (words: LetterWords) => PreparedMail,
): Promise<Translations> {
  const wanted = await service.rpc<string[]>("newsletter_languages", { newsletter_id: id });
  const languages = new Set(wanted.map(catalogueOf).filter((language) => language !== null));
  languages.delete(wordsIn([content.space.language]).lang);
  return Object.fromEntries([...languages].map((language) => [language, set(letterWords([language]))]));
}

/**
 * What stands in an email where each reader's token comes: the digest of all that people wrote, because no text can hold its
 * own, so nobody can have put it into an address of theirs. It is as long as a token, so that the email does not grow.
 */
function readingMark({ id, title, intro, content }: NewsletterRow): string {
  return createHash("sha256").update(JSON.stringify([id, title, intro, content])).digest("hex").slice(0, 32);
}

/** @throws {Error} Somebody was taken out of the newsletter, or it was deleted, while its files were made: make them again. */
async function requireUnchanged(service: Client, row: NewsletterRow): Promise<void> {
  if (await wasChanged(service, row)) throw new Error(`Newsletter ${row.id} was changed meanwhile.`);
}

/** Return true if somebody was taken out of a newsletter, or it was deleted, since this row was read. */
export async function wasChanged(service: Client, row: NewsletterRow): Promise<boolean> {
  const now = await findNewsletter(service, row.id);
  return now?.redacted_at !== row.redacted_at;
}

/**
 * Find what a newsletter is set from on page, paper and screen. A published one gets copies of its pictures here.
 *
 * @param waits Whether to refuse a published one of which pictures are still being made; otherwise it goes without them.
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
  const linksFor = (reading?: string) =>
    row.is_published
      ? {
        page: withReading(page, reading),
        pdf: withReading(pdf, reading),
        card: cardAddress(addresses.project, row.id),
      }
      : {};
  const addressOf = row.is_published
    ? (own: string) => `${pageAddress(addresses.project, row.id)}/${own}`
    : null;
  const input = { newsletter: row, theme: row.theme, links: linksFor() };
  const pending = pendingOf(album);
  return {
    album,
    mailLetter: (reading, words) =>
      buildLetter({
        ...input,
        words,
        links: linksFor(reading),
        pictures: { ...picturesByAddress(row, album, addresses.project, reading), pending },
      }),
    readingLetter: () =>
      buildLetter({
        ...input,
        links: { ...linksFor(), file: `${row.id}.html` },
        pictures: { ...picturesBeside(row, album), pending },
      }),
    async letter(where) {
      const { pictures, leftOut } = await loadPictures(service, album, where, addressOf);
      return { letter: buildLetter({ ...input, pictures: { ...pictures, pending } }), leftOut };
    },
    async keepsakeLetter(responseId) {
      const { content } = row;
      const response = readableResponses(content).find(({ id }) => id === responseId);
      const prompt = content.prompts.find(({ responses }) => responses.some(({ id }) => id === responseId));
      // Of one that was taken out there is nothing to keep.
      if (response === undefined || response.author.id === null || prompt === undefined) return null;
      const prompts = [{ ...prompt, responses: [response] }];
      const space = { ...content.space, cover_path: null };
      const newsletter = { ...row, intro: null, content: { ...content, space, prompts } };
      const own = picturesOf(album, response);
      const { pictures } = await loadPictures(service, own, "print", addressOf);
      const letter = buildLetter({
        ...input,
        newsletter,
        pictures: { ...pictures, pending: pendingOf(own) },
      });
      const { proof } = letter;
      return { ...letter, proof: proof && { ...proof, mark: `${proof.mark}:${responseId}` } };
    },
  };
}

/** The paths of pictures that are still being made. */
function pendingOf({ leftOut }: Album): ReadonlySet<string> {
  return new Set(leftOut.filter(({ reason }) => reason === "PENDING").map(({ path }) => path));
}

/** Render the page for reading and store it; returns the object's name. */
export async function storePage(service: Client, row: NewsletterRow, letter: Letter): Promise<string> {
  await service.upload(BUCKET, pageName(row), renderPage(letter).bytes(), "text/html");
  return pageName(row);
}

/** The object that holds the page for reading. The row names the one that is whole by itself. */
export function pageName(row: Pick<NewsletterRow, "space_id" | "id">): string {
  return `${folderOf(row)}/page.html`;
}

/** Render a PDF. Its typesetter is loaded at the first one: that takes as long as a page does, and few requests want it. */
export async function makePdf(service: Client, letter: Letter, sheet: Sheet): Promise<RenderedPdf> {
  const { renderPdf } = await import("../render/pdf.ts");
  return await renderPdf(letter, { ...sheet, typefaces: typefacesOf(service) });
}

/** Render a keepsake of a letter with one response. */
export async function makeKeepsake(service: Client, letter: Letter): Promise<RenderedPdf> {
  const { renderKeepsake } = await import("../render/pdf.ts");
  return await renderKeepsake(letter, { typefaces: typefacesOf(service) });
}

/** Draw the share card; as with a PDF, what it is set with is loaded at the first one. */
export async function makeCard(service: Client, letter: Letter): Promise<Uint8Array<ArrayBuffer>> {
  const { renderCard } = await import("../render/card.ts");
  return await renderCard(letter, typefacesOf(service));
}

/** Render the PDF for one paper and store it; returns the object's name, and what it has boxes for. */
export async function storePdf(
  service: Client,
  row: NewsletterRow,
  letter: Letter,
  sheet: Sheet,
): Promise<{ name: string; unset: RenderedPdf["unset"] }> {
  const name = pdfName(row, sheet);
  const { bytes, unset } = await makePdf(service, letter, sheet);
  await service.upload(BUCKET, name, bytes, "application/pdf");
  return { name, unset };
}

/** Render the email of a newsletter, drafts included, as it goes out, and say what of it a leader should know. */
export function previewMail(row: NewsletterRow, prepared: Prepared): {
  mail: Mail & { size: number };
  warnings: Warning[];
} {
  const mark = readingMark(row);
  const { prepared: mail, cuts } = layOutMail(prepared.mailLetter(mark), 0, mark);
  const size = mailSize(mail);
  const warnings = cuts.map(({ author, characters: length, kept }): Warning => ({
    kind: author === null ? "INTRO_SHORTENED" : kept === null ? "RESPONSE_LEFT_OUT" : "RESPONSE_SHORTENED",
    author,
    length,
    kept: kept ?? 0,
  }));
  if (size > CLIPPED_BYTES) warnings.push({ kind: "EMAIL_CLIPPED", size });
  return { mail: { ...finishMail(mail, {}), size }, warnings };
}

/** Something of a newsletter that will not look as it was written. */
export interface Warning {
  kind:
    | "NO_TYPEFACE"
    | "TYPEFACE_MISSING"
    | "PICTURE_LEFT_OUT"
    | "INTRO_SHORTENED"
    | "RESPONSE_SHORTENED"
    | "RESPONSE_LEFT_OUT"
    | "EMAIL_CLIPPED"
    | "PDF_SHORTENED";
  /** What the PDF has boxes for. */
  characters?: string;
  /** The typeface that would show them. */
  typeface?: string | null;
  /** The path of a picture, and why it is not shown. */
  picture?: string;
  reason?: LeftOut["reason"];
  /** Whose response is cut in the email or in the PDF, how many characters it has, and how many are left. */
  author?: string | null;
  length?: number;
  kept?: number;
  /** How large the email is, in bytes. */
  size?: number;
}

/** Return what a leader should know before a newsletter goes out. */
export async function warningsOf(
  service: Client,
  letter: Letter,
  leftOut: readonly LeftOut[],
): Promise<Warning[]> {
  const { unsetIn } = await import("../render/pdf.ts");
  const unset = await unsetIn(letter, typefacesOf(service));
  return [
    ...leftOut.filter(({ reason }) => reason !== "PENDING").map(({ path, reason }) => ({
      kind: "PICTURE_LEFT_OUT" as const,
      picture: path,
      reason,
    })),
    ...unset.map(({ typeface, characters }) => ({
      kind: typeface === null ? "NO_TYPEFACE" as const : "TYPEFACE_MISSING" as const,
      characters,
      typeface,
    })),
    ...cutsOf(letter, abridgeForPaper(letter)).map(({ author, characters, kept }) => ({
      kind: "PDF_SHORTENED" as const,
      author,
      length: characters,
      kept: kept ?? 0,
    })),
  ];
}

/** The object that holds the PDF for one paper. */
export function pdfName(row: Pick<NewsletterRow, "space_id" | "id">, { size, paper }: Sheet): string {
  const name = ["newsletter", ...(size === "A4" ? [] : ["letter"]), ...(paper === "print" ? [] : [paper])];
  return `${folderOf(row)}/${name.join("-")}.pdf`;
}
