import { deepStrictEqual as equal, ok } from "node:assert";
import { excerpt } from "./excerpt.ts";
import {
  characters,
  cleanLine,
  cleanText,
  direction,
  initials,
  type Passage,
  passages,
  plain,
  webAddress,
} from "./text.ts";

Deno.test("control characters, direction overrides and invisible fillers are taken out", () => {
  equal(cleanText("a\u0000b\u0007c\u001b[31md\u009be"), "abc[31mde");
  equal(cleanText("one\u202etwo\u2066three\u2069\u200f\u061c"), "onetwothree");
  equal(cleanText("zero\u200bwidth\ufeff\u2060\u00ad"), "zerowidth");
  equal(cleanText("a\ufffe\uffff\u{1ffff}\u{10ffff}b"), "ab");
  equal(cleanText("\u{e0041}\u{e0042}hidden"), "hidden");
});

Deno.test("what people need stays: joiners, flags, accents, other scripts", () => {
  equal(cleanText("👩‍👩‍👧 می‌خواهم"), "👩‍👩‍👧 می‌خواهم");
  const scotland = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
  equal(cleanText(scotland), scotland);
  equal(cleanText("Ελένη Мастер 三"), "Ελένη Мастер 三");
});

Deno.test("accents come together with their characters, and piles of them are cut", () => {
  equal(cleanText("e\u0301"), "é");
  equal(Array.from(cleanText("x" + "\u0335".repeat(500))).length, 7);
});

Deno.test("half a character becomes the replacement character", () => {
  equal(cleanText("a\ud83d"), "a\ufffd");
});

Deno.test("every kind of line end is a line feed", () => {
  equal(cleanText("a\r\nb\rc\u2028d\u2029e\u0085f"), "a\nb\nc\nd\ne\nf");
});

Deno.test("a line has no line ends, and a name that nobody could see is replaced", () => {
  equal(cleanLine("  Ada\n\t Lindqvist "), "Ada Lindqvist");
  equal(cleanLine("\u200b\u3164 \u202e", "Someone"), "Someone");
  equal(cleanLine(null, "Someone"), "Someone");
});

Deno.test("blank lines part paragraphs, however many there are", () => {
  const found = passages("one\ntwo\n\n \n\n\nthree\n\n");
  equal(found.map(plain), ["one\ntwo", "three"]);
  equal(passages("  \n\n \u200b\n"), []);
  equal(passages(null), []);
});

Deno.test("a paragraph of lines that start with > is a quote", () => {
  const [quote, other] = passages("> so it\n>goes\n\n> but\nnot this");
  equal([quote.kind, plain(quote)], ["quote", "so it\ngoes"]);
  equal(other.kind, "paragraph");
});

Deno.test("http and https addresses become links, without the punctuation around them", () => {
  const [passage] = passages(
    "See https://example.org/a_(b), (http://example.com/x). Or HTTPS://EXAMPLE.ORG!",
  );
  const links = passage.lines[0].inlines.filter((inline) => inline.kind === "link");
  equal(links, [
    { kind: "link", text: "https://example.org/a_(b)", href: "https://example.org/a_(b)" },
    { kind: "link", text: "http://example.com/x", href: "http://example.com/x" },
    { kind: "link", text: "HTTPS://EXAMPLE.ORG", href: "https://example.org/" },
  ]);
  equal(plain(passage), "See https://example.org/a_(b), (http://example.com/x). Or HTTPS://EXAMPLE.ORG!");
});

Deno.test("however an address goes on, where it ends is found in one walk", () => {
  // Each took seconds to days where its end was tried in every division.
  const long = ["-", "--", ".", ",", "'", ")", "]", "(", "-)", ".)", "--.", ")]"].flatMap((unit) =>
    ["", "a", ")", "-a"].map((end) => unit.repeat(9_000 / unit.length) + end)
  );
  long.push(
    "-".repeat(70) + "a",
    ".".repeat(4_000) + "x" + ")".repeat(4_000),
    "(".repeat(4_000) + ").".repeat(2_000),
  );
  for (const rest of long) equal(passages(`https://example.org/${rest}`).map(plain).length, 1);
});

Deno.test("a link ends where a reader would end it", () => {
  const cases: [string, ...string[]][] = [
    ["See www.example.org.", "www.example.org"],
    ["WWW.Example.org/a?b=c#d, then", "WWW.Example.org/a?b=c#d"],
    [
      "(www.example.org/a_(b)) and [https://example.org/[c]]",
      "www.example.org/a_(b)",
      "https://example.org/[c]",
    ],
    ["'https://example.org/it's-here'", "https://example.org/it's-here"],
    ["https://example.org's page, https://example.org’s page", "https://example.org", "https://example.org"],
    ["https://example.org/o'brien's", "https://example.org/o'brien's"],
    ["“https://example.org/a” «https://example.org/b»", "https://example.org/a", "https://example.org/b"],
    ["見てください（https://example.org/a）。", "https://example.org/a"],
    [
      "「https://example.org/a」、https://example.org/b。次",
      "https://example.org/a",
      "https://example.org/b",
    ],
    ["看https://example.org/a，然后", "https://example.org/a"],
    ["看 https://example.org/a，然后", "https://example.org/a"],
    [
      "انظر https://example.org/a، ثم https://example.org/b؟",
      "https://example.org/a",
      "https://example.org/b",
    ],
    ["देखें https://example.org/a।", "https://example.org/a"],
    ["https://ja.wikipedia.org/wiki/日本", "https://ja.wikipedia.org/wiki/日本"],
    ["https://example.org:8443/a;b=1/?q=1&r=2!", "https://example.org:8443/a;b=1/?q=1&r=2"],
    ["www. example.org, www.x, me@www.example.org, awww.example.org"],
    [
      "<https://example.org/a>, [https://example.org/b]: {https://example.org/c}",
      ...["a", "b", "c"].map((one) => `https://example.org/${one}`),
    ],
    [
      "(see https://example.org/a_(b)_(c)), (https://example.org/d(e)",
      "https://example.org/a_(b)_(c)",
      "https://example.org/d(e)",
    ],
    [
      "https://example.org/a’s and https://example.org/b' end",
      "https://example.org/a’s",
      "https://example.org/b",
    ],
    ["https://example.org/a-- https://example.org/b--c", "https://example.org/a", "https://example.org/b--c"],
    ["see https://example.org/a... or www.example.org/b—then", "https://example.org/a", "www.example.org/b"],
    ["「www.example.org」という。www.example.org/あ", "www.example.org", "www.example.org/あ"],
    ["주소: https://example.org/a입니다", "https://example.org/a입니다"],
    [
      "《https://example.org/a》〈https://example.org/b〉【https://example.org/c】",
      ...["a", "b", "c"].map((one) => `https://example.org/${one}`),
    ],
    [
      "https://[2001:db8::1]:8080/a and https://example.org./a.",
      "https://[2001:db8::1]:8080/a",
      "https://example.org./a",
    ],
  ];
  for (const [text, ...links] of cases) {
    const found = passages(text)[0].lines[0].inlines.filter(({ kind }) => kind === "link").map((inline) =>
      inline.text
    );
    equal(found, links, text);
  }
  const [link] = passages("www.example.org")[0].lines[0].inlines;
  equal(link, { kind: "link", text: "www.example.org", href: "https://www.example.org/" });
});

Deno.test("nothing else becomes a link", () => {
  const text =
    "javascript:alert(1) data:text/html,x ftp://example.org mailto:a@b.c https://u:p@example.org //example.org";
  equal(passages(text)[0].lines[0].inlines.every((inline) => inline.kind === "text"), true);
});

Deno.test("whatever is around them, links are what was typed, and end as words do", () => {
  // A generator of its own, so that what fails once fails again.
  let seed = 20261;
  const next = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const pieces = [
    ..."()[]{}<>.,;:!?'\"’”»…—-_*~ 、。」）\n".split(""),
    "https://example.org/a",
    "www.example.org",
    "http://",
    "a_(b)",
    "?q=1&r=2",
    "#top",
    "日本",
    "word",
    "שלום",
    "--",
    "  ",
    "- ",
    "1. ",
    "> ",
  ];
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: 1 + next(12) }, () => pieces[next(pieces.length)]).join("");
    for (const { kind, lines } of passages(text)) {
      for (const { inlines, indent, marker } of lines) {
        ok(marker === null || kind === "list", text);
        ok(indent === 0 || indent >= 2 || kind === "list", text);
        for (const inline of inlines) {
          ok(inline.text !== "" && !/[\ufdd0\n]/u.test(inline.text), text);
          if (inline.kind === "text") continue;
          ok(text.includes(inline.text) && /^(https?:|www\.)/.test(inline.text), text);
          ok(!/[\s.,;:!?…'"’”»、。」）]$/u.test(inline.text), `${inline.text} in ${text}`);
          const [opened, closed] = ["(", ")"].map((bracket) => inline.text.split(bracket).length);
          ok(!inline.text.endsWith(")") || closed <= opened, `${inline.text} in ${text}`);
          equal(inline.href, webAddress(inline.href));
        }
      }
    }
  }
});

Deno.test("only http(s) addresses without a user are addresses of the web", () => {
  equal(webAddress("https://example.org/ä b"), "https://example.org/%C3%A4%20b");
  for (
    const bad of [
      "javascript:alert(1)",
      " data:x",
      "https://a@example.org",
      "https://",
      "/x",
      "",
      7,
      null,
      undefined,
    ]
  ) {
    equal(webAddress(bad), null);
  }
  equal(webAddress("https://example.org/" + "a".repeat(3000)), null);
});

Deno.test("the first strong character decides the direction", () => {
  equal(direction("12 שלום"), "rtl");
  equal(direction("سلام"), "rtl");
  equal(direction("Hello שלום"), "ltr");
  equal(direction("..."), "ltr");
});

Deno.test("initials come from the first and last words of a name", () => {
  equal(initials("Ada Lindqvist"), "AL");
  equal(initials("ελένη maria παπαδάκη"), "ΕΠ");
  equal(initials("Dmitri"), "D");
  equal(initials("The Lamp-Lit Reading Circle", 3), "TLR");
  equal(initials("🚋"), "🚋");
  equal(initials("ليلى حسّان"), "ل\u200cح");
  equal(initials("கௌரி ஸ்ரீதர்"), "கௌ");
  equal(initials("น้ำฝน ใจดี"), "น้ำ");
  equal(initials("ნინო ჭავჭავაძე"), "ნჭ");
  equal(initials("김하늘"), "김");
});

const length = (list: readonly Passage[]) => list.reduce((sum, passage) => sum + plain(passage).length, 0);
const cut = (text: string, room: number) => excerpt(passages(text), room, length).map(plain).join("|");

Deno.test("an excerpt ends with a sentence or between words, and never within a character or an address", () => {
  const text = "The quick brown fox jumps over https://example.org/a/very/long/address";
  equal(cut(text, 12), "The quick…");
  equal(cut(text, 45), "The quick brown fox jumps over…");
  equal(cut(text, 1000), text);
  equal(cut("👩‍👩‍👧".repeat(50), 20), "👩‍👩‍👧".repeat(2) + "…");
  equal(cut("One is here. Two is here. Three is much longer.", 32), "One is here. Two is here.");
  equal(cut("One. Two is a sentence without an end in sight", 32), "One. Two is a sentence without…");
  equal(cut("One\n\nTwo\n\nThree is here", 7), "One|Two");
  equal(cut("a".repeat(100), 10), "aaaaaaaaa…");
  equal(cut("One of them", 0), "");
  equal(cut("Look at this (https://example.org/a/very/long/address), it is great.", 30), "Look at this…");
});

Deno.test("an excerpt is as long in every script", () => {
  const sentences = [
    "今日は図書館で本を読みました。",
    "วันนี้ฉันไปห้องสมุดและอ่านหนังสือ ",
    "आज मैंने पुस्तकालय में एक किताब पढ़ी। ",
    "اليوم قرأت كتابا في المكتبة. ",
    "今天我在图书馆读了一本书。",
    "ថ្ងៃនេះខ្ញុំបានអានសៀវភៅ។ ",
    "I read a book in the library. ",
  ];
  for (const sentence of sentences) {
    const kept = cut(sentence.repeat(300), 500);
    ok(kept.length > 400 && kept.length <= 500, `${kept.length} of ${sentence}`);
    ok(kept.endsWith("…") || sentence.trim().endsWith(kept.slice(-3)), kept.slice(-20));
  }
});

Deno.test("plain text and emoji are split into what readers take for characters", () => {
  equal(characters("aé«"), ["a", "é", "«"]);
  equal(characters("👩‍👩‍👧e\u0304"), ["👩‍👩‍👧", "e\u0304"]);
});

Deno.test("a hundred thousand characters of anything take no time that grows with their square", () => {
  const started = performance.now();
  for (
    const unit of [
      "a",
      "(",
      "https://a.b/",
      "> \n",
      "\u0301",
      "👩‍",
      "\n \n",
      "\u{e0041}",
      "ש ",
      "http://a.b/)))",
      "- a\n",
      "1. a\n  b\n\n",
      "      - a\n",
      '"',
      "'a",
      "--",
      '["',
      "a=",
      'f("',
      "` ",
      "1 ",
      "1 1/2 ",
      "(+",
      "(1)",
      "a'@a.",
      "ש 1-",
    ]
  ) {
    passages(unit.repeat(Math.ceil(100_000 / unit.length)));
  }
  // On a busy machine it takes seconds; whatever looks at each pair of characters takes many minutes.
  ok(performance.now() - started < 60_000);
});
