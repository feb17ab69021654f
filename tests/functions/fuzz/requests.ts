/** The requests that are sent to the handlers: methods, paths, headers and bodies, valid and not. */

import { NEWSLETTER, NOW, PERSON, RESPONSE, SECRET_KEY, SPACE, TOKEN, WEBHOOK } from "./constants.ts";
import { address, chance, json, pick, text, value } from "./values.ts";

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
        [pick(["bounce", "failed", "suppressed"])]: chance.hits(0.8) ? detail() : value(),
      };
      return JSON.stringify({
        type: chance.hits(0.9) ? pick(types) : value(),
        data: chance.hits(0.9) ? data : value(),
      });
    }
    case "unsubscribe":
      return new URLSearchParams({
        scope: chance.hits(0.5) ? pick(["space", "everything", "undo"]) : text(),
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
      return chance.hits(0.1) ? "x".repeat(2_000_000) : new Uint8Array(chance.below(20_000));
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
  const [before, own, after] = pick(
    [
      ["", NEWSLETTER, null],
      ["", NEWSLETTER, null],
      ["keepsakes/", RESPONSE, [".pdf", ".pdf", ".pdf/", ".PDF", ".png", ""]],
      ["spaces/", SPACE, ["", "", "/", "/x"]],
      ["spaces/", SPACE, ["/feed.atom", "/feed.atom", "/feed.atom/", "/feed"]],
    ] as const,
  );
  const id = chance.hits(0.7) ? own : pick([
    NEWSLETTER,
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
  const rest = pick(
    after ?? [
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
    ],
  );
  return `/newsletter/${before}${encodeURI(id.toWellFormed())}${rest}${raw}`;
}

/** A header's value: bytes without line ends. */
function header(): string {
  // deno-lint-ignore no-control-regex
  return text().replace(/[^\x20-\x7e\x80-\xff]/g, "?").trim();
}

export async function request(name: string): Promise<Request> {
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
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
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
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
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
