/** The style and the script of the pages of the local stack. */

import { createHash } from "node:crypto";

export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ground: #f4f3f0; --ink: #1f1d1a; --soft: #66615a; --line: #dcd8d1;
  --chosen: #f1e7e4; --accent: #97331f }
@media (prefers-color-scheme: dark) {
  :root { --paper: #211f1c; --ground: #171513; --ink: #ece6db; --soft: #a39c91; --line: #3a3632; --chosen: #35291f;
    --accent: #e9987a }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; background: var(--paper); color: var(--ink) }
a { color: var(--accent) }
h1 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .75rem; overflow-wrap: anywhere }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
form { margin: 0 }
input, button { font: inherit; color: inherit; background: var(--paper); padding: .35rem .7rem;
  border: 1px solid var(--soft); border-radius: 6px }
button { cursor: pointer }
button:hover { background: var(--ground) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 1rem }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.page { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem }
.soft { color: var(--soft) }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }

.mailbox { display: grid; grid-template-columns: minmax(16rem, 24rem) minmax(0, 1fr); min-height: 100vh }
.side { border-right: 1px solid var(--line); position: sticky; top: 0; height: 100vh; display: flex; flex-direction: column }
.side header { padding: 1rem; border-bottom: 1px solid var(--line) }
.side h1, .side .title { font-size: 1.15rem; font-weight: 600; margin: 0 0 .6rem }
.side .title a { color: inherit; text-decoration: none }
.side header form { display: flex; gap: .4rem }
.side input[type=search] { flex: 1; min-width: 0 }
.side .bar { display: flex; justify-content: space-between; align-items: center; gap: .5rem; padding: .5rem 1rem;
  border-bottom: 1px solid var(--line); font-size: .87rem }
.emails { overflow-y: auto; flex: 1 }
.emails ol { list-style: none; margin: 0; padding: 0 }
.emails p { padding: .5rem 1rem }
.emails a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .6rem; padding: .6rem 1rem .65rem; color: inherit;
  text-decoration: none; border-bottom: 1px solid var(--line); border-left: 3px solid transparent }
.emails a:hover { background: var(--ground) }
.emails a[aria-current] { background: var(--chosen); border-left-color: var(--accent) }
.emails a:focus-visible { outline-offset: -3px }
.emails span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.emails .subject, .emails .snippet { grid-column: 1 / -1 }
.emails .snippet, .emails time { color: var(--soft); font-size: .87rem }
.unread .to, .unread .subject { font-weight: 650 }
.unread .to::before { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%;
  background: var(--accent); margin-right: .4rem }
.email { padding: 1.25rem 1.5rem 2rem; min-width: 0 }
.email > header { display: flex; justify-content: space-between; gap: 1rem; align-items: start }
.back { display: none; margin: 0 0 1rem }
.choices { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: 0 0 1rem; border-bottom: 1px solid var(--line);
  padding-bottom: .75rem }
.choices nav { display: flex; gap: .25rem }
.choices a { padding: .25rem .7rem; border: 1px solid transparent; border-radius: 6px; text-decoration: none }
.choices a:hover { background: var(--ground) }
.choices a[aria-current] { border-color: var(--accent); background: var(--chosen) }
.desk { background: var(--ground); padding: 1.25rem; overflow-x: auto; border-radius: 8px }
iframe { display: block; margin: 0 auto; height: 80vh; border: 0; box-shadow: 0 1px 6px rgb(0 0 0 / .25); background: #fff }
iframe.dark { background: #121212; color-scheme: dark }
iframe.light { color-scheme: light }
.wide { width: 600px } .narrow { width: 375px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: 1rem; background: var(--ground);
  border-radius: 8px; font: 13px/1.6 ui-monospace, monospace }
.none { max-width: 30rem; margin: 20vh auto 0; text-align: center }
@media (max-width: 60rem) {
  .mailbox { display: block; min-height: 0 }
  .side { position: static; height: auto; border: 0 }
  .reading .side { display: none }
  .choosing .email { display: none }
  .back { display: block }
  .email { padding: 1rem }
  .desk { padding: .75rem; margin: 0 -1rem; border-radius: 0 }
}
`;

/**
 * Keeps the list up to date, and the frame as long as the email. Everything else works without it. A hidden page closes
 * its connection, because a browser opens only six to one host.
 */
export const SCRIPT = `
const frame = document.querySelector("iframe");
function fit() {
  const page = frame.contentDocument?.documentElement;
  if (!page?.querySelector("body *")) return;
  frame.style.height = "0";
  frame.style.height = page.scrollHeight + "px";
}
if (frame) {
  frame.addEventListener("load", fit);
  for (const image of frame.contentDocument?.images ?? []) image.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete") fit();
}

let events = null;
let newest = document.querySelector(".emails li")?.id;
async function refresh() {
  const reply = await fetch(location.href);
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const part of [".emails", ".bar", "#recipients"]) {
    const [now, next] = [document.querySelector(part), page.querySelector(part)];
    if (!now || !next || now.innerHTML === next.innerHTML) continue;
    const focused = now.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
    now.innerHTML = next.innerHTML;
    if (focused) document.getElementById(focused)?.querySelector("a, button")?.focus();
  }
  document.title = page.title;
  const first = document.querySelector(".emails li");
  if (first && first.id > (newest ?? "")) {
    document.querySelector("[role=status]").textContent = "New email: " + first.querySelector(".subject").textContent;
    newest = first.id;
  }
}
function follow() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (!events) {
    events = new EventSource("/mailbox/events");
    events.onopen = refresh;
    events.onmessage = refresh;
  }
}
document.addEventListener("visibilitychange", follow);
follow();
`;

/** The content security policy of the pages: own style and script, events, emails in frames, and own forms. */
export const PAGE_POLICY = `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; ` +
  "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

function hash(source: string): string {
  return `'sha256-${createHash("sha256").update(source).digest("base64")}'`;
}
