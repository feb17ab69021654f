import { deepStrictEqual as equal, ok } from "node:assert";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { keepOrder, setFractions, withoutIsolates } from "./numbers.ts";
import { renderPage } from "./page.ts";
import { newsletterRow, responseRow } from "./testing.ts";
import { passages, plain } from "./text.ts";
import { setTypography } from "./typography.ts";

Deno.test("mixed numbers and fractions of a unit are set as fractions", () => {
  const cases: Record<string, string> = {
    "1 1/2 cups, 1 1/4 tsp": "1½ cups, 1¼ tsp",
    "1 1/2 Zwiebeln": "1½ Zwiebeln",
    "3/4 l Milch, 1/2 l, 1/8 l": "¾ l Milch, ½ l, ⅛ l",
    "2/3 cup or 1 1/3 cups": "⅔ cup or 1⅓ cups",
    "1/2kg, a 1/2-inch nail": "½kg, a ½-inch nail",
    "1/2-3/4 l, 1/4 bis 1/2 l": "½-¾ l, ¼ bis ½ l",
    "1 1/2-2 cups; 2 - 2 1/2 tasses": "1½-2 cups; 2 - 2½ tasses",
    "1/2 taza y 1 1/2 cucharadas": "½ taza y 1½ cucharadas",
    "1 1/2-stündig, 10 1/2%, 12 1/2 Jahre": "1½-stündig, 10½%, 12½ Jahre",
    // Without a character of their own, or as the number of a house, they stand off.
    "2 3/16 inch": "2\u00a0\u00a03/16 inch",
    "Hauptstraße 3 1/2, Apt. 4 1/2": "Hauptstraße 3\u00a0\u00a01/2, Apt. 4\u00a0\u00a01/2",
  };
  for (const [typed, set] of Object.entries(cases)) {
    equal(setFractions(typed), set);
    equal(setFractions(set), set);
  }
});

Deno.test("dates, ratios, parts, paths and code keep their slashes", () => {
  for (
    const text of [
      "1/2/2026 and on 5 1/2/2026",
      "am 1/2 um 5, le 3/4 à midi",
      "1/2 of us, 24/7, 9/11",
      "3/4 : 1/2",
      "2026 1/2",
      "1.5 1/2",
      "a/1/2 x=1 1/2",
      "page 1/2 l",
    ]
  ) equal(setFractions(text), text);
  equal(setTypography("`1 1/2 cups` and 1 1/2 cups", "en"), "`1 1/2 cups` and 1½ cups");
  equal(setTypography("1 1/2 杯, 1/2 l", "zh-Hans"), "1½ 杯, ½ l");
  equal(plain(passages("https://example.org/1/2 l")[0]), "https://example.org/1/2 l");
});

/** A number with brackets where marks are put around it. */
const kept = (number: string, word: string) =>
  keepOrder(`${word} ${number} ${word}`, "rtl").slice(word.length + 1, -word.length - 1)
    .replaceAll("\u2066", "[").replaceAll("\u2069", "]");

Deno.test("a number of several parts keeps its order among words from right to left", () => {
  const numbers = [
    "+44 20 7946 0958",
    "020 7946 0958",
    "(020) 7946 0958",
    "+44 (0)20 7946-0958",
    "(+44) 20 7946 0958",
    "03-1234567",
    "020-7946-0958",
    "06.12.34.56.78",
    "7946 0958",
    "٠٩٥٨ ٧٩٤٦",
    "2026-11-24",
    "24. 11. 2026",
    "10 000",
    "1 234 567,50",
    "-5",
    "+44",
    "1½",
    "1\u00a0\u00a02/7",
  ];
  for (const word of ["اتصل", "טלפון"]) {
    for (const number of numbers) equal(kept(number, word), `[${number}]`);
    equal(kept("(2026-11-24)", word), "([2026-11-24])");
    equal(kept("020-7946-0958 (050 1234567)", word), "[020-7946-0958] ([050 1234567])");
  }
});

Deno.test("times, lists and ranges of numbers run as the words do", () => {
  for (
    const number of [
      "12:30",
      "3.14",
      "2026!",
      "50%",
      "10-12",
      "1990-1995",
      "1990 1995",
      "1 2 3",
      "12, 13, 2026",
      "09:30 - 14:00",
      "12.30 - 14.00",
      "1+1=2",
      "a1 2",
    ]
  ) equal(kept(number, "اتصل"), number);
  equal(keepOrder("Call 020 7946 0958", "ltr"), "Call 020 7946 0958");
  // Also in a line from left to right, after a word from right to left.
  equal(keepOrder("Call דנה 020 7946 0958", "ltr"), "Call דנה \u2066020 7946 0958\u2069");
  equal(withoutIsolates(keepOrder("טלפון 020 7946 0958", "rtl")), "טלפון 020 7946 0958");
});

Deno.test("page and email say which way such a number runs, and plain text has it as it was typed", () => {
  const row = newsletterRow([[
    responseRow({ content: "اتصل على +44 20 7946 0958." }),
    responseRow({ content: "ראו https://example.org/" }),
  ]]);
  row.content.prompts[0].question = "على 020 7946 0958؟";
  const newsletter = buildNewsletter({ newsletter: row });
  const email = finishEmail(prepareEmail(newsletter), {});
  for (const html of [renderPage(newsletter).html, email.html]) {
    ok(html.includes(`<bdi dir="ltr">+44 20 7946 0958</bdi>.`));
    ok(html.includes(`<bdi dir="ltr">020 7946 0958</bdi>؟</h2>`));
    ok(/\u2066<a [^>]*>https:\/\/example.org\/<\/a>\u2069/u.test(html));
  }
  ok(email.text.includes("على +44 20 7946 0958.") && email.text.includes("على 020 7946 0958؟"));
  ok(!/[\u2066-\u2069]/u.test(email.text));
});
