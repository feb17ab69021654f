/**
 * The newsletter on the web:
 *
 *     GET /newsletter/{id}                      the page, with its pictures beside it
 *     GET /newsletter/{id}.html                 the page as one file, to keep
 *     GET /newsletter/{id}.pdf?size=a4          the PDF, or `size=letter`; coloured as the page with `paper=screen`
 *     GET /newsletter/keepsakes/{response}.pdf  a sheet of A5 with one response of a published newsletter
 *     GET /newsletter/{id}/card.png             the picture that programs show beside a link to it
 *     GET /newsletter/{id}/pictures/{name}      a picture, for page and email: as the newsletter itself; faces and covers for all
 *     GET /newsletter/{id}/preview              page and email as JSON, nothing stored or sent
 *     GET /newsletter/{id}/copy                 the page as some reader was shown it, for who checks theirs; with a secret key
 *     GET /newsletter/spaces/{id}               all newsletters of a space that the reader may see, where they see the space
 *     GET /newsletter/spaces/{id}/feed.atom     those of a public space that everybody may read, as Atom
 *
 * Who sees what is the database's decision: everything here is read with the rights of whoever asks, by their token in
 * `Authorization`, by a secret key in `apikey`, or as anybody. What they may not see does not exist: the reply is the
 * same as for an identifier that nobody has.
 *
 * Page, PDF and pictures also open with `?link=`, the token in the email of one member: for as long as they are one and
 * have not withdrawn it, whatever the visibility. A token that opens nothing is as if there were none.
 */

import {
  findArchive,
  findAround,
  findNewsletter,
  isId,
  isListed,
  type NewsletterRow,
} from "../_shared/newsletters/mod.ts";
import { ApiError, Client, problem, refuseWithoutSecretKey, userToken } from "../_shared/platform/mod.ts";
import { renderArchive, renderFeed } from "../_shared/render/archive.ts";
import { shown } from "../_shared/render/page_around.ts";
import { newsletterWords } from "../_shared/render/words.ts";
import { addressesOf, asGiven, contentOf, type Deps, HTML, leadOn, NOTHING_AROUND } from "./content.ts";
import { caching, digestOf, disposition, matches, notFound, preflight, SECURITY } from "./replies.ts";
import { keepsakeOf, openingLink, readerOf, sheetOf, targetOf } from "./target.ts";

export type { Deps } from "./content.ts";

/** Reply to one request. */
export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method === "OPTIONS") return preflight();
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(405, "METHOD_NOT_ALLOWED", "Newsletters are only read here.", {
      allow: "GET, HEAD, OPTIONS",
    });
  }
  const options = { fetch: deps.fetch };
  const service = Client.service(deps.environment, options);
  const token = userToken(request);
  const hasSecretKey = await refuseWithoutSecretKey(request, deps.environment) === null;
  const caller = hasSecretKey ? service : Client.caller(deps.environment, token, options);
  const url = new URL(request.url);
  // Whoever sends anything that may open more is not anonymous, whether it opened more this time or not.
  const isAnonymous = !hasSecretKey && token === null && !url.searchParams.has("link");
  if (/\.pdf$/i.test(url.pathname) && sheetOf(url.searchParams) === null) {
    return problem(400, "MG001", "size is a4 or letter, paper is print or screen.", SECURITY);
  }
  const space = /^\/(?:newsletter\/)?spaces\/([0-9a-f-]{36})(\/feed\.atom)?\/?$/i.exec(url.pathname);
  if (space !== null) {
    const kind = space[2] === undefined ? "archive" : "feed";
    return await archive(request, space[1].toLowerCase(), kind, { caller, isAnonymous }, deps);
  }
  const target = await keepsakeOf(url, service) ?? targetOf(url);
  if (target?.what.kind === "copy" && !hasSecretKey) return notFound(request);
  let row: NewsletterRow | null;
  let link: string | undefined;
  try {
    link = target === null ? undefined : await openingLink(target, url.searchParams, service);
    row = target && await findNewsletter(link ? service : readerOf(target, caller, service), target.id);
  } catch (error) {
    return unauthorized(error);
  }
  if (target === null || row === null) {
    const isGone = target !== null && isId(target.id) &&
      await service.rpc<boolean>("is_newsletter_gone", { newsletter_id: target.id });
    return notFound(request, isGone);
  }

  // A reading link opens its own newsletter; of others it shows what everybody may see.
  const around = target.what.kind === "page" && row.is_published
    ? await findAround(link ? Client.caller(deps.environment, null, options) : caller, row, addressesOf(deps))
    : null;
  const headers = {
    ...SECURITY,
    ...caching(row, target, { link, isAnonymous }, around),
    // Here and not in the stored page, which would say what was so when it was made.
    ...(isListed(row) && link === undefined ? {} : { "x-robots-tag": "noindex" }),
  };
  const etag = headers.etag;
  if (etag !== undefined && matches(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const content = await contentOf(target, row, link ? service : caller, service, deps);
  if (content === null) return notFound(request);
  const words = newsletterWords([row.content.space.language]);
  switch (target.what.kind) {
    case "page":
      content.bytes = shown(content.bytes, around ?? NOTHING_AROUND, words);
      content.bytes = leadOn(
        content.bytes,
        row.id,
        { link, isFolder: url.pathname.endsWith("/") },
        addressesOf(deps),
      );
      break;
    case "file":
      content.bytes = shown(content.bytes, NOTHING_AROUND, words);
      break;
    case "copy":
      content.bytes = await asGiven(content.bytes, row, url.searchParams, service, addressesOf(deps));
      break;
  }
  return new Response(request.method === "HEAD" ? null : content.bytes, {
    headers: {
      ...headers,
      "content-type": content.type,
      "content-length": String(content.bytes.length),
      ...disposition(target, row),
    },
  });
}

/** The reply to a token that the API refuses; what else went wrong is thrown on. */
function unauthorized(error: unknown): Response {
  if (error instanceof ApiError && [400, 401, 403].includes(error.status)) {
    return problem(401, "UNAUTHORIZED", "This token is not accepted. Sign in again.", SECURITY);
  }
  throw error;
}

/**
 * All newsletters of a space. Both are made for each reader, and kept by nobody without asking again: a space may close
 * at any time.
 */
async function archive(
  request: Request,
  spaceId: string,
  kind: "archive" | "feed",
  { caller, isAnonymous }: { caller: Client; isAnonymous: boolean },
  deps: Deps,
): Promise<Response> {
  let found: Awaited<ReturnType<typeof findArchive>>;
  try {
    found = await findArchive(caller, spaceId, kind, addressesOf(deps));
  } catch (error) {
    return unauthorized(error);
  }
  if (found === null) return notFound(request);
  const bytes = kind === "feed"
    ? new TextEncoder().encode(renderFeed(found.archive))
    : renderArchive(found.archive).bytes();
  const etag = `"${digestOf(bytes)}"`;
  const headers = {
    ...SECURITY,
    "cache-control": found.isPublic && isAnonymous ? "public, no-cache" : "private, no-cache",
    etag,
    ...(found.isPublic ? {} : { "x-robots-tag": "noindex" }),
  };
  if (matches(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === "HEAD" ? null : bytes, {
    headers: {
      ...headers,
      "content-type": kind === "feed" ? "application/atom+xml; charset=utf-8" : HTML,
      "content-length": String(bytes.length),
    },
  });
}
