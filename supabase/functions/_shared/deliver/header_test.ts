/** Names in subjects are shown as they were given. */

import { deepStrictEqual as deepEqual, ok } from "node:assert";
import { Buffer } from "node:buffer";
import { headerMailbox, headerText, plainHeaderText, plainMailbox } from "./header.ts";

/** What a mail program shows of a header (RFC 2047): encoded words decoded, and the space between two of them gone. */
function shown(header: string): string {
  return header
    .replaceAll(/\r\n(?=[ \t])/g, "")
    .replaceAll(/(\?=)[ \t]+(?==\?)/g, "$1")
    .replaceAll(
      /=\?utf-8\?([bq])\?([^?]*)\?=/gi,
      (_, kind: string, text: string) =>
        kind.toLowerCase() === "b"
          ? Buffer.from(text, "base64").toString()
          : decodeURIComponent(text.replaceAll("_", " ").replaceAll("=", "%")),
    );
}

const NAMES = [
  "Week 1",
  "=?UTF-8?Q?Your_invoice?=",
  "=?utf-8?B?WW91ciBpbnZvaWNl?= sent you 5 tokens",
  "before =?UTF-8?Q?=0D=0ABcc:?= after",
  'Ada "the first", Countess; (of) <Lovelace> @ home',
  "שלום עולם, العربية and English",
  "👩‍👩‍👧‍👦".repeat(30),
  "a".repeat(300),
  "word ".repeat(60).trim(),
  "日本語の手紙".repeat(20),
  `e${"\u0301".repeat(200)}`,
  "=?",
  "",
  "line  with   spaces",
];

Deno.test("a header is shown as the name was given, on lines that every server takes", () => {
  for (const name of NAMES) {
    const header = headerText(name, "Subject");
    deepEqual(shown(header), name);
    for (const [index, line] of header.split("\r\n").entries()) {
      ok(line.length + (index === 0 ? "Subject: ".length : 0) <= 78, line);
      ok(/^[\x20-\x7e]*$/.test(line), line);
    }
  }
});

Deno.test("a name begins no header of its own", () => {
  for (const end of ["\n", "\r\n", "\r", "\u2028", "\u0085", "\0", "\v"]) {
    const header = headerText(`Ada${end}Bcc: everybody@example.test`, "Subject");
    deepEqual(shown(header), "Ada Bcc: everybody@example.test");
    deepEqual(plainHeaderText(`Ada${end}Bcc: x`), "Ada Bcc: x");
  }
});

Deno.test("a provider that encodes by itself finds nothing that looks encoded", () => {
  for (const name of NAMES) ok(!plainHeaderText(name).includes("=?"));
});

Deno.test("a name before an address is shown as it was given, and adds no address to it", () => {
  for (const name of [...NAMES, "Smith, Jones & Co", "a <b@c.example>", 'The "Kitchen" Table', "a; b: c"]) {
    const header = headerMailbox(name, "letters@example.org", "From");
    const [, phrase, address] = /^(?:([^<]*?)\s*)<([^<>]+)>$/s.exec(header) ?? ["", "", "", header];
    deepEqual(shown(phrase), name === "" ? "" : name);
    deepEqual(name === "" ? header : address, "letters@example.org");
    // Nothing outside of encoded words that has a meaning in a list of addresses.
    ok(/^(?:[A-Za-z0-9]+|=\?UTF-8\?B\?[A-Za-z0-9+/=]*\?=|\s)*$/.test(phrase), phrase);
    for (const [index, line] of header.split("\r\n").entries()) {
      ok(line.length + (index === 0 ? "From: ".length : 0) <= 78, line);
    }
    const plain = plainMailbox(name, "letters@example.org");
    ok(/^(?:[^<>@,;:"()[\]\\\r\n]+ <letters@example\.org>|letters@example\.org)$/.test(plain), plain);
  }
  deepEqual(headerMailbox("The Kitchen Table", "a@example.org", "From"), "The Kitchen Table <a@example.org>");
  deepEqual(
    plainMailbox('Smith, Jones "and" <co@x.example>', "a@b.c"),
    "Smith\u201a Jones and co x.example <a@b.c>",
  );
});
