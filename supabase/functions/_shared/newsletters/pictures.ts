/**
 * The pictures of a newsletter, from Storage: few enough, and small enough, that a function can hold them all.
 *
 * What is over the limits is left out, and words stand in its place.
 */

import { type Client, TooLargeError } from "../platform/mod.ts";
import { type Picture, picturePaths, type Pictures, type Snapshot } from "../render/input.ts";
import { inspect, PictureError } from "../render/pictures.ts";
import type { NewsletterRow } from "./newsletters.ts";

/** In bytes. The page, which holds the pictures as text, must stay below the bucket's 20 MB. */
export const LIMITS = { picture: 5_000_000, avatar: 500_000, all: 14_000_000 };

/** How many are fetched at a time. */
const AT_A_TIME = 4;

export interface FetchedPictures {
  pictures: Required<Pictures>;
  /** For the log: the object, and why it was left out. */
  leftOut: { object: string; reason: string }[];
}

/** Fetch what a snapshot names, in reading order, until the limit is reached. */
export async function fetchPictures(service: Client, content: Snapshot): Promise<FetchedPictures> {
  const paths = picturePaths(content);
  const responses = new Map<string, Picture>();
  const avatars = new Map<string, Picture>();
  const pictures: Required<Pictures> = { responses, avatars, cover: null };
  const leftOut: FetchedPictures["leftOut"] = [];
  // The small and many come first, so that one large photograph does not take the room of every face.
  const wanted = [
    ...paths.avatars.map((path) => ({
      bucket: "avatars",
      path,
      limit: LIMITS.avatar,
      keep: (picture: Picture) => void avatars.set(path, picture),
    })),
    ...(paths.cover === null ? [] : [{
      bucket: "covers",
      path: paths.cover,
      limit: LIMITS.picture,
      keep: (picture: Picture) => void (pictures.cover = picture),
    }]),
    ...paths.responses.map((path) => ({
      bucket: "responses",
      path,
      limit: LIMITS.picture,
      keep: (picture: Picture) => void responses.set(path, picture),
    })),
  ];
  let room = LIMITS.all;
  for (let start = 0; start < wanted.length; start += AT_A_TIME) {
    const group = wanted.slice(start, start + AT_A_TIME);
    const fetched = await Promise.all(group.map((one) => fetchOne(service, one.bucket, one.path, one.limit)));
    fetched.forEach((found, index) => {
      const { bucket, path, keep } = group[index];
      const reason = typeof found === "string"
        ? found
        : found.length > room
        ? "There are too many large pictures."
        : null;
      if (reason !== null) return void leftOut.push({ object: `${bucket}/${path}`, reason });
      const bytes = found as Uint8Array;
      room -= bytes.length;
      keep({ bytes });
    });
  }
  return { pictures, leftOut };
}

/** The bytes, or why there are none. A service that is away is an error: the picture is there, and later will do. */
async function fetchOne(
  service: Client,
  bucket: string,
  path: string,
  limit: number,
): Promise<Uint8Array | string> {
  try {
    return await service.download(bucket, path, limit) ?? "There is no such object.";
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    return error.message;
  }
}

/** A picture of an answer, under the name by which everybody may see it who may see the newsletter. */
export interface SharedPicture {
  /** Within the newsletter's folder. */
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
  /** The path by which the snapshot names it. */
  path: string;
}

/**
 * The pictures that the email of a newsletter shows by their addresses. A mail program asks for them without saying who
 * reads, so there are none for a newsletter that is for members only: its email links to the page instead.
 */
export function sharedPictures(row: NewsletterRow, pictures: Pictures): SharedPicture[] {
  if (row.visibility !== "PUBLIC" || !row.is_published) return [];
  const shared: SharedPicture[] = [];
  for (const response of row.content.prompts.flatMap((prompt) => prompt.responses)) {
    const path = response.image_path;
    const bytes = path === null ? undefined : pictures.responses?.get(path)?.bytes;
    if (path === null || bytes === undefined) continue;
    try {
      const { type } = inspect(bytes);
      const name = `pictures/${response.id}.${type.slice("image/".length)}`;
      shared.push({ name, type, path, bytes: bytes as Uint8Array<ArrayBuffer> });
    } catch (error) {
      if (!(error instanceof PictureError)) throw error; // The page and the PDF say that it is none.
    }
  }
  return shared;
}

/** The pictures of a newsletter by their addresses on the web, as far as anybody may see them there. */
export function byAddress(row: NewsletterRow, pictures: Pictures, project: string): Pictures {
  const open = (bucket: string, path: string) =>
    `${project}/storage/v1/object/public/${bucket}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const avatars = [...pictures.avatars?.keys() ?? []].map((path) =>
    [path, { url: open("avatars", path) }] as const
  );
  const responses = sharedPictures(row, pictures).map(({ path, name }) =>
    [path, { url: `${project}/functions/v1/newsletter/${row.id}/${name}` }] as const
  );
  const cover = row.content.space.cover_path;
  return {
    avatars: new Map(avatars),
    responses: new Map(responses),
    cover: pictures.cover && cover !== null ? { url: open("covers", cover) } : null,
  };
}
