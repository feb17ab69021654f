import { deepStrictEqual as equal, match, ok } from "node:assert";
import type { RenderInput } from "./input.ts";
import { buildLetter } from "./letter.ts";
import { CLIPPED_BYTES, finishMail, layOutMail, mailSize, prepareMail } from "./mail.ts";
import { renderPage } from "./page.ts";
import { newsletter, response, withResponse } from "./testing.ts";
import { letterWords } from "./words.ts";

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
  equal([subject, abridged], ["A fine week · Book Club", false]);
  for (const part of [html, text]) {
    for (
      const words of [
        "Middlemarch, again.",
        "Ada Lindqvist",
        "What did you read?",
        "No more email from Book Club",
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
  match(
    shown.text,
    /\[Picture by Ada Lindqvist, in answer to “What did you read\?”: https:\/\/pictures\.example\/a\.jpg\]/,
  );
  const linked = mail({ ...withResponse({ image_path: "a" }), links: LINKS });
  ok(!linked.html.includes("<img"));
  match(linked.html, /See the picture by Ada Lindqvist on the web/);
  match(mail(withResponse({ image_path: "a" })).html, /which could not be shown here/);
});

Deno.test("a caption is the author's own: under the picture, for those who do not see it, and where there is none", () => {
  const answer = { image_path: "a", image_caption: "The tram & me" };
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg" }]]);
  const shown = mail({ ...withResponse(answer, { pictures: { responses } }), links: LINKS });
  match(shown.html, / alt="The tram &amp; me"/);
  match(shown.html, /<p class="muted"[^>]*>The tram &amp; me<\/p>/);
  match(shown.text, /\[The tram & me: https:\/\/pictures\.example\/a\.jpg\]/);
  const linked = mail({ ...withResponse(answer), links: LINKS });
  match(linked.html, />The tram &amp; me<\/p>/);
  match(linked.text, /\[The tram & me – See the picture by Ada Lindqvist on the web: https/);
  const without = mail({ ...withResponse({ image_path: "a" }, { pictures: { responses } }), links: LINKS });
  ok(!without.html.includes("Picture: "));
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

Deno.test("answers are left out only when cutting is not enough, of each question as many, with a link to them", () => {
  const { html, text } = mail(large(400, 300));
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

Deno.test("what is kept of an answer is as many bytes in every script", () => {
  for (const [script, [sentence, end]] of Object.entries(SCRIPTS)) {
    const content = sentence.repeat(Math.ceil(3300 / sentence.length)).trim();
    const answers = Array.from({ length: 50 }, () => response({ content }));
    const { html, text, abridged } = mail({
      newsletter: newsletter([answers.slice(0, 25), answers.slice(25)]),
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

Deno.test("of a hundred answers in ten scripts each question keeps as many, and what is cut of whose is said", () => {
  const scripts = Object.entries({ ...SCRIPTS, russian: ["Сегодня я читал книгу в библиотеке. ", "."] });
  const written = (sentence: string) =>
    sentence.repeat(Math.ceil(900 / sentence.length)).slice(0, 900).toWellFormed();
  const groups = Array.from({ length: 10 }, (_, turn) =>
    scripts.map((_, index) => {
      // Whose is last is another's each time.
      const [name, [sentence]] = scripts[(index + turn) % scripts.length];
      return response({
        content: written(sentence),
        author: { id: "1", display_name: name, username: null, avatar_path: null },
      });
    }));
  const { prepared, cuts } = layOutMail(buildLetter({ newsletter: newsletter(groups), links: LINKS }));
  ok(mailSize(prepared) <= CLIPPED_BYTES && mailSize(prepared) > 88_000, `${mailSize(prepared)}`);
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

Deno.test("what is cut is counted as readers count, the intro first, and nothing is said of a whole letter", () => {
  const flags = response({ content: "🏴󠁧󠁢󠁳󠁣󠁴󠁿".repeat(400) });
  const groups = Array.from({ length: 10 }, () => [flags, flags, flags, response({ content: "Hi." })]);
  const intro = "語".repeat(4900);
  const { cuts } = layOutMail(buildLetter({ newsletter: newsletter(groups, { intro }), links: LINKS }));
  equal([cuts[0].author, cuts[0].characters], [null, 4900]);
  ok(cuts[0].kept! > 1000 && cuts[0].kept! < 4900);
  equal(
    cuts.slice(1).map(({ author, characters }) => [author, characters]),
    Array(30).fill(["Ada Lindqvist", 400]),
  );
  ok(cuts.every(({ kept }) => kept! > 20));
  equal(layOutMail(buildLetter(large(5, 100))).cuts, []);
});

Deno.test("every question keeps its share, however much is written to one of them", () => {
  const long = "Eleven words that say very little, over and over again, alas. ".repeat(160);
  const many = Array.from({ length: 200 }, () => response({ content: long }));
  const { html } = mail({
    newsletter: newsletter([many, ...Array.from({ length: 9 }, () => [response({ content: long })])]),
    links: LINKS,
  });
  ok(bytes(html) < 100_000);
  const parts = html.split("<h2 ").slice(1).map((part) => part.length);
  equal(parts.length, 10);
  for (const part of parts) ok(part > 4_000, `${parts}`);
  equal(html.split('">Continue on the web</a>').length - 1, html.split("<h3").length - 1 + 1);
});

Deno.test("a letter of the largest that the database takes is below the limit, with every question in it", () => {
  for (const unit of ['"&', "http://a.b ", "語"]) {
    const fill = (length: number) => unit.repeat(length).slice(0, length).toWellFormed();
    const answers = Array.from({ length: 150 }, () =>
      response({
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
    const row = newsletter(
      Array.from({ length: 10 }, (_, index) => answers.slice(index * 15, index * 15 + 15)),
      {
        title: fill(200),
        intro: fill(5000),
      },
    );
    row.content.space.name = fill(80);
    for (const prompt of row.content.prompts) prompt.question = `What, ${fill(480)}`;
    const { html } = mail({ newsletter: row, links: LINKS });
    ok(bytes(html) < 100_000, `${unit}: ${bytes(html)}`);
    equal(html.split("<h2 ").length - 1, 10);
  }
});

Deno.test("the words before the first question are cut as well, and so is the mail without answers", () => {
  const intro = "http://a.b ".repeat(450);
  const long = "Eleven words that say very little, over and over again, alas. ".repeat(160);
  const many = Array.from({ length: 20 }, () => response({ content: long }));
  const letter = buildLetter({ newsletter: newsletter([many], { intro }), links: LINKS });
  const { html, abridged } = prepareMail(letter);
  ok(abridged && bytes(html) < 100_000);
  ok(html.split("<h3").length - 1 === 20);
});

Deno.test("without a page to continue on, it says only that it is cut", () => {
  const { html } = mail(large(50, 10_000, {}));
  ok(html.includes("answers are cut short here"));
  ok(!html.includes("Continue on the web"));
});

const preheader = (html: string) => /mso-hide:all">(.*?)&#8199;/.exec(html)![1];

Deno.test("beside the subject stands a line of a response, and who wrote it", () => {
  const by = (...contents: (string | null)[]) => {
    const answers = contents.map((content) => response({ content, image_path: "a" }));
    return preheader(mail({ newsletter: newsletter([[], answers]) }).html);
  };
  equal(by("Middlemarch, again."), "Ada Lindqvist: “Middlemarch, again.”");
  equal(by(null, "https://a.example/", "One.\n\nTwo."), "Ada Lindqvist: “One.”");
  equal(by("<b>&\nnext"), "Ada Lindqvist: “&lt;b&gt;&amp; next”");
  const long = by("今日は図書館で本を読みました。".repeat(30));
  ok(long.endsWith("ました。”") && long.length < 140, long);
  ok(by("x".repeat(10_000)).length < 140);
});

Deno.test("beside the subject stands who is in it where nobody wrote", () => {
  const by = (names: string[]) =>
    preheader(
      mail({
        newsletter: newsletter([
          names.map((name) =>
            response({
              content: null,
              author: { id: "1", display_name: name, username: null, avatar_path: null },
            })
          ),
        ]),
      }).html,
    );
  equal(by(["Ada"]), "Ada in week 12");
  equal(by(["Ada", "Boris", "Ada"]), "Ada and Boris in week 12");
  equal(by(["Ada", "Boris", "Chloé"]), "Ada, Boris and Chloé in week 12");
  equal(by(["Ada", "Boris", "Chloé", "Dmitri", "Eleni"]), "Ada, Boris and 3 others in week 12");
  match(by([]), /^A quiet week/);
});

Deno.test("people's words are set as in the letter, whatever language its email speaks", () => {
  const content = `Oma sagt: "Ofen" -- fertig!`;
  const german = newsletter([[response({ content, image_path: "a", image_caption: `Der "Ofen"` })]], {
    intro: `Das "Vorwort"`,
    title: `Die "Woche"`,
  });
  german.content.space.language = "de";
  german.content.prompts[0].question = `Was heißt "fertig"?`;
  for (const language of ["de", "fr", "ar"]) {
    const { html, text, subject } = mail({
      newsletter: german,
      words: letterWords([language]),
      links: LINKS,
    });
    equal(subject.replace(/[\u2068\u2069]/g, ""), "Die „Woche“ · Book Club");
    for (const part of [html, text]) {
      for (
        const said of ["„Vorwort“", "Was heißt „fertig“?", "Oma sagt: „Ofen“\u00a0– fertig!", "Der „Ofen“"]
      ) {
        ok(part.includes(said), `${language}: ${said} in ${part}`);
      }
    }
    // In another language around them they say what they are in.
    equal(/<p[^>]*>Oma/.exec(html)![0].includes('lang="de"'), language !== "de");
    equal(/<h2[^>]*>Was/.exec(html)![0].includes('lang="de"'), language !== "de");
  }
});

Deno.test("of somebody who was taken out the letter says so, in its reader's language", () => {
  const author = { id: null, display_name: "Somebody who left", username: null, avatar_path: null };
  const redacted = newsletter([[response({ author, content: null }), response()]]);
  redacted.content.curator = { id: null, display_name: "Somebody who left" };
  redacted.content.space.language = "de";
  const said = {
    de: ["Jemand, der gegangen ist", "Diese Antwort wurde aus dem Brief genommen."],
    fr: ["Quelqu’un qui est parti", "Cette réponse a été retirée de la lettre."],
    es: ["Alguien que se fue", "Esta respuesta se ha retirado de la carta."],
    ar: ["شخص غادر", "سُحب هذا الجواب من الرسالة."],
    en: ["Somebody who left", "This answer was taken out of the letter."],
  };
  for (const [language, [name, words]] of Object.entries(said)) {
    const { html, text } = mail({ newsletter: redacted, words: letterWords([language]) });
    for (const part of [html, text]) {
      equal(part.split(name).length, 3, part);
      ok(part.includes(words) && (language === "en" || !part.includes("Somebody")), part);
      // A stand-in for a name has no initials.
      equal(
        [...part.matchAll(/line-height:32px[^>]*>([^<]*)</g)].map(([, initials]) => initials),
        part === html ? ["", "AL"] : [],
      );
    }
    // The first line that programs show is somebody's.
    match(preheader(html), /^\u2068?Ada Lindqvist/);
    equal(
      /<p[^>]*>(?=[^<]*(?:genommen|retirée|retirado|taken out|سُحب))/.exec(html)![0].includes("lang="),
      language !== "de",
    );
  }
  const page = renderPage(buildLetter({ newsletter: redacted }));
  match(
    new TextDecoder().decode(page.bytes()),
    /Jemand, der gegangen ist[^]*Diese Antwort wurde aus dem Brief genommen\./,
  );
});

Deno.test("somebody's quotes within ours are the inner ones", () => {
  const german = withResponse({ content: `"Der Zauberberg", noch einmal.`, image_path: "a" });
  german.newsletter.content.space.language = "de";
  german.newsletter.content.prompts[0].question = `Wo ist "zu Hause"?`;
  const { html } = mail({
    ...german,
    pictures: { responses: new Map([["a", { url: "https://a.example/b.jpeg" }]]) },
  });
  ok(preheader(html).endsWith(": „‚Der Zauberberg‘, noch einmal.“"), preheader(html));
  match(html, / alt="[^"]*„Wo ist ‚zu Hause‘\?“"/);
});

Deno.test("the subject says the title and the space, once", () => {
  const subject = (title: string) =>
    prepareMail(buildLetter({ newsletter: newsletter([], { title }) })).subject;
  equal(subject("A fine week"), "A fine week · Book Club");
  equal(subject("book club, week 12"), "book club, week 12");
});

Deno.test("lines of the text part are at most 72 characters, unless a word is longer", () => {
  const { text } = mail({
    ...withResponse({ content: `${"words and ".repeat(40)}${"x".repeat(100)}` }),
    links: LINKS,
  });
  for (const line of text.split("\n")) ok(line.length <= 72 || !line.trim().includes(" "), line);
});

Deno.test("a picture is no larger than it is, than the column, and than a screen is high; it leads to the page", () => {
  const sizes: [number, number, string][] = [
    [1120, 840, 'width="560" height="420"'],
    [840, 1120, 'width="525" height="700"'],
    [200, 100, 'width="200" height="100"'],
    [30, 4000, 'width="5" height="700"'],
  ];
  for (const [width, height, wanted] of sizes) {
    const responses = new Map([["a", { url: "https://a.example/b.jpeg", width, height }]]);
    const links = { page: "https://letters.example/12" };
    const { html } = prepareMail(
      buildLetter(withResponse({ image_path: "a" }, { pictures: { responses }, links })),
    );
    ok(html.includes(wanted), `${wanted}: ${html.match(/<img[^>]*>/)}`);
    ok(/<a href="https:\/\/letters\.example\/12[^"]*"><img/.test(html));
  }
});

Deno.test("addresses of the letter become each reader's own, and everybody's without a token", () => {
  const mark = "0123456789abcdef0123456789abcdef";
  const page = `https://letters.example/1?link=${mark}`;
  const links = { page, pdf: `https://letters.example/1.pdf?size=a4&link=${mark}` };
  const long = response({ content: "Many words. ".repeat(800) });
  const prepared = prepareMail(
    buildLetter({ newsletter: newsletter([Array.from({ length: 30 }, () => long)]), links }),
    0,
    mark,
  );
  for (const reading of ["dollar$&-_ABCabc0123456789ABCDEFG", null]) {
    const { html, text } = finishMail(prepared, { reading });
    for (const part of [html, text]) {
      ok(!part.includes(mark));
      equal(part.includes("link="), reading !== null);
      if (reading !== null) ok(part.includes(`https://letters.example/1?link=${reading}`));
    }
    match(html, reading === null ? /1\.pdf\?size=a4"/ : /1\.pdf\?size=a4&amp;link=dollar/);
    match(html, reading === null ? /"https:\/\/letters\.example\/1#q1a1"/ : /1\?link=dollar[^"]*#q1a1"/);
  }
});
