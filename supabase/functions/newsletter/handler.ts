/**
 * The newsletter on the web:
 *
 *     GET /newsletter/{id}                      the page, with its pictures beside it
 *     GET /newsletter/{id}.html                 the page as one file, to keep
 *     GET /newsletter/{id}.pdf?size=a4|letter   the PDF, coloured as the page with &paper=screen
 *     GET /newsletter/keepsakes/{response}.pdf  a sheet of A5 with one response of a published newsletter
 *     GET /newsletter/{id}/card.png             the picture that programs show beside a link to it
 *     GET /newsletter/{id}/pictures/{name}      a picture, for page and email: as the newsletter itself; faces and covers for all
 *     GET /newsletter/{id}/preview              page and email as JSON, nothing stored or sent
 *     GET /newsletter/{id}/copy                 the page as some reader was shown it, for who checks theirs; with a secret key
 *     GET /newsletter/spaces/{id}               all letters of a space that the reader may see, where they see the space
 *     GET /newsletter/spaces/{id}/feed.atom     those of a public space that everybody may read, as Atom
 *
 * Who sees what is the database's decision: everything here is read with the rights of whoever asks, by their token in
 * `Authorization`, by a secret key in `apikey`, or as anybody. What they may not see does not exist: the answer is the same as for an identifier that
 * nobody has.
 *
 * Page, PDF and pictures also open with `?link=`, the token in the email of one member: for as long as they are one and have
 * not withdrawn it, whatever the visibility. A token that opens nothing is as if there were none.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type Addresses,
  BUCKET,
  cardName,
  findArchive,
  findAround,
  findGivenAround,
  findNewsletter,
  folderOf,
  isId,
  isListed,
  isOpen,
  isShown,
  makeCard,
  makeKeepsake,
  makePdf,
  type NewsletterRow,
  pageAddress,
  pageName,
  pdfName,
  prepare,
  previewMail,
  type Sheet,
  storePage,
  storePdf,
  warningsOf,
  wasChanged,
  withReading,
} from "../_shared/newsletters/mod.ts";
import {
  ApiError,
  Client,
  type Environment,
  problem,
  refuseWithoutSecretKey,
  userToken,
} from "../_shared/platform/mod.ts";
import { renderArchive, renderFeed } from "../_shared/render/archive.ts";
import { escapeHtml } from "../_shared/render/html.ts";
import { buildLetter } from "../_shared/render/letter.ts";
import { type Around, renderPage, shown } from "../_shared/render/page.ts";
import { type LetterWords, letterWords } from "../_shared/render/words.ts";
import { acceptedLanguages, wordsIn } from "../_shared/words/words.ts";
import { gonePage, notFoundPage } from "./not_found.ts";

export interface Deps {
  environment: Environment;
  /** `NEWSLETTER_URL`: where the application shows newsletters; see `pageAddress`. */
  pageTemplate?: string;
  fetch?: typeof fetch;
}

/** The bucket takes no larger objects. */
const LARGEST = 20 * 1024 * 1024;

/** On top of the page's own policy, which allows less: its one style sheet by its digest. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a request may be given a right by, in its headers: a user's token, or a secret key. */
const VARY = "authorization, apikey";

const SECURITY = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // Applications read it from their own pages, with the reader's token.
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "etag, content-disposition",
  "vary": VARY,
};

/** The form of a reading link's token. */
const TOKEN = /^[\w-]{32}$/;

interface Target {
  id: string;
  what:
    | { kind: "page" | "file" | "card" | "preview" | "copy" }
    | { kind: "pdf"; sheet: Sheet }
    | { kind: "picture"; name: string }
    | { kind: "keepsake"; response: string };
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
  const token = userToken(request);
  const hasSecretKey = await refuseWithoutSecretKey(request, deps.environment) === null;
  const caller = hasSecretKey ? service : Client.caller(deps.environment, token, options);
  const url = new URL(request.url);
  // Whoever shows anything that may open more is no stranger, whether it opened more this time or not.
  const isStranger = !hasSecretKey && token === null && !url.searchParams.has("link");
  if (/\.pdf$/i.test(url.pathname) && sheetOf(url.searchParams) === null) {
    return problem(400, "MG001", "size is a4 or letter, paper is print or screen.", SECURITY);
  }
  const space = /^\/(?:newsletter\/)?spaces\/([0-9a-f-]{36})(\/feed\.atom)?\/?$/i.exec(url.pathname);
  if (space !== null) {
    const kind = space[2] === undefined ? "archive" : "feed";
    return await archive(request, space[1].toLowerCase(), kind, { caller, isStranger }, deps);
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
    ...caching(row, target, { link, isStranger }, around),
    // Here and not in the stored page, which would say what was so when it was made.
    ...(isListed(row) && link === undefined ? {} : { "x-robots-tag": "noindex" }),
  };
  const etag = headers.etag;
  if (etag !== undefined && matches(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const content = await contentOf(target, row, link ? service : caller, service, deps);
  if (content === null) return notFound(request);
  const words = letterWords([row.content.space.language]);
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

const HTML = "text/html; charset=utf-8";

const NOTHING_AROUND: Around = { previous: null, next: null, all: null, feed: null };

function addressesOf({ environment, pageTemplate }: Deps): Addresses {
  return { project: environment.url, pageTemplate };
}

/** The reply to a token that the API refuses; what else went wrong is thrown on. */
function unauthorized(error: unknown): Response {
  if (error instanceof ApiError && [400, 401, 403].includes(error.status)) {
    return problem(401, "UNAUTHORIZED", "This token is not accepted. Sign in again.", SECURITY);
  }
  throw error;
}

/** All letters of a space. Both are made for each reader, and kept by nobody without asking again: a space may close at any time. */
async function archive(
  request: Request,
  spaceId: string,
  kind: "archive" | "feed",
  { caller, isStranger }: { caller: Client; isStranger: boolean },
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
    "cache-control": found.isPublic && isStranger ? "public, no-cache" : "private, no-cache",
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

function digestOf(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** What the path asks for, or null where it asks for nothing that can exist. */
function targetOf({ pathname, searchParams }: URL): Target | null {
  const [, given, what] = pathname.match(
    /^\/(?:newsletter\/)?([0-9a-f-]{36})(\.pdf|\.html|\/preview|\/copy|\/card\.png|\/pictures\/[\w.-]+)?\/?$/i,
  ) ?? [];
  if (given === undefined) return null;
  const id = given.toLowerCase();
  if (what === undefined) return { id, what: { kind: "page" } };
  // All but the name of a picture, which storage takes as it is.
  const rest = /^\/pictures\//i.test(what) ? what : what.toLowerCase();
  if (rest === "/card.png") return { id, what: { kind: "card" } };
  if (rest === "/preview") return { id, what: { kind: "preview" } };
  if (rest === "/copy") return { id, what: { kind: "copy" } };
  if (rest === ".html") return { id, what: { kind: "file" } };
  if (rest !== ".pdf") return { id, what: { kind: "picture", name: rest.slice("/pictures/".length) } };
  const sheet = sheetOf(searchParams);
  return sheet === null ? null : { id, what: { kind: "pdf", sheet } };
}

/** The published newsletter that has the response whose keepsake the path asks for. */
async function keepsakeOf({ pathname }: URL, service: Client): Promise<Target | null> {
  const response = pathname.match(/^\/(?:newsletter\/)?keepsakes\/([0-9a-f-]{36})\.pdf$/i)?.[1].toLowerCase();
  if (response === undefined || !isId(response)) return null;
  const id = await service.rpc<string | null>("newsletter_with_response", { response_id: response });
  return id === null ? null : { id, what: { kind: "keepsake", response } };
}

const SIZES: ReadonlyMap<string, Sheet["size"]> = new Map([["a4", "A4"], ["letter", "LETTER"]]);
const PAPERS: ReadonlyMap<string, Sheet["paper"]> = new Map([["print", "print"], ["screen", "screen"]]);

/** The paper that is asked for; null where there is none of this name. */
function sheetOf(params: URLSearchParams): Sheet | null {
  const size = SIZES.get(params.get("size")?.toLowerCase() ?? "a4");
  const paper = PAPERS.get(params.get("paper")?.toLowerCase() ?? "print");
  return size === undefined || paper === undefined ? null : { size, paper };
}

/**
 * With whose rights a newsletter is looked for. A picture of a person and a cover are for everybody wherever they are set, and an
 * email that is out shows them whatever becomes of newsletter, space and people: the copies are for whoever has the address.
 */
function readerOf({ what }: Target, caller: Client, service: Client): Client {
  return what.kind === "picture" && isOpen(what.name) ? service : caller;
}

/** The token of a request that opens what is asked for, if there is one. */
async function openingLink(
  { id, what }: Target,
  params: URLSearchParams,
  service: Client,
): Promise<string | undefined> {
  const token = params.get("link");
  if (token === null || !TOKEN.test(token) || !isId(id) || what.kind === "preview") return undefined;
  const opens = await service.rpc<boolean>("opens_newsletter", { newsletter_id: id, token });
  return opens ? token : undefined;
}

/**
 * Let a page's links to itself and to the PDF, and its pictures, open for a reader as the page did; and from an address that ends with
 * a slash, too.
 */
function leadOn(
  bytes: Uint8Array<ArrayBuffer>,
  id: string,
  { link, isFolder }: { link: string | undefined; isFolder: boolean },
  { project, pageTemplate }: Addresses,
): Uint8Array<ArrayBuffer> {
  if (link === undefined && !isFolder) return bytes;
  const own = link === undefined ? "" : `?link=${link}`;
  // One character a byte: all that is looked for is ASCII. No text of a letter holds a quotation mark, nor is a relative address.
  let page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  page = page.replace(
    new RegExp(` (src|srcset|href)="(${id}[./][^"]*)"`, "g"),
    (_, name, value: string) => {
      const led = value.split(", ").map((one) => one.replace(/^\S+/, (address) => `${address}${own}`));
      return ` ${name}="${led.map((one) => isFolder ? `../${one}` : one).join(", ")}"`;
    },
  );
  const addresses = [
    pageAddress(project, id, pageTemplate),
    `${pageAddress(project, id)}.pdf`,
  ];
  for (const address of link === undefined ? [] : addresses) {
    page = page.replaceAll(
      `<a href="${escapeHtml(address)}"`,
      () => `<a href="${escapeHtml(withReading(address, link))}"`,
    );
  }
  return new Uint8Array(Buffer.from(page, "latin1"));
}

/**
 * Make a stored page what one reader was shown: all that is not the same for every reader is given, so that a copy that
 * somebody kept can be compared byte for byte.
 *
 * @param params `previous` and `next`: newsletters of the same space; `previous_week`, `previous_title` and so on: what is said of one
 *   that there is not. `all`: whether it led to all of them. `feed`: what the
 *   feed was called. `reading`: the token of a reading link, whether it still opens anything or not. `folder`: whether
 *   the address ended with a slash. `project`, `template`: where project and pages were, if elsewhere than now.
 */
async function asGiven(
  bytes: Uint8Array<ArrayBuffer>,
  row: NewsletterRow,
  params: URLSearchParams,
  service: Client,
  now: Addresses,
): Promise<Uint8Array<ArrayBuffer>> {
  const addresses = {
    project: params.get("project") ?? now.project,
    pageTemplate: params.get("template") ?? now.pageTemplate,
  };
  const beside = (name: "previous" | "next") => ({
    id: params.get(name),
    week: Number(params.get(`${name}_week`) ?? NaN),
    title: params.get(`${name}_title`),
  });
  const around = await findGivenAround(service, row, addresses, {
    previous: beside("previous"),
    next: beside("next"),
    all: params.has("all"),
    feed: params.get("feed"),
  });
  const page = shown(bytes, around, letterWords([row.content.space.language]));
  const reading = params.get("reading") ?? "";
  const link = TOKEN.test(reading) ? reading : undefined;
  return leadOn(page, row.id, { link, isFolder: params.has("folder") }, addresses);
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
  // What was made while somebody was taken out of the newsletter may still show them.
  const storedUnlessChanged = async (name: string, type: string): Promise<Content | null> => {
    if (!await wasChanged(service, row)) return await stored(name, type);
    await service.remove(BUCKET, name);
    return null;
  };
  const prepared = () => prepare(service, row, addressesOf(deps));
  switch (what.kind) {
    case "page":
    case "copy": {
      const page = row.html_path && await stored(pageName(row), HTML);
      if (page) return page;
      const found = await prepared();
      // A draft has no copies of its pictures, so nothing lies beside its page.
      if (!row.is_published) {
        return { bytes: renderPage((await found.letter("page")).letter).bytes(), type: HTML };
      }
      const letter = found.readingLetter();
      if (row.html_path === null) return { bytes: renderPage(letter).bytes(), type: HTML };
      return await storedUnlessChanged(await storePage(service, row, letter), HTML);
    }
    case "file": {
      const file = row.html_path && await stored(row.html_path, HTML);
      if (file) return file;
      const { letter } = await (await prepared()).letter("page");
      return { bytes: renderPage(letter).bytes(), type: HTML };
    }
    case "card": {
      if (!row.is_published) return null;
      const bytes = await service.download(BUCKET, cardName(row), LARGEST) ??
        await makeCard(service, buildLetter({ newsletter: row, theme: row.theme }));
      return { bytes, type: "image/png" };
    }
    case "pdf": {
      const pdf = row.pdf_path && await stored(pdfName(row, what.sheet), "application/pdf");
      if (pdf) return pdf;
      const { letter } = await (await prepared()).letter("print");
      // The first who wants a newsletter in this size has it made for all. Drafts are not stored: they change.
      if (row.pdf_path !== null) {
        const { name } = await storePdf(service, row, letter, what.sheet);
        return await storedUnlessChanged(name, "application/pdf");
      }
      const { bytes } = await makePdf(service, letter, what.sheet);
      return { bytes, type: "application/pdf" };
    }
    case "keepsake": {
      const letter = row.is_published ? await (await prepared()).keepsakeLetter(what.response) : null;
      return letter && { bytes: (await makeKeepsake(service, letter)).bytes, type: "application/pdf" };
    }
    case "picture": {
      // Whoever sees the newsletter sees its pictures, and no longer those of somebody who was taken out of it.
      if (!row.is_published || !isShown(row, what.name)) return null;
      const bytes = await service.download(BUCKET, `${folderOf(row)}/pictures/${what.name}`, LARGEST);
      return bytes && { bytes, type: `image/${what.name.split(".").pop()}` };
    }
    case "preview": {
      const found = await prepared();
      const { letter, leftOut } = await found.letter("page");
      const { mail, warnings: inMail } = previewMail(row, found);
      const warnings = [
        ...await warningsOf(service, letter, [...found.album.leftOut, ...leftOut]),
        ...inMail,
      ];
      const pending = found.album.leftOut.filter(({ reason }) => reason === "PENDING");
      const preview = JSON.stringify({
        page: new TextDecoder().decode(shown(renderPage(letter).bytes(), NOTHING_AROUND, letter.words)),
        mail,
        warnings,
        pending: pending.map(({ path }) => path),
      });
      return { bytes: new TextEncoder().encode(preview), type: "application/json" };
    }
  }
}

/**
 * What may be kept, and for how long. A space may close its newsletters at any time, so nobody keeps one for long
 * without asking again; and nobody between keeps what anybody but a stranger is shown, which may lead on to more.
 */
function caching(
  row: NewsletterRow,
  { what }: Target,
  { link, isStranger }: { link: string | undefined; isStranger: boolean },
  around: Around | null,
): { "cache-control": string; etag?: string } {
  // What is not stored yet, or can still change, is made anew each time.
  if (!row.is_published || row.html_path === null || what.kind === "preview" || what.kind === "copy") {
    return { "cache-control": "no-store" };
  }
  const isForAll = row.visibility === "PUBLIC" && isStranger;
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

function matches(wanted: string | null, etag: string): boolean {
  if (wanted === null) return false;
  return wanted.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}

/** One reply for what does not exist and for what is not for this reader; another for what everybody could read once. */
function notFound(request: Request, isGone = false): Response {
  const headers = { ...SECURITY, "cache-control": "no-store", "vary": `${VARY}, accept-language` };
  const status = isGone ? 410 : 404;
  if (!request.headers.get("accept")?.includes("text/html")) {
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
  return new Response(request.method === "HEAD" ? null : isGone ? gonePage(words) : notFoundPage(words), {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8", "content-language": words.lang },
  });
}

/** What a browser does with what is not the page: a PDF is shown, and a file kept, under the newsletter's name. */
function disposition({ what }: Target, row: NewsletterRow): Record<string, string> {
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
 * "book-club-week-12.pdf", or "buchclub-woche-12-andenken.pdf", with nothing in it that a header or a file system could misread:
 * of Arabic only the number is left, and "a5" stands for what one of that size is called.
 */
function fileName({ content }: NewsletterRow, end: string, what?: (words: LetterWords) => string): string {
  const { space, week_number: week } = content;
  const words = letterWords([space.language]);
  const plain = (text: string) =>
    text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
      .toLowerCase();
  const name = plain(space.name).slice(0, 60) || "newsletter";
  const of = what === undefined ? "" : `-${plain(what(words)) || "a5"}`;
  return `${name}-${plain(words.week(Number(week)))}${of}${end}`;
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
