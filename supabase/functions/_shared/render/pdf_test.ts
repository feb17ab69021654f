import { deepStrictEqual as equal, ok } from "node:assert";
import { Buffer } from "node:buffer";
import type { RenderInput } from "./input.ts";
import { buildNewsletter } from "./newsletter.ts";
import { renderPdf } from "./pdf.ts";
import { newsletterRow, responseRow, withResponse } from "./testing.ts";
import { ENGLISH } from "./words.ts";

const JPEG = Deno.readFileSync(
  new URL("../../../../tests/functions/render/fixtures/pictures/tall.jpg", import.meta.url),
);

const pdf = (input: RenderInput, size?: "A4" | "LETTER") => renderPdf(buildNewsletter(input), { size });

Deno.test("the same newsletter gives the same bytes, a second later as well; so does a draft", async () => {
  const newsletters = [
    withResponse({ content: "Ελένη, Мастер, 三, https://example.org/" }),
    { newsletter: newsletterRow([[responseRow()]], { published_at: null }) },
  ];
  const first = await Promise.all(newsletters.map((newsletter) => pdf(newsletter)));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = await Promise.all(newsletters.map((newsletter) => pdf(newsletter)));
  newsletters.forEach((_, index) => equal(Buffer.compare(first[index].bytes, second[index].bytes), 0));
});

Deno.test("paper comes in two sizes", async () => {
  const box = async (size: "A4" | "LETTER") =>
    /\/MediaBox \[([^\]]+)\]/.exec(
      Buffer.from((await pdf(withResponse({}), size)).bytes).toString("latin1"),
    )![1];
  equal([await box("A4"), await box("LETTER")], ["0 0 595.28 841.89", "0 0 612 792"]);
});

const DIFFICULT: Record<string, string> = {
  "no text": "",
  "emoji": "😀👩‍👩‍👧🏴󠁧󠁢󠁥󠁮󠁧󠁿1️⃣❤️",
  "scripts without a font": "漢字 かな 한글 العربية עברית ไทย हिन्दी 𐍈 𒀀",
  "private and unassigned characters": "\ue000\u{f0000}\u0378\u{1fbff}",
  "the half of a character": "\ud83d \udc00",
  "marks without characters": "\u0301\u0301 \u20dd \u0e31",
  "piled accents": "Z" + "\u0300\u0316\u0338".repeat(300),
  "a word longer than a page": "Donau".repeat(2000),
  "an address longer than a page": `https://example.org/${"a".repeat(1900)}`,
  "ten thousand line feeds": "a\n".repeat(5000),
  "only spaces of all kinds": "\u2003\u2009\u3000\u202f\u00a0 \t",
  "characters that look like others": "ﬁ Ａ① ‐‑― …",
  "vowels and ligatures": "ǅ ŉ ĳ ſ ẞ Ǽ ỗ",
};

for (const [name, content] of Object.entries(DIFFICULT)) {
  Deno.test(`a letter with ${name} is a letter`, async () => {
    const author = { id: "1", display_name: content.slice(0, 80), username: null, avatar_path: null };
    const { bytes, pages } = await pdf(withResponse({ content, author }));
    ok(pages >= 1 && bytes.length > 1000);
    equal(Buffer.from(bytes.subarray(0, 8)).toString(), "%PDF-1.7");
  });
}

Deno.test("a quiet week, ten prompts, and responses of a picture or music alone", async () => {
  equal((await pdf({ newsletter: newsletterRow([[], [], []]) })).pages, 1);
  ok(
    (await pdf({ newsletter: newsletterRow(Array.from({ length: 10 }, () => [responseRow()])) })).pages >= 2,
  );
  equal((await pdf(withResponse({ content: null, image_path: "a" }))).pages, 1);
  equal(
    (await pdf(
      withResponse({ content: null, music: { url: "https://a.example/1", title: "x".repeat(300) } }),
    )).pages,
    1,
  );
});

Deno.test("a caption of any length is set beneath its picture", async () => {
  const responses = new Map([["a", { bytes: JPEG }]]);
  for (const caption of ["The tram", "漢字".repeat(150), "x".repeat(300)]) {
    const response = { content: "w ".repeat(900), image_path: "a", image_caption: caption };
    const { problems, pages } = await pdf(withResponse(response, { pictures: { responses } }));
    equal([problems, pages], [[], 2]);
  }
});

Deno.test("pictures that cannot be shown are reported and replaced by words", async () => {
  const responses = new Map([["a", { bytes: Buffer.from("not a picture") }]]);
  const { problems } = await pdf(withResponse({ image_path: "a" }, { pictures: { responses } }));
  equal(problems, [{
    picture: ENGLISH.pictureBy("Ada Lindqvist", "What did you read?"),
    reason: "The bytes are not a JPEG, PNG, WebP or GIF.",
  }]);
});

Deno.test("more text than a function can set is cut, the longest responses first, and the rest is on the web", async () => {
  const responses = [responseRow({ content: "Short. ".repeat(20) })];
  for (let index = 0; index < 49; index++) {
    responses.push(responseRow({ content: `${index} ` + "and so on ".repeat(999) }));
  }
  const input = { newsletter: newsletterRow([responses]), links: { page: "https://letters.example/12" } };
  const { bytes, pages, abridged } = await pdf(input);
  ok(abridged);
  ok(pages < 100);
  const links = Buffer.from(bytes).toString("latin1").match(/letters\.example\/12#q1a\d+/g)!;
  equal(links.length, 49);
  ok(!links.includes("letters.example/12#q1a1"));
  ok(!(await pdf(withResponse({ content: "a ".repeat(5000) }))).abridged);
});

Deno.test("a picture stands on the side where the words of its response begin", async () => {
  const responses = new Map([["a", { bytes: JPEG }]]);
  const left = async (content: string) => {
    const pictures = { responses };
    const made = await pdf(withResponse({ content, image_path: "a" }, { pictures }));
    return Number(/\/BBox \[([\d.]+)/.exec(new TextDecoder("latin1").decode(made.bytes))![1]);
  };
  ok(await left("مرحبا بكم") > await left("Good morning") + 40);
});
