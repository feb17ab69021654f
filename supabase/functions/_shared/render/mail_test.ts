import { deepStrictEqual as equal, match, ok } from "node:assert";
import type { RenderInput } from "./input.ts";
import { buildLetter } from "./letter.ts";
import { finishMail, prepareMail } from "./mail.ts";
import { newsletter, response, withResponse } from "./testing.ts";

const LINKS = { page: "https://letters.example/12", pdf: "https://letters.example/12.pdf" };
const PERSONAL = {
  unsubscribeSpace: "https://letters.example/u?a=1&b=2",
  unsubscribeAll: "https://letters.example/all",
};

function mail(input: RenderInput) {
  const prepared = prepareMail(buildLetter(input));
  return { ...finishMail(prepared, PERSONAL), abridged: prepared.abridged };
}

function large(answers: number, characters: number, links: RenderInput["links"] = LINKS): RenderInput {
  const text = "Eleven words that say very little, over and over again, alas. ".repeat(200).slice(
    0,
    characters,
  );
  const list = Array.from({ length: answers }, (_, index) => response({ content: `${index} ${text}` }));
  return { newsletter: newsletter([list.slice(0, answers / 2), list.slice(answers / 2)]), links };
}

Deno.test("the same letter gives the same mail", () => {
  equal(mail(large(5, 100)), mail(large(5, 100)));
});

Deno.test("both parts say the same and end with the person's own links", () => {
  const { subject, html, text, abridged } = mail({ ...withResponse({}), links: LINKS });
  equal([subject, abridged], ["A fine week", false]);
  for (const part of [html, text]) {
    for (
      const words of [
        "Middlemarch, again.",
        "Ada Lindqvist",
        "What did you read?",
        "No more letters from Book Club",
      ]
    ) {
      ok(part.includes(words), words);
    }
    ok(part.includes(LINKS.pdf));
    ok(!part.includes("\uffff"));
  }
  match(html, /href="https:\/\/letters\.example\/u\?a=1&amp;b=2"/);
  match(text, /No more email at all: https:\/\/letters\.example\/all\n/);
});

Deno.test("a person without links gets none, and a link that is none of the web is no link", () => {
  const prepared = prepareMail(buildLetter(withResponse({})));
  for (const links of [{}, { unsubscribeAll: "javascript:x", unsubscribeSpace: null }]) {
    const { html, text } = finishMail(prepared, links);
    for (const part of [html, text]) ok(!part.includes("No more"));
  }
});

Deno.test("dollar signs in an address stay what they are", () => {
  const { html } = finishMail(prepareMail(buildLetter(withResponse({}))), {
    unsubscribeAll: "https://a.example/$&$1$$",
  });
  match(html, /href="https:\/\/a\.example\/\$&amp;\$1\$\$"/);
});

Deno.test("pictures come from their addresses, and are links where they have none", () => {
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg" }]]);
  const shown = mail({ ...withResponse({ image_path: "a" }, { pictures: { responses } }), links: LINKS });
  match(
    shown.html,
    /<img src="https:\/\/pictures\.example\/a\.jpg" alt="Picture by Ada Lindqvist, in answer/,
  );
  match(shown.text, /\[Picture: Ada Lindqvist: https:\/\/pictures\.example\/a\.jpg\]/);
  const linked = mail({ ...withResponse({ image_path: "a" }), links: LINKS });
  ok(!linked.html.includes("<img"));
  match(linked.html, /See the picture by Ada Lindqvist on the web/);
  match(mail(withResponse({ image_path: "a" })).html, /which could not be shown here/);
});

Deno.test("fifty answers of a usual length fit", () => {
  const { html, abridged } = mail(large(50, 400));
  ok(!abridged);
  ok(new TextEncoder().encode(html).length < 100_000);
});

Deno.test("a mail that would be clipped has its answers cut, and says where the rest is", () => {
  const { html, text, abridged } = mail(large(50, 10_000));
  ok(abridged);
  ok(new TextEncoder().encode(html).length < 100_000);
  for (const part of [html, text]) {
    ok(part.includes("answers are cut short here"));
    ok(part.includes("49 Eleven words"));
  }
  match(html, /href="https:\/\/letters\.example\/12#q1a1"[^>]*>Continue on the web/);
});

Deno.test("answers are left out only when cutting is not enough", () => {
  const { html, text } = mail(large(300, 300));
  ok(new TextEncoder().encode(html).length < 100_000);
  const [, left] = /(\d+) more answers are on the web/.exec(text)!;
  const kept = html.split("<h3").length - 1;
  equal(kept + Number(left), 300);
  ok(kept > 50);
});

Deno.test("without a page to continue on, it says only that it is cut", () => {
  const { html } = mail(large(50, 10_000, {}));
  ok(html.includes("answers are cut short here"));
  ok(!html.includes("Continue on the web"));
});

Deno.test("the preview names who wrote", () => {
  const by = (names: string[]) =>
    mail({
      newsletter: newsletter([
        names.map((name) =>
          response({ author: { id: "1", display_name: name, username: null, avatar_path: null } })
        ),
      ]),
    }).html;
  match(by(["Ada"]), />Ada in week 12/);
  match(by(["Ada", "Boris", "Ada"]), />Ada and Boris in week 12/);
  match(by(["Ada", "Boris", "Chloé"]), />Ada, Boris and Chloé in week 12/);
  match(by(["Ada", "Boris", "Chloé", "Dmitri", "Eleni"]), />Ada, Boris and 3 others in week 12/);
  match(by([]), />A quiet week/);
});

Deno.test("lines of the text part are at most 72 characters, unless a word is longer", () => {
  const { text } = mail({
    ...withResponse({ content: `${"words and ".repeat(40)}${"x".repeat(100)}` }),
    links: LINKS,
  });
  for (const line of text.split("\n")) ok(line.length <= 72 || !line.trim().includes(" "), line);
});
