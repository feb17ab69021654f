/** The reply with the bytes of an object: all of them, a range, or 304 if the client has them. */

import { refusals } from "./errors.ts";
import type { Files, Range } from "./files.ts";
import type { ObjectRow } from "./objects.ts";

/**
 * Stored pages must not act with this origin, which is also that of the mailbox: a sandbox gives them an origin of
 * their own. Pictures and styles work all the same.
 */
const POLICY =
  "sandbox; default-src 'none'; img-src * data:; style-src * 'unsafe-inline'; font-src * data:; " +
  "media-src *";

export async function download(
  files: Files,
  object: ObjectRow,
  request: Request,
  url: URL,
): Promise<Response> {
  const size = object.metadata?.size ?? 0;
  const etag = object.metadata?.eTag ?? `"${object.version}"`;
  const headers = new Headers({
    "accept-ranges": "bytes",
    "cache-control": object.metadata?.cacheControl ?? "no-cache",
    "content-security-policy": POLICY,
    "content-type": object.metadata?.mimetype ?? "application/octet-stream",
    etag,
    "last-modified": new Date(object.updated_at).toUTCString(),
    "x-content-type-options": "nosniff",
    "x-robots-tag": "none",
  });
  const name = url.searchParams.get("download");
  if (name !== null) {
    const suffix = name === "" ? "" : `; filename*=UTF-8''${encodeURIComponent(name)}`;
    headers.set("content-disposition", `attachment${suffix}`);
  }
  if (request.headers.get("if-none-match")?.split(/\s*,\s*/).includes(etag)) {
    return new Response(null, { status: 304, headers });
  }
  const range = parseRange(request.headers.get("range"), size);
  headers.set("content-length", String(range ? range.last - range.first + 1 : size));
  if (range) headers.set("content-range", `bytes ${range.first}-${range.last}/${size}`);
  const body = request.method === "HEAD" ? null : await files.read(object.version, range);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** One range of bytes. For several ranges the reply has everything, as HTTP allows. */
function parseRange(header: string | null, size: number): Range | null {
  const match = header?.match(/^bytes=(\d*)-(\d*)$/);
  if (!match || (match[1] === "" && match[2] === "")) return null;
  const [, first, last] = match;
  const range = first === ""
    ? { first: Math.max(0, size - Number(last)), last: size - 1 }
    : { first: Number(first), last: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
  if (range.first > range.last) throw refusals.invalidRange();
  return range;
}
