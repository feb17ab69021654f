import { deepStrictEqual as equal, ok } from "node:assert";
import {
  characters,
  cleanLine,
  cleanText,
  direction,
  excerpt,
  initials,
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

Deno.test("accents come together with their letters, and piles of them are cut", () => {
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
  const links = passage.lines[0].filter((inline) => inline.kind === "link");
  equal(links, [
    { kind: "link", text: "https://example.org/a_(b)", href: "https://example.org/a_(b)" },
    { kind: "link", text: "http://example.com/x", href: "http://example.com/x" },
    { kind: "link", text: "HTTPS://EXAMPLE.ORG", href: "https://example.org/" },
  ]);
  equal(plain(passage), "See https://example.org/a_(b), (http://example.com/x). Or HTTPS://EXAMPLE.ORG!");
});

Deno.test("nothing else becomes a link", () => {
  const text =
    "javascript:alert(1) data:text/html,x ftp://example.org mailto:a@b.c https://u:p@example.org //example.org";
  equal(passages(text)[0].lines[0].every((inline) => inline.kind === "text"), true);
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

Deno.test("the first letter decides the direction", () => {
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
});

Deno.test("an excerpt ends between words, and never within a character or an address", () => {
  const text = passages("The quick brown fox jumps over https://example.org/a/very/long/address");
  equal(plain(excerpt(text, 12).passages[0]), "The quick…");
  equal(plain(excerpt(text, 45).passages[0]), "The quick brown fox jumps over…");
  equal(excerpt(text, 1000), { passages: text, cut: false });
  const family = plain(excerpt(passages("👩‍👩‍👧".repeat(50)), 20).passages[0]);
  equal(family, "👩‍👩‍👧".repeat(2) + "…");
});

Deno.test("plain text and emoji are split into what readers take for characters", () => {
  equal(characters("aé«"), ["a", "é", "«"]);
  equal(characters("👩‍👩‍👧e\u0304"), ["👩‍👩‍👧", "e\u0304"]);
});

Deno.test("a hundred thousand characters of anything take no noticeable time", () => {
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
    ]
  ) {
    passages(unit.repeat(Math.ceil(100_000 / unit.length)));
  }
  ok(performance.now() - started < 5_000);
});
