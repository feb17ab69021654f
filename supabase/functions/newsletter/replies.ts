/** The headers of replies, and the replies that are not a newsletter. */

import { createHash } from "node:crypto";
import { isListed, type NewsletterRow } from "../_shared/newsletters/mod.ts";
import { problem } from "../_shared/platform/mod.ts";
import type { Around } from "../_shared/render/page_around.ts";
import { type NewsletterWords, newsletterWords } from "../_shared/render/words.ts";
import { acceptedLanguages, wordsIn } from "../_shared/words/words.ts";
import { gonePage, notFoundPage } from "./not_found.ts";
import type { Target } from "./target.ts";

/** On top of the page's own policy, which allows less: its one style sheet by its digest. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a request may be given a right by, in its headers: a user's token, or a secret key. */
const VARY = "authorization, apikey";

export const SECURITY = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // Applications read it from their own pages, with the reader's token.
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "etag, content-disposition",
  "vary": VARY,
};

export function digestOf(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/**
 * What may be kept, and for how long. A space may close its newsletters at any time, so nobody keeps one for long
 * without asking again; and nobody between keeps what anybody but a stranger is shown, which may lead on to more.
 */
export function caching(
  row: NewsletterRow,
  { what }: Target,
  { link, isAnonymous }: { link: string | undefined; isAnonymous: boolean },
  around: Around | null,
): { "cache-control": string; etag?: string } {
  // What is not stored yet, or can still change, is made anew each time.
  if (!row.is_published || row.html_path === null || what.kind === "preview" || what.kind === "copy") {
    return { "cache-control": "no-store" };
  }
  const isForAll = row.visibility === "PUBLIC" && isAnonymous;
  return {
    // Programs that show a card keep it for themselves; nobody between may.
    "cache-control": !isForAll
      ? "private, no-cache"
      : what.kind === "card"
      ? "public, no-cache"
      : "public, max-age=300",
    // With whether it is listed: "304 Not Modified" takes no header away from what a cache keeps.
    etag: `"${row.id}.${Date.parse(row.updated_at).toString(36)}.${variantOf(what, around)}${
      isListed(row) && link === undefined ? "" : ".noindex"
    }"`,
  };
}

/** What tells the files of one newsletter apart. */
function variantOf(what: Target["what"], around: Around | null): string {
  switch (what.kind) {
    case "page":
      return `page.${digestOf(JSON.stringify(around))}`;
    case "pdf":
      return what.sheet.paper === "print" ? what.sheet.size : `${what.sheet.size}.${what.sheet.paper}`;
    case "picture":
      return what.name;
    case "keepsake":
      return `keepsake.${what.response}`;
    default:
      return what.kind;
  }
}

export function matches(wanted: string | null, etag: string): boolean {
  if (wanted === null) return false;
  return wanted.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}

/** The reply to a program whose token is not accepted. */
export function unauthorized(): Response {
  return problem(401, "UNAUTHORIZED", "This token is not accepted. Sign in again.", SECURITY);
}

/**
 * One reply for what does not exist and for what is not for this reader; another for what everybody could read once.
 *
 * @param why `isGone`: it was deleted. `isSignedOut`: the reader sent a token that is not accepted, so they may be
 *   somebody who could read it.
 */
export function notFound(
  request: Request,
  { isGone = false, isSignedOut = false }: { isGone?: boolean; isSignedOut?: boolean } = {},
): Response {
  const headers = { ...SECURITY, "cache-control": "no-store", "vary": `${VARY}, accept-language` };
  const status = isGone ? 410 : 404;
  if (!request.headers.get("accept")?.includes("text/html")) {
    if (isSignedOut && !isGone) return unauthorized();
    return problem(
      status,
      "MG401",
      isGone
        ? "This newsletter has been deleted."
        : "There is no such newsletter, or it is not for you to read.",
      headers,
    );
  }
  // Nobody knows who reads this, but their browser knows what they read.
  const words = wordsIn(acceptedLanguages(request.headers.get("accept-language")));
  const page = isGone ? gonePage(words) : notFoundPage(words, isSignedOut);
  return new Response(request.method === "HEAD" ? null : page, {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8", "content-language": words.lang },
  });
}

/** What a browser does with what is not the page: a PDF is shown, and a file kept, under the newsletter's name. */
export function disposition({ what }: Target, row: NewsletterRow): Record<string, string> {
  switch (what.kind) {
    case "pdf":
      return { "content-disposition": `inline; filename="${fileName(row, ".pdf")}"` };
    case "keepsake":
      return {
        "content-disposition": `inline; filename="${fileName(row, ".pdf", ({ keepsake }) => keepsake)}"`,
      };
    case "file":
      return { "content-disposition": `attachment; filename="${fileName(row, ".html")}"` };
    default:
      return {};
  }
}

/**
 * "book-club-week-12.pdf", or "buchclub-woche-12-andenken.pdf", with nothing in it that a header or a file system could
 * misread: of Arabic only the number is left, and "a5" stands for what one of that size is called.
 */
function fileName(
  { content }: NewsletterRow,
  end: string,
  what?: (words: NewsletterWords) => string,
): string {
  const { space, week_number: week } = content;
  const words = newsletterWords([space.language]);
  const plain = (text: string) =>
    text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
      .toLowerCase();
  const name = plain(space.name).slice(0, 60) || "newsletter";
  const of = what === undefined ? "" : `-${plain(what(words)) || "a5"}`;
  return `${name}-${plain(words.week(Number(week)))}${of}${end}`;
}

export function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": "authorization, apikey, x-client-info, if-none-match",
      "access-control-max-age": "3600",
    },
  });
}
