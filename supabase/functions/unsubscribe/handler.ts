/**
 * Where the links below an email lead:
 *
 *     GET  /unsubscribe?token=...&scope=space|everything   a page that asks; it changes nothing
 *     POST /unsubscribe?token=...&scope=...                does it, from the page or by a mail program's one click (RFC 8058)
 *
 * Mail scanners and browsers open links without anybody having asked for it, so only POST changes anything, as RFC 8058
 * wants. Nobody signs in, and no cookie is read, so there is nothing that another site could misuse: whoever can forge
 * the request has the token, and the token is all that it takes. It stops one person's mail and opens nothing.
 */

import { PAGE_POLICY, simplePage } from "../_shared/pages.ts";
import { problem } from "../_shared/platform/mod.ts";
import { type Html, markup } from "../_shared/render/html.ts";

export type Scope = "space" | "everything";

/** What a token stands for, as `public.email_subscription` answers it. */
export interface Subscription {
  /** Null for mails about no space. */
  space_id: string | null;
  /** Null also where the space is gone. */
  space_name: string | null;
  space_emails: boolean;
  email_newsletters: boolean;
  email_notifications: boolean;
}

export interface Deps {
  find(token: string): Promise<Subscription | null>;
  /** False for a token that nobody has. */
  stop(token: string, scope: Scope): Promise<boolean>;
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
    const answer = found ? page(200, question(found, token, searchParams.get("scope"))) : unknown();
    return request.method === "HEAD" ? new Response(null, answer) : answer;
  }
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only GET and POST work here.", { allow: "GET, HEAD, POST" });
  }
  const scope = await scopeOf(request, searchParams);
  if (scope === null) return problem(400, "BAD_REQUEST", "The scope is `space` or `everything`.");
  const found = await find(deps, token);
  if (!found || !await deps.stop(token, scope)) return unknown();
  return page(200, farewell(found, scope, token));
}

async function find(deps: Deps, token: string): Promise<Subscription | null> {
  return token === "" || token.length > LONGEST_TOKEN || !/^[\w.~-]+$/.test(token)
    ? null
    : await deps.find(token);
}

/** A form of the page names the scope itself; a mail program sends `List-Unsubscribe=One-Click` to the link's scope. */
async function scopeOf(request: Request, query: URLSearchParams): Promise<Scope | null> {
  let named = query.get("scope") ?? "space";
  const length = Number(request.headers.get("content-length") ?? 0);
  if (length <= LONGEST_FORM && request.headers.get("content-type")?.includes("form")) {
    const field = (await request.formData()).get("scope");
    if (typeof field === "string") named = field;
  } else {
    await request.body?.cancel();
  }
  return named === "space" || named === "everything" ? named : null;
}

interface Words {
  title: string;
  body: Html;
}

function question(
  { space_id, space_name, space_emails, ...on }: Subscription,
  token: string,
  asked: string | null,
): Words {
  const everything = on.email_newsletters || on.email_notifications;
  const aboutSpace = space_id !== null && space_name !== null;
  if (!everything || (aboutSpace && !space_emails && asked !== "everything")) {
    return {
      title: everything ? `You get no letters from ${space_name}` : "You get no email from Monogram",
      body: markup`<p>It is switched off already. You can switch it on again in your settings.</p>
${everything && form(token, "everything", "No more email at all")}`,
    };
  }
  const stopSpace = aboutSpace && form(token, "space", `No more letters from ${space_name}`);
  const stopAll = form(token, "everything", "No more email at all");
  return {
    title: aboutSpace ? `Letters from ${space_name}` : "Email from Monogram",
    body: markup`<p>Nothing has changed yet. What would you like?</p>
${asked === "everything" ? markup`${stopAll}${stopSpace}` : markup`${stopSpace}${stopAll}`}
<p>You stay a member of your spaces either way, and can switch email on again in your settings.</p>`,
  };
}

function farewell({ space_name }: Subscription, scope: Scope, token: string): Words {
  const onlySpace = scope === "space" && space_name !== null;
  return {
    title: onlySpace ? `No more letters from ${space_name}` : "No more email",
    body: markup`<p>Done. You can switch it on again in your settings.</p>
${onlySpace && form(token, "everything", "No more email at all")}`,
  };
}

function form(token: string, scope: Scope, label: string): Html {
  return markup`<form method="post" action="?token=${token}"><input type="hidden" name="scope" value="${scope}"><button>${label}</button></form>
`;
}

function unknown(): Response {
  return page(404, {
    title: "This link is not known",
    body:
      markup`<p>Perhaps it was cut when it was copied: try the link in the email itself. Email can also be switched off
in your settings.</p>`,
  });
}

function page(status: number, words: Words): Response {
  return new Response(simplePage(words), { status, headers: HEADERS });
}
