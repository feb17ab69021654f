/** What is behind the handlers: PostgREST, Storage and Postgres, as strict as they are. */

import { ApiError } from "../../../supabase/functions/_shared/platform/client.ts";
import { NEWSLETTER, PERSON, RESPONSE, SPACE } from "./constants.ts";
import { address, chance, pick, text, value } from "./values.ts";

/** As Postgres does: what it cannot keep it refuses, and PostgREST says so with 400. */
export function strict(...values: unknown[]): void {
  for (const value of values) {
    if (typeof value !== "string") continue;
    if (value.includes("\0") || !value.isWellFormed()) {
      throw new ApiError(
        "POST /rest/v1/rpc/x returned status 400: unsupported Unicode escape sequence",
        400,
        "22P05",
      );
    }
  }
}

/** PostgREST and Storage, as far as the function `newsletter` asks them. */
export const api: typeof fetch = (input, init) => {
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
    if (id === null) { // Those around a newsletter, or all of a space.
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
        init?.method === "GET" && id.endsWith(NEWSLETTER) ? [newsletterRow()] : [],
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
          Response.json(asked.response_id === RESPONSE ? NEWSLETTER : null),
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
function newsletterRow(): object {
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
    music: chance.hits(0.3) ? { url: address(), provider: text(), title: text(), artist: text() } : null,
    published_at: "2026-11-22T12:00:00Z",
  }));
  return {
    id: NEWSLETTER,
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
