import assert from "node:assert/strict";
import { type Deps, handle } from "./handler.ts";

const URL = "https://www.youtube.com/watch?v=la-mer";

function token(claims: unknown): string {
  return `x.${btoa(JSON.stringify(claims))}.x`;
}

const PERSON = token({ sub: "1", role: "authenticated" });

/** Ask with a token; one person is known. */
async function ask(
  body: BodyInit | null,
  bearer: string | null = PERSON,
): Promise<[number, string[], string]> {
  const asked: string[] = [];
  const deps: Deps = {
    isPerson: (given) => Promise.resolve(given === PERSON),
    resolve: (url) => {
      asked.push(url);
      return Promise.resolve({ url, provider: null, title: null, artist: null });
    },
  };
  const headers = bearer === null ? new Headers() : new Headers({ authorization: `Bearer ${bearer}` });
  const reply = await handle(new Request("http://x.example/music", { method: "POST", body, headers }), deps);
  assert.equal(reply.headers.get("access-control-allow-origin"), "*");
  const { code } = await reply.json();
  return [reply.status, asked, code];
}

Deno.test("a person who is signed in gets a name", async () => {
  assert.deepEqual(await ask(JSON.stringify({ url: ` ${URL} ` })), [200, [URL], undefined]);
});

Deno.test("no key opens it, and no token of an account that is gone", async () => {
  const outsiders = [
    null,
    "sb_publishable_x",
    "sb_secret_x",
    token({ role: "anon" }),
    token({ role: "service_role" }),
    token({ sub: "1", role: "service_role" }),
    token({ sub: "2", role: "authenticated" }),
    token(null),
    "no.token",
    "x",
  ];
  for (const outsider of outsiders) {
    assert.deepEqual(
      await ask(JSON.stringify({ url: URL }), outsider),
      [401, [], "UNAUTHORIZED"],
      outsider ?? "",
    );
  }
});

Deno.test("an invalid address or invalid JSON is refused, and no provider is asked", async () => {
  const bad = [
    null,
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"url":1}',
    '{"url":"file:///etc/passwd"}',
    '{"url":"https://a.example/\\u0000"}',
    '{"url":"https://a.example/\\ud800"}',
    '{"url":["https://a.example"]}',
    `{"url":"https://a.example/${"x".repeat(2001)}"}`,
    "[".repeat(4000),
    new Uint8Array([0xff, 0xfe, 0x00]),
  ];
  for (const body of bad) {
    const [status, asked] = await ask(body);
    assert.deepEqual([status, asked], [400, []], String(body).slice(0, 80));
  }
  assert.equal((await ask("x".repeat(9000)))[0], 413);
});
