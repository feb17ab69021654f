/** Nothing that people write becomes markup, an address of another kind, or a request. */

import { deepStrictEqual as equal, ok } from "node:assert";
import { type DefaultTreeAdapterTypes, parse } from "parse5";
import type { RenderInput } from "./input.ts";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage, sealIcon } from "./page.ts";
import { colours } from "./palette.ts";
import { responseRow } from "./testing.ts";
import CORPUS from "../../../../tests/functions/render/fixtures/markup.json" with { type: "json" };

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

const PICTURES = {
  responses: new Map([["picture", { url: "https://pictures.example/1.jpg" }]]),
  avatars: new Map([["avatar", { url: "https://pictures.example/2.jpg" }]]),
  cover: { url: "https://pictures.example/3.jpg" },
};

/** A newsletter with `text` wherever people can write something. */
function everywhere(text: string): RenderInput {
  const author = { id: text, display_name: text, username: text, avatar_path: "avatar" };
  const responses = [
    responseRow({ id: text, author, content: text, image_path: "picture", image_caption: text }),
    responseRow({ author, content: `> ${text}\n\n${text} and ${text}\n\n> a quote\n\nlines\nand lines` }),
    responseRow({ author, content: null, image_path: text, image_caption: text }),
    responseRow({ author, content: null, music: { url: text, provider: text, title: text, artist: text } }),
    responseRow({
      author,
      content: "See https://example.org/",
      music: { url: "https://music.example/1", provider: text, title: text, artist: null },
    }),
  ];
  return {
    newsletter: {
      title: text,
      intro: `${text}\nand\n\n${text}`,
      published_at: "2026-11-22T18:30:00+00:00",
      content: {
        space: { id: text, name: text, description: text, cover_path: "cover" },
        week_number: 1,
        curator: { id: text, display_name: text },
        prompts: [1, 2, 3].map((order) => ({ id: text, order, question: text, responses: responses })),
      },
    },
    theme: { paper: text, ink: text, accent: text },
    pictures: PICTURES,
    links: { page: "https://news.example/1", pdf: "https://news.example/1.pdf" },
  };
}

/** What a browser or a mail program makes of a document. */
interface Parsed {
  elements: Element[];
  comments: string[];
}

function read(markup: string): Parsed {
  const parsed: Parsed = { elements: [], comments: [] };
  const walk = (node: Node): void => {
    if ("tagName" in node) parsed.elements.push(node);
    if ("data" in node) parsed.comments.push(node.data);
    if ("childNodes" in node) node.childNodes.forEach(walk);
    if ("content" in node) walk(node.content);
  };
  walk(parse(markup));
  return parsed;
}

/** Each kind of element with the names of its attributes, and its style, which is always ours. */
function kinds({ elements }: Parsed): Set<string> {
  return new Set(
    elements.map(({ tagName, attrs }) => {
      const style = attrs.find(({ name }) => name === "style")?.value ?? "";
      return [tagName, ...attrs.map(({ name }) => name).sort(), style].join(" ");
    }),
  );
}

/** Lines, quotes and links; and, in the email, the invitation to music whose address is not linked. */
const VARYING = ["a", "br", "p", "blockquote", "span"];

/** How often each other element occurs. */
function counts({ elements }: Parsed): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { tagName } of elements) {
    if (!VARYING.includes(tagName)) counted[tagName] = (counted[tagName] ?? 0) + 1;
  }
  return counted;
}

const RENDERERS: Record<string, (input: RenderInput) => string> = {
  page: (input) => renderPage(buildNewsletter(input)).html,
  email: (input) =>
    finishEmail(prepareEmail(buildNewsletter(input)), {
      unsubscribeSpace: "https://news.example/u/1",
      unsubscribeAll: "https://news.example/u/2",
    }).html,
};

Deno.test("the corpus is large and has no doubles", () => {
  ok(CORPUS.length >= 100);
  equal(new Set(CORPUS).size, CORPUS.length);
});

for (const [name, render] of Object.entries(RENDERERS)) {
  const harmless = read(render(everywhere("A harmless sentence\nwith a line")));
  // The language of a quote is said where it can be told.
  const quote =
    "> They said that the train would be late, and so we went on reading until the lamps were lit.";
  const allowed = [quote, "Hm"].map((text) => kinds(read(render(everywhere(text)))))
    .reduce((all, some) => all.union(some), kinds(harmless));
  const seals = kinds(read(decodeURIComponent(sealIcon("HS", colours(null)))));

  Deno.test(`no markup survives in the ${name}, and every address is of the web and was given, or typed in full`, () => {
    for (const text of CORPUS) {
      const parsed = read(render(everywhere(text)));
      equal([...kinds(parsed)].filter((kind) => !allowed.has(kind)), [], text);
      equal(counts(parsed), counts(harmless), text);
      equal(parsed.comments, harmless.comments, text);
      for (const { tagName, attrs } of parsed.elements) {
        for (const { name: attribute, value } of attrs) {
          if (attribute === "src") ok(value.startsWith("https://pictures.example/"), `${text}: ${value}`);
          if (attribute !== "href" || value.startsWith("#")) continue;
          if (value.startsWith("data:image/svg+xml,")) {
            const seal = read(decodeURIComponent(value.slice(value.indexOf(",") + 1)));
            equal(kinds(seal), seals, text);
            continue;
          }
          const { protocol, hostname, username } = new URL(value);
          ok(protocol === "https:" || protocol === "http:", `${text}: ${value}`);
          equal(username, "", text);
          const given = /^(news|music|pictures)\.example$|^example\.org$/.test(hostname);
          ok(given || (tagName === "a" && text.includes("http")), `${text}: ${value}`);
        }
      }
    }
  });

  Deno.test(`what was written can be read in the ${name}`, () => {
    const written = "<b>5 < 6 & \"7\" > '6'</b> `x` $& $1";
    const markup = render(everywhere(written));
    const text = (node: Node): string =>
      "value" in node ? node.value : "childNodes" in node ? node.childNodes.map(text).join("") : "";
    ok(text(parse(markup)).includes(written));
  });
}

Deno.test("the style sheet and the policy of the page do not change with what people write", () => {
  const style = (text: string) => /<style>.*<\/style>/s.exec(RENDERERS.page(everywhere(text)))![0];
  const policy = (text: string) => renderPage(buildNewsletter(everywhere(text))).contentSecurityPolicy;
  const plain = CORPUS.filter((text) => /^[\x20-\x7e]*$/.test(text));
  for (const text of plain) {
    equal(style(text), style("harmless"), text);
    equal(policy(text), policy("harmless"), text);
  }
});

Deno.test("the subject of the email is one line", () => {
  for (const text of CORPUS) {
    const { subject } = finishEmail(prepareEmail(buildNewsletter(everywhere(text))), {});
    ok(!/[\p{Cc}\u2028\u2029]/u.test(subject), text);
  }
});
