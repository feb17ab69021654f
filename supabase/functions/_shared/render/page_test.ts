import { deepStrictEqual as equal, match, ok } from "node:assert";
import { createHash } from "node:crypto";
import { buildNewsletter } from "./newsletter.ts";
import { renderPage } from "./page.ts";
import { type Around, shown } from "./page_around.ts";
import { newsletterRow, responseRow, withResponse } from "./testing.ts";
import type { Picture } from "./input.ts";

const ID = "00000000-0000-4000-8000-000000000001";
import { ENGLISH } from "./words.ts";
import { EMAIL } from "../pictures/names.ts";

const JPEG = Deno.readFileSync(
  new URL("../../../../tests/functions/render/fixtures/pictures/tall.jpg", import.meta.url),
);

function page(...input: Parameters<typeof withResponse>): ReturnType<typeof renderPage> {
  return renderPage(buildNewsletter(withResponse(...input)));
}

Deno.test("an initial is one character alone, without the apostrophe after it", () => {
  const content = `C'est l'histoire d'un été. ${"Nous avons lu et parlé. ".repeat(9)}`;
  const passage = (initial: string) =>
    new TextDecoder().decode(
      renderPage(buildNewsletter(withResponse({ content }, { theme: { initial } }))).bytes(),
    );
  match(passage("drop"), /<p[^>]*>C\u2060’est l’histoire/);
  match(passage("plain"), /<p[^>]*>C’est l’histoire/);
});

Deno.test("the third line begins beside an initial that reaches below the second, too", () => {
  const initial = (first: string) =>
    /passages( initial[^"]*)"/.exec(
      page({ content: `${first} ${"word ".repeat(40)}` }, { theme: { initial: "drop" } }).html,
    )?.[1];
  equal(["Ça", "Quoi", "Œuvre", "Été"].map(initial), [
    " initial low",
    " initial low",
    " initial",
    " initial",
  ]);
});

Deno.test("the same newsletter gives the same page", () => {
  equal(page({ content: "Ελένη, Мастер" }).html, page({ content: "Ελένη, Мастер" }).html);
});

Deno.test("the policy lets the page load its own style sheet and the pictures it was given", () => {
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg?x=1" }]]);
  const { html, contentSecurityPolicy } = page({ image_path: "a" }, { pictures: { responses } });
  const style = /<style>(.*)<\/style>/s.exec(html)![1];
  const hash = createHash("sha256").update(style).digest("base64");
  equal(
    contentSecurityPolicy,
    `default-src 'none'; style-src 'sha256-${hash}'; font-src data:; img-src data: https://pictures.example; ` +
      "base-uri 'none'; form-action 'none'",
  );
  ok(html.includes(contentSecurityPolicy.replaceAll("'", "&#39;")));
  ok(!/<[^>]+ style=/.test(html));
});

Deno.test("a picture given as bytes is inside the page, with its size", () => {
  const { html, problems, contentSecurityPolicy } = page({ image_path: "a" }, {
    pictures: { responses: new Map([["a", { bytes: JPEG }]]) },
  });
  match(
    html,
    /<img src="data:image\/jpeg;base64,[A-Za-z0-9+/=]+" alt="Picture by Ada Lindqvist, in answer to “What/,
  );
  match(html, / width="900" height="1100" /);
  match(contentSecurityPolicy, /img-src data:;/);
  equal(problems, []);
});

Deno.test("pictures beside the page come in the size that is shown, and lead to the original", () => {
  const at = (width: number) => ({ address: `id/pictures/a-${width}.jpeg`, width });
  const beside = {
    address: at(1600).address,
    sizes: [at(560), at(1120), at(1600)],
    still: null,
    original: "id/pictures/a.png",
  };
  const show = (picture: Picture) =>
    page({ image_path: "a" }, { pictures: { responses: new Map([["a", picture]]) } });
  const { html, contentSecurityPolicy } = show({ width: 1600, height: 1200, beside });
  match(
    html,
    /<figure><a href="id\/pictures\/a.png"><img src="id\/pictures\/a-1600.jpeg" alt="[^"]+" width="1600" height="1200" srcset="([^"]+)" sizes="([^"]+)" loading="lazy" decoding="async"><\/a><\/figure>/,
  );
  match(
    html,
    / srcset="id\/pictures\/a-560.jpeg 560w, id\/pictures\/a-1120.jpeg 1120w, id\/pictures\/a-1600.jpeg 1600w"/,
  );
  match(html, / sizes="min\(1600px, 37.25rem, 100vw - 2.5rem\)"/);
  match(contentSecurityPolicy, /img-src 'self' data:;/);
  ok(!show({ width: 300, height: 200, beside: { ...beside, sizes: [at(300)] } }).html.includes("srcset"));
  match(
    show({ width: 300, height: 200, beside: { ...beside, sizes: [], still: "id/pictures/still.jpeg" } }).html,
    /<picture><source media="\(prefers-reduced-motion: reduce\)" srcset="id\/pictures\/still.jpeg"><img src="id\/pictures\/a-1600.jpeg"[^>]+><\/picture>/,
  );
});

Deno.test("a caption is the author's own: under the picture, and for those who do not see it", () => {
  const pictures = { responses: new Map([["a", { bytes: JPEG }]]) };
  const { html } = page({ image_path: "a", image_caption: "The tram & me" }, { pictures });
  match(html, / alt="The tram &amp; me"/);
  match(html, /<figcaption><bdi>The tram &amp; me<\/bdi><\/figcaption>/);
  ok(!page({ image_path: "a", image_caption: null }, { pictures }).html.includes("<figcaption>"));
  match(
    page({ image_path: "a", image_caption: "The tram" }).html,
    /<figure><p class="missing">A picture by .*<\/p><figcaption><bdi>The tram</,
  );
});

Deno.test("a picture that is missing or damaged is replaced by words, and reported if it was given", () => {
  const missing = page({ image_path: "a" });
  match(missing.html, /A picture by Ada Lindqvist, which could not be shown here\./);
  equal(missing.problems, []);
  const damaged = page({ image_path: "a" }, {
    pictures: { responses: new Map([["a", { bytes: JPEG.slice(0, 20) }]]) },
  });
  match(damaged.html, /could not be shown/);
  equal(damaged.problems.length, 1);
  const elsewhere = page({ image_path: "a" }, {
    pictures: { responses: new Map([["a", { url: "ftp://a/b" }]]) },
  });
  equal(elsewhere.problems[0].reason, "There are neither bytes nor an http(s) address.");
});

Deno.test("of its typeface a page holds the slices and the styles that it shows something of", () => {
  const held = (...input: Parameters<typeof withResponse>) => {
    const { html } = page(...input);
    const faces = html.matchAll(/font-style:(\w+);font-weight:(\d+);[^}]*unicode-range:U\+(\w+)/g);
    return [...faces].map(([, style, weight, first]) => `${style} ${weight} ${first}`);
  };
  const [regular, italic, bold] = ["normal 400", "italic 400", "normal 600"];
  const latin = [regular, italic, bold].map((style) => `${style} 0020`);
  equal(held({ content: "Latin, “with” quotes – and é" }), latin);
  equal(held({ content: "三 שלום 🚋" }), latin);
  equal(held({ content: "Łódź" }), [latin[0], `${regular} 0100`, latin[1], latin[2]]);
  equal(held({ content: "> Łódź" }), [latin[0], latin[1], `${italic} 0100`, latin[2]]);
  const music = { url: "https://example.org", provider: null, title: "Ёж", artist: null };
  equal(held({ content: "Да: Ελένη", music }), [
    latin[0],
    `${regular} 0301`,
    `${regular} 0374`,
    latin[1],
    latin[2],
    `${bold} 0301`,
  ]);
});

Deno.test("a theme changes the colours, whatever the device prefers", () => {
  const theme = { paper: "#12131a", ink: "#f2efe6", accent: "#e8b64c" };
  const { html } = page({}, { theme });
  match(html, /--paper: #12131a;/);
  match(html, /color-scheme: dark;/);
  ok(!html.includes("prefers-color-scheme"));
  match(page({}).html, /prefers-color-scheme: dark/);
});

Deno.test("words that run from right to left are set so", () => {
  match(page({ content: "שלום" }).html, /<p dir="rtl" lang="he">שלום<\/p>/);
});

Deno.test("three questions or more are listed at the top", () => {
  const contents = (count: number) => {
    const prompts = Array.from(
      { length: count },
      () => withResponse({}).newsletter.content.prompts[0].responses,
    );
    return renderPage(buildNewsletter({ newsletter: newsletterRow(prompts) })).html.includes("<nav");
  };
  equal([contents(2), contents(3), contents(10)], [false, true, true]);
});

Deno.test("a quiet week says so, and lists no questions twice", () => {
  const { html } = renderPage(buildNewsletter({ newsletter: newsletterRow([[], [], []]) }));
  match(html, /A quiet week/);
  ok(!html.includes("<nav"));
  ok(!html.includes(ENGLISH.noAnswers));
});

Deno.test("the page as bytes is the page as text", () => {
  const bytes = Deno.readFileSync(
    new URL("../../../../tests/functions/render/fixtures/pictures/shelf.png", import.meta.url),
  );
  const responses = new Map([["a", { bytes }], ["b", { bytes: bytes.slice(0, -1) }]]);
  const page = renderPage(buildNewsletter({
    newsletter: newsletterRow([[
      responseRow({ image_path: "a" }),
      responseRow({ image_path: "b", content: "Ωmega \uffff0;" }),
    ]]),
    pictures: { responses },
  }));
  equal(new TextDecoder().decode(page.bytes()), page.html);
  ok(page.html.includes(`data:image/png;base64,${bytes.toBase64()}`));
  ok(!page.html.includes("\uffff"));
});

Deno.test("what is long enough to tell its language says it, also where that is the page's", () => {
  const english =
    "They said that the train would be late, and so we went on reading on the platform until the lamps were lit.";
  const german =
    "Der Zug war verspätet, und so lasen wir auf dem Bahnsteig weiter, bis die Lampen endlich angingen.";
  const { html } = page({ content: `${english}\n\n${german}` });
  match(html.split("</style>")[1], /<p lang="en">They .*<p lang="de">Der /s);
  match(page({ content: "Middlemarch, again." }).html, /<p>Middlemarch, again\.<\/p>/);
});

const CODE = "7QK2M-0ZV4C-9T3XR-B8WN5";

Deno.test("a published newsletter prints its code, and holds for programs what it stands for", () => {
  const id = "00000000-0000-4000-8000-000000000005";
  const sealed = newsletterRow([[responseRow()]], { id, code: CODE, ledger_root: "ab".repeat(32) });
  const { html } = renderPage(buildNewsletter({ newsletter: sealed }));
  match(html, new RegExp(`<p class="code">Code of this letter: ${CODE}</p>\n</div>`));
  match(html, new RegExp(`<meta name="monogram" content="monogram:${id}:${CODE}:${"ab".repeat(32)}">`));
});

Deno.test("a draft has no code", () => {
  const { html } = renderPage(
    buildNewsletter({ newsletter: newsletterRow([[responseRow()]], { code: null }) }),
  );
  ok(!html.includes("Code of ") && !html.includes('name="monogram"'));
});

Deno.test("a newsletter of a hundred responses with pictures is less than 400 kB before pictures", () => {
  const text =
    "“Доброе утро”, said the Мастер — and read on, élan and all: a sentence as people write them. ";
  const paths = Array.from({ length: 100 }, (_, index) => `space/person/${index}.jpg`);
  const size = (width: number, name: string) => ({ width, address: `${ID}/pictures/${ID}-${name}.jpeg` });
  const pictures = new Map(paths.map((path) => [path, {
    width: 1600,
    height: 1200,
    beside: {
      address: `${ID}/pictures/${ID}-page-1600x1200.jpeg`,
      sizes: [size(560, "small-560x420"), size(1120, `${EMAIL}-1120x840`), size(1600, "page-1600x1200")],
      still: null,
      original: `${ID}/pictures/${ID}-original-4032x3024.jpeg`,
    },
  }]));
  const prompts = Array.from(
    { length: 10 },
    (_, prompt) =>
      paths.slice(10 * prompt, 10 * prompt + 10).map((image_path) =>
        responseRow({ content: text.repeat(8), image_path })
      ),
  );
  const newsletter = buildNewsletter({
    newsletter: newsletterRow(prompts),
    pictures: { responses: pictures },
  });
  ok(renderPage(newsletter).bytes().length < 400_000, `${renderPage(newsletter).bytes().length}`);
});

const NOTHING: Around = { previous: null, next: null, all: null, feed: null };

function around(content: string, given: Partial<Around>): string {
  const links = { page: "https://letters.example/2", card: "https://letters.example/2/card.png" };
  const { bytes } = page({ content }, { links });
  return new TextDecoder().decode(shown(bytes(), { ...NOTHING, ...given }, ENGLISH));
}

Deno.test("a page leads to the newsletters around it, as far as its reader may see them", () => {
  const html = around("x", {
    previous: { address: "https://letters.example/1", week: 1, title: "<b>Trams" },
    all: "https://letters.example/spaces/3",
    feed: { address: "https://letters.example/spaces/3/feed.atom", title: "Letters of A & B" },
  });
  ok(html.includes(`<nav class="around sheet" aria-label="${ENGLISH.otherLetters}">`));
  match(
    html,
    /<a class="prev" rel="prev" href="https:\/\/letters.example\/1"><span>Previous letter<\/span> <b>Week 1<\/b> /,
  );
  match(html, /<bdi>&lt;b&gt;Trams<\/bdi>/);
  match(html, /<a class="all" href="https:\/\/letters.example\/spaces\/3">All letters<\/a>/);
  ok(!html.includes('rel="next"'));
  match(
    html,
    /<link rel="alternate" type="application\/atom\+xml" title="Letters of A &amp; B" href="[^"]*feed.atom">/,
  );
  const alone = around("x", {});
  ok(!alone.includes('<nav class="around') && !alone.includes("atom") && !alone.includes("<!--"));
});

Deno.test("nobody can write what is put into a page later", () => {
  const html = around("<!--around--> <!--feed-->", { all: "https://letters.example/spaces/3" });
  match(html, /&lt;!--around--&gt; &lt;!--feed--&gt;|&lt;!—around—&gt;/);
  equal(html.split('class="all"').length, 2);
});

Deno.test("programs that show a link find its picture, and the tab of a browser the seal", () => {
  const html = around("x", {});
  match(html, /<meta property="og:image" content="https:\/\/letters.example\/2\/card.png">/);
  match(
    html,
    /<meta property="og:image:alt" content="A fine week · Book Club · Week 12 · 22 November 2026">/,
  );
  match(html, /<meta name="twitter:card" content="summary_large_image">/);
  match(html, /<link rel="canonical" href="https:\/\/letters.example\/2">/);
  match(html, /<link rel="icon" href="data:image\/svg\+xml,%3Csvg/);
  ok(!page({}).html.includes("og:image"));
});
