/** A newsletter as the database has it, and where its files and pages are. */

import type { Client } from "../platform/mod.ts";
import type { Newsletter } from "../render/input.ts";

export interface NewsletterRow extends Newsletter {
  id: string;
  space_id: string;
  /** `store_items.metadata` of the theme, as it was when the newsletter was generated. */
  theme?: unknown;
  visibility: "PUBLIC" | "MEMBERS";
  is_published: boolean;
  html_path: string | null;
  pdf_path: string | null;
  updated_at: string;
}

/** The bucket of what is made from newsletters; it is read as the newsletter itself is. */
export const BUCKET = "newsletters";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return UUID.test(text);
}

/** Read a newsletter with the client's own rights; null where it has none, or where there is no such newsletter. */
export async function findNewsletter(client: Client, id: string): Promise<NewsletterRow | null> {
  if (!isId(id)) return null;
  const [row] = await client.select<NewsletterRow>("newsletters", { select: "*", id: `eq.${id}` });
  return row ?? null;
}

/** The folder of a newsletter's files. */
export function folderOf({ space_id, id }: Pick<NewsletterRow, "space_id" | "id">): string {
  return `${space_id}/${id}`;
}

/**
 * The address of a newsletter's page.
 *
 * @param template An address with `{id}` in it, of an application's own page; else the function `newsletter`.
 */
export function pageAddress(projectUrl: string, id: string, template?: string): string {
  return template ? template.replaceAll("{id}", id) : `${projectUrl}/functions/v1/newsletter/${id}`;
}
