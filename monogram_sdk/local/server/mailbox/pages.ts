/** The mailbox as people see it: a list, and one mail. Plain HTML, no script, light and dark. */

import { escapeHtml } from "../http.ts";
import type { Address, Message, Summary } from "./message.ts";

export const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 15%, transparent);
  --soft: color-mix(in srgb, currentColor 60%, transparent); --accent: #3b5bdb }
@media (prefers-color-scheme: dark) { :root { --accent: #91a7ff } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem }
a { color: var(--accent) }
h1 { font-size: 1.4rem; margin: 0 0 1rem }
form { display: flex; gap: .5rem; margin: 0 }
input, button { font: inherit; padding: .35rem .7rem; border: 1px solid var(--line); border-radius: 6px }
input { flex: 1; min-width: 0 }
.bar { display: flex; gap: .5rem; flex-wrap: wrap; margin-bottom: 1rem }
.bar form:first-child { flex: 1 }
ol { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line) }
li a { display: grid; grid-template-columns: 14rem 1fr auto; gap: 0 1rem; padding: .6rem .25rem;
  color: inherit; text-decoration: none; border-bottom: 1px solid var(--line) }
li a:hover { background: var(--line) }
li.unread b { color: var(--accent) }
li span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.soft, time { color: var(--soft) }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0 0 1rem }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
iframe { width: 100%; height: 70vh; border: 1px solid var(--line); border-radius: 6px; background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); border-radius: 6px; padding: 1rem }
summary { cursor: pointer; margin: 1rem 0 .5rem }
@media (max-width: 40rem) { li a { grid-template-columns: 1fr auto } li a .subject { grid-column: 1 / -1; order: 3 } }
`;

export function layout(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>${content}</body></html>
`;
}

export function listPage(messages: Summary[], query: string): string {
  const rows = messages.map((message) => `
<li class="${message.Read ? "read" : "unread"}"><a href="/mailbox/${message.ID}">
  <span><b>${escapeHtml(who(message.To[0] ?? message.Bcc[0]))}</b></span>
  <span class="subject">${escapeHtml(message.Subject || "(no subject)")}
    <span class="soft">${escapeHtml(message.Snippet)}</span></span>
  <time datetime="${message.Created}">${escapeHtml(message.Created.slice(0, 16).replace("T", " "))}</time>
</a></li>`);
  const none = query
    ? "No mail matches."
    : "No mail yet. What the stack sends arrives here and nowhere else.";
  return layout(
    "Mailbox",
    `<h1>Mailbox</h1>
<div class="bar">
  <form action="/mailbox"><input type="search" name="query" aria-label="Search" value="${escapeHtml(query)}"
    placeholder="Search, for example to:ada@example.com"><button>Search</button></form>
  <form action="/mailbox/empty" method="post"><button>Empty the mailbox</button></form>
</div>
${rows.length ? `<ol>${rows.join("")}</ol>` : `<p class="soft">${none}</p>`}`,
  );
}

export function messagePage(message: Message, headers: Record<string, string[]>): string {
  const people = (list: Address[]) => escapeHtml(list.map(who).join(", "));
  const line = (name: string, value: string) => value ? `<dt>${name}</dt><dd>${value}</dd>` : "";
  const attachments = [...message.Attachments, ...message.Inline].map((part) =>
    `<a href="/api/v1/message/${message.ID}/part/${part.PartID}">${
      escapeHtml(part.FileName || part.ContentType)
    }</a>`
  );
  const rows = Object.entries(headers).flatMap(([name, values]) =>
    values.map((value) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
  );
  return layout(
    message.Subject || "(no subject)",
    `<p><a href="/mailbox">Mailbox</a></p>
<h1>${escapeHtml(message.Subject || "(no subject)")}</h1>
<dl>${line("From", people([message.From]))}${line("To", people(message.To))}${line("Cc", people(message.Cc))}
${line("Bcc", people(message.Bcc))}${line("Date", escapeHtml(message.Date))}${
      line("Attached", attachments.join(", "))
    }</dl>
${
      message.HTML
        ? `<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="The mail" src="/view/${message.ID}.html"></iframe>`
        : ""
    }
${
      message.Text
        ? `<details${message.HTML ? "" : " open"}><summary>Text</summary><pre>${
          escapeHtml(message.Text)
        }</pre></details>`
        : ""
    }
<details><summary>Headers</summary><dl>${rows.join("")}</dl></details>
<p><a href="/api/v1/message/${message.ID}/raw">Source</a></p>`,
  );
}

export function notFoundPage(): string {
  return layout("Mailbox", `<p><a href="/mailbox">Mailbox</a></p><h1>There is no such mail</h1>`);
}

function who(address: Address | undefined): string {
  if (!address) return "(nobody)";
  return address.Name ? `${address.Name} <${address.Address}>` : address.Address;
}
