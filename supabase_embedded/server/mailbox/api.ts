/**
 * Mailpit's HTTP API for the mailbox, so that tests written for `supabase start` run here unchanged, and the pages
 * for people.
 *
 * Pages of other origins may not read emails: the replies have no CORS headers, and a request whose `Host` is not this
 * machine (a name that an attacker points at 127.0.0.1) is refused.
 */

import { escapeHtml, html, json, text } from "../http.ts";
import { headers as headersOf, plainText } from "./message.ts";
import type { Mailbox } from "./mailbox.ts";
import { type Listing, listPage, messagePage, notFoundPage, readView } from "./pages.ts";
import { preview, previewPolicy, type Scheme } from "./preview.ts";
import { parseQuery } from "./search.ts";
import { PAGE_POLICY } from "./style.ts";

const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/** An attachment may not run anything, whatever it is. */
const FILE_POLICY = "sandbox; default-src 'none'";

export class MailboxApi {
  /** The pages that follow the mailbox. */
  readonly #followers = new Set<ReadableStreamDefaultController<Uint8Array>>();

  constructor(private readonly mailbox: Mailbox) {
    mailbox.onChange(() => this.#tell("data: changed\n\n"));
  }

  /** Disconnects the pages that follow the mailbox, which would keep the server from stopping. */
  disconnect(): void {
    for (const follower of this.#followers) follower.close();
    this.#followers.clear();
  }

  async handle(request: Request, url: URL): Promise<Response> {
    if (!LOCAL_HOST.test(request.headers.get("host") ?? "")) {
      return text(403, "The mailbox accepts requests to this machine only.");
    }
    if (url.pathname.startsWith("/api/v1/")) return await this.#api(request, url);
    if (url.pathname.startsWith("/view/")) return await this.#view(url);
    return await this.#page(request, url);
  }

  async #api(request: Request, url: URL): Promise<Response> {
    const [name, id = "", ...rest] = url.pathname.slice("/api/v1/".length).split("/");
    if (name === "messages" && id === "") {
      if (request.method === "GET") return await this.#list(url, "");
      if (request.method === "PUT") return await this.#mark(request);
      if (request.method === "DELETE") return await this.#remove(request);
    }
    if (name === "search" && id === "") {
      const query = url.searchParams.get("query") ?? "";
      if (query === "") {
        return json(400, { Error: "`query` must not be empty, for example to:ada@example.com" });
      }
      if (request.method === "GET") return await this.#list(url, query);
      if (request.method === "DELETE") {
        const holds = parseQuery(query);
        const found = (await this.mailbox.entries()).filter(({ summary, words }) => holds(summary, words));
        await this.mailbox.remove(found.map(({ summary }) => summary.ID));
        return text(200, "ok");
      }
    }
    if (name === "message" && id !== "" && request.method === "GET") return await this.#message(id, rest);
    if (name === "info" && request.method === "GET") {
      const entries = await this.mailbox.entries();
      const unread = entries.filter(({ summary }) => !summary.Read).length;
      return json(200, { Version: "supabase_embedded", Messages: entries.length, Unread: unread });
    }
    return json(404, { Error: `The mailbox does not have ${request.method} ${url.pathname}` });
  }

  async #list(url: URL, query: string): Promise<Response> {
    const start = count(url, "start", 0);
    const limit = count(url, "limit", 50);
    if (start === null || limit === null) {
      return json(400, { Error: "`start` and `limit` must be whole numbers that are not negative" });
    }
    const holds = parseQuery(query);
    const entries = await this.mailbox.entries();
    const found = entries.filter(({ summary, words }) => holds(summary, words));
    const unread = (list: typeof entries) => list.filter(({ summary }) => !summary.Read).length;
    return json(200, {
      total: entries.length,
      unread: unread(entries),
      count: found.length,
      messages_count: found.length,
      messages_unread: unread(found),
      start,
      tags: [],
      messages: found.slice(start, limit === 0 ? undefined : start + limit).map(({ summary }) => summary),
    });
  }

  async #message(id: string, [what, which]: string[]): Promise<Response> {
    const found = await this.mailbox.find(id);
    if (!found) return json(404, { Error: "message not found" });
    if (what === undefined) {
      await this.mailbox.setRead([found.message.ID], true);
      return json(200, found.message);
    }
    if (what === "raw") return plain(found.raw);
    if (what === "headers") return json(200, headersOf(found.email));
    const attachment = what === "part" ? found.email.attachments[Number(which) - 1] : undefined;
    if (!attachment) return json(404, { Error: "part not found" });
    return new Response(attachment.content as Uint8Array<ArrayBuffer>, {
      headers: {
        "content-type": attachment.contentType,
        "content-disposition": `attachment; filename*=UTF-8''${
          encodeURIComponent(attachment.filename ?? "part")
        }`,
        "content-security-policy": FILE_POLICY,
        "x-content-type-options": "nosniff",
      },
    });
  }

  async #mark(request: Request): Promise<Response> {
    const body = await jsonBody(request);
    if (!body) return badIds();
    const ids = body.IDs ?? (await this.mailbox.entries()).map(({ summary }) => summary.ID);
    await this.mailbox.setRead(ids, body.Read === true);
    return text(200, "ok");
  }

  async #remove(request: Request): Promise<Response> {
    const body = await jsonBody(request);
    if (!body) return badIds();
    const ids = body.IDs?.length ? body.IDs : (await this.mailbox.entries()).map(({ summary }) => summary.ID);
    await this.mailbox.remove(ids);
    return text(200, "ok");
  }

  async #view(url: URL): Promise<Response> {
    const [, id, extension] = url.pathname.match(/^\/view\/([a-z0-9]+)\.(html|txt)$/) ?? [];
    const found = id ? await this.mailbox.find(id) : null;
    if (!found) return text(404, "No such email.");
    if (extension === "txt") return text(200, plainText(found.email));
    const scheme = url.searchParams.get("scheme");
    const shown = found.message.HTML || `<pre>${escapeHtml(plainText(found.email))}</pre>`;
    return html(preview(shown, scheme === "light" || scheme === "dark" ? scheme as Scheme : null), {
      "content-security-policy": previewPolicy(url.port),
      "referrer-policy": "no-referrer",
    });
  }

  async #page(request: Request, url: URL): Promise<Response> {
    if (request.method === "POST" && url.pathname === "/mailbox/delete") {
      return await this.#delete(request, url);
    }
    if (request.method !== "GET") return text(405, "This page can only be read.");
    if (url.pathname === "/mailbox/events") return this.#follow();
    const view = readView(url);
    const open = url.pathname.slice("/mailbox/".length);
    const found = open === "" ? null : await this.mailbox.find(open);
    if (found) await this.mailbox.setRead([found.message.ID], true);
    const listing = await this.#listing(view.query);
    if (open === "") return page(listPage(listing, view));
    if (!found) return page(notFoundPage(listing, view), 404);
    const { message, email, raw } = found;
    const opened = {
      message,
      headers: headersOf(email),
      text: plainText(email),
      source: new TextDecoder().decode(raw),
      port: url.port,
    };
    return page(messagePage(listing, view, opened));
  }

  /** Deletes one email, the results of a search, or all emails. Only the mailbox's own page may do so. */
  async #delete(request: Request, url: URL): Promise<Response> {
    if (request.headers.get("origin") !== url.origin) {
      return text(403, "Emails can be deleted from the mailbox's own page only.");
    }
    const form = new URLSearchParams(await request.text());
    const id = form.get("id");
    const holds = parseQuery(form.get("query") ?? "");
    const found = (await this.mailbox.entries()).filter(({ summary, words }) =>
      id === null ? holds(summary, words) : summary.ID === id
    );
    await this.mailbox.remove(found.map(({ summary }) => summary.ID));
    return new Response(null, { status: 303, headers: { location: "/mailbox" } });
  }

  async #listing(query: string): Promise<Listing> {
    const holds = parseQuery(query);
    const entries = await this.mailbox.entries();
    const recipients = entries.flatMap(({ summary: { To, Cc, Bcc } }) => [...To, ...Cc, ...Bcc]);
    return {
      messages: entries.filter(({ summary, words }) => holds(summary, words)).map(({ summary }) => summary),
      total: entries.length,
      unread: entries.filter(({ summary }) => !summary.Read).length,
      recipients: [...new Set(recipients.map(({ Address }) => Address))].sort(),
    };
  }

  /** Sends a page an event whenever the mailbox has changed, until the page or the server ends the connection. */
  #follow(): Response {
    let follower: ReadableStreamDefaultController<Uint8Array>;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        follower = controller;
        this.#followers.add(controller);
        controller.enqueue(new TextEncoder().encode(": here\n\n"));
      },
      cancel: () => {
        this.#followers.delete(follower);
      },
    });
    return new Response(stream, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }

  #tell(event: string): void {
    for (const follower of this.#followers) follower.enqueue(new TextEncoder().encode(event));
  }
}

function page(body: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "cache-control": "no-store",
    },
  });
}

function plain(raw: Uint8Array): Response {
  return new Response(raw as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
}

function count(url: URL, name: string, standard: number): number | null {
  const value = url.searchParams.get(name) ?? String(standard);
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

async function jsonBody(request: Request): Promise<{ IDs?: string[]; Read?: boolean } | null> {
  const body = await request.text();
  if (body === "") return {};
  try {
    const value = JSON.parse(body) as { IDs?: unknown; Read?: unknown } | null;
    if (typeof value !== "object" || value === null) return null;
    const { IDs, Read } = value;
    if (IDs !== undefined && !(Array.isArray(IDs) && IDs.every((id) => typeof id === "string"))) return null;
    return { IDs: IDs as string[] | undefined, Read: Read === true };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function badIds(): Response {
  return json(400, { Error: 'The body must be JSON such as {"IDs": ["..."]}, or empty for all messages' });
}
