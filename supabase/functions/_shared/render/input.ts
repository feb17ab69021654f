/**
 * The input of rendering: the row of a newsletter, the pictures it names, and the addresses it links to.
 *
 * Field names of the row and its snapshot are the database's own, so that a row can be passed as it was read.
 */

import type { NewsletterWords } from "./words.ts";

/** A row of `public.newsletters`, as far as rendering reads it. */
export interface NewsletterSource {
  id?: string;
  title: string;
  /** Words of the leader before the first prompt; plain text. */
  intro: string | null;
  /** ISO 8601; null for a draft, which then says that it is one. */
  published_at: string | null;
  /** The code that page and PDF print, so that a copy can be compared with the database; null for a draft. */
  code?: string | null;
  /** The root over the ledgers of the members, in hexadecimal digits; null for a draft. */
  ledger_root?: string | null;
  content: Snapshot;
}

/** `newsletters.content`: the week as it was when the newsletter was generated. */
export interface Snapshot {
  space: {
    id: string;
    name: string;
    description: string | null;
    cover_path: string | null;
    language?: string | null;
  };
  week_number: number;
  /** `id` is null for somebody who was redacted. */
  curator: { id: string | null; display_name: string } | null;
  prompts: SnapshotPrompt[];
}

export interface SnapshotPrompt {
  id: string;
  order: number;
  question: string;
  responses: SnapshotResponse[];
}

export interface SnapshotResponse {
  id: string;
  /** `id` is null for somebody who was redacted, together with their response. */
  author: { id: string | null; display_name: string; username: string | null; avatar_path: string | null };
  /** Plain text, up to 10,000 characters. */
  content: string | null;
  image_path: string | null;
  /** What the author says about the image, in one line of up to 300 characters. */
  image_caption?: string | null;
  music: SnapshotMusic | null;
  published_at: string | null;
}

export interface SnapshotMusic {
  url: string;
  provider?: string | null;
  title?: string | null;
  artist?: string | null;
}

/**
 * A picture by its bytes, its address, or both; or by the files that lie beside the page.
 *
 * The page uses the bytes where there are any (as a data: address), else the files beside it, else the address; the
 * email uses the address alone; the PDF the bytes alone.
 */
export interface Picture {
  /** JPEG, PNG, WebP or GIF. */
  bytes?: Uint8Array;
  /** http(s) only; anything else is treated as absent. */
  url?: string;
  /** http(s): the address of the picture in its original size. The PDF links to it. */
  original?: string;
  /** In pixels, upright; where it is known. */
  width?: number;
  height?: number;
  beside?: Beside;
}

/** A picture by addresses that are relative to the page's own. */
export interface Beside {
  /** What is shown, `width` pixels wide and `height` high. */
  address: string;
  /** The same in several sizes, the smallest first; empty where there is one alone. `width` is in pixels. */
  sizes: { address: string; width: number }[];
  /** For an animation: the still picture that is shown to people who prefer reduced motion. */
  still: string | null;
  /** The address that it links to: the largest file that there is. Null without a link. */
  original: string | null;
}

/** The pictures that a snapshot names, by the path it names them with; see `picturePaths`. */
export interface Pictures {
  /** By `responses[].image_path`. */
  responses?: ReadonlyMap<string, Picture>;
  /** By `author.avatar_path`. */
  avatars?: ReadonlyMap<string, Picture>;
  cover?: Picture | null;
  /** The paths of those that are still being made. If there are any, this is not the final form of the newsletter. */
  pending?: ReadonlySet<string>;
}

/** Where the newsletter links to. Only http(s) addresses are used. */
export interface Links {
  /** The newsletter on the web. */
  page?: string | null;
  /** The newsletter as a PDF. */
  pdf?: string | null;
  /** The page as one self-contained file; relative to the page's address. */
  file?: string | null;
  /** The picture that programs show beside a link to it. */
  card?: string | null;
}

export interface RenderInput {
  newsletter: NewsletterSource;
  /** `store_items.metadata` of the theme to use, or null for Monogram's own colours. */
  theme?: unknown;
  pictures?: Pictures;
  links?: Links;
  /** The words around the responses; in the space's language when absent. */
  words?: NewsletterWords;
}

/** Return the responses that are well-formed; in place of others the newsletter has a line. */
export function readableResponses(content: Snapshot): SnapshotResponse[] {
  const isPath = (path: unknown) => path === null || path === undefined || typeof path === "string";
  return content.prompts.flatMap((prompt) => prompt.responses).filter((response) =>
    typeof response?.author === "object" && response.author !== null &&
    isPath(response.image_path) && isPath(response.author.avatar_path)
  );
}

/** The paths of the pictures that a snapshot needs, each once, in reading order: what a caller has to fetch. */
export function picturePaths(
  content: Snapshot,
): { responses: string[]; avatars: string[]; cover: string | null } {
  const responses = new Set<string>();
  const avatars = new Set<string>();
  for (const response of readableResponses(content)) {
    if (response.image_path) responses.add(response.image_path);
    if (response.author.avatar_path) avatars.add(response.author.avatar_path);
  }
  return { responses: [...responses], avatars: [...avatars], cover: content.space.cover_path };
}
