import { deepStrictEqual as equal, ok as assert } from "node:assert";
import { picturePaths, type SnapshotResponse } from "./input.ts";
import { abridgeForPaper, cutsOf, paperCost } from "./abridge.ts";
import { buildNewsletter } from "./newsletter.ts";
import { finishEmail, prepareEmail } from "./email.ts";
import { renderPage } from "./page.ts";
import { renderPdf } from "./pdf.ts";
import { newsletterRow, responseRow, withResponse } from "./testing.ts";
import { passages, plain } from "./text.ts";
import { ENGLISH } from "./words.ts";

Deno.test("prompts are numbered in their order, and responses have places of their own", () => {
  const input = newsletterRow([[responseRow(), responseRow()], [responseRow()]]);
  input.content.prompts.reverse();
  const { sections } = buildNewsletter({ newsletter: input });
  equal(sections.map(({ id, number }) => [id, number]), [["q1", 1], ["q2", 2]]);
  equal(sections.flatMap(({ responses }) => responses.map(({ id }) => id)), ["q1a1", "q1a2", "q2a1"]);
});

Deno.test("a title that says no more than space and week does not stand above the week again", () => {
  const plain = buildNewsletter({ newsletter: newsletterRow([], { title: "Book Club, week 12" }) });
  equal([plain.title, plain.headline], ["Book Club, week 12", "Book Club"]);
  const own = buildNewsletter({ newsletter: newsletterRow([], { title: "Trams and lichens" }) });
  equal([own.title, own.headline], ["Trams and lichens", "Trams and lichens"]);
});

Deno.test("the date is that of publication in UTC, and a draft has none", () => {
  const late = newsletterRow([], { published_at: "2026-11-22T23:30:00-02:00" });
  equal(buildNewsletter({ newsletter: late }).date, {
    iso: "2026-11-23T01:30:00.000Z",
    label: "23 November 2026",
  });
  equal(buildNewsletter({ newsletter: newsletterRow([], { published_at: null }) }).date, null);
});

Deno.test("a newsletter without responses is a quiet one", () => {
  equal(buildNewsletter({ newsletter: newsletterRow([]) }).quiet, true);
  equal(buildNewsletter({ newsletter: newsletterRow([[], []]) }).quiet, true);
  equal(buildNewsletter({ newsletter: newsletterRow([[], [responseRow()]]) }).quiet, false);
});

Deno.test("a line alone is brief; with a picture, or longer, it is not", () => {
  const brief = (changes: Partial<SnapshotResponse>) =>
    buildNewsletter(withResponse(changes)).sections[0].responses[0].brief;
  equal(brief({ content: "Short." }), true);
  equal(brief({ content: "Short.\n\nBut two paragraphs." }), false);
  equal(brief({ content: "x".repeat(141) }), false);
  equal(brief({ content: "Short.", image_path: "a" }), false);
  equal(brief({ content: null }), false);
});

Deno.test("a week without questions names nobody who asked them", () => {
  equal(buildNewsletter({ newsletter: newsletterRow([[]]) }).byline, "Questions by Boris");
  equal(buildNewsletter({ newsletter: newsletterRow([]) }).byline, null);
});

Deno.test("music has a place to listen, a title and an artist where they are known", () => {
  const music = (given: object) =>
    buildNewsletter(withResponse({ music: { url: "https://www.music.example/1", ...given } })).sections[0]
      .responses[0].music;
  equal(music({ title: "A", artist: "B", provider: "C" }), {
    title: "A",
    artist: "B",
    invitation: "Listen on music.example",
    href: "https://www.music.example/1",
  });
  equal(
    music({ url: "https://ada.bandcamp.com/track/1", provider: "C" })?.invitation,
    "Listen on Bandcamp",
  );
  // A name that a member gives to another place.
  equal(
    music({ url: "https://open.spotify.com.example/1", provider: "Spotify" })?.invitation,
    "Listen on open.spotify.com.example",
  );
  equal(music({}), {
    title: "A piece of music",
    artist: null,
    invitation: "Listen on music.example",
    href: "https://www.music.example/1",
  });
  equal(music({ url: "javascript:x", title: "A" })?.href, null);
});

Deno.test("somebody whose name cannot be seen is someone", () => {
  const author = { id: "1", display_name: "\u3164", username: "\u200b", avatar_path: null };
  const found = buildNewsletter(withResponse({ author })).sections[0].responses[0].author;
  equal([found.name, found.username, found.initials], ["Someone", null, ""]);
});

Deno.test("the pictures to fetch are listed once each", () => {
  const author = { id: "1", display_name: "A", username: null, avatar_path: "a/1.jpg" };
  const { content } = newsletterRow([[
    responseRow({ author, image_path: "s/u/1.jpg" }),
    responseRow({ author, image_path: "s/u/2.jpg" }),
    responseRow({ image_path: "s/u/1.jpg" }),
  ]]);
  equal(picturePaths(content), { responses: ["s/u/1.jpg", "s/u/2.jpg"], avatars: ["a/1.jpg"], cover: null });
});

Deno.test("a path that names a property of every object names no picture", () => {
  const author = { id: "1", display_name: "A", username: null, avatar_path: "__proto__" };
  const pictures = { responses: new Map(), avatars: new Map() };
  const [response] =
    buildNewsletter(withResponse({ author, image_path: "constructor" }, { pictures })).sections[0].responses;
  equal([response.author.avatar, response.picture?.picture], [null, null]);
});

Deno.test("wherever a picture is still being made, that is said in its place", () => {
  const picture = (pending: string[]) =>
    buildNewsletter(withResponse({ image_path: "a" }, { pictures: { pending: new Set(pending) } }))
      .sections[0].responses[0].picture!;
  const said = "A picture by Ada Lindqvist is on its way. Look again in a moment.";
  const { missing, elsewhere } = picture(["a"]);
  equal([missing, elsewhere], [said, said]);
  assert(![picture(["b"]).missing, picture(["b"]).elsewhere].includes(said));
});

Deno.test("what is too long for a PDF is shortened by cutting the longest responses to one length", () => {
  const words = (count: number) => responseRow({ content: "word ".repeat(count).trim() });
  const newsletter = buildNewsletter({ newsletter: newsletterRow([[words(2), words(100)], [words(200)]]) });
  equal(abridgeForPaper(newsletter).newsletter, newsletter);
  // Each response takes its one line besides its characters.
  const abridged = abridgeForPaper(newsletter, 209 + 3 * 8);
  equal([...abridged.cut], ["q1a2", "q2a1"]);
  const responses = abridged.newsletter.sections.flatMap(({ responses }) => responses);
  equal(responses.map(({ text }) => plain(text[0]).length), [9, 100, 100]);
  equal(cutsOf(newsletter, abridged).map(({ characters, kept }) => [characters, kept]), [[499, 99], [
    999,
    99,
  ]]);
});

Deno.test("lines, links, emoji and wide characters take more of a PDF than plain prose", () => {
  const cost = (content: string) => paperCost(passages(content));
  equal(cost("word word"), 9 + 8);
  equal(cost("word\nword"), 8 + 2 * 8);
  equal(cost("https://example.org"), 19 + 8 + 22);
  equal(cost("🦊"), 2 + 8 + 10);
  equal(cost("長い"), 2 + 8 + 1);
});

Deno.test("a response that cannot be set is a line with a link, in page, email and PDF, and the others are set", async () => {
  const newsletter = buildNewsletter({
    newsletter: newsletterRow([[responseRow(), responseRow({ content: "Wuthering Heights, aloud." })]]),
    links: { page: "https://example.org/letters/1" },
  });
  const [broken] = newsletter.sections[0].responses;
  // Something in it that fails when it is set, and not before.
  newsletter.sections[0].responses[0] = {
    ...broken,
    music: {
      artist: null,
      invitation: "",
      href: null,
      get title(): string {
        throw new Error("it cannot be set");
      },
    },
  };
  const mail = finishEmail(prepareEmail(newsletter), {});
  for (const text of [renderPage(newsletter).html, mail.html, mail.text]) {
    assert(text.includes(ENGLISH.answerMissing));
    assert(text.includes("https://example.org/letters/1#q1a1"));
    assert(text.includes("Wuthering Heights, aloud."));
  }
  assert((await renderPdf(newsletter)).pages >= 1);
});
