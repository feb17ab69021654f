/** The bytes that a request gets: stored ones, or made when they are first asked for. */

import { Buffer } from "node:buffer";
import {
  type Addresses,
  BUCKET,
  cardName,
  findGivenAround,
  folderOf,
  isShown,
  makeCard,
  makeKeepsake,
  makePdf,
  type NewsletterRow,
  pageAddress,
  pageName,
  pdfName,
  prepare,
  previewEmail,
  storePage,
  storePdf,
  warningsOf,
  wasChanged,
  withReading,
} from "../_shared/newsletters/mod.ts";
import type { Client, Environment } from "../_shared/platform/mod.ts";
import { escapeHtml } from "../_shared/render/html.ts";
import { buildNewsletter } from "../_shared/render/newsletter.ts";
import { renderPage } from "../_shared/render/page.ts";
import { type Around, shown } from "../_shared/render/page_around.ts";
import { newsletterWords } from "../_shared/render/words.ts";
import { type Target, TOKEN } from "./target.ts";

export interface Deps {
  environment: Environment;
  /** `NEWSLETTER_URL`: where the application shows newsletters; see `pageAddress`. */
  pageTemplate?: string;
  fetch?: typeof fetch;
}

/** The bucket takes no larger objects. */
const LARGEST = 20 * 1024 * 1024;

export interface Content {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
}

export const HTML = "text/html; charset=utf-8";

export const NOTHING_AROUND: Around = { previous: null, next: null, all: null, feed: null };

export function addressesOf({ environment, pageTemplate }: Deps): Addresses {
  return { project: environment.url, pageTemplate };
}

/**
 * Let a page's links to itself and to the PDF, and its pictures, open for a reader as the page did; and from an address
 * that ends with a slash, too.
 */
export function leadOn(
  bytes: Uint8Array<ArrayBuffer>,
  id: string,
  { link, isFolder }: { link: string | undefined; isFolder: boolean },
  { project, pageTemplate }: Addresses,
): Uint8Array<ArrayBuffer> {
  if (link === undefined && !isFolder) return bytes;
  const own = link === undefined ? "" : `?link=${link}`;
  // One character a byte: all that is looked for is ASCII. No text of a newsletter holds a quotation mark, nor is a
  // relative address.
  let page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  page = page.replace(
    new RegExp(` (src|srcset|href)="(${id}[./][^"]*)"`, "g"),
    (_, name, value: string) => {
      const led = value.split(", ").map((one) => one.replace(/^\S+/, (address) => `${address}${own}`));
      return ` ${name}="${led.map((one) => isFolder ? `../${one}` : one).join(", ")}"`;
    },
  );
  const addresses = [
    pageAddress(project, id, pageTemplate),
    `${pageAddress(project, id)}.pdf`,
  ];
  for (const address of link === undefined ? [] : addresses) {
    page = page.replaceAll(
      `<a href="${escapeHtml(address)}"`,
      () => `<a href="${escapeHtml(withReading(address, link))}"`,
    );
  }
  return new Uint8Array(Buffer.from(page, "latin1"));
}

/**
 * Make a stored page what one reader was shown: all that is not the same for every reader is given, so that a copy that
 * somebody kept can be compared byte for byte.
 *
 * @param params `previous` and `next`: newsletters of the same space; `previous_week`, `previous_title` and so on:
 *   what is said of one that there is not. `all`: whether it led to all of them. `feed`: what the feed was called;
 *   without effect where the space has never had that name. `reading`: the token of a reading link, whether it
 *   still opens anything or not. `folder`: whether the address ended with a slash. `project`, `template`: where
 *   project and pages were, if elsewhere than now.
 */
export async function asGiven(
  bytes: Uint8Array<ArrayBuffer>,
  row: NewsletterRow,
  params: URLSearchParams,
  service: Client,
  now: Addresses,
): Promise<Uint8Array<ArrayBuffer>> {
  const addresses = {
    project: params.get("project") ?? now.project,
    pageTemplate: params.get("template") ?? now.pageTemplate,
  };
  const beside = (name: "previous" | "next") => ({
    id: params.get(name),
    week: Number(params.get(`${name}_week`) ?? NaN),
    title: params.get(`${name}_title`),
  });
  const around = await findGivenAround(service, row, addresses, {
    previous: beside("previous"),
    next: beside("next"),
    all: params.has("all"),
    feed: params.get("feed"),
  });
  const page = shown(bytes, around, newsletterWords([row.content.space.language]));
  const reading = params.get("reading") ?? "";
  const link = TOKEN.test(reading) ? reading : undefined;
  return leadOn(page, row.id, { link, isFolder: params.has("folder") }, addresses);
}

export async function contentOf(
  { what }: Target,
  row: NewsletterRow,
  caller: Client,
  service: Client,
  deps: Deps,
): Promise<Content | null> {
  const stored = async (name: string, type: string): Promise<Content | null> => {
    const bytes = await caller.download(BUCKET, name, LARGEST);
    return bytes && { bytes, type };
  };
  // What was made while somebody was taken out of the newsletter may still show them.
  const storedUnlessChanged = async (name: string, type: string): Promise<Content | null> => {
    if (!await wasChanged(service, row)) return await stored(name, type);
    await service.remove(BUCKET, name);
    return null;
  };
  const prepared = () => prepare(service, row, addressesOf(deps));
  switch (what.kind) {
    case "page":
    case "copy": {
      const page = row.html_path && await stored(pageName(row), HTML);
      if (page) return page;
      const found = await prepared();
      // A draft has no copies of its pictures, so nothing lies beside its page.
      if (!row.is_published) {
        return { bytes: renderPage((await found.withPictures("page")).newsletter).bytes(), type: HTML };
      }
      const newsletter = found.forReading();
      if (row.html_path === null) return { bytes: renderPage(newsletter).bytes(), type: HTML };
      return await storedUnlessChanged(await storePage(service, row, newsletter), HTML);
    }
    case "file": {
      const file = row.html_path && await stored(row.html_path, HTML);
      if (file) return file;
      const { newsletter } = await (await prepared()).withPictures("page");
      return { bytes: renderPage(newsletter).bytes(), type: HTML };
    }
    case "card": {
      if (!row.is_published) return null;
      const bytes = await service.download(BUCKET, cardName(row), LARGEST) ??
        await makeCard(service, buildNewsletter({ newsletter: row, theme: row.theme }));
      return { bytes, type: "image/png" };
    }
    case "pdf": {
      const pdf = row.pdf_path && await stored(pdfName(row, what.sheet), "application/pdf");
      if (pdf) return pdf;
      const { newsletter } = await (await prepared()).withPictures("print");
      // The first who wants a newsletter in this size has it made for all. Drafts are not stored: they change.
      if (row.pdf_path !== null) {
        const { name } = await storePdf(service, row, newsletter, what.sheet);
        return await storedUnlessChanged(name, "application/pdf");
      }
      const { bytes } = await makePdf(service, newsletter, what.sheet);
      return { bytes, type: "application/pdf" };
    }
    case "keepsake": {
      const newsletter = row.is_published ? await (await prepared()).forKeepsake(what.response) : null;
      return newsletter &&
        { bytes: (await makeKeepsake(service, newsletter)).bytes, type: "application/pdf" };
    }
    case "picture": {
      // Whoever sees the newsletter sees its pictures, and no longer those of somebody who was taken out of it.
      if (!row.is_published || !isShown(row, what.name)) return null;
      const bytes = await service.download(BUCKET, `${folderOf(row)}/pictures/${what.name}`, LARGEST);
      return bytes && { bytes, type: `image/${what.name.split(".").pop()}` };
    }
    case "preview": {
      const found = await prepared();
      const { newsletter, leftOut } = await found.withPictures("page");
      const { mail, warnings: inEmail } = await previewEmail(row, found);
      const warnings = [
        ...await warningsOf(service, newsletter, [...found.album.leftOut, ...leftOut]),
        ...inEmail,
      ];
      const pending = found.album.leftOut.filter(({ reason }) => reason === "PENDING");
      const preview = JSON.stringify({
        page: new TextDecoder().decode(
          shown(renderPage(newsletter).bytes(), NOTHING_AROUND, newsletter.words),
        ),
        mail,
        warnings,
        pending: pending.map(({ path }) => path),
      });
      return { bytes: new TextEncoder().encode(preview), type: "application/json" };
    }
  }
}
