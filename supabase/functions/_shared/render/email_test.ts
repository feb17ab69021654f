import { deepStrictEqual as equal, match, ok } from "node:assert";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage } from "./page.ts";
import { email, large, LINKS, newsletterRow, responseRow, withResponse } from "./testing.ts";
import { newsletterWords } from "./words.ts";

Deno.test("a subject names the space once, however title and name are set", () => {
  const subject = (name: string, title: string, language = "en") => {
    const newsletter = newsletterRow([[responseRow()]], { title });
    Object.assign(newsletter.content.space, { name, language });
    return email({ newsletter }).subject;
  };
  equal(subject("The O'Brien Family", "The O'Brien Family, week 1"), "The O’Brien Family, week 1");
  equal(subject("The O'Brien Family", "The O’Brien Family, winter"), "The O’Brien Family, winter");
  equal(subject(`Club "Zu Hause"`, `Club "Zu Hause" im Winter`, "de"), "Club „Zu Hause“ im Winter");
  equal(subject(`Les "amis"`, `Les "amis" en été`, "fr"), "Les «\u202famis\u202f» en été");
  equal(subject("Us -- Them", "us--them, again"), "us—them, again");
  equal(subject("O'Brien", "A fine week"), "A fine week · O'Brien");
  equal(subject("?!", "A fine week"), "A fine week · ?!");
});

Deno.test("a caption that ends as a sentence does has no colon after it in plain text", () => {
  const text = (caption: string) =>
    email(withResponse({ image_path: "a", image_caption: caption }, {
      pictures: { responses: new Map([["a", { url: "https://pictures.example/a.jpg" }]]) },
    })).text;
  for (const caption of ["A hill.", "A hill?", "小山。", "تل؟"]) {
    ok(text(caption).includes(`[${caption} https://pictures.example/a.jpg]`), text(caption));
  }
  ok(text("A hill").includes("[A hill: https://pictures.example/a.jpg]"));
  ok(
    email(withResponse({ image_path: "a", image_caption: "A hill." })).text.includes("[A hill. "),
  );
});

Deno.test("the same newsletter gives the same email", () => {
  equal(email(large(5, 100)), email(large(5, 100)));
});

Deno.test("both parts say the same and end with the person's own links", () => {
  const { subject, html, text, abridged } = email({ ...withResponse({}), links: LINKS });
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

Deno.test("a person without links gets none, and an address that is not of the web is not linked", () => {
  const prepared = prepareEmail(buildNewsletter(withResponse({})));
  for (const links of [{}, { unsubscribeAll: "javascript:x", unsubscribeSpace: null }]) {
    const { html, text } = finishEmail(prepared, links);
    for (const part of [html, text]) ok(!part.includes("No more"));
  }
});

Deno.test("dollar signs in an address stay what they are", () => {
  const { html } = finishEmail(prepareEmail(buildNewsletter(withResponse({}))), {
    unsubscribeAll: "https://a.example/$&$1$$",
  });
  match(html, /href="https:\/\/a\.example\/\$&amp;\$1\$\$"/);
});

Deno.test("pictures come from their addresses, and are links where they have none", () => {
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg" }]]);
  const shown = email({ ...withResponse({ image_path: "a" }, { pictures: { responses } }), links: LINKS });
  match(
    shown.html,
    /<img src="https:\/\/pictures\.example\/a\.jpg" alt="Picture by Ada Lindqvist, in answer/,
  );
  // The email's own copy is small: in plain text, too, the picture leads to its place on the page.
  const said = "[Picture by Ada Lindqvist, in answer to “What did you read?”: ";
  const place = shown.text.split(`${said}${LINKS.page}#`)[1].split("]")[0];
  ok(renderPage(buildNewsletter(withResponse({ image_path: "a" }))).html.includes(` id="${place}"`), place);
  const original = "https://pictures.example/original.jpg";
  const large = new Map([["a", { url: "https://pictures.example/a.jpg", original }]]);
  const alone = email(withResponse({ image_path: "a" }, { pictures: { responses: large } }));
  ok(alone.text.includes(`${said}${original}]`), alone.text);
  const linked = email({ ...withResponse({ image_path: "a" }), links: LINKS });
  ok(!linked.html.includes("<img"));
  match(linked.html, /See the picture by Ada Lindqvist on the web/);
  match(email(withResponse({ image_path: "a" })).html, /which could not be shown here/);
});

Deno.test("a caption is the author's own: under the picture, for those who do not see it, and where there is no picture", () => {
  const response = { image_path: "a", image_caption: "The tram & me" };
  const responses = new Map([["a", { url: "https://pictures.example/a.jpg" }]]);
  const shown = email({ ...withResponse(response, { pictures: { responses } }), links: LINKS });
  match(shown.html, / alt="The tram &amp; me"/);
  match(shown.html, /<p class="muted"[^>]*>The tram &amp; me<\/p>/);
  ok(shown.text.includes(`[The tram & me: ${LINKS.page}#`), shown.text);
  const linked = email({ ...withResponse(response), links: LINKS });
  match(linked.html, />The tram &amp; me<\/p>/);
  match(linked.text, /\[The tram & me – See the picture by Ada Lindqvist on the web: https/);
  const without = email({ ...withResponse({ image_path: "a" }, { pictures: { responses } }), links: LINKS });
  ok(!without.html.includes("Picture: "));
});

const preheader = (html: string) => /mso-hide:all">(.*?)&#8199;/.exec(html)![1];

Deno.test("beside the subject stands a line of a response, and who wrote it", () => {
  const by = (...contents: (string | null)[]) => {
    const responses = contents.map((content) => responseRow({ content, image_path: "a" }));
    return preheader(email({ newsletter: newsletterRow([[], responses]) }).html);
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
      email({
        newsletter: newsletterRow([
          names.map((name) =>
            responseRow({
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

Deno.test("people's words are set as in the newsletter, whatever language its email speaks", () => {
  const content = `Oma sagt: "Ofen" -- fertig!`;
  const german = newsletterRow([[responseRow({ content, image_path: "a", image_caption: `Der "Ofen"` })]], {
    intro: `Das "Vorwort"`,
    title: `Die "Woche"`,
  });
  german.content.space.language = "de";
  german.content.prompts[0].question = `Was heißt "fertig"?`;
  for (const language of ["de", "fr", "ar"]) {
    const { html, text, subject } = email({
      newsletter: german,
      words: newsletterWords([language]),
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

Deno.test("of somebody who was taken out the newsletter says so, in its reader's language", () => {
  const author = { id: null, display_name: "Somebody who left", username: null, avatar_path: null };
  const redacted = newsletterRow([[responseRow({ author, content: null }), responseRow()]]);
  redacted.content.curator = { id: null, display_name: "Somebody who left" };
  redacted.content.space.language = "de";
  for (const language of ["de", "fr", "es", "ar", "en"]) {
    const { somebodyWhoLeft: name, answerTakenOut: words } = newsletterWords([language]);
    const { html, text } = email({ newsletter: redacted, words: newsletterWords([language]) });
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
  const page = renderPage(buildNewsletter({ newsletter: redacted }));
  match(
    new TextDecoder().decode(page.bytes()),
    /Jemand, der gegangen ist[^]*Diese Antwort wurde aus dem Brief genommen\./,
  );
});

Deno.test("somebody's quotes within ours are the inner ones", () => {
  const german = withResponse({ content: `"Der Zauberberg", noch einmal.`, image_path: "a" });
  german.newsletter.content.space.language = "de";
  german.newsletter.content.prompts[0].question = `Wo ist "zu Hause"?`;
  const { html } = email({
    ...german,
    pictures: { responses: new Map([["a", { url: "https://a.example/b.jpeg" }]]) },
  });
  ok(preheader(html).endsWith(": „‚Der Zauberberg‘, noch einmal.“"), preheader(html));
  match(html, / alt="[^"]*„Wo ist ‚zu Hause‘\?“"/);
});

Deno.test("the subject says the title and the space, once", () => {
  const subject = (title: string) =>
    prepareEmail(buildNewsletter({ newsletter: newsletterRow([], { title }) })).subject;
  equal(subject("A fine week"), "A fine week · Book Club");
  equal(subject("book club, week 12"), "book club, week 12");
});

Deno.test("lines of the text part are at most 72 characters, unless a word is longer", () => {
  const { text } = email({
    ...withResponse({ content: `${"words and ".repeat(40)}${"x".repeat(100)}` }),
    links: LINKS,
  });
  for (const line of text.split("\n")) ok(line.length <= 72 || !line.trim().includes(" "), line);
});

Deno.test("a picture is at most as large as its file, as wide as the column and as high as a screen; it leads to the page", () => {
  const sizes: [number, number, string][] = [
    [1120, 840, 'width="560" height="420"'],
    [840, 1120, 'width="525" height="700"'],
    [200, 100, 'width="200" height="100"'],
    [30, 4000, 'width="5" height="700"'],
  ];
  for (const [width, height, wanted] of sizes) {
    const responses = new Map([["a", { url: "https://a.example/b.jpeg", width, height }]]);
    const links = { page: "https://letters.example/12" };
    const { html } = prepareEmail(
      buildNewsletter(withResponse({ image_path: "a" }, { pictures: { responses }, links })),
    );
    ok(html.includes(wanted), `${wanted}: ${html.match(/<img[^>]*>/)}`);
    ok(/<a href="https:\/\/letters\.example\/12[^"]*"><img/.test(html));
  }
});

Deno.test("addresses of the newsletter become each reader's own, and everybody's without a token", () => {
  const mark = "0123456789abcdef0123456789abcdef";
  const page = `https://letters.example/1?link=${mark}`;
  const links = { page, pdf: `https://letters.example/1.pdf?size=a4&link=${mark}` };
  const long = responseRow({ content: "Many words. ".repeat(800) });
  const prepared = prepareEmail(
    buildNewsletter({ newsletter: newsletterRow([Array.from({ length: 30 }, () => long)]), links }),
    0,
    mark,
  );
  for (const reading of ["dollar$&-_ABCabc0123456789ABCDEFG", null]) {
    const { html, text } = finishEmail(prepared, { reading });
    for (const part of [html, text]) {
      ok(!part.includes(mark));
      equal(part.includes("link="), reading !== null);
      if (reading !== null) ok(part.includes(`https://letters.example/1?link=${reading}`));
    }
    match(html, reading === null ? /1\.pdf\?size=a4"/ : /1\.pdf\?size=a4&amp;link=dollar/);
    match(html, reading === null ? /"https:\/\/letters\.example\/1#q1a1"/ : /1\?link=dollar[^"]*#q1a1"/);
  }
});

Deno.test("nothing is slanted whose script has no italic", () => {
  const scripts = [
    "شيء من البيت",
    "雨が降る",
    "שלום לכולם",
    "घर पर।",
    "สวัสดีทุกคน",
    "你好大家",
    "비가 온다",
    "வணக்கம்",
  ];
  for (const text of [...scripts, "Καλημέρα", "Ещё один день", "Good morning"]) {
    const row = newsletterRow(
      [[responseRow({ content: `> ${text}`, image_path: "x", image_caption: text })]],
      {
        intro: text,
      },
    );
    row.content.space.name = text;
    const { html } = email({ newsletter: row, links: LINKS });
    const slanted = Array.from(
      html.matchAll(/font-style:italic[^>]*>(?:<bdi[^>]*>)?([^<]*)/g),
      ([, words]) => words,
    );
    equal(slanted, scripts.includes(text) ? [] : [text, text, text, text], text);
  }
});

Deno.test("the columns of a pasted table stand apart on the page and in the email", () => {
  const input = withResponse({ content: "Mehl\t200 g\nZucker\t80 g" });
  const gap = "\u00a0\u00a0\u00a0 ";
  for (const html of [renderPage(buildNewsletter(input)).html, email(input).html]) {
    ok(html.includes(`Mehl${gap}200`) && html.includes(`Zucker${gap}80`));
  }
});
