/**
 * The pictures of a newsletter: those that were made of what people uploaded (see `pictures/`), small enough that a
 * function can hold them all.
 *
 * A published newsletter has copies of its own in its folder, made before anything is rendered, and shows nothing else:
 * it stays what it is when people delete or replace theirs, or leave. Their names say whose and how large they are:
 *
 *     pictures/{stem}-{use}-{width}x{height}.{kind}     the stem is a response's id, "avatar-{id}" or "cover"
 */

import { Buffer } from "node:buffer";
import { DERIVED, EMAIL, type Use, USES } from "../pictures/names.ts";
import type { Refusal } from "../pictures/problem.ts";
import type { Client, StoredFile } from "../platform/mod.ts";
import { escapeHtml } from "../render/html.ts";
import { type Picture, type Pictures, readableResponses, type SnapshotResponse } from "../render/input.ts";
import { BUCKET, folderOf, type NewsletterRow, withReading } from "./newsletters.ts";
import { inGroups } from "./groups.ts";
import { PicturesPendingError } from "./pictures_pending.ts";

/**
 * In bytes, all together. The file of the page, which holds the pictures as text, must stay below the bucket's 20 MB.
 */
export const ROOM = 14_000_000;

/** In bytes: what the pictures in the preview of an email have together. The page is in the same reply. */
const EMAIL_ROOM = 4_000_000;

/**
 * What the file of the page and the PDF show of a picture in a response, or of a cover: the first kind with which there
 * is room for all of them.
 */
const STEPS: Record<"page" | "print", Use[]> = {
  page: ["page", "mail", "small"],
  print: ["print", "mail", "small"],
};

/** One picture that a newsletter names, and what there is of it. */
interface Entry {
  /** What it is called within the newsletter. */
  stem: string;
  bucket: "responses" | "avatars" | "covers";
  path: string;
  /** Whether it is still being made. */
  isPending: boolean;
  refusal: Refusal | null;
  files: Map<Use, File>;
}

interface File {
  bucket: string;
  /** In the bucket. */
  name: string;
  /** Within the newsletter's folder. */
  own: string;
  width: number;
  height: number;
  bytes: number;
}

/** A row of the database's `newsletter_pictures`. */
interface PictureRow {
  bucket_id: string;
  path: string;
  is_pending: boolean;
  files: Partial<Record<Use, { name: string; width: number; height: number; bytes: number }>> | null;
  refusal: Refusal | null;
}

/** A picture that is not shown. */
export interface LeftOut {
  bucket: string;
  path: string;
  /** "PENDING" where it is still being made. */
  reason: Refusal | "PENDING" | "NO_ROOM";
}

export interface Album {
  entries: Entry[];
  leftOut: LeftOut[];
}

/** The pictures that exist, by what names them. */
type ShownPictures = Required<Omit<Pictures, "pending">>;

/**
 * Find what there is of a newsletter's pictures.
 *
 * A published one gets its copies here, all that are missing; those of pictures that it does not show any more are
 * removed.
 *
 * @param waits Whether to refuse one of which pictures are still being made.
 * @throws {PicturesPendingError} It is published and is to wait. Try again later.
 */
export async function findPictures(service: Client, row: NewsletterRow, waits: boolean): Promise<Album> {
  const made = new Map<string, PictureRow>();
  for (const one of await service.rpc<PictureRow[]>("newsletter_pictures", { newsletter_id: row.id })) {
    made.set(`${one.bucket_id}/${one.path}`, one);
  }
  const entries = named(row).map((one) => entryOf(one, made.get(`${one.bucket}/${one.path}`)));
  if (row.is_published) await freeze(service, row, entries, waits);
  const leftOut = entries.filter(({ files }) => files.size === 0).map((
    { bucket, path, isPending, refusal },
  ) => ({
    bucket,
    path,
    reason: isPending ? "PENDING" as const : refusal ?? "MISSING",
  }));
  return { entries, leftOut };
}

/** The pictures that a newsletter names: faces and cover first, each once, but that of a response for each response. */
function named(row: NewsletterRow): Pick<Entry, "stem" | "bucket" | "path">[] {
  const found = new Map<string, Pick<Entry, "stem" | "bucket" | "path">>();
  const add = (stem: string, bucket: Entry["bucket"], path: string | null | undefined) => {
    if (path) found.set(stem, { stem, bucket, path });
  };
  const responses = readableResponses(row.content);
  for (const { author } of responses) {
    if (author.avatar_path) add(`avatar-${author.avatar_path.split("/")[0]}`, "avatars", author.avatar_path);
  }
  add("cover", "covers", row.content.space.cover_path);
  for (const { id, image_path } of responses) add(id, "responses", image_path);
  return [...found.values()];
}

function entryOf(one: Pick<Entry, "stem" | "bucket" | "path">, row: PictureRow | undefined): Entry {
  const files = new Map<Use, File>();
  for (const [use, { name, width, height, bytes }] of Object.entries(row?.files ?? {})) {
    const [shape, kind] = name.split(".");
    files.set(use as Use, {
      bucket: DERIVED,
      name: `${one.bucket}/${one.path}/${name}`,
      own: `pictures/${one.stem}-${shape}-${width}x${height}.${kind}`,
      width,
      height,
      bytes,
    });
  }
  return { ...one, isPending: row?.is_pending ?? false, refusal: row?.refusal ?? null, files };
}

const OWN = new RegExp(`^(.+)-(${USES.join("|")})-(\\d+)x(\\d+)\\.(jpeg|png|webp|gif)$`);

/** Return true if a newsletter, as it is now, shows something by this name in its folder. */
export function isShown(row: NewsletterRow, name: string): boolean {
  const stem = OWN.exec(name)?.[1];
  return stem !== undefined && named(row).some((one) => one.stem === stem);
}

/**
 * Return true for the copy of what everybody sees wherever it is set: the picture of a person, or the cover of a space.
 */
export function isOpen(name: string): boolean {
  return /^(avatar-|cover-)/.test(name) && OWN.test(name);
}

/** Give a published newsletter its copies. Afterwards the entries name nothing but those. */
async function freeze(service: Client, row: NewsletterRow, entries: Entry[], waits: boolean): Promise<void> {
  const folder = `${folderOf(row)}/pictures`;
  const present = new Map((await service.list(BUCKET, folder)).map((file) => [file.name, file]));
  const own = Map.groupBy(present.values(), ({ name }) => OWN.exec(name)?.[1] ?? "");
  const pending = entries.filter(({ stem, isPending }) => isPending && !own.has(stem));
  if (waits && pending.length > 0) {
    throw new PicturesPendingError(`${pending.length} pictures are still being made.`);
  }
  const copies = new Map<string, File>();
  for (const entry of entries) {
    // What was made of an original that is gone is gone, too; the copies are there.
    if (entry.files.size === 0) entry.files = kept(own.get(entry.stem) ?? [], folder);
    for (const file of entry.files.values()) {
      if (file.bucket !== BUCKET && !present.has(file.own.slice("pictures/".length))) {
        copies.set(file.own, file);
      }
    }
  }
  await inGroups([...copies.values()], async ({ bucket, name, own }) => {
    await service.copy({ bucket, name }, { bucket: BUCKET, name: `${folderOf(row)}/${own}` });
  });
  for (const { files } of entries) {
    for (const [use, file] of files) {
      files.set(use, { ...file, bucket: BUCKET, name: `${folderOf(row)}/${file.own}` });
    }
  }
  const stems = new Set(entries.map(({ stem }) => stem));
  const stale = [...own].filter(([stem]) => !stems.has(stem)).flatMap(([, files]) => files);
  if (stale.length > 0) await service.remove(BUCKET, ...stale.map(({ name }) => `${folder}/${name}`));
}

/** What the copies of one picture say of themselves. Several uses may share a file, which has the name of the first. */
function kept(files: StoredFile[], folder: string): Map<Use, File> {
  const found = new Map<Use, File>();
  for (const { name, bytes } of files) {
    const [, , use, width, height] = OWN.exec(name)!;
    const own = `pictures/${name}`;
    found.set(use as Use, {
      bucket: BUCKET,
      name: `${folder}/${name}`,
      own,
      width: Number(width),
      height: Number(height),
      bytes,
    });
  }
  const share = (use: Use, others: Use[]) => {
    const other = others.find((one) => found.has(one));
    if (!found.has(use) && other !== undefined) found.set(use, found.get(other)!);
  };
  share("print", ["page"]);
  share(EMAIL, ["print", "page"]);
  share("small", [EMAIL]);
  return found;
}

/**
 * Fetch what page or PDF show. Where there is no room for all of them as large as they are to be, all are smaller.
 *
 * @param addressOf Where a file of the newsletter's folder is; what is printed leads to the pictures as large as they
 * are.
 * @returns The pictures, and which of them had no room even so.
 */
export async function loadPictures(
  service: Client,
  { entries }: Album,
  where: "page" | "print",
  addressOf: ((own: string) => string) | null = null,
): Promise<{ pictures: ShownPictures; leftOut: LeftOut[] }> {
  const chosen = choose(entries, where);
  const pictures: ShownPictures = { responses: new Map(), avatars: new Map(), cover: null };
  const leftOut: LeftOut[] = [];
  const bytes = new Map<string, Uint8Array<ArrayBuffer>>();
  await inGroups([...new Set(chosen.values())], async (file) => {
    const found = await service.download(file.bucket, file.name, ROOM);
    if (found !== null) bytes.set(file.name, found);
  });
  for (const entry of entries) {
    const file = chosen.get(entry);
    const found = file && bytes.get(file.name);
    if (file === undefined || found === undefined) {
      const reason = file === undefined ? "NO_ROOM" : "MISSING";
      if (entry.files.size > 0) leftOut.push({ bucket: entry.bucket, path: entry.path, reason });
    } else {
      const largest = where === "print" && addressOf !== null ? largestOf(entry) : undefined;
      const original = largest && { original: addressOf!(largest.own) };
      hang(pictures, entry, { bytes: found, width: file.width, height: file.height, ...original });
    }
  }
  return { pictures, leftOut };
}

/** The part of an album that one response shows. */
export function picturesOf(album: Album, { id, author, image_path }: SnapshotResponse): Album {
  const isOf = ({ bucket, path }: Pick<LeftOut, "bucket" | "path">) =>
    path === (bucket === "responses" ? image_path : bucket === "avatars" ? author.avatar_path : undefined);
  return {
    entries: album.entries.filter((entry) =>
      isOf(entry) && (entry.bucket === "avatars" || entry.stem === id)
    ),
    leftOut: album.leftOut.filter(isOf),
  };
}

/** Return the copy of a picture that is as large as its original; null for a face, which has no such copy. */
function largestOf({ bucket, files }: Entry): File | undefined {
  if (bucket === "avatars") return undefined;
  return files.get("original") ?? files.get("motion") ?? files.get("page");
}

/**
 * The pictures of the page for reading, which lie beside it: addresses relative to the page's own, that open for whom
 * the page does.
 *
 * What is transparent is there in one size: the others lie on the paper of an email.
 */
export function picturesBeside(row: NewsletterRow, { entries }: Album): ShownPictures {
  const pictures: ShownPictures = { responses: new Map(), avatars: new Map(), cover: null };
  for (const entry of entries) {
    const { files, bucket } = entry;
    const file = files.get(bucket === "avatars" ? "face" : "page");
    if (file === undefined) continue;
    const addressOf = (one: File) => `${row.id}/${one.own}`;
    const motion = files.get("motion");
    const shown = motion ?? file;
    const isClear = files.has("print") && files.get("print")!.own !== file.own;
    const uses = motion !== undefined || isClear ? [] : (["small", EMAIL, "page"] as const);
    const sizes = new Map(uses.flatMap((use) => {
      const one = files.get(use);
      return one === undefined ? [] : [[one.own, { address: addressOf(one), width: one.width }]];
    }));
    const original = largestOf(entry);
    hang(pictures, entry, {
      width: shown.width,
      height: shown.height,
      beside: {
        address: addressOf(shown),
        sizes: [...sizes.values()],
        still: motion === undefined ? null : addressOf(file),
        original: original === undefined ? null : addressOf(original),
      },
    });
  }
  return pictures;
}

/**
 * The pictures that the email of a newsletter shows, by the addresses at which they are as long as the newsletter is,
 * from its publication on.
 *
 * @param addressOf Where a file of the newsletter's folder is.
 * @param reading What makes the addresses one reader's own: with it they open whatever the newsletter's visibility.
 */
export function picturesByAddress(
  { visibility }: NewsletterRow,
  { entries }: Album,
  addressOf: (own: string) => string,
  reading?: string,
): ShownPictures {
  const pictures: ShownPictures = { responses: new Map(), avatars: new Map(), cover: null };
  for (const entry of entries) {
    const file = inEmail(entry);
    if (file === undefined) continue;
    // A mail program asks without saying who reads. Without a link of the reader's, what only members may see is on the
    // page.
    if (entry.bucket === "responses" && visibility !== "PUBLIC" && reading === undefined) continue;
    hang(pictures, entry, {
      url: withReading(addressOf(file.own), reading),
      width: file.width,
      height: file.height,
    });
  }
  return pictures;
}

function inEmail({ bucket, files }: Entry): File | undefined {
  return files.get(bucket === "avatars" ? "face" : EMAIL);
}

/**
 * Put the pictures that the HTML of an email shows into it, in place of their addresses. Where there is no room for all
 * of them as large as they are sent, all are smaller.
 *
 * @param addressOf Where a file of the newsletter's folder is.
 */
export async function picturesInside(
  service: Client,
  { entries }: Album,
  html: string,
  addressOf: (own: string) => string,
): Promise<string> {
  const shown = entries.flatMap((entry) => {
    const file = inEmail(entry);
    const source = file && ` src="${escapeHtml(new URL(addressOf(file.own)).href)}"`;
    return source === undefined || !html.includes(source)
      ? []
      : [{ source, file, small: entry.files.get("small") }];
  });
  const isLarge = shown.reduce((sum, { file }) => sum + file!.bytes, 0) > EMAIL_ROOM;
  const sources = new Map<string, string>();
  await inGroups(shown, async ({ source, file, small }) => {
    const { bucket, name } = isLarge && small !== undefined ? small : file!;
    const bytes = await service.download(bucket, name, ROOM);
    if (bytes === null) return;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
    sources.set(source, ` src="data:image/${name.split(".").pop()};base64,${data}"`);
  });
  return html.replaceAll(/ src="[^"]*"/g, (source) => sources.get(source) ?? source);
}

function choose(entries: Entry[], where: "page" | "print"): Map<Entry, File> {
  const chosen = new Map<Entry, File>();
  const faces = entries.filter(({ bucket }) => bucket === "avatars");
  const others = entries.filter(({ bucket, files }) => bucket !== "avatars" && files.size > 0);
  let room = ROOM;
  const put = (entry: Entry, file: File | undefined) => {
    if (file === undefined || file.bytes > room) return;
    chosen.set(entry, file);
    room -= file.bytes;
  };
  for (const entry of faces) put(entry, entry.files.get("face"));
  const total = (use: Use) => others.reduce((sum, { files }) => sum + (files.get(use)?.bytes ?? 0), 0);
  const use = STEPS[where].find((one) => total(one) <= room) ?? "small";
  for (const entry of others) put(entry, entry.files.get(use));
  // What moves is on the page where there is room for it.
  for (const entry of where === "page" ? others : []) {
    const motion = entry.files.get("motion");
    const still = chosen.get(entry);
    if (motion === undefined || motion.bytes > room + (still?.bytes ?? 0)) continue;
    room += still?.bytes ?? 0;
    put(entry, motion);
  }
  return chosen;
}

function hang(pictures: ShownPictures, { bucket, path }: Entry, picture: Picture): void {
  if (bucket === "covers") pictures.cover = picture;
  else (pictures[bucket] as Map<string, Picture>).set(path, picture);
}
