/** Which way things run that do not say so themselves, and on which side what belongs to them stands. */

import { deepStrictEqual as equal, ok } from "node:assert";
import { inspect } from "../pictures/inspect.ts";
import { decodePng } from "../pictures/png.ts";
import { renderCard } from "./card.ts";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage } from "./page.ts";
import { newsletterRow, responseRow } from "./testing.ts";
import { noticeHtml } from "./notice_html.ts";
import { BODY, titleType } from "./pdf/parts.ts";
import { passages } from "./text.ts";

/** A newsletter of a space that speaks Arabic. */
function arabic(contents: string[], question = "ماذا قرأت؟") {
  const row = newsletterRow([contents.map((content) => responseRow({ content }))]);
  row.content.space.language = "ar";
  row.content.prompts[0].question = question;
  return row;
}

const UNDIRECTED = ["12:30", "😂😂😂", "👍 2026!"];

Deno.test("a text without a strong character runs as the words around it", () => {
  for (const text of UNDIRECTED) {
    equal([passages(text, "ar")[0].direction, passages(text, "en")[0].direction], ["rtl", "ltr"]);
  }
  equal(passages("12:30 Hello", "ar")[0].direction, "ltr");
  const [section] = buildNewsletter({ newsletter: arabic(UNDIRECTED, "2026?!") }).sections;
  equal(section.direction, "rtl");
});

Deno.test("page and email of a newsletter from right to left do not turn text without a strong character", () => {
  const newsletter = buildNewsletter({ newsletter: arabic(UNDIRECTED) });
  const mail = finishEmail(prepareEmail(newsletter), {});
  for (const text of UNDIRECTED) {
    ok(new RegExp(`<p>${text}</p>`).test(renderPage(newsletter).html), text);
    ok(new RegExp(`<p style="margin:10px 0 0">${text}</p>`).test(mail.html), text);
    // Programs that show plain text take a line's direction from its first strong character, or from such a mark.
    ok(mail.text.includes(`    \u200f${text}`), text);
  }
});

Deno.test("a name or a caption without a strong character runs as the page does", () => {
  const row = arabic(["كتاب"]);
  row.content.prompts[0].responses[0].author.display_name = "2026!";
  const newsletter = buildNewsletter({ newsletter: row });
  ok(renderPage(newsletter).html.includes(`<bdi dir="rtl">2026!</bdi>`));
  ok(finishEmail(prepareEmail(newsletter), {}).html.includes(`<bdi dir="rtl">2026!</bdi>`));
  row.content.space.language = "en";
  ok(renderPage(buildNewsletter({ newsletter: row })).html.includes("<bdi>2026!</bdi>"));
});

Deno.test("a picture begins on the side where the words above it do", () => {
  const url = "https://example.org/a.jpg";
  const newsletter = buildNewsletter({
    newsletter: newsletterRow([[
      responseRow({ content: "אבא אמא", image_path: "a", image_caption: "תמונה" }),
      responseRow({ content: "Words.", image_path: "a" }),
    ]]),
    pictures: { responses: new Map([["a", { url }]]) },
  });
  const page = renderPage(newsletter).html;
  equal(page.match(/<figure[^>]*>/g), [`<figure dir="rtl">`, "<figure>"]);
  const { html } = finishEmail(prepareEmail(newsletter), {});
  equal(html.match(/<p[^>]*><img/g), [
    `<p dir="rtl" style="margin:16px 0 0"><img`,
    `<p style="margin:16px 0 0"><img`,
  ]);
});

Deno.test("titles of tall scripts have more room between and below their lines, and are not moved closer", () => {
  const classes = (title: string) => {
    const row = newsletterRow([[responseRow()]], { title });
    row.content.prompts[0].question = title;
    const newsletter = buildNewsletter({ newsletter: row });
    const notice = noticeHtml({
      lang: "ar",
      direction: "rtl",
      subject: title,
      preview: "",
      seal: "",
      space: "",
      headline: title,
      sentences: [],
      quote: [],
      questions: [],
      items: [],
      button: null,
      reason: "",
    }, "");
    return [
      renderPage(newsletter).html.match(/<h[12][^>]* class="tall"/g)?.length ?? 0,
      ...[finishEmail(prepareEmail(newsletter), {}).html, notice].map((html) =>
        /<h1 class="([^"]*)" style="[^"]*?(letter-spacing:-0.5px)?"/.exec(html)!.slice(1)
      ),
    ];
  };
  equal(classes("بيتي وأبي"), [2, ["ink h1 tall", undefined], ["ink h1 tall", undefined]]);
  equal(classes("A week"), [0, ["ink h1", "letter-spacing:-0.5px"], ["ink h1", "letter-spacing:-0.5px"]]);
  const type = { ...BODY, size: 30, leading: 35 };
  for (const title of ["بيتي", "हिन्दी", "ที่ไหน"]) equal(titleType(type, title).leading, 48);
  for (const title of ["A week", "Неделя", "שבוע", "一周"]) equal(titleType(type, title), type);
});

Deno.test("a caption, and the words for a picture, run as they do by themselves", () => {
  const url = "https://example.org/a.jpg";
  const pictures = { responses: new Map([["a", { url }]]) };
  const shown = (language: string, content: string, image_caption: string) => {
    const row = newsletterRow([[responseRow({ content, image_path: "a", image_caption })]]);
    row.content.space.language = language;
    const newsletter = buildNewsletter({ newsletter: row, pictures });
    const { html } = finishEmail(prepareEmail(newsletter), {});
    return {
      page: /<figcaption>.*?<\/figcaption>/.exec(renderPage(newsletter).html)![0],
      alt: [renderPage(newsletter).html, html].map((one) => / alt="[^"]*"( dir="\w+")?/.exec(one)![1]),
      mail: /<p class="muted"([^>]*)>(<bdi[^>]*>)?(?:A hill\.|تل\.)/.exec(html)![1].replaceAll(
        /color[^"]*margin-top:6px;?(font-style:italic;?)?/g,
        "",
      ),
    };
  };
  equal(shown("en", "Words.", "تل."), {
    page: `<figcaption><bdi dir="rtl" lang="ar">تل.</bdi></figcaption>`,
    alt: [` dir="rtl"`, ` dir="rtl"`],
    mail: ` dir="rtl" lang="ar" style="margin:0;text-align:left"`,
  });
  equal(shown("ar", "كتاب", "A hill."), {
    page: `<figcaption><bdi dir="ltr">A hill.</bdi></figcaption>`,
    alt: [` dir="ltr"`, ` dir="ltr"`],
    mail: ` dir="ltr" style="margin:0;text-align:right"`,
  });
  equal(shown("en", "كتاب", "A hill."), {
    page: `<figcaption><bdi>A hill.</bdi></figcaption>`,
    alt: [` dir="ltr"`, ` dir="ltr"`],
    mail: ` style="margin:0;text-align:right"`,
  });
  equal(shown("en", "كتاب", "تل."), {
    page: `<figcaption><bdi dir="rtl" lang="ar">تل.</bdi></figcaption>`,
    alt: [undefined, undefined],
    mail: ` dir="rtl" lang="ar" style="margin:0;"`,
  });
});

Deno.test("the card of a newsletter from right to left has its seal on the right", async () => {
  const sealed = async (language: string) => {
    const row = newsletterRow([]);
    row.content.space.language = language;
    const png = await renderCard(buildNewsletter({ newsletter: row }));
    const rows: Uint8Array[] = [];
    await decodePng(png, inspect(png), (row) => rows.push(row.slice()));
    const at = (x: number) => rows[315].slice(x * 4, x * 4 + 3).join();
    // The ring of the seal is 82 pixels around its middle.
    return [at(168 - 82) !== at(4), at(1200 - 168 + 82) !== at(4)];
  };
  equal([await sealed("en"), await sealed("ar")], [[true, false], [false, true]]);
});
