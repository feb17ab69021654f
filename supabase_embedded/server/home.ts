/** `/` for people who open the API's URL, and `/health` for programs. */

import type { Config } from "./config.ts";
import { isUnreachable } from "./database.ts";
import { DATABASE_UNAVAILABLE } from "./gateway.ts";
import { escapeHtml, html, json } from "./http.ts";
import { layout } from "./mailbox/pages.ts";

export function home(config: Config, url: URL): Response {
  if (url.pathname !== "/") {
    return json(404, { code: "not_found", message: `Nothing is served at ${url.pathname}.` });
  }
  const services = [
    ["Data API", "/rest/v1"],
    ["Auth", "/auth/v1"],
    ["Storage", "/storage/v1"],
    ["Realtime", "/realtime/v1"],
    ["Functions", "/functions/v1"],
  ];
  const rows = services.map(([name, path]) => `<dt>${name}</dt><dd>${escapeHtml(config.apiUrl)}${path}</dd>`);
  return html(layout(
    config.application,
    `<h1>${escapeHtml(config.application)}, on this machine</h1>
<p>This is the local stack. It serves Supabase clients at <b>${escapeHtml(config.apiUrl)}</b>;
its keys are shown by <code>${escapeHtml(config.command)} status</code>.</p>
<p><a href="/mailbox">Mailbox</a>: every email that the stack sends</p>
<dl>${rows.join("")}</dl>`,
  ));
}

/** Reports whether the server works and whether the database does, so that a supervisor can tell them apart. */
export async function health(ping: () => Promise<void>): Promise<Response> {
  try {
    await ping();
    return json(200, { status: "ok" });
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return json(503, { status: "database_unavailable", ...DATABASE_UNAVAILABLE });
  }
}
