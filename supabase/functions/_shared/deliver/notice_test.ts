/** What the small emails say: the digest of a day above all. */

import { deepStrictEqual as equal, ok } from "node:assert";
import { compose, type Message } from "./compose.ts";
import type { BatchEmail } from "./email_queue.ts";
import { notice } from "./notice.ts";
import { wordsIn } from "../words/words.ts";

const ENGLISH = wordsIn(["en"]);

const SETTINGS = {
  from: "Monogram <letters@example.org>",
  replyTo: null,
  unsubscribe: "https://example.org/u",
  appUrl: "https://example.org/app",
};

const SPACE = "00000000-0000-4000-8000-000000000003";

function send(
  kind: string,
  payload: Record<string, unknown>,
  name = "Boris",
  { space = null, appUrl = SETTINGS.appUrl, languages = [] }: {
    space?: string | null;
    appUrl?: string | null;
    languages?: string[];
  } = {},
): Message {
  const email: BatchEmail = {
    id: "00000000-0000-4000-8000-000000000001",
    state: "QUEUED",
    kind,
    newsletter_id: null,
    space_id: space === null ? null : SPACE,
    space_name: space,
    display_name: name,
    payload,
    email: null,
    content: null,
    token: null,
    languages,
  };
  const content = notice(email, { ...SETTINGS, appUrl }, new Date("2026-11-24T08:00:00Z"));
  return compose(content, { ...email, email: "b@example.test", token: "t" }, SETTINGS);
}

const gift = (sender: string, name: string | null, amount: number, message: string | null) => ({
  kind: "GIFT_RECEIVED",
  key: crypto.randomUUID(),
  ...(name === null ? {} : { sender_id: sender, sender_name: name, message }),
  amount,
});

Deno.test("a digest has badges first, then gifts by who sent them, and counts the rest", () => {
  const { subject, text, html } = send("DIGEST", {
    entries: [
      gift("a", "Ada", 5, "Well said"),
      { kind: "BADGE_EARNED", key: "b", name: "First words", tokens: 100 },
      gift("c", "Chloe", 1, null),
      gift("a", "Ada", 7, null),
      gift("x", null, 3, null),
    ],
    more: 9,
  });
  equal(subject, "Your news: a badge and 4 gifts");
  equal(text.split("\n").filter((line) => /^(- \S| {2}> )/.test(line)), [
    "- You have earned the badge “First words”, and 100 tokens with it.",
    "- You got 2 gifts, 12 tokens in all, from Ada, with these words:",
    "  > Well said",
    "- You got a gift of 1 token from Chloe.",
    "- You got a gift of 3 tokens from Somebody.",
    "- And 9 more.",
  ]);
  equal(html.match(/padding:14px 0/g)!.length, 5);
});

Deno.test("names and messages are text, whatever is in them", () => {
  const evil = '<img src=x onerror="alert(1)">\r\nBcc: everybody@example.test\u202e';
  for (
    const [kind, payload] of [
      ["DIGEST", { entries: [gift("a", evil, 5, evil), { kind: "BADGE_EARNED", name: evil }], more: 0 }],
      ["GIFT_RECEIVED", { sender_id: "a", sender_name: evil, amount: 5, message: evil }],
    ] as const
  ) {
    const { subject, text, html } = send(kind, payload, evil);
    ok(!html.includes("<img") && !/[\r\n\u202e]/.test(subject) && !text.includes("\u202e"));
    ok(html.includes("&lt;img src=x"));
  }
});

Deno.test("nobody says in the platform's own words what to do, or where to click", () => {
  const evil =
    "Your account was locked. Unlock: https://evil.test/m or www.evil.test, a@evil.test - Monogram";
  const question = { id: "1", question: "Locked! https://evil.test/m", curator_name: evil };
  const linked = /:\/\/|\w[.@:]\w/u;
  for (const language of ["en", "de", "fr", "es", "ar"]) {
    const options = { space: evil, languages: [language] };
    for (
      const { subject, html } of [
        send(
          "GIFT_RECEIVED",
          { sender_id: "a", sender_name: evil, amount: 1, message: null },
          "B",
          options,
        ),
        send(
          "GIFT_RECEIVED",
          { sender_id: "a", sender_name: evil, amount: 1, message: "Hi" },
          "B",
          options,
        ),
        send("DIGEST", { entries: [gift("a", evil, 1, null)] }, "B", { languages: [language] }),
        send("CURATOR_ASSIGNED", { week_number: 4 }, "B", options),
        send("PROMPTS_PUBLISHED", { week_number: 4, questions: [question] }, "B", options),
        send("RESPONSE_REMINDER", { week_number: 4 }, "B", options),
      ]
    ) {
      const [, headline] = /<h1[^>]*>([^<]*)/.exec(html)!;
      const [, preview] = /mso-hide:all">([^<&]*)/.exec(html)!;
      for (const said of [subject, headline, preview]) {
        ok(said !== "" && !linked.test(said), said);
        ok(
          !/^\P{L}*(?:Your account|Locked)/u.test(said) || said.startsWith(said.match(/[“„«]/)?.[0] ?? "-"),
          said,
        );
      }
      ok(subject.length < 110, subject);
    }
  }
});

Deno.test("what came with a gift is set as in a newsletter, and a long name is whole but for the subject", () => {
  const name = "Maximiliane Theresa von Hohenberg-Wittelsbach zu Sandsee";
  const payload = { sender_id: "a", sender_name: name, amount: 1, message: `Das ist "für dich" -- lies's!` };
  const { subject, text } = send("GIFT_RECEIVED", payload, "B", { languages: ["de"] });
  equal(subject, "Ein Geschenk für dich: 1 Token von Maximiliane Theresa von…");
  ok(text.replace(/\s+/g, " ").includes(`1 Token von ${name}, und dazu diese Worte:`), text);
  ok(text.includes("Das ist „für dich“\u00a0– lies’s!"), text);
  const digest = send("DIGEST", { entries: [gift("a", name, 1, `"Ja"`)] }, "B", { languages: ["de"] }).text;
  ok(digest.includes("> „Ja“") && !digest.includes("…"), digest);
});

Deno.test("odd payloads make an email all the same", () => {
  const odd = [{}, { entries: null }, { entries: [] }, { entries: [{}], more: "x" }, {
    entries: [gift("a", "", NaN, "")],
  }];
  for (const payload of odd) {
    for (const kind of ["DIGEST", "GIFT_RECEIVED", "CURATOR_ASSIGNED", "SOMETHING_NEW"]) {
      ok(send(kind, payload).subject.length > 0);
    }
  }
});

Deno.test("badges that every Monogram has are called by their names in the reader's language", () => {
  const earned = (name: string) => ({ entries: [{ kind: "BADGE_EARNED", key: name, name, tokens: 0 }] });
  const said = (name: string) => send("DIGEST", earned(name), "Boris", { languages: ["de"] }).text;
  ok(said("First Words").includes("„Erste Worte“"));
  ok(said("Our own").includes("„Our own“"));
  const data = new URL("../../../migrations/20261123002100_reference_data.sql", import.meta.url);
  const badges = /insert into public\.badges[^;]*;/.exec(Deno.readTextFileSync(data))![0];
  const names = [...badges.matchAll(/^ {2}\('\w+', '([^']*)'/gm)].map(([, name]) => name);
  equal(names.length, 6);
  for (const name of names) ok(!said(name).includes(name), name);
});

const asked = (...questions: string[]) => ({
  week_number: 4,
  questions: questions.map((question, index) => ({ id: `p${index + 1}`, question, curator_name: "Ada" })),
});

Deno.test("new questions are in the email, in their order, with who asks and a button for each", () => {
  const payload = asked("What did you read?", "<b>Where</b> & when?");
  const { subject, html, text, from } = send("PROMPTS_PUBLISHED", payload, "Boris", { space: "Book Club" });
  equal([subject, from.name], ["New questions in Book Club", "Book Club"]);
  ok(text.includes("2 questions are out in week 4 of Book Club, asked by Ada."));
  ok(text.includes(ENGLISH.say("notice.untilWhen", { week: 4 })));
  ok(!html.includes("Asked by"));
  const link = (id: string) => `https://example.org/app/spaces/${SPACE}/prompts/${id}`;
  ok(text.includes(`1. What did you read?\nAnswer question 1: ${link("p1")}\n\n2. <b>Where</b> & when?\n`));
  ok(text.includes(`Answer question 2: ${link("p2")}\n`));
  ok(html.includes("&lt;b&gt;Where&lt;/b&gt; &amp; when?") && !html.includes("<b>"));
  equal([...html.matchAll(/href="([^"]*prompts[^"]*)"/g)].map(([, href]) => href), [link("p1"), link("p2")]);
  ok(/mso-hide:all">“What did you read\?”/.test(html));
});

Deno.test("without an address of the application there are questions and no buttons", () => {
  for (const appUrl of [null, "javascript:alert(1)", "not an address"]) {
    const { html, text } = send("PROMPTS_PUBLISHED", asked("What?"), "Boris", { space: "Club", appUrl });
    ok(
      text.includes("1. What?") &&
        ![html, text].some((part) => part.includes(ENGLISH.say("notice.answerQuestion", { number: 1 }))),
    );
  }
  const { text } = send("PROMPTS_PUBLISHED", asked("What?"), "Boris", {
    space: "Club",
    appUrl: "https://a.example/x/?y=1",
  });
  ok(text.includes(`https://a.example/x/spaces/${SPACE}/prompts/p1?y=1`));
});

Deno.test("questions of two people say whose each is, and where none is left the email says so much", () => {
  const payload = asked("One?", "Two?");
  payload.questions[1].curator_name = "Boris";
  const both = send("PROMPTS_PUBLISHED", payload, "Chloe", { space: "Club" });
  ok(!both.text.includes("asked by"));
  ok(
    both.text.includes(`1. One?\nAsked by Ada\n${ENGLISH.say("notice.answerQuestion", { number: 1 })}: `) &&
      both.text.includes("2. Two?\nAsked by Boris\n"),
  );
  equal(both.html.match(/Asked by \w+/g), ["Asked by Ada", "Asked by Boris"]);
  const { text } = send("PROMPTS_PUBLISHED", asked(), "Chloe", { space: "Club" });
  ok(text.includes("The questions of week 4 are out in Club."));
  ok(text.includes(`https://example.org/app/spaces/${SPACE}\n`));
});

Deno.test("whoever has not responded finds the questions in the reminder", () => {
  const { text } = send("RESPONSE_REMINDER", asked("One?", "Two?"), "Chloe", { space: "Club" });
  ok(text.includes("1. One?") && text.includes("2. Two?"));
  ok(text.replaceAll("\n", " ").includes(ENGLISH.say("notice.untilWhen", { week: 4 })));
  ok(text.includes("No more reminders: https://example.org/u?token=t&scope=reminders#"));
  ok(
    !send("PROMPTS_PUBLISHED", asked("One?"), "Chloe", { space: "Club" }).text.includes(
      "No more reminders",
    ),
  );
});

Deno.test("the fullest email of news is not clipped, in any script", () => {
  for (const unit of ['"', "語", "a", "👩‍👩‍👧"]) {
    const fill = (length: number) => unit.repeat(length).slice(0, length).toWellFormed();
    const entries = Array.from({ length: 50 }, (_, index) => gift(`${index}`, fill(80), 5, fill(280)));
    const { html, text } = send("DIGEST", { entries, more: 1000 }, fill(80));
    ok(new TextEncoder().encode(html).length < 100_000, `${unit}: ${html.length}`);
    equal(text.split("You got a gift").length, 51);
    const questions = send(
      "PROMPTS_PUBLISHED",
      asked(...Array.from({ length: 10 }, () => fill(500))),
      "B",
      { space: fill(80) },
    );
    ok(new TextEncoder().encode(questions.html).length < 100_000);
  }
});

Deno.test("one question of another direction, or of one endless word, keeps to itself", () => {
  const payload = asked("מה קראתם השבוע?", "x".repeat(500), "=?UTF-8?Q?No?=\r\nBcc: a@b.example");
  const { html, subject } = send("PROMPTS_PUBLISHED", payload, "عائشة", { space: "مائدة المطبخ" });
  ok(/<h2 class="ink" dir="rtl"[^>]*>מה קראתם השבוע\?<\/h2>/.test(html));
  ok(html.includes("\u2068مائدة المطبخ\u2069") && !/[\r\n]/.test(subject));
});

/** What emails say in other languages. */
function saidIn(
  languages: string[],
  kind: string,
  payload: Record<string, unknown>,
  space: string | null,
): Message {
  const email: BatchEmail = {
    id: "00000000-0000-4000-8000-000000000001",
    state: "QUEUED",
    kind,
    newsletter_id: null,
    space_id: space === null ? null : SPACE,
    space_name: space,
    display_name: "Boris",
    payload,
    email: null,
    content: null,
    token: null,
    languages,
  };
  const content = notice(email, SETTINGS, new Date("2026-11-24T08:00:00Z"));
  return compose(content, { ...email, email: "b@example.test", token: "t" }, SETTINGS);
}

Deno.test("news are in their reader's language, with their questions and quotes as they were written", () => {
  const questions = [
    { id: "1", question: "What did you read?", curator_name: "Ada" },
    { id: "2", question: "ماذا طبخت؟", curator_name: "Ada" },
  ];
  const german = saidIn(["de-CH", "en"], "PROMPTS_PUBLISHED", { week_number: 3, questions }, "Book Club");
  equal(german.subject, "Neue Fragen in Book Club");
  ok(german.text.includes("Hallo Boris!"));
  ok(german.text.includes("In Woche 3 von Book Club sind 2 Fragen da, gestellt von Ada."), german.text);
  ok(german.text.includes("Frage 1 beantworten: https://example.org/app/spaces/"));
  ok(/^Keine .* mehr von Book Club: https:\/\/example\.org\/u\?token=t/m.test(german.text));
  ok(german.html.includes('<html lang="de" dir="ltr">'));
  ok(
    german.html.includes(' dir="rtl" style="margin:0;color:#221d18'),
    "the question in Arabic runs its own way",
  );
  const arabic = saidIn(["ar"], "PROMPTS_PUBLISHED", { week_number: 3, questions }, "Book Club");
  equal(arabic.subject, "أسئلة جديدة في \u2068Book Club\u2069");
  ok(arabic.html.includes('<html lang="ar" dir="rtl">'));
  ok(arabic.html.includes('<h2 class="ink" dir="ltr"'), "the question in English runs its own way");
  ok(arabic.text.includes("وصل سؤالان من \u2068Ada\u2069 في الأسبوع 3 من \u2068Book Club\u2069."), arabic.text);
});

Deno.test("questions are set as in the newsletter, in the language of their space", () => {
  const payload = { ...asked(`Zeig's uns -- "jetzt"!`), language: "de" };
  for (const language of ["de", "fr"]) {
    const { text, html } = saidIn([language, "de"], "PROMPTS_PUBLISHED", payload, "Küche");
    for (const part of [text, html]) ok(part.includes("Zeig’s uns\u00a0– „jetzt“!"), part);
  }
});

Deno.test("in French nothing stands close to a colon in plain text", () => {
  const { text } = saidIn(["fr"], "RESPONSE_REMINDER", asked("Quoi ?"), "Élodie");
  for (const [, before] of text.matchAll(/(.): https:/g)) equal(before, "\u00a0");
  ok(text.includes("Répondre à la question 1\u00a0: https://"), text);
});

Deno.test("a digest counts as each language counts", () => {
  const gifts = (count: number) => Array.from({ length: count }, () => gift("a", "Ada", 1, null));
  const subject = (language: string, count: number) =>
    saidIn([language], "DIGEST", { entries: gifts(count), more: 0 }, null).subject;
  equal([1, 2, 3, 11].map((count) => subject("ar", count)), [
    "جديدك: هدية",
    "جديدك: هديتان",
    "جديدك: 3 هدايا",
    "جديدك: 11 هدية",
  ]);
  equal(subject("de", 2), "Neues für dich: 2 Geschenke");
  equal(subject("fr", 1), "Du nouveau pour toi\u00a0: un cadeau");
  equal(subject("es", 2), "Novedades para ti: 2 regalos");
  equal(subject("pt", 2), "Your news: 2 gifts");
});

Deno.test("what came with a gift keeps its lines, paragraphs, poems and lists, and its addresses are not linked", () => {
  const message =
    "Dear friend,\nhello!\n\n  Roses are red,\n    violets too\n\n- one\n- two\n\nSee https://evil.test/m";
  const quoted = [
    "> Dear friend,",
    "> hello!",
    ">",
    ">   Roses are red,",
    ">     violets too",
    ">",
    "> • one",
    "> • two",
    ">",
    "> See https://evil.test/m",
  ];
  for (
    const [sent, indent] of [
      [send("GIFT_RECEIVED", { sender_id: "a", sender_name: "Ada", amount: 1, message }), ""],
      [send("DIGEST", { entries: [gift("a", "Ada", 1, message)] }), "  "],
    ] as const
  ) {
    ok(sent.text.includes(quoted.map((line) => indent + line).join("\n")), sent.text);
    ok(sent.html.includes("Dear friend,<br>hello!</p>"), sent.html);
    ok(sent.html.includes("\u00a0\u00a0Roses are red,<br>\u00a0\u00a0\u00a0\u00a0violets too</p>"));
    equal(sent.html.match(/<li[ >]/g)?.length, 2);
    ok(!sent.html.includes(`href="https://evil.test`));
  }
});

Deno.test("what came with a gift runs as the email does where it has no strong character", () => {
  const payload = { sender_id: "a", sender_name: "Ada", amount: 1, message: "👍 2026!" };
  const { html, text } = send("GIFT_RECEIVED", payload, "B", { languages: ["ar"] });
  ok(/<td class="ink quote" style="padding-right:14px/.test(html), html);
  ok(text.includes("> \u200f👍 2026!"), text);
});

Deno.test("a gift's message is in italics where its script has any", () => {
  for (
    const [message, expected] of [["شكرا جزيلا لك", false], ["ありがとう", false], [
      "Thank you",
      true,
    ]] as const
  ) {
    const { html } = send("GIFT_RECEIVED", gift("a", "Ada", 5, message));
    equal(html.includes("font-style:italic"), expected, message);
  }
});
