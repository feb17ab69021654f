import { deepStrictEqual as equal, match, ok } from "node:assert";
import { createHash } from "node:crypto";
import { buildLetter } from "./letter.ts";
import { renderPage } from "./page.ts";
import { newsletter, response, withResponse } from "./testing.ts";

const JPEG = Deno.readFileSync(
  new URL("../../../../tests/functions/render/fixtures/pictures/tall.jpg", import.meta.url),
);

function page(...input: Parameters<typeof withResponse>): ReturnType<typeof renderPage> {
  return renderPage(buildLetter(withResponse(...input)));
}

Deno.test("the same letter gives the same page", () => {
  equal(page({ content: "Ελένη, Мастер" }).html, page({ content: "Ελένη, Мастер" }).html);
});

Deno.test("the policy lets the page load its own style sheet and the pictures it was given", () => {
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg?x=1" }]]);
  const { html, contentSecurityPolicy } = page({ image_path: "a" }, { pictures: { responses } });
  const style = /<style>(.*)<\/style>/s.exec(html)![1];
  const hash = createHash("sha256").update(style).digest("base64");
  equal(
    contentSecurityPolicy,
    `default-src 'none'; style-src 'sha256-${hash}'; font-src data:; img-src https://pictures.example; ` +
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

Deno.test("only the scripts that a page uses are in it", () => {
  const fonts = (content: string) => page({ content }).html.split("@font-face").length - 1;
  equal(fonts("Latin, “with” quotes – and é"), 3);
  equal(fonts("Łódź"), 6);
  equal(fonts("Мастер"), 6);
  equal(fonts("Мастер, Ελένη"), 9);
  equal(fonts("三 שלום 🚋"), 3);
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
  match(page({ content: "שלום" }).html, /<p dir="rtl">שלום<\/p>/);
});

Deno.test("three questions or more are listed at the top", () => {
  const contents = (count: number) => {
    const prompts = Array.from(
      { length: count },
      () => withResponse({}).newsletter.content.prompts[0].responses,
    );
    return renderPage(buildLetter({ newsletter: newsletter(prompts) })).html.includes("<nav");
  };
  equal([contents(2), contents(3), contents(10)], [false, true, true]);
});

Deno.test("a quiet week says so, and lists no questions twice", () => {
  const { html } = renderPage(buildLetter({ newsletter: newsletter([[], [], []]) }));
  match(html, /A quiet week/);
  ok(!html.includes("<nav"));
  ok(!html.includes("No answer to this one"));
});

Deno.test("the page as bytes is the page as text", () => {
  const bytes = Deno.readFileSync(
    new URL("../../../../tests/functions/render/fixtures/pictures/shelf.png", import.meta.url),
  );
  const responses = new Map([["a", { bytes }], ["b", { bytes: bytes.slice(0, -1) }]]);
  const page = renderPage(buildLetter({
    newsletter: newsletter([[
      response({ image_path: "a" }),
      response({ image_path: "b", content: "Ωmega \uffff0;" }),
    ]]),
    pictures: { responses },
  }));
  equal(new TextDecoder().decode(page.bytes()), page.html);
  ok(page.html.includes(`data:image/png;base64,${bytes.toBase64()}`));
  ok(!page.html.includes("\uffff"));
});
