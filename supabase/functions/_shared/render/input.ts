/**
 * What a rendering starts from: the row of a newsletter, the pictures it names, and the addresses it links to.
 *
 * Field names of the row and its snapshot are the database's own, so that a row can be passed as it was read.
 */

import type { Words } from "./words.ts";

/** A row of `public.newsletters`, as far as rendering reads it. */
export interface Newsletter {
  title: string;
  /** Words of the leader before the first prompt; plain text. */
  intro: string | null;
  /** ISO 8601; null for a draft, which then says that it is one. */
  published_at: string | null;
  content: Snapshot;
}

/** `newsletters.content`: the week as it was when the newsletter was generated. */
export interface Snapshot {
  space: { id: string; name: string; description: string | null; cover_path: string | null };
  week_number: number;
  curator: { id: string; display_name: string } | null;
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
  author: { id: string; display_name: string; username: string | null; avatar_path: string | null };
  /** Plain text, up to 10,000 characters. */
  content: string | null;
  image_path: string | null;
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
 * A picture by its bytes, its address, or both.
 *
 * The page uses the bytes where there are any (as a data: address) and else the address; the mail uses the address
 * alone; the PDF the bytes alone.
 */
export interface Picture {
  /** JPEG, PNG, WebP or GIF. */
  bytes?: Uint8Array;
  /** http(s) only; anything else is treated as absent. */
  url?: string;
}

/** The pictures that a snapshot names, by the path it names them with; see `picturePaths`. */
export interface Pictures {
  /** By `responses[].image_path`. */
  responses?: ReadonlyMap<string, Picture>;
  /** By `author.avatar_path`. */
  avatars?: ReadonlyMap<string, Picture>;
  cover?: Picture | null;
}

/** Where the newsletter links to. Only http(s) addresses are used. */
export interface Links {
  /** The newsletter on the web. */
  page?: string | null;
  /** The newsletter as a PDF. */
  pdf?: string | null;
}

export interface RenderInput {
  newsletter: Newsletter;
  /** `store_items.metadata` of the theme to use, or null for Monogram's own colours. */
  theme?: unknown;
  pictures?: Pictures;
  links?: Links;
  /** The words around the answers; English when absent. */
  words?: Words;
}

/** The paths of the pictures that a snapshot needs, each once, in reading order: what a caller has to fetch. */
export function picturePaths(
  content: Snapshot,
): { responses: string[]; avatars: string[]; cover: string | null } {
  const responses = new Set<string>();
  const avatars = new Set<string>();
  for (const response of content.prompts.flatMap((prompt) => prompt.responses)) {
    if (response.image_path) responses.add(response.image_path);
    if (response.author.avatar_path) avatars.add(response.author.avatar_path);
  }
  return { responses: [...responses], avatars: [...avatars], cover: content.space.cover_path };
}
