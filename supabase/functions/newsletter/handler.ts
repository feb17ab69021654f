/**
 * The newsletter on the web:
 *
 *     GET /newsletter/{id}                      the page
 *     GET /newsletter/{id}.pdf?size=a4|letter   the PDF
 *     GET /newsletter/{id}/pictures/{name}      a picture, for the email
 *     GET /newsletter/{id}/preview              page and email as JSON, nothing stored or sent
 *
 * Who sees what is the database's decision: everything here is read with the rights of whoever asks, by their token in
 * `Authorization`, by a secret key in `apikey`, or as anybody. What they may not see does not exist: the answer is the same as for an identifier that
 * nobody has. There is no other key to a newsletter that is for members: a link that opens it for whoever holds it would
 * make it public in all but name.
 */

import {
  BUCKET,
  findNewsletter,
  folderOf,
  makePdf,
  type NewsletterRow,
  pdfName,
  prepare,
  storePdf,
} from "../_shared/newsletters/mod.ts";
import {
  ApiError,
  Client,
  type Environment,
  problem,
  refuseWithoutSecretKey,
  userToken,
} from "../_shared/platform/mod.ts";
import { finishMail, prepareMail } from "../_shared/render/mail.ts";
import { renderPage } from "../_shared/render/page.ts";
import type { PageSize } from "../_shared/render/pdf.ts";
import { notFoundPage } from "./not_found.ts";

export interface Deps {
  environment: Environment;
  /** `NEWSLETTER_URL`: where the application shows newsletters; see `pageAddress`. */
  pageTemplate?: string;
  fetch?: typeof fetch;
}

/** The bucket takes no larger objects. */
const LARGEST = 20 * 1024 * 1024;

/** On top of the page's own policy, which allows less: its one style sheet by its digest. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data: https: http:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SECURITY = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // Applications read it from their own pages, with the reader's token.
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "etag, content-disposition",
  "vary": "authorization",
};

interface Target {
  id: string;
  what: { kind: "page" | "preview" } | { kind: "pdf"; size: PageSize } | { kind: "picture"; name: string };
}

interface Content {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
}

/** Answer one request. */
export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method === "OPTIONS") return preflight();
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(405, "METHOD_NOT_ALLOWED", "Newsletters are only read here.", {
      allow: "GET, HEAD, OPTIONS",
    });
  }
  const options = { fetch: deps.fetch };
  const service = Client.service(deps.environment, options);
  const caller = await refuseWithoutSecretKey(request, deps.environment) === null
    ? service
    : Client.caller(deps.environment, userToken(request), options);
  const target = targetOf(new URL(request.url));
  let row: NewsletterRow | null;
  try {
    row = target && await findNewsletter(caller, target.id);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      return problem(401, "UNAUTHORIZED", "This token is not accepted. Sign in again.", SECURITY);
    }
    throw error;
  }
  if (target === null || row === null) return notFound(request);

  const headers = { ...SECURITY, ...caching(row, target) };
  const etag = headers.etag;
  if (etag !== undefined && matches(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const content = await contentOf(target, row, caller, service, deps);
  if (content === null) return notFound(request);
  return new Response(request.method === "HEAD" ? null : content.bytes, {
    headers: {
      ...headers,
      "content-type": content.type,
      "content-length": String(content.bytes.length),
      ...(target.what.kind === "pdf" ? { "content-disposition": `inline; filename="${fileName(row)}"` } : {}),
    },
  });
}

/** What the path asks for, or null where it asks for nothing that can exist. */
function targetOf({ pathname, searchParams }: URL): Target | null {
  const [, id, rest] =
    pathname.match(/^\/(?:newsletter\/)?([0-9a-f-]{36})(\.pdf|\/preview|\/pictures\/[\w.-]+)?\/?$/) ?? [];
  if (id === undefined) return null;
  if (rest === undefined) return { id, what: { kind: "page" } };
  if (rest === "/preview") return { id, what: { kind: "preview" } };
  if (rest !== ".pdf") return { id, what: { kind: "picture", name: rest.slice(1) } };
  switch (searchParams.get("size")?.toLowerCase() ?? "a4") {
    case "a4":
      return { id, what: { kind: "pdf", size: "A4" } };
    case "letter":
      return { id, what: { kind: "pdf", size: "LETTER" } };
    default:
      return null;
  }
}

async function contentOf(
  { what }: Target,
  row: NewsletterRow,
  caller: Client,
  service: Client,
  deps: Deps,
): Promise<Content | null> {
  const stored = async (name: string, type: string): Promise<Content | null> => {
    const bytes = await caller.download(BUCKET, name, LARGEST);
    return bytes && { bytes, type };
  };
  const prepared = () =>
    prepare(service, row, { project: deps.environment.url, pageTemplate: deps.pageTemplate });
  switch (what.kind) {
    case "page": {
      const page = row.html_path && await stored(row.html_path, "text/html; charset=utf-8");
      return page ||
        { bytes: renderPage((await prepared()).letter).bytes(), type: "text/html; charset=utf-8" };
    }
    case "pdf": {
      const pdf = row.pdf_path && await stored(pdfName(row, what.size), "application/pdf");
      if (pdf) return pdf;
      const { letter } = await prepared();
      // The first who wants a newsletter in this size has it made for all. Drafts are not stored: they change.
      if (row.pdf_path !== null) {
        return await stored(await storePdf(service, row, letter, what.size), "application/pdf");
      }
      const { bytes } = await makePdf(letter, what.size);
      return { bytes, type: "application/pdf" };
    }
    case "picture":
      return row.visibility === "PUBLIC" && row.is_published
        ? await stored(`${folderOf(row)}/${what.name}`, `image/${what.name.split(".").pop()}`)
        : null;
    case "preview": {
      const { letter, mailLetter } = await prepared();
      const mail = finishMail(prepareMail(mailLetter), {});
      const preview = JSON.stringify({ page: renderPage(letter).html, mail });
      return { bytes: new TextEncoder().encode(preview), type: "application/json" };
    }
  }
}

/**
 * What may be kept, and for how long. A space may close its newsletters at any time, so nobody keeps one for long
 * without asking again.
 */
function caching(row: NewsletterRow, { what }: Target): { "cache-control": string; etag?: string } {
  // What is not stored yet, or can still change, is made anew each time.
  if (!row.is_published || row.html_path === null || what.kind === "preview") {
    return { "cache-control": "no-store" };
  }
  const variant = what.kind === "pdf" ? what.size : what.kind === "picture" ? what.name : "page";
  return {
    "cache-control": row.visibility === "PUBLIC" ? "public, max-age=300" : "private, no-cache",
    etag: `"${row.id}.${Date.parse(row.updated_at).toString(36)}.${variant}"`,
  };
}

function matches(wanted: string | null, etag: string): boolean {
  if (wanted === null) return false;
  return wanted.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}

/** One answer for what does not exist and for what is not for this reader. */
function notFound(request: Request): Response {
  const headers = { ...SECURITY, "cache-control": "no-store" };
  if (!request.headers.get("accept")?.includes("text/html")) {
    return problem(404, "MG401", "There is no such newsletter, or it is not for you to read.", headers);
  }
  return new Response(request.method === "HEAD" ? null : notFoundPage(), {
    status: 404,
    headers: { ...headers, "content-type": "text/html; charset=utf-8" },
  });
}

/** "book-club-week-12.pdf", with nothing in it that a header or a file system could misread. */
function fileName({ content }: NewsletterRow): string {
  const name = content.space.name.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
    .toLowerCase();
  return `${name.slice(0, 60) || "newsletter"}-week-${Number(content.week_number)}.pdf`;
}

function preflight(): Response {
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
