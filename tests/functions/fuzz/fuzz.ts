/**
 * Throws everything at the edge functions' handlers and looks at what they reply.
 *
 *     deno run ... fuzz.ts FIRST_SEED COUNT
 *
 * One input a seed: a function, a method, a path, headers, a body; types, sizes, Unicode, null, arrays, deep JSON, huge bodies,
 * bytes that are no text. What is behind the handlers is as strict as PostgREST and Postgres are: it refuses NUL, lone
 * surrogates and ids that are none. No reply may be a 500 or say anything of what is inside, and none may come from a handler
 * that has not ended. Prints one JSON object: how many inputs, and those that failed.
 */

import { ApiError } from "../../../supabase/functions/_shared/platform/client.ts";
import { safely } from "../../../supabase/functions/_shared/platform/http.ts";
import { handle as deliver } from "../../../supabase/functions/deliver/handler.ts";
import { handle as mailEvents } from "../../../supabase/functions/mail-events/handler.ts";
import {
  CORS,
  handle as music,
} from "../../../supabase/functions/music/handler.ts";
import { resolve } from "../../../supabase/functions/music/resolve.ts";
import { handle as newsletter } from "../../../supabase/functions/newsletter/handler.ts";
import { handle as tick } from "../../../supabase/functions/tick/handler.ts";
import { handle as unsubscribe } from "../../../supabase/functions/unsubscribe/handler.ts";
import { Chance } from "../deliver/simulation.ts";

const SECRET_KEY = "sb_secret_for_fuzzing";
const WEBHOOK = crypto.getRandomValues(new Uint8Array(24));
const ENVIRONMENT = {
  url: "http://api.test",
  publishableKey: "sb_publishable_x",
  secretKey: SECRET_KEY,
  secretKeys: [SECRET_KEY],
};
const LETTER = "00000000-0000-4000-8000-00000000000a";
const SPACE = "00000000-0000-4000-8000-00000000000b";
const RESPONSE = "00000000-0000-4000-8000-00000000000c";
const TOKEN = "0123456789abcdef";
const NOW = Date.UTC(2026, 10, 23);
const PERSON = `x.${
  btoa(JSON.stringify({ sub: "1", role: "authenticated" }))
}.x`;

// What is behind -----------------------------------------------------------------------------------------------------

/** As Postgres does: what it cannot keep it refuses, and PostgREST says so with 400. */
function strict(...values: unknown[]): void {
  for (const value of values) {
    if (typeof value !== "string") continue;
    if (value.includes("\0") || !value.isWellFormed()) {
      throw new ApiError(
        "POST /rest/v1/rpc/x answered 400: unsupported Unicode escape sequence",
        400,
        "22P05",
      );
    }
  }
}

let chance = new Chance(0);

/** PostgREST and Storage, as far as the function `newsletter` asks them. */
const api: typeof fetch = (input, init) => {
  const url = new URL(String(input));
  const authorization = new Headers(init?.headers).get("authorization");
  if (authorization !== null && !authorization.endsWith(PERSON)) {
    const refusal = {
      code: "PGRST301",
      message: "JWSError JWSInvalidSignature",
    };
    return Promise.resolve(
      Response.json(refusal, { status: chance.hits(0.5) ? 401 : 400 }),
    );
  }
  const wanted = url.searchParams.get("id") ?? url.searchParams.get("space_id");
  if (wanted !== null && !isId(wanted.replace(/^eq\./, ""))) {
    return Promise.resolve(notAnId());
  }
  if (url.pathname === "/rest/v1/spaces") {
    const space = {
      id: SPACE,
      name: text(),
      description: chance.hits(0.5) ? text() : null,
      is_public: chance.hits(0.5),
      language: chance.hits(0.5) ? null : pick(["ar", "de", text()]),
      created_at: "2026-01-01T00:00:00Z",
    };
    return Promise.resolve(
      Response.json(chance.hits(0.7) && wanted === `eq.${SPACE}` ? [space] : []),
    );
  }
  if (url.pathname === "/rest/v1/newsletters") {
    const id = url.searchParams.get("id");
    if (id === null) { // Those around a letter, or all of a space.
      const rows = Array.from({ length: chance.below(4) }, () => ({
        id: crypto.randomUUID(),
        title: text(),
        intro: chance.hits(0.5) ? text() : null,
        week_number: 1 + chance.below(60),
        published_at: "2026-11-22T12:00:00.5+00:00",
        redacted_at: chance.hits(0.3) ? "2026-11-24T12:00:00+00:00" : null,
        theme: theme(),
      }));
      return Promise.resolve(Response.json(rows));
    }
    return Promise.resolve(
      Response.json(
        init?.method === "GET" && id.endsWith(LETTER) ? [letter()] : [],
      ),
    );
  }
  if (url.pathname.startsWith("/rest/v1/rpc/")) {
    const asked = JSON.parse(String(init?.body ?? "{}"));
    const ids = ["newsletter_id", "response_id"].map((name) => asked[name]);
    if (ids.some((id) => id !== undefined && !isId(id))) {
      return Promise.resolve(notAnId());
    }
    strict(...Object.values(asked));
    switch (url.pathname.split("/").pop()) {
      case "newsletter_pictures":
        return Promise.resolve(Response.json([]));
      case "newsletter_with_response":
        return Promise.resolve(
          Response.json(asked.response_id === RESPONSE ? LETTER : null),
        );
      case "opens_newsletter":
      case "is_newsletter_gone":
        return Promise.resolve(Response.json(chance.hits(0.5)));
    }
  }
  if (url.pathname.includes("/list/")) {
    return Promise.resolve(Response.json([]));
  }
  return Promise.resolve(
    Response.json({ statusCode: "404", error: "not_found" }, { status: 400 }),
  );
};

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

function notAnId(): Response {
  return Response.json({ code: "22P02", message: "invalid uuid" }, {
    status: 400,
  });
}

/** What a theme is made of, or was once. */
function theme(): unknown {
  return pick([
    null,
    {},
    { paper: "#12131a", ink: "#f2efe6", accent: "#e8b64c" },
    { paper: "#f4efe4", ink: "#2b2320", accent: text(), ornament: text() },
    chance.hits(0.1) ? value() : null,
  ]);
}

/** A published newsletter, with whatever somebody may have written. */
function letter(): object {
  const responses = Array.from({ length: chance.below(3) }, (_, index) => ({
    id: index === 0 ? RESPONSE : crypto.randomUUID(),
    author: {
      id: "p",
      display_name: text(),
      username: chance.hits(0.5) ? text() : null,
      avatar_path: null,
    },
    content: chance.hits(0.8) ? text() : null,
    image_path: chance.hits(0.2) ? `s/p/${text()}` : null,
    image_caption: chance.hits(0.2) ? text() : null,
    music: chance.hits(0.3)
      ? { url: address(), provider: text(), title: text(), artist: text() }
      : null,
    published_at: "2026-11-22T12:00:00Z",
  }));
  return {
    id: LETTER,
    space_id: SPACE,
    theme: theme(),
    title: text(),
    intro: text(),
    published_at: chance.hits(0.9) ? "2026-11-23T12:00:00Z" : null,
    is_published: chance.hits(0.9),
    visibility: chance.hits(0.5) ? "PUBLIC" : "MEMBERS",
    html_path: null,
    pdf_path: null,
    redacted_at: null,
    updated_at: "2026-11-23T12:00:00Z",
    content: {
      space: { id: "s", name: text(), description: text(), cover_path: null },
      week_number: 1 + chance.below(60),
      curator: chance.hits(0.5) ? { id: "p", display_name: text() } : null,
      prompts: [{ id: "q", order: 1, question: text(), responses }],
    },
  };
}

const FUNCTIONS: Record<string, (request: Request) => Promise<Response>> = {
  deliver: safely((request) =>
    deliver(request, {
      secretKeys: [SECRET_KEY],
      now: () => 0,
      jobs: () => Promise.resolve({ done: 0, more: false }),
      mails: () => Promise.resolve({ sent: 0, more: false }),
      again: () => {},
    })
  ),
  tick: safely((request) =>
    tick(request, {
      secretKeys: [SECRET_KEY],
      tick: () => Promise.resolve([]),
      deliver: () => {},
    })
  ),
  "mail-events": safely((request) =>
    mailEvents(request, {
      secret: `whsec_${btoa(String.fromCharCode(...WEBHOOK))}`,
      now: () => NOW,
      record: ({ provider_id, address, detail }) => {
        strict(provider_id, address, detail);
        return Promise.resolve();
      },
    })
  ),
  music: safely((request) =>
    music(request, {
      isPerson: (token) => Promise.resolve(token === PERSON),
      resolve: (url) => {
        const provider = () =>
          Promise.resolve(new Response(chance.hits(0.5) ? json() : text()));
        return resolve(url, { fetch: provider as typeof fetch });
      },
    }), CORS),
  newsletter: safely((request) =>
    newsletter(request, { environment: ENVIRONMENT, fetch: api })
  ),
  unsubscribe: safely((request) =>
    unsubscribe(request, {
      find: (token) => {
        strict(token);
        const on = {
          space_emails: true,
          email_newsletters: chance.hits(0.5),
          email_notifications: true,
        };
        return Promise.resolve(
          token === TOKEN ? { space_id: "s", space_name: text(), ...on } : null,
        );
      },
      stop: (token) => {
        strict(token);
        return Promise.resolve(token === TOKEN);
      },
    })
  ),
};

// What is thrown at them ---------------------------------------------------------------------------------------------

function pick<T>(values: readonly T[]): T {
  return values[chance.below(values.length)];
}

const PIECES = [
  "",
  "a",
  "hello world",
  "\0",
  "\ud800",
  "\udc00x",
  "\u202e",
  "\u200b",
  "\ufeff",
  "=?UTF-8?Q?x?=",
  "<script>alert(1)</script>",
  "' or 1=1 --",
  "\r\nBcc: x@example.test",
  "%00",
  "%zz",
  "../../etc/passwd",
  "שלום",
  "👩‍👩‍👧",
  "e\u0301".repeat(20),
  "https://example.org/?q=1",
  "$1 $& ${x}",
  "\\u0000",
  "NaN",
  "undefined",
  "[object Object]",
  "-0",
  "1e999",
];

/** Some text, seldom a long one. */
function text(): string {
  const some = Array.from({ length: 1 + chance.below(3) }, () => pick(PIECES))
    .join(chance.hits(0.5) ? "" : " ");
  return chance.hits(0.01) ? some.repeat(500) : some;
}

function address(): string {
  return pick([
    "https://www.youtube.com/watch?v=",
    "HTTPS://Example.ORG/",
    "http://[::1]/",
    "ftp://x/",
    "https://",
  ]) +
    text();
}

/** A value of any type, deep now and then. */
function value(depth = 0): unknown {
  switch (chance.below(depth > 3 ? 8 : 11)) {
    case 0:
      return null;
    case 1:
      return chance.hits(0.5);
    case 2:
      return pick([0, -1, 1, 1.5, 2 ** 53 + 2, -(2 ** 63), 1e308]);
    case 3:
    case 4:
    case 5:
    case 6:
      return text();
    case 7:
      return address();
    case 8:
      return Array.from({ length: chance.below(5) }, () => value(depth + 1));
    default:
      return Object.fromEntries(
        Array.from(
          { length: chance.below(5) },
          () => [text(), value(depth + 1)],
        ),
      );
  }
}

function json(): string {
  if (chance.hits(0.02)) return "[".repeat(20_000) + "]".repeat(20_000);
  if (chance.hits(0.02)) return '{"a":'.repeat(5_000) + "1" + "}".repeat(5_000);
  return JSON.stringify(value());
}

/** A body that has the form that a function wants, with values that it does not. */
function fitting(name: string): string {
  switch (name) {
    case "music":
      return JSON.stringify({ url: chance.hits(0.6) ? address() : value() });
    case "mail-events": {
      const types = [
        "bounced",
        "complained",
        "failed",
        "suppressed",
        "delivered",
      ].map((type) => `email.${type}`);
      const detail = () => ({
        type: value(),
        subType: value(),
        message: value(),
        reason: value(),
        diagnosticCode: value(),
      });
      const data = {
        email_id: value(),
        to: chance.hits(0.5) ? [`${text()}@example.test`, value()] : value(),
        [pick(["bounce", "failed", "suppressed"])]: chance.hits(0.8)
          ? detail()
          : value(),
      };
      return JSON.stringify({
        type: chance.hits(0.9) ? pick(types) : value(),
        data: chance.hits(0.9) ? data : value(),
      });
    }
    case "unsubscribe":
      return new URLSearchParams({
        scope: chance.hits(0.5) ? pick(["space", "everything"]) : text(),
      }).toString();
    default:
      return JSON.stringify({ chain: value(), first: value() });
  }
}

function body(name: string): string | Uint8Array<ArrayBuffer> {
  switch (chance.below(12)) {
    case 0:
      return "";
    case 1:
      return text();
    case 2:
      return json();
    case 3:
      return Uint8Array.from(
        { length: chance.below(300) },
        () => chance.below(256),
      );
    case 4:
      return fitting(name).slice(0, chance.below(60));
    case 5:
      return chance.hits(0.1)
        ? "x".repeat(2_000_000)
        : new Uint8Array(chance.below(20_000));
    case 6:
      return `--x\r\ncontent-disposition: form-data; name="${text()}"\r\n\r\n${text()}\r\n--x--`;
    default:
      return fitting(name);
  }
}

function path(name: string): string {
  const query = new URLSearchParams({
    [pick(["token", "scope", "size", "paper", "link", "x"])]: chance.hits(0.5)
      ? pick([TOKEN, "a4", "space", "screen", "x".repeat(32)])
      : text(),
    ...(chance.hits(0.7) ? { token: TOKEN } : {}),
  });
  const raw = chance.hits(0.2)
    ? pick(["?%", "?token=%ff%00", "?size=%E0%A4%A", "?" + "a=1&".repeat(500)])
    : `?${query}`;
  if (name !== "newsletter") return `/${name}${raw}`;
  const [before, own, after] = pick([
    ["", LETTER, null],
    ["", LETTER, null],
    ["keepsakes/", RESPONSE, [".pdf", ".pdf", ".pdf/", ".PDF", ".png", ""]],
    ["spaces/", SPACE, ["", "", "/", "/x"]],
    ["spaces/", SPACE, ["/feed.atom", "/feed.atom", "/feed.atom/", "/feed"]],
  ] as const);
  const id = chance.hits(0.7) ? own : pick([
    LETTER,
    RESPONSE,
    SPACE,
    crypto.randomUUID(),
    "f".repeat(36),
    "0".repeat(40_000),
    "",
    "0",
    "-".repeat(36),
    own.toUpperCase(),
    `${own}%00`,
    "%zz",
    text(),
  ]);
  const rest = pick(after ?? [
    "",
    "",
    ".pdf",
    ".html",
    "/preview",
    "/preview",
    "/card.png",
    "/card.png",
    "/pictures/a.png",
    "/pictures/%2e%2e",
    "/x",
    ".PDF",
    "//",
  ]);
  return `/newsletter/${before}${encodeURI(id.toWellFormed())}${rest}${raw}`;
}

/** A header's value: bytes without line ends. */
function header(): string {
  // deno-lint-ignore no-control-regex
  return text().replace(/[^\x20-\x7e\x80-\xff]/g, "?").trim();
}

async function request(name: string): Promise<Request> {
  const usual: Record<string, string[]> = {
    newsletter: ["GET"],
    unsubscribe: ["GET", "POST"],
  };
  const method = chance.hits(0.85) ? pick(usual[name] ?? ["POST"]) : pick([
    "GET",
    "HEAD",
    "OPTIONS",
    "PUT",
    "PATCH",
    "DELETE",
    "POST",
    "PURGE",
  ]);
  const headers = new Headers();
  if (["deliver", "tick"].includes(name) && chance.hits(0.9)) {
    headers.set("apikey", SECRET_KEY);
  }
  if (name === "music" && chance.hits(0.9)) {
    headers.set("authorization", `Bearer ${PERSON}`);
  }
  if (name === "newsletter" && chance.hits(0.3)) {
    headers.set(
      "authorization",
      chance.hits(0.5) ? `Bearer ${PERSON}` : header(),
    );
  }
  for (
    const one of [
      "accept",
      "content-type",
      "if-none-match",
      "content-length",
      "authorization",
      "apikey",
    ]
  ) {
    if (chance.hits(0.08)) headers.set(one, header());
  }
  if (chance.hits(0.5)) {
    headers.set(
      "content-type",
      pick([
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
      ]),
    );
  }
  const hasBody = !["GET", "HEAD"].includes(method);
  const content = hasBody ? body(name) : undefined;
  if (name === "mail-events" && content !== undefined && chance.hits(0.9)) {
    await sign(headers, content);
  }
  const url = `http://functions.test${path(name)}`;
  if (content === undefined || chance.hits(0.8)) {
    return new Request(url, { method, headers, body: content });
  }
  // Without a length, in pieces.
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const pieces = new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 1000) {
        controller.enqueue(bytes.slice(at, at + 1000));
      }
      if (chance.hits(0.05)) controller.error(new Error("the sender is gone"));
      else controller.close();
    },
  });
  return new Request(url, { method, headers, body: pieces });
}

async function sign(
  headers: Headers,
  content: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const key = await crypto.subtle.importKey(
    "raw",
    WEBHOOK,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const timestamp = String(Math.floor(NOW / 1000));
  const start = new TextEncoder().encode(`m.${timestamp}.`);
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const signed = new Uint8Array([...start, ...bytes]);
  const signature = new Uint8Array(
    await crypto.subtle.sign("HMAC", key, signed),
  );
  headers.set("svix-id", "m");
  headers.set("svix-timestamp", timestamp);
  headers.set(
    "svix-signature",
    `v1,${btoa(String.fromCharCode(...signature))}`,
  );
}

// What they may reply ------------------------------------------------------------------------------------------------

/** Paths, stack traces, words of the database or of the language. */
const INTERNAL =
  /file:\/\/|\/supabase\/functions|\bat \S+\.ts:\d|\.ts:\d+:\d+|SQLSTATE|PGRST\d|22P0\d|private\.|rest\/v1|TypeError|SyntaxError|RangeError|ApiError|Cannot read prop|is not a function|unsupported Unicode/;

/** What never ends, on however busy a machine. */
const SLOW_MS = 30_000;

async function judge(name: string, asked: Request): Promise<string | null> {
  const start = performance.now();
  const reply = await FUNCTIONS[name](asked);
  const said = await reply.text();
  const took = performance.now() - start;
  if (reply.status >= 500) {
    return `status ${reply.status}: ${said.slice(0, 200)}`;
  }
  const type = reply.headers.get("content-type") ?? "";
  // A page says what people wrote; everything else is ours.
  const isTheirs = name === "newsletter" && reply.status === 200 ||
    name === "music" && reply.status === 200;
  if (!isTheirs && INTERNAL.test(said)) {
    return `internals: ${INTERNAL.exec(said)![0]} in ${said.slice(0, 200)}`;
  }
  if (reply.status >= 400 && type.includes("json")) {
    const { code, message } = JSON.parse(said);
    if (typeof code !== "string" || typeof message !== "string") {
      return `an error without words: ${said}`;
    }
  }
  if (took > SLOW_MS) return `it took ${Math.round(took)} ms`;
  return null;
}

const [first, count] = Deno.args.map(Number);
const failures: { seed: number; name: string; reason: string }[] = [];
const replies: Record<string, number> = {};
/** What the handlers wrote into their log. */
let logged = "";
console.error = (line: string) => logged = line;
console.warn = () => {};
for (let seed = first; seed < first + count; seed++) {
  chance = new Chance(seed);
  // PDFs take their time; a few are enough.
  const name = pick(Object.keys(FUNCTIONS));
  let asked: Request;
  try {
    asked = await request(name);
  } catch (error) {
    failures.push({
      seed,
      name,
      reason: `the input cannot be made: ${(error as Error).message}`,
    });
    continue;
  }
  const shown = `${asked.method} ${asked.url}`;
  try {
    const reason = await judge(name, asked);
    if (reason !== null) {
      failures.push({
        seed,
        name,
        reason: `${shown.slice(0, 200)}: ${reason} ${logged}`,
      });
    }
  } catch (error) {
    failures.push({
      seed,
      name,
      reason: `${shown.slice(0, 200)}: ${(error as Error).stack}`,
    });
  }
  replies[name] = (replies[name] ?? 0) + 1;
  if (failures.length >= 10) break;
}
console.log(
  JSON.stringify({
    inputs: Object.values(replies).reduce((sum, number) => sum + number, 0),
    replies,
    failures,
  }),
);
Deno.exit(0);
