/** A newsletter as the database has it, and where its files and pages are. */

import { type Client, EnvironmentError } from "../platform/mod.ts";
import type { NewsletterSource } from "../render/input.ts";
import { webAddress } from "../render/text.ts";

export interface NewsletterRow extends NewsletterSource {
  id: string;
  space_id: string;
  week_number: number;
  /** `store_items.metadata` of the theme, as it was when the newsletter was generated. */
  theme?: unknown;
  visibility: "PUBLIC" | "MEMBERS";
  is_published: boolean;
  /** When somebody was last taken out of it. */
  redacted_at: string | null;
  html_path: string | null;
  pdf_path: string | null;
  updated_at: string;
  /** Null if the client does not see the space because it is not public. */
  space?: { is_public: boolean } | null;
}

/** The bucket of what is made from newsletters; whoever reads a newsletter reads its files. */
export const BUCKET = "newsletters";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return UUID.test(text);
}

/** Read a newsletter with the client's own rights; null if there is no such newsletter, or the client cannot see it. */
export async function findNewsletter(client: Client, id: string): Promise<NewsletterRow | null> {
  if (!isId(id)) return null;
  const [row] = await client.select<NewsletterRow>("newsletters", {
    select: "*,space:spaces(is_public)",
    id: `eq.${id}`,
  });
  return row ?? null;
}

/** Return true if search engines may list a newsletter: everybody reads it, and its space shows itself to everybody. */
export function isListed(row: NewsletterRow): boolean {
  return row.is_published && row.visibility === "PUBLIC" && row.space?.is_public === true;
}

/** The folder of a newsletter's files. */
export function folderOf({ space_id, id }: Pick<NewsletterRow, "space_id" | "id">): string {
  return `${space_id}/${id}`;
}

/** An address with what makes it one reader's own. */
export function withReading(address: string, token: string | undefined): string {
  if (token === undefined) return address;
  const url = new URL(address);
  url.searchParams.set("link", token);
  return url.href;
}

/**
 * Read `NEWSLETTER_URL`, the address of an application's own page.
 *
 * @throws {EnvironmentError} It is not a valid address, or has no `{id}` in it. The message never repeats its value.
 */
export function readPageTemplate(
  get: (name: string) => string | undefined = Deno.env.get,
): string | undefined {
  const template = get("NEWSLETTER_URL") || undefined;
  if (template === undefined) return undefined;
  const filled = template.replaceAll("{id}", crypto.randomUUID());
  if (filled === template || webAddress(filled) === null || /[{}\s]/.test(filled)) {
    throw new EnvironmentError(
      "NEWSLETTER_URL must be an address that begins with https:// or http:// and has `{id}` in it, and no other placeholder.",
    );
  }
  return template;
}

/**
 * The address of a newsletter's page.
 *
 * @param template An address with `{id}` in it, of an application's own page; else the function `newsletter`.
 */
export function pageAddress(projectUrl: string, id: string, template?: string): string {
  return template ? template.replaceAll("{id}", id) : `${projectUrl}/functions/v1/newsletter/${id}`;
}

/** The address of the page of all newsletters of a space. */
export function archiveAddress(projectUrl: string, spaceId: string, template?: string): string {
  return pageAddress(projectUrl, `spaces/${spaceId}`, template);
}

/** The address of the feed of a space's newsletters: programs read it, so it needs no page of an application. */
export function feedAddress(projectUrl: string, spaceId: string): string {
  return `${archiveAddress(projectUrl, spaceId)}/feed.atom`;
}

/** The address of the picture that programs show beside a link to a newsletter. */
export function cardAddress(projectUrl: string, id: string): string {
  return `${pageAddress(projectUrl, id)}/card.png`;
}

/** The object that holds it. */
export function cardName(row: Pick<NewsletterRow, "space_id" | "id">): string {
  return `${folderOf(row)}/card.png`;
}
