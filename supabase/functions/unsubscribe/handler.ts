/**
 * Where the links below an email lead:
 *
 *     GET  /unsubscribe?token=...&scope=space|reminders|everything   a page that asks; it changes nothing
 *     POST /unsubscribe?token=...&scope=...   does it, from the page or by a mail program's one click (RFC 8058)
 *     POST /unsubscribe?token=...&scope=undo  from the page that says that it is done: undoes it, for an hour
 *
 * Email scanners and browsers open links without anybody having asked for it, so only POST changes anything, as RFC
 * 8058 wants. Nobody signs in, and no cookie is read, so there is nothing that another site could misuse: whoever can
 * forge the request has the token, and the token is all that it takes. It stops one person's email, undoes that within
 * the hour, and opens nothing.
 */

import { PAGE_POLICY, simplePage } from "../_shared/pages.ts";
import { problem, readText } from "../_shared/platform/mod.ts";
import { type Html, markup } from "../_shared/render/html.ts";
import { acceptedLanguages, type Words, wordsIn } from "../_shared/words/words.ts";

export type Scope = "space" | "reminders" | "everything";

/** What a token stands for, as `public.email_subscription` returns it. */
export interface Subscription {
  /** Null for emails about no space. */
  space_id: string | null;
  /** Null also where the space is gone. */
  space_name: string | null;
  space_emails: boolean;
  email_newsletters: boolean;
  email_notifications: boolean;
  email_reminders: boolean;
  /** Whether something was switched off by the token within the hour. */
  can_undo: boolean;
  /** The languages its reader prefers, as BCP 47 tags, best first. */
  languages?: readonly string[];
}

export interface Deps {
  find(token: string): Promise<Subscription | null>;
  /** False for a token that nobody has. */
  stop(token: string, scope: Scope): Promise<boolean>;
  /** False where there is nothing to undo. */
  undo(token: string): Promise<boolean>;
}

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": PAGE_POLICY,
  "content-type": "text/html; charset=utf-8",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
const LONGEST_TOKEN = 200;
const LONGEST_FORM = 4096;

export async function handle(request: Request, deps: Deps): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const token = searchParams.get("token") ?? "";
  if (request.method === "GET" || request.method === "HEAD") {
    const found = await find(deps, token);
    const words = wordsFor(request, found);
    const reply = found
      ? page(200, words, question(found, token, searchParams.get("scope"), words))
      : unknown(words);
    return request.method === "HEAD" ? new Response(null, reply) : reply;
  }
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only GET and POST work here.", { allow: "GET, HEAD, POST" });
  }
  const read = await readText(request, LONGEST_FORM);
  if ("refused" in read) return read.refused;
  const scope = await scopeOf(request, read.text, searchParams);
  if (scope === null) {
    return problem(400, "BAD_REQUEST", "The scope is `space`, `reminders`, `everything` or `undo`.");
  }
  const found = await find(deps, token);
  const words = wordsFor(request, found);
  if (!found) return unknown(words);
  if (scope === "undo") return page(200, words, undone(await deps.undo(token), words));
  if (!await deps.stop(token, scope)) return unknown(words);
  // Read again: what was off before cannot be undone.
  return page(200, words, unsubscribedPage(await find(deps, token) ?? found, scope, token, words));
}

/** In the language of whose link it is; of an unknown one, in that of the browser. */
function wordsFor(request: Request, found: Subscription | null): Words {
  return wordsIn(
    found === null ? acceptedLanguages(request.headers.get("accept-language")) : found.languages ?? [],
  );
}

async function find(deps: Deps, token: string): Promise<Subscription | null> {
  return token === "" || token.length > LONGEST_TOKEN || !/^[\w.~-]+$/.test(token)
    ? null
    : await deps.find(token);
}

/** A form of the page names the scope itself; a mail program sends `List-Unsubscribe=One-Click` to the link's scope. */
async function scopeOf(
  request: Request,
  body: string,
  query: URLSearchParams,
): Promise<Scope | "undo" | null> {
  let named = query.get("scope") ?? "space";
  const type = request.headers.get("content-type") ?? "";
  if (/form/i.test(type) && body !== "") {
    try {
      const field = (await new Response(body, { headers: { "content-type": type } }).formData()).get("scope");
      if (typeof field === "string") named = field;
    } catch {
      return null; // It says that it is a form and is none.
    }
  }
  return named === "space" || named === "reminders" || named === "everything" || named === "undo"
    ? named
    : null;
}

interface Said {
  title: string;
  body: Html;
}

function question(
  subscription: Subscription,
  token: string,
  asked: string | null,
  words: Words,
): Said {
  const { space_id, space_name: space, space_emails, can_undo, ...on } = subscription;
  const everything = on.email_newsletters || on.email_notifications;
  const ofSpace = space_id !== null && space !== null;
  const stops = [
    {
      scope: "space",
      label: words.say("unsubscribe.stopSpace", { space: space ?? "" }),
      isOn: ofSpace && space_emails && everything,
    },
    {
      scope: "reminders",
      label: words.say("notice.stopReminders"),
      isOn: on.email_notifications && on.email_reminders,
    },
    { scope: "everything", label: words.say("mail.unsubscribeAll"), isOn: everything },
  ].filter(({ isOn }) => isOn);
  // What was asked for comes first.
  stops.sort((one, other) => Number(other.scope === asked) - Number(one.scope === asked));
  const forms = markup`${stops.map(({ scope, label }) => form(token, scope, label))}`;
  const undo = can_undo && form(token, "undo", words.say("unsubscribe.undoLast"));
  if (!everything || (ofSpace && !space_emails && asked !== "everything")) {
    return {
      title: everything
        ? words.say("unsubscribe.noEmailOfSpace", { space: space ?? "" })
        : words.say("unsubscribe.noEmail"),
      body: markup`<p>${words.say("unsubscribe.offAlready")}</p>
${undo}${forms}`,
    };
  }
  return {
    title: ofSpace ? words.say("unsubscribe.emailOfSpace", { space }) : words.say("unsubscribe.email"),
    body: markup`<p>${words.say("unsubscribe.question")}</p>
${forms}${undo}
<p>${words.say("unsubscribe.stayMember")}</p>`,
  };
}

function unsubscribedPage(subscription: Subscription, scope: Scope, token: string, words: Words): Said {
  const { space_name: space, can_undo } = subscription;
  const onlySpace = scope === "space" && space !== null;
  const title = onlySpace
    ? words.say("mail.unsubscribeSpace", { space })
    : scope === "reminders"
    ? words.say("notice.stopReminders")
    : words.say("unsubscribe.stopped");
  const isAll = !onlySpace && scope !== "reminders";
  return {
    title,
    body: markup`<p>${words.say(onlySpace ? "unsubscribe.doneSpace" : "unsubscribe.done")}</p>
${can_undo && form(token, "undo", words.say("unsubscribe.undo"))}${
      !isAll && form(token, "everything", words.say("mail.unsubscribeAll"))
    }`,
  };
}

function undone(wasSomething: boolean, words: Words): Said {
  return wasSomething
    ? { title: words.say("unsubscribe.undone"), body: markup`<p>${words.say("unsubscribe.asBefore")}</p>` }
    : {
      title: words.say("unsubscribe.nothingToUndo"),
      body: markup`<p>${words.say("unsubscribe.tooLate")}</p>`,
    };
}

function form(token: string, scope: string, label: string): Html {
  return markup`<form method="post" action="?token=${token}"><input type="hidden" name="scope" value="${scope}"><button>${label}</button></form>
`;
}

function unknown(words: Words): Response {
  return page(404, words, {
    title: words.say("unsubscribe.unknown"),
    body: markup`<p>${words.say("unsubscribe.unknownWhy")}</p>`,
  });
}

function page(status: number, words: Words, said: Said): Response {
  return new Response(simplePage(words, said), {
    status,
    headers: { ...HEADERS, "content-language": words.lang },
  });
}
