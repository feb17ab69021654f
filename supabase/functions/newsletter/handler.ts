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
 * same as for an identifier that nobody has. Whose token is not accepted is anybody: browsers send a session's long after
 * it has ended.
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
  promptOf,
} from "../_shared/newsletters/mod.ts";
import { ApiError, Client, problem, refuseWithoutSecretKey, userToken } from "../_shared/platform/mod.ts";
import { renderArchive, renderFeed } from "../_shared/render/archive.ts";
import { shown } from "../_shared/render/page_around.ts";
import { newsletterWords } from "../_shared/render/words.ts";
import { addressesOf, asGiven, contentOf, type Deps, HTML, leadOn, NOTHING_AROUND } from "./content.ts";
import {
  caching,
  digestOf,
  disposition,
  matches,
  notFound,
  preflight,
  SECURITY,
  unauthorized,
} from "./replies.ts";
import { isForAll, keepsakeOf, openingLink, sheetOf, targetOf } from "./target.ts";

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
  const stranger = Client.caller(deps.environment, null, options);
  const reader = new Reader(
    hasSecretKey ? service : token === null ? stranger : Client.caller(deps.environment, token, options),
    stranger,
  );
  const url = new URL(request.url);
  // Whoever sends anything that may open more is not anonymous, whether it opened more this time or not.
  const isAnonymous = !hasSecretKey && token === null && !url.searchParams.has("link");
  if (/\.pdf$/i.test(url.pathname) && sheetOf(url.searchParams) === null) {
    return problem(400, "MG001", "`size` is `a4` or `letter`, `paper` is `print` or `screen`.", SECURITY);
  }
  const space = /^\/(?:newsletter\/)?spaces\/([0-9a-f-]{36})(\/feed\.atom)?\/?$/i.exec(url.pathname);
  if (space !== null) {
    const kind = space[2] === undefined ? "archive" : "feed";
    return await archive(request, space[1].toLowerCase(), kind, { reader, isAnonymous }, deps);
  }
  const target = await keepsakeOf(url, service) ?? targetOf(url);
  if (target?.what.kind === "copy" && !hasSecretKey) return notFound(request);
  let row: NewsletterRow | null;
  let link: string | undefined;
  try {
    link = target === null ? undefined : await openingLink(target, url.searchParams, service);
    row = target &&
      await (link || isForAll(target)
        ? findNewsletter(service, target.id)
        : reader.read((client) => findNewsletter(client, target.id)));
  } catch (error) {
    return refusal(error);
  }
  const { isSignedOut } = reader;
  if (target === null || row === null) {
    const isGone = target !== null && isId(target.id) &&
      await service.rpc<boolean>("is_newsletter_gone", { newsletter_id: target.id });
    return notFound(request, { isGone, isSignedOut });
  }
  const caller = link ? service : reader.client;
  // The copies of what everybody sees are looked for with all rights, so what is not there must tell nothing of its
  // newsletter. Whether a response is there is known without setting its sheet.
  const picture = target.what.kind === "picture"
    ? await contentOf(target, row, caller, service, deps)
    : undefined;
  const isMissing = target.what.kind === "keepsake" && promptOf(row, target.what.response) === null;
  if (picture === null || isMissing) return notFound(request, { isSignedOut });

  // A reading link opens its own newsletter; of others it shows what everybody may see.
  const around = target.what.kind === "page" && row.is_published
    ? await findAround(link ? stranger : caller, row, addressesOf(deps))
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
  const content = picture ?? await contentOf(target, row, caller, service, deps);
  if (content === null) return notFound(request, { isSignedOut });
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

/** Who asks. */
class Reader {
  /** Whether they sent a token that is not accepted, or not any more. */
  isSignedOut = false;

  /** @param client Has their rights. */
  constructor(public client: Client, readonly stranger: Client) {}

  /** Read something with their rights; where their token is not accepted, from then on with those of anybody. */
  async read<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await ask(this.client);
    } catch (error) {
      if (this.client === this.stranger || !isRefusal(error)) throw error;
      const found = await ask(this.stranger);
      this.client = this.stranger;
      this.isSignedOut = true;
      return found;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [400, 401, 403].includes(error.status);
}

/** The reply where the API refuses to read for anybody, too; what else went wrong is thrown on. */
function refusal(error: unknown): Response {
  if (isRefusal(error)) return unauthorized();
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
  { reader, isAnonymous }: { reader: Reader; isAnonymous: boolean },
  deps: Deps,
): Promise<Response> {
  let found: Awaited<ReturnType<typeof findArchive>>;
  try {
    found = await reader.read((client) => findArchive(client, spaceId, kind, addressesOf(deps)));
  } catch (error) {
    return refusal(error);
  }
  if (found === null) return notFound(request, { isSignedOut: reader.isSignedOut });
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
