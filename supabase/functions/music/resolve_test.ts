import assert from "node:assert/strict";
import { resolve } from "./resolve.ts";

/** A server that stands in for the providers, and what it was asked. */
async function providers(
  reply: (path: string) => Response | Promise<Response>,
  test: (server: string, asked: URL[], reports: string[]) => Promise<void>,
): Promise<void> {
  const asked: URL[] = [];
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    asked.push(url);
    return reply(url.pathname);
  });
  await test(`http://127.0.0.1:${server.addr.port}`, asked, []);
}

const LINKS: [string, string, Record<string, unknown>, [string | null, string | null]][] = [
  ["https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=x", "Spotify", { title: "La mer" }, [
    "La mer",
    null,
  ]],
  ["https://www.youtube.com/watch?v=abc", "YouTube", {
    title: "La mer",
    author_name: "Charles Trenet - Topic",
  }, [
    "La mer",
    "Charles Trenet",
  ]],
  ["https://youtu.be/abc", "YouTube", { title: "La mer", author_name: "Someone" }, ["La mer", "Someone"]],
  ["https://music.youtube.com/watch?v=abc", "YouTube Music", {
    title: "La mer",
    author_name: "Charles Trenet",
  }, [
    "La mer",
    "Charles Trenet",
  ]],
  [
    "https://soundcloud.com/trenet/la-mer",
    "SoundCloud",
    { title: "La mer by Trenet", author_name: "Trenet" },
    [
      "La mer",
      "Trenet",
    ],
  ],
  ["https://www.deezer.com/track/1", "Deezer", { title: "La mer", author_name: "Trenet" }, [
    "La mer",
    "Trenet",
  ]],
  ["https://music.apple.com/fr/album/la-mer/1?i=2", "Apple Music", {
    results: [{ trackName: "La mer", artistName: "Trenet" }],
  }, ["La mer", "Trenet"]],
];

Deno.test("each provider is asked in its own way, and only on its own host", async () => {
  for (const [link, name, body, [title, artist]] of LINKS) {
    await providers(() => Response.json(body), async (server, asked) => {
      const music = await resolve(link, { insteadOfProviders: server });
      assert.deepEqual(music, { url: link, provider: name, title, artist });
      assert.equal(asked.length, 1);
      assert.match(
        asked[0].pathname,
        /^\/(open\.spotify|www\.youtube|soundcloud|api\.deezer|itunes\.apple)\.com\//,
      );
    });
  }
});

Deno.test("what nobody can be asked about keeps its address, and nobody is asked", async () => {
  await providers(() => Response.json({ title: "x" }), async (server, asked) => {
    for (
      const [link, provider] of [
        ["https://trenet.bandcamp.com/track/la-mer", "Bandcamp"],
        ["https://tidal.com/track/1", "TIDAL"],
        ["https://music.apple.com/fr/artist/trenet", "Apple Music"],
        ["https://example.org/la-mer", null],
        ["https://open.spotify.com.evil.example/track/1", null],
        ["https://open.spotify.com@evil.example/track/1", null],
        ["http://127.0.0.1:5432/", null],
        ["http://169.254.169.254/latest/meta-data", null],
        ["file:///etc/passwd", null],
        ["no address", null],
      ] as const
    ) {
      assert.deepEqual(await resolve(link, { insteadOfProviders: server }), {
        url: link,
        provider,
        title: null,
        artist: null,
      });
    }
    assert.deepEqual(asked, []);
  });
});

const SPOTIFY = "https://open.spotify.com/track/1";

Deno.test("a provider that fails costs the name and nothing else", async () => {
  const faults: [string, () => Response | Promise<Response>][] = [
    ["not found", () => new Response("gone", { status: 404 })],
    ["an error", () => new Response("oops", { status: 500 })],
    ["too many requests", () => new Response("slow down", { status: 429, headers: { "retry-after": "60" } })],
    ["no JSON", () => new Response("<html>")],
    ["JSON that is not an object", () => Response.json(null)],
    ["a redirect to elsewhere", () => Response.redirect("http://127.0.0.1:1/secret")],
    ["an endless reply", () => new Response("x".repeat(200_000))],
    ["no reply", () => new Promise<Response>((done) => setTimeout(() => done(new Response("{}")), 400))],
    ["other types", () => Response.json({ title: { html: "x" }, author_name: 7 })],
  ];
  for (const [what, reply] of faults) {
    await providers(reply, async (server) => {
      const reports: string[] = [];
      const music = await resolve(SPOTIFY, {
        insteadOfProviders: server,
        timeoutMs: 150,
        report: (message) => reports.push(message),
      });
      assert.deepEqual(music, { url: SPOTIFY, provider: "Spotify", title: null, artist: null }, what);
      assert.equal(reports.length, what === "other types" ? 0 : 1, what);
    });
  }
});

Deno.test("names are one line and not endless", async () => {
  await providers(() => Response.json({ title: "a\u0000b\nc\u202e" + "d".repeat(1000) }), async (server) => {
    const { title } = await resolve(SPOTIFY, { insteadOfProviders: server });
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(title!, /[\u0000-\u001f\u202e]/);
    assert.equal(title!.length, 300);
  });
});

Deno.test("only this machine can stand in for a provider", async () => {
  const music = await resolve(SPOTIFY, {
    insteadOfProviders: "https://elsewhere.example",
    fetch: () => Promise.reject(new Error("asked")),
  });
  assert.equal(music.title, null);
});
