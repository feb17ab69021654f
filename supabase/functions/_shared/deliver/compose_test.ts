/** Whom an email is from, where replies go, and to which list it belongs. */

import { deepStrictEqual as equal, ok, throws } from "node:assert";
import { compose, type Message } from "./compose.ts";
import { readPageTemplate } from "../newsletters/newsletters.ts";
import { readEmailSettings } from "./settings.ts";

const SPACE = "00000000-0000-4000-8000-000000000003";

function composed(
  name: string | null,
  replyTo: string | null = null,
  from = "Monogram <letters@example.org>",
  languages: string[] = [],
): Message {
  const sender = { from, replyTo, unsubscribe: "https://example.org/u" };
  const offer = { html: "", text: "" };
  const mail = {
    subject: "Week 1",
    abridged: false,
    html: "",
    text: "",
    offers: { space: offer, all: offer },
  };
  return compose(
    { sender, date: "2026-11-23T12:00:00Z", mail, from_name: name },
    { id: "id", email: "b@example.test", token: "t", space_id: name === null ? null : SPACE, languages },
    sender,
  );
}

Deno.test("a space's email is from the space, through the sender's address, and of a list of its own", () => {
  const { from, headers, messageId } = composed("The Kitchen Table");
  equal(from, { name: "The Kitchen Table", address: "letters@example.org" });
  equal(
    headers["List-Id"].replace("\r\n", ""),
    `=?UTF-8?B?VGhlIEtpdGNoZW4gVGFibGU=?= <${SPACE}.spaces.example.org>`,
  );
  equal(messageId, "<id@example.org>");
});

Deno.test("email about no space is from the operator, and of no list", () => {
  const { from, headers } = composed(null);
  equal(from, { name: "Monogram", address: "letters@example.org" });
  ok(!("List-Id" in headers));
});

Deno.test("a space's name is never an address, and nothing that cannot be seen", () => {
  for (
    const [name, shown] of [
      ["service@bank.example", "service at bank.example"],
      ["a ＠ b", "a at b"],
      ["Ada\r\nBcc: everybody@example.test", "Ada Bcc: everybody at example.test"],
      ["\u202eelbaT ehT", "elbaT ehT"],
      ["\u200b\u3164", "Monogram"],
      ["العائلة حول المائدة", "العائلة حول المائدة"],
    ]
  ) equal(composed(name).from.name, shown);
  equal(composed("Ada @ Haus", null, undefined, ["de-AT"]).from.name, "Ada bei Haus");
});

Deno.test("the sender may be named in each of the usual ways", () => {
  equal(composed(null, null, "letters@example.org").from, { name: "", address: "letters@example.org" });
  equal(composed(null, null, '"Smith, Jones" <a@b.example>').from, {
    name: "Smith, Jones",
    address: "a@b.example",
  });
});

Deno.test("replies go to one address, or to one of each space's", () => {
  equal(composed("A", "replies@example.org").replyTo, { name: "", address: "replies@example.org" });
  equal(composed("A", "replies+{space}@example.org").replyTo, {
    name: "",
    address: `replies+${SPACE}@example.org`,
  });
  equal(composed("A", '"The Kitchen, all of it" <replies@example.org>').replyTo, {
    name: "The Kitchen, all of it",
    address: "replies@example.org",
  });
  equal(composed(null, "replies+{space}@example.org").replyTo, null);
  equal(composed("A").replyTo, null);
});

function settings(changes: Record<string, string>): ReturnType<typeof readEmailSettings> {
  const environment: Record<string, string> = { SMTP_URL: "smtp://x", MAIL_FROM: "a@b.example", ...changes };
  return readEmailSettings("http://p", (name) => environment[name]);
}

Deno.test("what is a mailbox is taken, with its name", () => {
  equal(settings({ MAIL_REPLY_TO: "" })!.replyTo, null);
  const wanted: [string, string, string][] = [
    ["replies@example.org", "", "replies@example.org"],
    ["replies+{space}@example.org", "", `replies+${SPACE}@example.org`],
    ["Kitchen <a@b.c>", "Kitchen", "a@b.c"],
    ['"Kitchen" <a@b.c>', "Kitchen", "a@b.c"],
    ['  "The Kitchen, \\"all\\" of it"  < a@b.c > ', 'The Kitchen, "all" of it', "a@b.c"],
    ['A. "B. C" d <a.o\'x+y@b-c.example>', "A. B. C d", "a.o'x+y@b-c.example"],
    ["Küche 🍲 מטבח <a@b.c>", "Küche 🍲 מטבח", "a@b.c"],
    ["<a@b.c>", "", "a@b.c"],
    ["Küche <a@küche.example>", "Küche", "a@xn--kche-0ra.example"],
    ["Kitchen <{space}@b.c>", "Kitchen", `${SPACE}@b.c`],
  ];
  for (const [given, name, address] of wanted) {
    const { replyTo } = settings({ MAIL_REPLY_TO: given })!;
    equal(composed("A", replyTo).replyTo, { name, address }, given);
    if (given.includes("{")) continue;
    const { from } = settings({ MAIL_FROM: given })!;
    equal(composed(null, null, from).from, { name, address }, given);
  }
});

Deno.test("what is none, or several, is refused before anything is sent", () => {
  const none = [
    "nobody",
    "a@b, c@d",
    "A <a@b>, B <c@d>",
    "A, B <a@b>",
    "a@b\r\nBcc: c@d",
    "A\n <a@b>",
    "A <a@b> c",
    "<a@b",
    "A <>",
    "A",
    "a@@b",
    ".a@b",
    "a..b@c",
    "a@b..c",
    "a@",
    "@b",
    "a b@c",
    "A (B) <a@b>",
    "A: a@b;",
    'A" <a@b>',
    "ä@b.c",
    `${"a".repeat(65)}@b`,
    `${"a".repeat(40)}+{space}@b`.slice(0, 29) + `${"a".repeat(40)}@b`,
  ]; // deno-fmt-ignore
  for (const bad of none) {
    throws(() => settings({ MAIL_REPLY_TO: bad }), /^EnvironmentError: MAIL_REPLY_TO must be one mailbox/, bad);
    throws(() => settings({ MAIL_FROM: bad }), /^EnvironmentError: MAIL_FROM must be one mailbox/, bad);
  }
  throws(() => settings({ MAIL_FROM: "" }), /MAIL_FROM/);
  throws(() => settings({ MAIL_FROM: 'a "b" '.repeat(10_000) + "," }), /MAIL_FROM/);
  for (const smtp of ["mail.example.org", "smtp://", "smtp://a:b:c", "https://x"]) {
    throws(() => settings({ SMTP_URL: smtp }), /SMTP_URL/, smtp);
  }
});

Deno.test("an unknown placeholder does not go out", () => {
  for (
    const bad of ["replies+{spcae}@b.c", "r+{Space}@b.c", "r+{space@b.c", "r+{id}@b.c", "{space} {x} <a@b.c>"]
  ) {
    throws(() => settings({ MAIL_REPLY_TO: bad }), /The only placeholder that it takes is `\{space\}`/, bad);
  }
  throws(() => settings({ MAIL_REPLY_TO: "{space} <a@b.c>" }), /in the name/);
  throws(() => settings({ MAIL_FROM: "Letters <{space}@b.c>" }), /MAIL_FROM has braces/);
  for (const name of ["APP_URL", "UNSUBSCRIBE_URL"]) {
    for (
      const bad of ["app.example.org", "https://a.example/{space}", "javascript:x", "https://a.example/ b"]
    ) {
      throws(() => settings({ [name]: bad }), new RegExp(`${name} must be an address`), bad);
    }
    equal(settings({ [name]: "https://app.example.org/x" })?.from, "a@b.example");
  }
  const template = (NEWSLETTER_URL: string) => readPageTemplate(() => NEWSLETTER_URL);
  equal(template(""), undefined);
  equal(template("http://localhost:3000/letters/{id}"), "http://localhost:3000/letters/{id}");
  for (
    const bad of [
      "https://a.example/letters",
      "https://a.example/{ID}",
      "https://a.example/{id}/{space}",
      "{id}",
    ]
  ) {
    throws(() => template(bad), /NEWSLETTER_URL must be an address/, bad);
  }
});
