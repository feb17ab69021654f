/** Files are removed unless somebody names them again, and folders until nothing is left in them. */

import { deepStrictEqual as equal, match } from "node:assert";
import { Client } from "../platform/mod.ts";
import type { PreparedEmail } from "../render/email.ts";
import { doJobs } from "./jobs.ts";

for (const in_use of [true, false]) {
  Deno.test(`a file that is ${in_use ? "in use again is kept" : "not in use is removed"}, and the job is done`, async () => {
    const asked: string[] = [];
    const payload = { bucket_id: "responses", path: "space/person/cat.png", in_use };
    const jobs = [{ id: 7, kind: "storage.remove", key: "storage.remove:cat", payload, attempts: 1 }];
    const request = (input: RequestInfo | URL, init?: RequestInit) => {
      const call = `${init?.method} ${new URL(String(input)).pathname}`;
      asked.push(call);
      return Promise.resolve(Response.json(call.endsWith("claim_jobs") ? jobs.splice(0) : true));
    };
    const service = Client.service(
      { url: "http://api.example", secretKey: "sb_secret_x" },
      { fetch: request as typeof fetch },
    );
    const addresses = { project: "http://api.example" };
    const deps = { service, worker: "me", addresses, sender: null, now: () => 0, log: () => {} };
    equal(await doJobs(deps, 1), { done: 1, more: false });
    equal(asked, [
      "POST /rest/v1/rpc/claim_jobs",
      ...(in_use ? [] : ["DELETE /storage/v1/object/responses"]),
      "POST /rest/v1/rpc/finish_job",
      "POST /rest/v1/rpc/claim_jobs",
    ]);
  });
}

/** A Storage that has these objects, and refuses to remove those that hold "stuck". */
function storage(objects: Set<string>, pageSize = 1000): { service: Client; log: string[] } {
  const log: string[] = [];
  const request = async (input: RequestInfo | URL, init?: RequestInit) => {
    const path = new URL(String(input)).pathname;
    const body = JSON.parse(String(init?.body)) as { prefix: string; prefixes: string[]; job_id?: number };
    if (path.endsWith("fail_job")) log.push(String((body as { error?: string }).error));
    if (path.startsWith("/rest/")) return Response.json(path.endsWith("claim_jobs") ? jobs.splice(0) : true);
    if (init?.method === "DELETE") {
      for (const name of body.prefixes) if (!name.includes("stuck")) objects.delete(name);
      return Response.json([]);
    }
    const below = [...objects].filter((name) => name.startsWith(`${body.prefix}/`)).map((name) =>
      name.slice(body.prefix.length + 1).split("/")
    );
    const files = below.filter(({ length }) => length === 1).map(([name]) => ({ name, id: "an id" }));
    const folders = [...new Set(below.filter(({ length }) => length > 1).map(([name]) => name))]
      .map((name) => ({ name, id: null }));
    return await Promise.resolve(Response.json([...folders, ...files].slice(0, pageSize)));
  };
  const payload = { bucket_id: "newsletters", folder: "space/newsletter" };
  const jobs = [{
    id: 7,
    kind: "storage.remove",
    key: "storage.remove:newsletters/space/newsletter/",
    payload,
  }];
  const environment = { url: "http://api.example", secretKey: "sb_secret_x" };
  return { service: Client.service(environment, { fetch: request as typeof fetch }), log };
}

function work(service: Client): Promise<{ done: number; more: boolean }> {
  const addresses = { project: "http://api.example" };
  return doJobs({ service, worker: "me", addresses, sender: null, now: () => 0, log: () => {} }, 1);
}

Deno.test("a folder is emptied, with what is below it, and its neighbours stay", async () => {
  const objects = new Set(["space/newsletter2/newsletter.html", "space/newsletter.html"]);
  for (let number = 0; number < 25; number += 1) objects.add(`space/newsletter/pictures/${number}.jpg`);
  for (const name of ["newsletter.html", "newsletter.pdf", "newsletter-letter.pdf", "a/b/c/d.gif"]) {
    objects.add(`space/newsletter/${name}`);
  }
  equal(await work(storage(objects, 10).service), { done: 1, more: false });
  equal([...objects], ["space/newsletter2/newsletter.html", "space/newsletter.html"]);
});

Deno.test("a folder that cannot be emptied fails the job, to be tried again", async () => {
  const objects = new Set(["space/newsletter/a.jpg", "space/newsletter/stuck.jpg"]);
  const { service, log } = storage(objects);
  equal(await work(service), { done: 0, more: false });
  equal([...objects], ["space/newsletter/stuck.jpg"]);
  equal(log, ["Error: Files in newsletters/space/newsletter cannot be removed."]);
});

/** A published newsletter behind an API, in whose storage nothing can be put that ends so. */
function newsroom(
  job: { kind: string; attempts: number },
  broken: string,
  content: object,
  languages: readonly string[] = [],
) {
  const asked: string[] = [];
  let saved: { content: { mail: PreparedEmail; translations: Record<string, PreparedEmail> } } | null = null;
  const jobs = [{ id: 1, key: job.kind, payload: { newsletter_id: NEWSLETTER }, ...job }];
  const row = {
    id: NEWSLETTER,
    space_id: "space",
    title: "Week 3",
    intro: null,
    published_at: "2026-11-23T12:00:00Z",
    is_published: true,
    visibility: "MEMBERS",
    html_path: null,
    pdf_path: null,
    redacted_at: null,
    content,
  };
  const request = (input: RequestInfo | URL, init?: RequestInit) => {
    const { pathname } = new URL(String(input));
    const call = pathname.replace("/rest/v1/", "").replace("rpc/", "");
    asked.push(`${init?.method} ${call}`);
    if (broken !== "" && pathname.endsWith(broken)) {
      return Promise.resolve(new Response("{}", { status: 507 }));
    }
    if (call === "claim_jobs") return Promise.resolve(Response.json(jobs.splice(0)));
    if (call === "newsletter_pictures") return Promise.resolve(Response.json([]));
    if (call === "newsletter_languages") return Promise.resolve(Response.json(languages));
    if (call === "save_newsletter_mail") saved = JSON.parse(String(init!.body));
    return Promise.resolve(
      Response.json(call === "newsletters" ? [row] : pathname.includes("/list/") ? [] : true),
    );
  };
  const service = Client.service(
    { url: "http://api.example", secretKey: "sb_secret_x" },
    { fetch: request as typeof fetch },
  );
  const deps = { service, worker: "me", addresses: { project: "http://api.example" }, sender: null };
  return { asked, saved: () => saved, deps: { ...deps, now: () => 0, log: () => {} } };
}

const NEWSLETTER = "00000000-0000-4000-8000-000000000001";
const RESPONSE = {
  id: "r1",
  author: { id: "p1", display_name: "Ada", username: null, avatar_path: null },
  content: "Middlemarch, again.",
  image_path: null,
  music: null,
  published_at: null,
};
const WEEK = {
  space: { id: "space", name: "Readers", description: null, cover_path: null },
  week_number: 3,
  curator: null,
  prompts: [{ id: "q", order: 1, question: "What did you read?", responses: [RESPONSE] }],
};

Deno.test("an email is made though the PDF and the page cannot be", async () => {
  for (const [kind, broken] of [["newsletter.pdf", ".pdf"], ["newsletter.render", ".html"]]) {
    const failing = newsroom({ kind, attempts: 1 }, broken, WEEK);
    equal(await doJobs(failing.deps, 1), { done: 0, more: true });
    equal(failing.asked.includes("POST fail_job"), true);
    const { asked, saved, deps } = newsroom({ kind: "newsletter.mail", attempts: 1 }, broken, WEEK);
    equal(await doJobs(deps, 1), { done: 1, more: true });
    equal(asked.filter((call) => /\.(pdf|html)$/.test(call)), []);
    equal(saved()!.content.mail.text.includes("Middlemarch, again."), true);
  }
});

Deno.test("an email whose making has ended three workers is made without what people wrote, and leads to it", async () => {
  const { saved, deps } = newsroom({ kind: "newsletter.mail", attempts: 4 }, "", WEEK);
  equal(await doJobs(deps, 1), { done: 1, more: true });
  const { text } = saved()!.content.mail;
  equal(text.includes("Middlemarch"), false);
  equal(text.includes(`http://api.example/functions/v1/newsletter/${NEWSLETTER}`), true);
  match(text, /One more .* is on the web\./);
  equal(text.includes("quiet week"), false);
});

Deno.test("an email is made once in the space's language, and once in each that a reader has chosen and that has words", async () => {
  const german = { ...WEEK, space: { ...WEEK.space, language: "de-AT" } };
  for (const attempts of [1, 4]) {
    const chosen = ["ar", "de", "en", "fr-CA", "fr", "pt"];
    const { saved, deps } = newsroom({ kind: "newsletter.mail", attempts }, "", german, chosen);
    equal(await doJobs(deps, 1), { done: 1, more: true });
    const { mail: email, translations } = saved()!.content;
    match(email.html, /<html lang="de" dir="ltr">/);
    match(email.text, /Du bekommst diesen Brief, weil du bei Readers dabei bist/);
    equal(Object.keys(translations).sort(), ["ar", "en", "fr"]);
    match(translations.ar.html, /<html lang="ar" dir="rtl">/);
    match(translations.fr.text, /Télécharger en PDF|Lire sur le web/);
    if (attempts > 1) continue;
    for (const { text } of [email, ...Object.values(translations)]) match(text, /Middlemarch, again\./);
  }
});

Deno.test("one response that cannot be read costs the others nothing", async () => {
  const odd = [
    { ...RESPONSE, author: null },
    { ...RESPONSE, content: 12 },
    { ...RESPONSE, music: 7, content: { a: 1 } },
    { ...RESPONSE, author: { ...RESPONSE.author, display_name: [] } },
    null,
  ];
  for (const bad of odd) {
    const content = { ...WEEK, prompts: [{ ...WEEK.prompts[0], responses: [bad, RESPONSE] }] };
    for (const kind of ["newsletter.mail", "newsletter.render", "newsletter.pdf"]) {
      const { saved, deps } = newsroom({ kind, attempts: 1 }, "", content);
      equal(await doJobs(deps, 1), { done: 1, more: true }, `${kind}: ${JSON.stringify(bad)}`);
      if (kind !== "newsletter.mail") continue;
      const { text } = saved()!.content.mail;
      match(text, /could not be shown here\./, JSON.stringify(bad));
      match(text, new RegExp(`/newsletter/${NEWSLETTER}\\?link=\\w{32}#q1a1`));
      equal(text.includes("Middlemarch, again."), true);
    }
  }
});

Deno.test("a rendering that never ends keeps its own call, and no other job", async () => {
  const waiting = [0, 1, 2, 3].map((id) => ({
    id,
    key: String(id),
    kind: "newsletter.render",
    payload: { newsletter_id: NEWSLETTER.replace(/.$/, String(id)) },
    attempts: 1,
  }));
  const finished: number[] = [];
  const request = (input: RequestInfo | URL, init?: RequestInit) => {
    const url = new URL(String(input));
    const said = init?.body ? JSON.parse(String(init.body)) : {};
    if (url.pathname.endsWith("/claim_jobs")) {
      return Promise.resolve(Response.json(waiting.splice(0, said.job_limit)));
    }
    if (url.pathname.endsWith("/finish_job")) finished.push(said.job_id);
    // Of the others nothing is there any more, so they are done at once.
    if (/\b0{12}\b/.test(url.search)) return new Promise<Response>(() => {});
    return Promise.resolve(Response.json(url.pathname.endsWith("/newsletters") ? [] : true));
  };
  const { deps } = newsroom({ kind: "newsletter.render", attempts: 1 }, "", WEEK);
  const service = Client.service(
    { url: "http://api.example", secretKey: "sb_secret_x" },
    { fetch: request as typeof fetch },
  );
  let over = false;
  doJobs({ ...deps, service }, 1).then(() => over = true);
  while (waiting.length === 4) await Promise.resolve();
  for (const left of [2, 1, 0]) {
    equal(await doJobs({ ...deps, service }, 1), { done: 1, more: true });
    equal(waiting.length, left);
  }
  equal([finished, over], [[1, 2, 3], false]);
});
