import { deepStrictEqual as equal, match, ok } from "node:assert";
import { type Archive, renderArchive, renderFeed } from "./archive.ts";

const LETTER = {
  id: "00000000-0000-4000-8000-000000000001",
  title: `Ada's "trams" & <b>`,
  intro: `It's a week.\n\n${"A sentence that goes on. ".repeat(40)}`,
  week_number: 12,
  published_at: "2026-11-22T18:30:00.5+00:00",
  redacted_at: null,
};

const ARCHIVE: Archive = {
  space: {
    id: "00000000-0000-4000-8000-000000000003",
    name: "Book & Club",
    description: null,
    created_at: "2026-01-01T00:00:00+00:00",
  },
  newsletters: [LETTER],
  links: {
    all: "https://x.example/spaces/3",
    feed: "https://x.example/spaces/3/feed.atom",
    newsletter: (id) => `https://x.example/${id}`,
  },
};

Deno.test("a feed tells the beginning of each newsletter, and when it was changed last", () => {
  const feed = renderFeed(ARCHIVE);
  match(feed, /<title>Ada’s “trams” &amp; &lt;b&gt;<\/title>/);
  match(feed, /<updated>2026-11-22T18:30:00.500Z<\/updated>\n<author>/);
  match(
    feed,
    /<link rel="self" type="application\/atom\+xml" href="https:\/\/x.example\/spaces\/3\/feed.atom"\/>/,
  );
  const [, summary] = /<summary>([^]*)<\/summary>/.exec(feed)!;
  ok(summary.startsWith("Week 12\n\nIt’s a week.\n\nA sentence") && summary.length < 450, summary);
  // The same newsletters give the same feed, and it changes when somebody is taken out of one.
  equal(renderFeed(ARCHIVE), feed);
  const later = { ...LETTER, redacted_at: "2026-12-01T00:00:00+00:00" };
  match(
    renderFeed({ ...ARCHIVE, newsletters: [later] }),
    /<updated>2026-12-01T00:00:00.000Z<\/updated>\n<author>/,
  );
});

Deno.test("a feed without newsletters is as old as its space, and no control character gets into it", () => {
  match(renderFeed({ ...ARCHIVE, newsletters: [] }), /<updated>2026-01-01T00:00:00.000Z<\/updated>/);
  const strange = { ...LETTER, title: "a\u0000b\u000bc\ufffe\ud800", intro: "\u0001x]]>" };
  const feed = renderFeed({ ...ARCHIVE, newsletters: [strange] });
  // deno-lint-ignore no-control-regex
  ok(!/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(feed) && feed.isWellFormed());
  match(feed, /x\]\]&gt;/);
});

Deno.test("the page of all newsletters has them by year, and no link to a feed of a space without one", () => {
  const old = {
    ...LETTER,
    id: "00000000-0000-4000-8000-000000000002",
    published_at: "2025-12-31T23:00:00+00:00",
  };
  const page = renderArchive({ ...ARCHIVE, newsletters: [LETTER, old] });
  equal([...page.html.matchAll(/<h2 class="year">(\d+)/g)].map(([, year]) => year), ["2026", "2025"]);
  match(
    page.html,
    /<li><a href="https:\/\/x.example\/00000000-0000-4000-8000-000000000001"><bdi>Ada’s “trams” &amp; &lt;b&gt;/,
  );
  match(page.html, /rel="alternate" type="application\/atom\+xml"/);
  equal(new TextDecoder().decode(page.bytes()), page.html);
  const closed = renderArchive({ ...ARCHIVE, links: { ...ARCHIVE.links, feed: null }, newsletters: [] });
  ok(!closed.html.includes("atom"));
  match(closed.html, /No letter has been published yet\./);
});

Deno.test("a title that nobody gave is in the language of the page, whatever the space was called then", () => {
  const untitled = { ...LETTER, title: "Alpha Club, week 12", name: "Alpha Club" };
  const given = { ...untitled, title: "Alpha Club, week 1" };
  const space = { ...ARCHIVE.space, language: "de" };
  const archive = { ...ARCHIVE, space, newsletters: [untitled, given] };
  match(renderArchive(archive).html, /<bdi>Alpha Club, Woche 12<\/bdi>[^]*<bdi>Alpha Club, week 1<\/bdi>/);
  match(renderFeed(archive), /<title>Alpha Club, Woche 12<\/title>[^]*<title>Alpha Club, week 1<\/title>/);
});
