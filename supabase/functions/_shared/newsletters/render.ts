/**
 * From the row of a newsletter to its page, PDF and email.
 *
 * The same row and pictures give the same bytes, and files are stored under names of their own, so that doing it again
 * after a failure, at any point, changes nothing.
 */

import type { Client } from "../platform/mod.ts";
import { buildLetter, type Letter } from "../render/letter.ts";
import { type PreparedMail, prepareMail } from "../render/mail.ts";
import { renderPage } from "../render/page.ts";
import type { PageSize, RenderedPdf } from "../render/pdf.ts";
import { BUCKET, findNewsletter, folderOf, type NewsletterRow, pageAddress } from "./newsletters.ts";
import { byAddress, type FetchedPictures, fetchPictures, sharedPictures } from "./pictures.ts";

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

export interface RenderedNewsletter {
  htmlPath: string;
  pdfPath: string;
  /** To be finished for each recipient by `finishMail`; plain data, to be stored as it is. */
  mail: PreparedMail;
  /** Pictures that could not be shown, and why: for the log. */
  problems: string[];
}

/** What is rendered, with its pictures. */
export interface Prepared {
  /** For page and PDF. */
  letter: Letter;
  /** For the mail, which shows pictures by their addresses. */
  mailLetter: Letter;
  fetched: FetchedPictures;
}

/**
 * Render a published newsletter, store its page and its PDF, and note in its row where they are.
 *
 * @param service A client that passes all access rules.
 * @throws {NothingToRenderError} It does not exist, or is a draft.
 * @throws {ApiError} The API refused or could not be reached; try again later.
 */
export async function renderNewsletter(
  service: Client,
  id: string,
  addresses: Addresses,
): Promise<RenderedNewsletter> {
  const row = await findNewsletter(service, id);
  if (row === null || !row.is_published) {
    throw new NothingToRenderError(
      `Newsletter ${id} ${row === null ? "does not exist" : "is not published"}.`,
    );
  }
  const { letter, mailLetter, fetched } = await prepare(service, row, addresses);
  const problems = fetched.leftOut.map(({ object, reason }) => `${object}: ${reason}`);
  const htmlPath = `${folderOf(row)}/newsletter.html`;
  {
    const page = renderPage(letter);
    problems.push(...page.problems.map(({ picture, reason }) => `${picture}: ${reason}`));
    await service.upload(BUCKET, htmlPath, page.bytes(), "text/html");
  }
  for (const { name, bytes, type } of sharedPictures(row, fetched.pictures)) {
    await service.upload(BUCKET, `${folderOf(row)}/${name}`, bytes, type);
  }
  const pdfPath = await storePdf(service, row, letter, "A4");
  // Once: when the row changes, browsers take the page for another one.
  const unnoted = { id: `eq.${id}`, or: "(html_path.is.null,pdf_path.is.null)" };
  await service.update("newsletters", unnoted, { html_path: htmlPath, pdf_path: pdfPath });
  return { htmlPath, pdfPath, mail: prepareMail(mailLetter), problems };
}

/** Fetch the pictures of a newsletter and build what is set on page, paper and screen. */
export async function prepare(service: Client, row: NewsletterRow, addresses: Addresses): Promise<Prepared> {
  const fetched = await fetchPictures(service, row.content);
  const page = pageAddress(addresses.project, row.id, addresses.pageTemplate);
  const links = row.is_published ? { page, pdf: `${pageAddress(addresses.project, row.id)}.pdf` } : {};
  const input = { newsletter: row, theme: row.theme, links };
  return {
    letter: buildLetter({ ...input, pictures: fetched.pictures }),
    mailLetter: buildLetter({ ...input, pictures: byAddress(row, fetched.pictures, addresses.project) }),
    fetched,
  };
}

/** Render a PDF. Its typesetter is loaded at the first one: that takes as long as a page does, and few requests want it. */
export async function makePdf(letter: Letter, size: PageSize): Promise<RenderedPdf> {
  const { renderPdf } = await import("../render/pdf.ts");
  return await renderPdf(letter, { size });
}

/** Render the PDF in one size and store it; returns the object's name. */
export async function storePdf(
  service: Client,
  row: NewsletterRow,
  letter: Letter,
  size: PageSize,
): Promise<string> {
  const name = pdfName(row, size);
  const { bytes } = await makePdf(letter, size);
  await service.upload(BUCKET, name, bytes, "application/pdf");
  return name;
}

/** The object that holds the PDF in one size. */
export function pdfName(row: Pick<NewsletterRow, "space_id" | "id">, size: PageSize): string {
  return `${folderOf(row)}/newsletter${size === "A4" ? "" : "-letter"}.pdf`;
}
