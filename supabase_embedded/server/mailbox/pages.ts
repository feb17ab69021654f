/** The pages of the mailbox: the list of emails, and one email, wide or narrow, in light or dark colours. */

import { escapeHtml } from "../http.ts";
import type { Address, Message, Summary } from "./message.ts";
import { blockedHosts, type Scheme } from "./preview.ts";
import { SCRIPT, STYLE } from "./style.ts";

/** The part of an email that is shown. */
export type Part = "html" | "text" | "headers" | "source";

/** The options in the URL of a page. */
export interface View {
  query: string;
  part: Part;
  scheme: Scheme;
  width: 600 | 375;
}

/** The emails beside the one that is open. */
export interface Listing {
  messages: Summary[];
  /** The number of all emails, whatever is searched for. */
  total: number;
  unread: number;
  /** The addresses of all recipients, for the search. */
  recipients: string[];
}

/** The email that is open. */
export interface Opened {
  message: Message;
  headers: Record<string, string[]>;
  text: string;
  source: string;
  /** The port of the stack. */
  port: string;
}

/** The number of emails in the list; a search finds the others. */
const MAX_LISTED = 200;

const PARTS: Record<Part, string> = { html: "HTML", text: "Text", headers: "Headers", source: "Source" };

export function readView({ searchParams }: URL): View {
  const part = searchParams.get("part") ?? "";
  return {
    query: searchParams.get("query") ?? "",
    part: part in PARTS ? part as Part : "html",
    scheme: searchParams.get("scheme") === "dark" ? "dark" : "light",
    width: searchParams.get("width") === "375" ? 375 : 600,
  };
}

export function layout(title: string, content: string): string {
  return document(title, `<main class="page">${content}</main>`);
}

/** The list without an open email. */
export function listPage(listing: Listing, view: View): string {
  const content = listing.total === 0
    ? `<div class="none"><h2>No email yet</h2>
<p class="soft">Every email that the stack sends arrives here, and nowhere else. This page shows it at once.</p></div>`
    : `<div class="none"><p class="soft">Choose an email.</p></div>`;
  return mailbox(listing, view, null, "Mailbox", content);
}

export function notFoundPage(listing: Listing, view: View): string {
  const content = `${back(view)}<div class="none"><h1>No such email</h1>
<p class="soft">It was deleted, or it never arrived.</p></div>`;
  return mailbox(listing, view, "", "Mailbox", content);
}

export function messagePage(listing: Listing, view: View, opened: Opened): string {
  const { message } = opened;
  const people = (list: Address[]) => escapeHtml(list.map(who).join(", "));
  const line = (name: string, value: string) => value ? `<dt>${name}</dt><dd>${value}</dd>` : "";
  const attachments = [...message.Attachments, ...message.Inline].map((part) =>
    `<a href="/api/v1/message/${message.ID}/part/${part.PartID}">${
      escapeHtml(part.FileName || part.ContentType)
    }</a>`
  );
  const subject = message.Subject || "(no subject)";
  const part = view.part === "html" && !message.HTML ? "text" : view.part;
  const parts = (Object.keys(PARTS) as Part[]).filter((name) => name !== "html" || message.HTML);
  const content = `${back(view)}
<header><h1 dir="auto">${escapeHtml(subject)}</h1>
<form action="/mailbox/delete" method="post"><input type="hidden" name="id" value="${message.ID}"><button>Delete</button></form></header>
<dl>${line("From", people([message.From]))}${line("To", people(message.To))}${line("Cc", people(message.Cc))}
${line("Bcc", people(message.Bcc))}${line("Reply to", people(message.ReplyTo))}${
    line("Date", dated(message.Date))
  }${line("Attached", attachments.join(", "))}</dl>
<div class="choices">${
    choice("Part", view, message.ID, "part", parts.map((name) => [name, PARTS[name]]), part)
  }${
    part === "html"
      ? choice("Width", view, message.ID, "width", [[600, "600"], [375, "375"]], view.width) +
        choice("Colours", view, message.ID, "scheme", [["light", "Light"], ["dark", "Dark"]], view.scheme)
      : ""
  }</div>
${partOf(part, opened, view)}`;
  return mailbox(listing, view, message.ID, subject, content);
}

function partOf(part: Part, { message, headers, text, source, port }: Opened, view: View): string {
  if (part === "text") return `<pre dir="auto" tabindex="0">${escapeHtml(text)}</pre>`;
  if (part === "source") {
    return `<p><a href="/api/v1/message/${message.ID}/raw">As a file</a></p><pre tabindex="0">${
      escapeHtml(source)
    }</pre>`;
  }
  if (part === "headers") {
    const rows = Object.entries(headers).flatMap(([name, values]) =>
      values.map((value) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    );
    return `<dl>${rows.join("")}</dl>`;
  }
  const hosts = blockedHosts(message.HTML, port);
  const kept = hosts.length === 0
    ? ""
    : `<p class="soft">Pictures of ${
      escapeHtml(hosts.join(", "))
    } are not shown: the mailbox asks no other machine.</p>`;
  return `${kept}<div class="desk" tabindex="0" role="group" aria-label="The email, ${view.width} pixels wide">
<iframe class="${view.width === 375 ? "narrow" : "wide"} ${view.scheme}" title="The email"
 sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
 src="/view/${message.ID}.html?scheme=${view.scheme}"></iframe></div>`;
}

/** @param open The id of the email that is open, or null where the list is the page. */
function mailbox(listing: Listing, view: View, open: string | null, title: string, content: string): string {
  const { messages, total, unread, recipients } = listing;
  // The list is the main part of the page, unless an email is open.
  const [side, beside] = open === null
    ? ["main", `section aria-label="Email"`]
    : [`aside aria-label="Mailbox"`, "main"];
  const heading = open === null ? "<h1>Mailbox</h1>" : `<p class="title"><a href="/mailbox">Mailbox</a></p>`;
  const rows = messages.slice(0, MAX_LISTED).map((message) => row(message, view, message.ID === open));
  const more = messages.length > rows.length
    ? `<p class="soft">These are the newest ${rows.length}. A search finds the others.</p>`
    : "";
  const matching = view.query === ""
    ? `${total} ${total === 1 ? "email" : "emails"}, ${unread} unread`
    : `${messages.length} of ${total} ${total === 1 ? "email" : "emails"}`;
  const remove = messages.length === 0
    ? ""
    : `<form action="/mailbox/delete" method="post"><input type="hidden" name="query" value="${
      escapeHtml(view.query)
    }"><button>${view.query === "" ? "Delete all" : "Delete these"}</button></form>`;
  const hidden = (name: keyof View) =>
    `<input type="hidden" name="${name}" value="${escapeHtml(String(view[name]))}">`;
  return document(
    `${unread > 0 ? `(${unread}) ` : ""}${title}`,
    `<div class="mailbox ${open === null ? "choosing" : "reading"}">
<${side} class="side">
<header>${heading}
<form action="/mailbox" role="search"><input type="search" name="query" aria-label="Search" list="recipients" value="${
      escapeHtml(view.query)
    }" placeholder="Words, or to:ada@example.com">${hidden("scheme")}${
      hidden("width")
    }<button>Search</button></form>
<datalist id="recipients">${
      recipients.map((address) => `<option value="${escapeHtml(`to:${address}`)}">`).join("")
    }</datalist></header>
<div class="bar"><span class="soft">${matching}</span>${remove}</div>
<nav class="emails" aria-label="Emails">${
      rows.length
        ? `<ol>${rows.join("")}</ol>${more}`
        : `<p class="soft">${view.query === "" ? "No email yet." : "No email matches."}</p>`
    }</nav>
<p class="unseen" role="status"></p>
</${side.split(" ")[0]}>
<${beside} class="email">${content}</${beside.split(" ")[0]}>
</div>
<script type="module">${SCRIPT}</script>`,
  );
}

function row(message: Summary, view: View, isOpen: boolean): string {
  return `
<li id="${message.ID}"${message.Read ? "" : ` class="unread"`}><a href="${urlOf(message.ID, view)}"${
    isOpen ? ` aria-current="page"` : ""
  }>
<span class="to">${message.Read ? "" : `<span class="unseen">Unread, </span>`}${
    escapeHtml(who(message.To[0] ?? message.Bcc[0]))
  }</span><time datetime="${message.Created}">${arrived(message.Created)}</time>
<span class="subject" dir="auto">${escapeHtml(message.Subject || "(no subject)")}</span>
<span class="snippet" dir="auto">${escapeHtml(message.Snippet)}</span></a></li>`;
}

/** Links that show the same email in another way. */
function choice<Name extends "part" | "width" | "scheme">(
  label: string,
  view: View,
  id: string,
  name: Name,
  values: [View[Name], string][],
  chosen: View[Name],
): string {
  const links = values.map(([value, words]) =>
    `<a href="${urlOf(id, { ...view, [name]: value })}"${
      value === chosen ? ` aria-current="true"` : ""
    }>${words}</a>`
  );
  return `<nav aria-label="${label}">${links.join("")}</nav>`;
}

function back(view: View): string {
  return `<p class="back"><a href="${urlOf("", view)}">Mailbox</a></p>`;
}

/** The URL of an email, or of the list, with the options of the view. */
function urlOf(id: string, { query, part, scheme, width }: View): string {
  const options = new URLSearchParams();
  if (query !== "") options.set("query", query);
  if (part !== "html") options.set("part", part);
  if (scheme !== "light") options.set("scheme", scheme);
  if (width !== 600) options.set("width", String(width));
  return escapeHtml(`/mailbox${id && `/${id}`}${options.size > 0 ? `?${options}` : ""}`);
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>${body}</body></html>
`;
}

const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

/** The time if it is today, else the date. */
function arrived(created: string): string {
  const date = new Date(created);
  return day.format(date) === day.format(new Date()) ? hour.format(date) : day.format(date);
}

function dated(date: string): string {
  return `<time datetime="${escapeHtml(date)}">${moment.format(new Date(date))}</time>`;
}

function who(address: Address | undefined): string {
  if (!address) return "(nobody)";
  return address.Name ? `${address.Name} <${address.Address}>` : address.Address;
}
