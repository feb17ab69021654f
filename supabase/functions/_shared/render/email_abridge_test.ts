import { deepStrictEqual as equal, match, ok } from "node:assert";
import { buildNewsletter } from "./newsletter.ts";
import { CLIPPED_BYTES, emailSize, layOutEmail, prepareEmail } from "./email.ts";
import { email, large, LINKS, newsletterRow, responseRow } from "./testing.ts";

Deno.test("fifty responses of a usual length fit", () => {
  const { html, abridged } = email(large(50, 400));
  ok(!abridged);
  ok(new TextEncoder().encode(html).length < 100_000);
});

Deno.test("an email that would be clipped has its responses cut, and says where the rest is", () => {
  const { html, text, abridged } = email(large(50, 10_000));
  ok(abridged);
  ok(new TextEncoder().encode(html).length < 100_000);
  for (const part of [html, text]) {
    ok(part.includes("are cut short here"));
    ok(part.includes("49 Eleven words"));
  }
  match(html, /href="https:\/\/letters\.example\/12#q1a1"[^>]*>Continue on the web/);
});

Deno.test("responses are left out only when cutting is not enough, of each question as many, with a link to them", () => {
  const { html, text } = email(large(400, 300));
  ok(bytes(html) < 100_000);
  const left = [
    ...text.matchAll(/(\d+) more answers are on the web. https:\/\/letters.example\/12#q[12]$/gm),
  ];
  equal(left.length, 2);
  const kept = html.split("<h3").length - 1;
  equal(kept + left.reduce((sum, [, count]) => sum + Number(count), 0), 400);
  ok(kept > 60 && Math.abs(Number(left[0][1]) - Number(left[1][1])) <= 1);
  for (const id of ["q1", "q2"]) match(html, new RegExp(`href="${LINKS.page}#${id}"[^>]*>\\d+ more answers`));
});

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** One long text in each script: a sentence of it, and how it ends. */
const SCRIPTS = {
  japanese: ["今日は図書館で本を読みました。", "。"],
  chinese: ["今天我在图书馆读了一本书。", "。"],
  korean: ["오늘은 도서관에서 책을 읽었습니다. ", "."],
  thai: ["วันนี้ฉันไปห้องสมุดและอ่านหนังสือ ", "หนังสือ"],
  hindi: ["आज मैंने पुस्तकालय में एक किताब पढ़ी। ", "।"],
  arabic: ["اليوم قرأت كتابا في المكتبة. ", "."],
  khmer: ["ថ្ងៃនេះខ្ញុំបានអានសៀវភៅ។ ", "។"],
  emoji: ["👩‍👩‍👧🏴󠁧󠁢󠁳󠁣󠁴󠁿🇫🇷", ""],
  english: ["Today I read a book in the library. ", "."],
};

Deno.test("what is kept of a response is as many bytes in every script", () => {
  for (const [script, [sentence, end]] of Object.entries(SCRIPTS)) {
    const content = sentence.repeat(Math.ceil(3300 / sentence.length)).trim();
    const responses = Array.from({ length: 50 }, () => responseRow({ content }));
    const { html, text, abridged } = email({
      newsletter: newsletterRow([responses.slice(0, 25), responses.slice(25)]),
      links: LINKS,
    });
    ok(abridged, script);
    ok(bytes(html) < 100_000 && bytes(html) > 88_000, `${script}: ${bytes(html)}`);
    const kept = text.split("Ada Lindqvist (@ada)")[1].split("Continue on the web")[0].trim();
    ok(bytes(kept) > 600, `${script}: ${kept}`);
    ok(
      end === "" ? kept.endsWith("…") : kept.endsWith(end) || kept.endsWith("…"),
      `${script}: ${kept.slice(-30)}`,
    );
    ok(!kept.includes("\ufffd") && content.replace(/\s/g, "").startsWith(kept.replace(/[\s…]/g, "")), script);
  }
});

Deno.test("of a hundred responses in ten scripts each question keeps as many, and what is cut of whose is said", () => {
  const scripts = Object.entries({ ...SCRIPTS, russian: ["Сегодня я читал книгу в библиотеке. ", "."] });
  const written = (sentence: string) =>
    sentence.repeat(Math.ceil(900 / sentence.length)).slice(0, 900).toWellFormed();
  const groups = Array.from({ length: 10 }, (_, turn) =>
    scripts.map((_, index) => {
      // Whose is last is another's each time.
      const [name, [sentence]] = scripts[(index + turn) % scripts.length];
      return responseRow({
        content: written(sentence),
        author: { id: "1", display_name: name, username: null, avatar_path: null },
      });
    }));
  const { prepared, cuts } = layOutEmail(
    buildNewsletter({ newsletter: newsletterRow(groups), links: LINKS }),
  );
  ok(emailSize(prepared) <= CLIPPED_BYTES && emailSize(prepared) > 88_000, `${emailSize(prepared)}`);
  const sections = prepared.html.split("<h2 ").slice(1);
  const kept = sections.map((part) => part.split("<h3").length - 1);
  ok(Math.max(...kept) - Math.min(...kept) <= 1 && Math.min(...kept) >= 6, `${kept}`);
  const sizes = sections.slice(0, -1).map(bytes);
  ok(Math.max(...sizes) < 1.3 * Math.min(...sizes), `${sizes}`);
  equal(cuts.length, 100);
  const there = cuts.filter((cut) => cut.kept !== null);
  equal(there.length, kept.reduce((sum, count) => sum + count));
  for (const { author, characters, kept } of there) {
    ok(kept! >= 10 && kept! < characters, `${author}: ${kept} of ${characters}`);
    // Each as many bytes: nobody's script is put behind another's, and none is left out everywhere.
    const [sentence] = scripts.find(([name]) => name === author)![1];
    const bytesEach = bytes(written(sentence)) / characters;
    ok(kept! * bytesEach > 150 && kept! * bytesEach < 700, `${author}: ${kept} of ${bytesEach} bytes`);
  }
  equal(new Set(there.map(({ author }) => author)).size, scripts.length);
});

Deno.test("what is cut is counted as readers count, the intro first, and nothing is said of a whole newsletter", () => {
  const flags = responseRow({ content: "🏴󠁧󠁢󠁳󠁣󠁴󠁿".repeat(400) });
  const groups = Array.from({ length: 10 }, () => [flags, flags, flags, responseRow({ content: "Hi." })]);
  const intro = "語".repeat(4900);
  const { cuts } = layOutEmail(
    buildNewsletter({ newsletter: newsletterRow(groups, { intro }), links: LINKS }),
  );
  equal([cuts[0].author, cuts[0].characters], [null, 4900]);
  ok(cuts[0].kept! > 1000 && cuts[0].kept! < 4900);
  equal(
    cuts.slice(1).map(({ author, characters }) => [author, characters]),
    Array(30).fill(["Ada Lindqvist", 400]),
  );
  ok(cuts.every(({ kept }) => kept! > 20));
  equal(layOutEmail(buildNewsletter(large(5, 100))).cuts, []);
});

Deno.test("every question keeps its share, however much is written to one of them", () => {
  const long = "Eleven words that say very little, over and over again, alas. ".repeat(160);
  const many = Array.from({ length: 200 }, () => responseRow({ content: long }));
  const { html } = email({
    newsletter: newsletterRow([many, ...Array.from({ length: 9 }, () => [responseRow({ content: long })])]),
    links: LINKS,
  });
  ok(bytes(html) < 100_000);
  const parts = html.split("<h2 ").slice(1).map((part) => part.length);
  equal(parts.length, 10);
  for (const part of parts) ok(part > 4_000, `${parts}`);
  equal(html.split('">Continue on the web</a>').length - 1, html.split("<h3").length - 1 + 1);
});

Deno.test("a newsletter of the largest that the database takes is below the limit, with every question in it", () => {
  for (const unit of ['"&', "http://a.b ", "語"]) {
    const fill = (length: number) => unit.repeat(length).slice(0, length).toWellFormed();
    const responses = Array.from({ length: 150 }, () =>
      responseRow({
        content: fill(10_000),
        image_path: "x".repeat(300),
        author: { id: "1", display_name: fill(80), username: "x".repeat(30), avatar_path: "a" },
        music: {
          url: `https://m.example/?${"&".repeat(1900)}`,
          title: fill(300),
          artist: fill(300),
          provider: fill(300),
        },
      }));
    const row = newsletterRow(
      Array.from({ length: 10 }, (_, index) => responses.slice(index * 15, index * 15 + 15)),
      {
        title: fill(200),
        intro: fill(5000),
      },
    );
    row.content.space.name = fill(80);
    for (const prompt of row.content.prompts) prompt.question = `What, ${fill(480)}`;
    const { html } = email({ newsletter: row, links: LINKS });
    ok(bytes(html) < 100_000, `${unit}: ${bytes(html)}`);
    equal(html.split("<h2 ").length - 1, 10);
  }
});

Deno.test("the words before the first question are cut as well, and so is the email without responses", () => {
  const intro = "http://a.b ".repeat(450);
  const long = "Eleven words that say very little, over and over again, alas. ".repeat(160);
  const many = Array.from({ length: 20 }, () => responseRow({ content: long }));
  const newsletter = buildNewsletter({ newsletter: newsletterRow([many], { intro }), links: LINKS });
  const { html, abridged } = prepareEmail(newsletter);
  ok(abridged && bytes(html) < 100_000);
  ok(html.split("<h3").length - 1 === 20);
});

Deno.test("without a page to continue on, it says only that it is cut", () => {
  const { html } = email(large(50, 10_000, {}));
  ok(html.includes("are cut short here"));
  ok(!html.includes("Continue on the web"));
});
