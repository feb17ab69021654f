/**
 * Sends all kinds of inputs to the edge functions' handlers and checks what they reply.
 *
 *     deno run ... fuzz.ts FIRST_SEED COUNT
 *
 * One input a seed: a function, a method, a path, headers, a body; types, sizes, Unicode, null, arrays, deep JSON, huge
 * bodies, bytes that are not text. The backend of the handlers is as strict as PostgREST and Postgres are: it refuses
 * NUL, lone surrogates and invalid ids. No reply may be a 500 or show internals, and every handler must return. Prints
 * one JSON object: how many inputs, and those that failed.
 */

import { safely } from "../../../supabase/functions/_shared/platform/http.ts";
import { handle as deliver } from "../../../supabase/functions/deliver/handler.ts";
import { handle as emailEvents } from "../../../supabase/functions/mail-events/handler.ts";
import { CORS, handle as music } from "../../../supabase/functions/music/handler.ts";
import { resolve } from "../../../supabase/functions/music/resolve.ts";
import { handle as newsletter } from "../../../supabase/functions/newsletter/handler.ts";
import { handle as tick } from "../../../supabase/functions/tick/handler.ts";
import { handle as unsubscribe } from "../../../supabase/functions/unsubscribe/handler.ts";
import { api, strict } from "./backend.ts";
import { ENVIRONMENT, NOW, PERSON, SECRET_KEY, TOKEN, WEBHOOK } from "./constants.ts";
import { request } from "./requests.ts";
import { chance, json, pick, seedWith, text } from "./values.ts";

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
    emailEvents(request, {
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
        const provider = () => Promise.resolve(new Response(chance.hits(0.5) ? json() : text()));
        return resolve(url, { fetch: provider as typeof fetch });
      },
    }), CORS),
  newsletter: safely((request) => newsletter(request, { environment: ENVIRONMENT, fetch: api })),
  unsubscribe: safely((request) =>
    unsubscribe(request, {
      find: (token) => {
        strict(token);
        const on = {
          space_emails: true,
          email_newsletters: chance.hits(0.5),
          email_notifications: true,
          email_reminders: chance.hits(0.5),
          can_undo: chance.hits(0.5),
        };
        return Promise.resolve(
          token === TOKEN ? { space_id: "s", space_name: text(), ...on } : null,
        );
      },
      stop: (token) => {
        strict(token);
        return Promise.resolve(token === TOKEN);
      },
      undo: (token) => {
        strict(token);
        return Promise.resolve(token === TOKEN);
      },
    })
  ),
};

/** Paths, stack traces, words of the database or of the language. */
const INTERNAL =
  /file:\/\/|\/supabase\/functions|\bat \S+\.ts:\d|\.ts:\d+:\d+|SQLSTATE|PGRST\d|22P0\d|private\.|rest\/v1|TypeError|SyntaxError|RangeError|ApiError|Cannot read prop|is not a function|unsupported Unicode/;

/** What never ends, on however busy a machine. */
const SLOW_MS = 30_000;

async function problemOf(name: string, asked: Request): Promise<string | null> {
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
  seedWith(seed);
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
    const reason = await problemOf(name, asked);
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
