import assert from "node:assert/strict";
import { type Deps, handle, type Scope, type Subscription } from "./handler.ts";
import { wordsIn } from "../_shared/words/words.ts";

const TOKEN = "0123456789abcdef";
const SUBSCRIPTION: Subscription = {
  space_id: "00000000-0000-4000-8000-000000000003",
  space_name: "Book Club <b>",
  space_emails: true,
  email_newsletters: true,
  email_notifications: true,
  email_reminders: true,
  can_undo: false,
};

/** A list of one, and what was stopped. */
function list(subscription: Partial<Subscription> = {}): { deps: Deps; stopped: Scope[] } {
  const stopped: Scope[] = [];
  return {
    stopped,
    deps: {
      find: (token) => Promise.resolve(token === TOKEN ? { ...SUBSCRIPTION, ...subscription } : null),
      stop: (token, scope) => {
        if (token === TOKEN) stopped.push(scope);
        return Promise.resolve(token === TOKEN);
      },
      undo: () => Promise.resolve(subscription.can_undo === true),
    },
  };
}

function link(query: Record<string, string> = {}, init: RequestInit = {}): Request {
  return new Request(`http://x.example/unsubscribe?${new URLSearchParams({ token: TOKEN, ...query })}`, init);
}

Deno.test("opening the link changes nothing and asks", async () => {
  for (const method of ["GET", "HEAD"]) {
    const { deps, stopped } = list();
    const reply = await handle(link({ scope: "everything" }, { method }), deps);
    assert.equal(reply.status, 200);
    assert.deepEqual(stopped, []);
    const page = await reply.text();
    if (method === "HEAD") assert.equal(page, "");
    else {
      assert.match(page, /Nothing has changed yet/);
      assert.match(page, /method="post"/);
      assert.match(page, /Book Club &lt;b&gt;/);
      assert.doesNotMatch(page, /<b>/);
    }
  }
});

Deno.test("one click of a mail program does it, for the scope of its link", async () => {
  for (const scope of ["space", "reminders", "everything"] as const) {
    const { deps, stopped } = list();
    const body = new URLSearchParams({ "List-Unsubscribe": "One-Click" });
    const reply = await handle(link({ scope }, { method: "POST", body }), deps);
    assert.equal(reply.status, 200);
    assert.deepEqual(stopped, [scope]);
  }
});

Deno.test("the one click may also come as multipart, and without a body", async () => {
  const { deps, stopped } = list();
  const body = new FormData();
  body.set("List-Unsubscribe", "One-Click");
  assert.equal((await handle(link({}, { method: "POST", body }), deps)).status, 200);
  assert.equal((await handle(link({}, { method: "POST" }), deps)).status, 200);
  assert.deepEqual(stopped, ["space", "space"]);
});

Deno.test("a button of the page names its scope, whatever the link said", async () => {
  const { deps, stopped } = list();
  const body = new URLSearchParams({ scope: "everything" });
  const reply = await handle(link({ scope: "space" }, { method: "POST", body }), deps);
  assert.match(await reply.text(), /No more email/);
  assert.deepEqual(stopped, ["everything"]);
});

Deno.test("a link that nobody has is said to be unknown, by GET and POST, and reaches no database if it cannot be one", async () => {
  for (const method of ["GET", "POST"]) {
    for (const token of ["other", "", "x".repeat(201), "a b", "<script>"]) {
      const { deps, stopped } = list();
      let asked = 0;
      const reply = await handle(link({ token }, { method }), {
        ...deps,
        find: (given) => {
          asked += 1;
          return deps.find(given);
        },
      });
      assert.equal(reply.status, 404);
      const page = await reply.text();
      assert.match(page, /not known/);
      assert.doesNotMatch(page, /<script>/);
      assert.deepEqual([asked, stopped.length], [token === "other" ? 1 : 0, 0]);
    }
  }
});

Deno.test("a malformed form, or one that is too long, is refused", async () => {
  const { deps, stopped } = list();
  const types = ["multipart/form-data", "multipart/form-data; boundary=x", "MULTIPART/FORM-DATA; boundary=x"];
  for (const type of types) {
    const headers = { "content-type": type };
    const request = link({}, { method: "POST", body: "\0no form", headers });
    assert.equal((await handle(request, deps)).status, 400, type);
  }
  for (const body of [new Uint8Array([0xff, 0xfe]), "x".repeat(5000)]) {
    const status = (await handle(link({}, { method: "POST", body }), deps)).status;
    assert.equal(status, typeof body === "string" ? 413 : 400);
  }
  assert.deepEqual(stopped, []);
});

Deno.test("an unknown scope or method is refused", async () => {
  const { deps, stopped } = list();
  assert.equal((await handle(link({ scope: "all" }, { method: "POST" }), deps)).status, 400);
  assert.equal((await handle(link({}, { method: "DELETE" }), deps)).status, 405);
  assert.deepEqual(stopped, []);
});

Deno.test("what is switched off already is said to be so", async () => {
  const page = async (changes: Partial<Subscription>) =>
    await (await handle(link(), list(changes).deps)).text();
  assert.match(await page({ space_emails: false }), /You get no email from Book Club/);
  assert.match(
    await page({ email_newsletters: false, email_notifications: false }),
    /You get no email from Monogram/,
  );
  assert.match(await page({ space_id: null, space_name: null }), /No more email at all/);
  assert.doesNotMatch(await page({ space_id: null, space_name: null }), /No more email from/);
});

Deno.test("the page is kept by nobody, runs no script and tells nobody its address", async () => {
  const { headers } = await handle(link(), list().deps);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  assert.match(headers.get("content-security-policy")!, /^default-src 'none'; style-src 'sha256-[^']+'; /);
});

Deno.test("the page that says that it is done can undo it, and only that", async () => {
  const post = async (scope: string, changes: Partial<Subscription>) => {
    const body = new URLSearchParams({ scope });
    return await (await handle(link({}, { method: "POST", body }), list(changes).deps)).text();
  };
  for (const scope of ["space", "reminders", "everything"]) {
    assert.match(await post(scope, { can_undo: true }), /value="undo"><button>Undo</);
    assert.doesNotMatch(await post(scope, { can_undo: false }), /value="undo"/);
  }
  assert.match(await post("undo", { can_undo: true }), /<h1>Undone</);
  assert.match(await post("undo", { can_undo: false }), /nothing to undo/);
});

Deno.test("what stops the email of a space says all that it stops, before and after", async () => {
  const said: Record<string, [before: string, title: string, after: string]> = {
    en: [
      `<button>${wordsIn(["en"]).say("unsubscribe.stopSpace", { space: "Book Club" })}</button>`,
      "<h1>No more email from Book Club</h1>",
      wordsIn(["en"]).say("unsubscribe.doneSpace"),
    ],
    de: [
      `<button>${wordsIn(["de"]).say("unsubscribe.stopSpace", { space: "Book Club" })}</button>`,
      `<h1>${wordsIn(["de"]).say("mail.unsubscribeSpace", { space: "Book Club" })}</h1>`,
      "keine Briefe, Fragen und Erinnerungen mehr",
    ],
  };
  for (const [language, [before, title, after]] of Object.entries(said)) {
    const { deps } = list({ space_name: "Book Club", languages: [language] });
    const page = async (method: string) => await (await handle(link({}, { method }), deps)).text();
    assert.ok((await page("GET")).includes(before), language);
    const done = await page("POST");
    for (const words of [title, after]) assert.ok(done.includes(words), done);
  }
});

Deno.test("the page offers what is on, what was asked for first, and reminders apart", async () => {
  const scopes = async (scope: string, changes: Partial<Subscription> = {}) => {
    const page = await (await handle(link({ scope }), list(changes).deps)).text();
    return [...page.matchAll(/name="scope" value="(\w+)"/g)].map(([, named]) => named);
  };
  assert.deepEqual(await scopes("space"), ["space", "reminders", "everything"]);
  assert.deepEqual(await scopes("everything"), ["everything", "space", "reminders"]);
  assert.deepEqual(await scopes("space", { email_reminders: false }), ["space", "everything"]);
  assert.deepEqual(await scopes("space", { space_emails: false, can_undo: true }), [
    "undo",
    "reminders",
    "everything",
  ]);
  assert.deepEqual(await scopes("x", { email_newsletters: false, email_notifications: false }), []);
});
