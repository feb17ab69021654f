/** What Storage cannot be asked is neither taken for missing nor made anew by whoever asks. */

import { deepStrictEqual as equal, rejects } from "node:assert";
import { ApiError } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const SPACE = "00000000-0000-4000-8000-000000000002";
const LETTER = "letter";
const FOLDER = `/storage/v1/object/newsletters/${SPACE}/${ID}`;

const ROW = {
  id: ID,
  space_id: SPACE,
  week_number: 1,
  title: "Club, week 1",
  name: "Club",
  visibility: "PUBLIC",
  is_published: true,
  html_path: `${SPACE}/${ID}/newsletter.html`,
  pdf_path: `${SPACE}/${ID}/newsletter.pdf`,
  updated_at: "2026-01-02T03:04:05Z",
  space: { is_public: true },
  content: { space: { name: "Club", cover_path: `${SPACE}/cover.jpg` }, prompts: [], week_number: 1 },
};

/**
 * Ask for something of a published newsletter, of a project whose Storage gives one reply; return also what it was
 * asked for.
 */
async function ask(
  what: string,
  stored: Response,
): Promise<{ asked: string[]; reply: Promise<Response> }> {
  const asked: string[] = [];
  const reply = handle(new Request(`http://api.example/newsletter/${ID}${what}`), {
    environment: {
      url: "http://api.example",
      publishableKey: "sb_publishable_x",
      secretKey: "sb_secret_x",
      secretKeys: [],
    },
    fetch: ((input: string, init: RequestInit) => {
      const { pathname } = new URL(input);
      asked.push(`${init.method} ${pathname}`);
      return Promise.resolve(pathname.startsWith("/rest/") ? Response.json([ROW]) : stored.clone());
    }) as typeof fetch,
  });
  await reply.catch(() => {});
  return { asked, reply };
}

const FILES: [string, string][] = [
  ["", "page.html"],
  [".html", "newsletter.html"],
  ["/card.png", "card.png"],
  [".pdf", "newsletter.pdf"],
  [`.pdf?size=${LETTER}`, `newsletter-${LETTER}.pdf`],
  [`.pdf?size=${LETTER}&paper=screen`, `newsletter-${LETTER}-screen.pdf`],
  ["/pictures/cover-page-900x600.jpeg", "pictures/cover-page-900x600.jpeg"],
];

for (const [what, file] of FILES) {
  Deno.test(`where Storage refuses ${file} nothing is made anew`, async () => {
    for (
      const refusal of [
        Response.json({ statusCode: "403", code: "AccessDenied" }, { status: 400 }),
        Response.json({ statusCode: "500", message: "permission denied for table x" }, { status: 500 }),
      ]
    ) {
      const { asked, reply } = await ask(what, refusal);
      await rejects(reply, ApiError);
      // A page asks for those around it, too.
      const rows = what === ""
        ? ["GET /rest/v1/newsletters", "GET /rest/v1/spaces"]
        : ["GET /rest/v1/newsletters"];
      equal([...new Set(asked)], [...rows, `GET ${FOLDER}/${file}`]);
    }
  });
}

Deno.test("what is stored is sent as it is", async () => {
  const { asked, reply } = await ask(".pdf", new Response("%PDF"));
  equal(await (await reply).text(), "%PDF");
  equal(asked, ["GET /rest/v1/newsletters", `GET ${FOLDER}/newsletter.pdf`]);
});
