import { deepStrictEqual as equal, ok as assert } from "node:assert";
import { picturePaths, type SnapshotResponse } from "./input.ts";
import { abridgeForPaper, cutsOf, paperCost } from "./abridge.ts";
import { buildLetter } from "./letter.ts";
import { finishMail, prepareMail } from "./mail.ts";
import { renderPage } from "./page.ts";
import { renderPdf } from "./pdf.ts";
import { newsletter, response, withResponse } from "./testing.ts";
import { passages, plain } from "./text.ts";

Deno.test("prompts are numbered in their order, and answers have places of their own", () => {
  const input = newsletter([[response(), response()], [response()]]);
  input.content.prompts.reverse();
  const { sections } = buildLetter({ newsletter: input });
  equal(sections.map(({ id, number }) => [id, number]), [["q1", 1], ["q2", 2]]);
  equal(sections.flatMap(({ answers }) => answers.map(({ id }) => id)), ["q1a1", "q1a2", "q2a1"]);
});

Deno.test("a title that says no more than space and week does not stand above the week again", () => {
  const plain = buildLetter({ newsletter: newsletter([], { title: "Book Club, week 12" }) });
  equal([plain.title, plain.headline], ["Book Club, week 12", "Book Club"]);
  const own = buildLetter({ newsletter: newsletter([], { title: "Trams and lichens" }) });
  equal([own.title, own.headline], ["Trams and lichens", "Trams and lichens"]);
});

Deno.test("the date is that of publication in UTC, and a draft has none", () => {
  const late = newsletter([], { published_at: "2026-11-22T23:30:00-02:00" });
  equal(buildLetter({ newsletter: late }).date, {
    iso: "2026-11-23T01:30:00.000Z",
    label: "23 November 2026",
  });
  equal(buildLetter({ newsletter: newsletter([], { published_at: null }) }).date, null);
});

Deno.test("a letter without answers is a quiet one", () => {
  equal(buildLetter({ newsletter: newsletter([]) }).quiet, true);
  equal(buildLetter({ newsletter: newsletter([[], []]) }).quiet, true);
  equal(buildLetter({ newsletter: newsletter([[], [response()]]) }).quiet, false);
});

Deno.test("a line alone is brief; with a picture, or longer, it is not", () => {
  const brief = (changes: Partial<SnapshotResponse>) =>
    buildLetter(withResponse(changes)).sections[0].answers[0].brief;
  equal(brief({ content: "Short." }), true);
  equal(brief({ content: "Short.\n\nBut two paragraphs." }), false);
  equal(brief({ content: "x".repeat(141) }), false);
  equal(brief({ content: "Short.", image_path: "a" }), false);
  equal(brief({ content: null }), false);
});

Deno.test("a week without questions names nobody who asked them", () => {
  equal(buildLetter({ newsletter: newsletter([[]]) }).byline, "Questions by Boris");
  equal(buildLetter({ newsletter: newsletter([]) }).byline, null);
});

Deno.test("music has a place to listen, a title and an artist where they are known", () => {
  const music = (given: object) =>
    buildLetter(withResponse({ music: { url: "https://www.music.example/1", ...given } })).sections[0]
      .answers[0].music;
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
  const found = buildLetter(withResponse({ author })).sections[0].answers[0].author;
  equal([found.name, found.username, found.initials], ["Someone", null, ""]);
});

Deno.test("the pictures to fetch are listed once each", () => {
  const author = { id: "1", display_name: "A", username: null, avatar_path: "a/1.jpg" };
  const { content } = newsletter([[
    response({ author, image_path: "s/u/1.jpg" }),
    response({ author, image_path: "s/u/2.jpg" }),
    response({ image_path: "s/u/1.jpg" }),
  ]]);
  equal(picturePaths(content), { responses: ["s/u/1.jpg", "s/u/2.jpg"], avatars: ["a/1.jpg"], cover: null });
});

Deno.test("a path that names a property of every object names no picture", () => {
  const author = { id: "1", display_name: "A", username: null, avatar_path: "__proto__" };
  const pictures = { responses: new Map(), avatars: new Map() };
  const [answer] =
    buildLetter(withResponse({ author, image_path: "constructor" }, { pictures })).sections[0].answers;
  equal([answer.author.avatar, answer.picture?.picture], [null, null]);
});

Deno.test("wherever a picture is still being made, that is said in its place", () => {
  const picture = (pending: string[]) =>
    buildLetter(withResponse({ image_path: "a" }, { pictures: { pending: new Set(pending) } }))
      .sections[0].answers[0].picture!;
  const said = "A picture by Ada Lindqvist is on its way. Look again in a moment.";
  const { missing, elsewhere } = picture(["a"]);
  equal([missing, elsewhere], [said, said]);
  assert(![picture(["b"]).missing, picture(["b"]).elsewhere].includes(said));
});

Deno.test("what is too long for a PDF is shortened by cutting the longest responses to one length", () => {
  const words = (count: number) => response({ content: "word ".repeat(count).trim() });
  const letter = buildLetter({ newsletter: newsletter([[words(2), words(100)], [words(200)]]) });
  equal(abridgeForPaper(letter).letter, letter);
  // Each response takes its one line besides its characters.
  const abridged = abridgeForPaper(letter, 209 + 3 * 8);
  equal([...abridged.cut], ["q1a2", "q2a1"]);
  const answers = abridged.letter.sections.flatMap(({ answers }) => answers);
  equal(answers.map(({ text }) => plain(text[0]).length), [9, 100, 100]);
  equal(cutsOf(letter, abridged).map(({ characters, kept }) => [characters, kept]), [[499, 99], [999, 99]]);
});

Deno.test("lines, links, emoji and wide characters take more of a PDF than plain prose", () => {
  const cost = (content: string) => paperCost(passages(content));
  equal(cost("word word"), 9 + 8);
  equal(cost("word\nword"), 8 + 2 * 8);
  equal(cost("https://example.org"), 19 + 8 + 22);
  equal(cost("🦊"), 2 + 8 + 10);
  equal(cost("長い"), 2 + 8 + 1);
});

Deno.test("an answer that cannot be set is a line with a link, in page, email and PDF, and the others are set", async () => {
  const letter = buildLetter({
    newsletter: newsletter([[response(), response({ content: "Wuthering Heights, aloud." })]]),
    links: { page: "https://example.org/letters/1" },
  });
  const [broken] = letter.sections[0].answers;
  // Something in it that fails when it is set, and not before.
  letter.sections[0].answers[0] = {
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
  const mail = finishMail(prepareMail(letter), {});
  for (const text of [renderPage(letter).html, mail.html, mail.text]) {
    assert(text.includes("This answer could not be shown here."));
    assert(text.includes("https://example.org/letters/1#q1a1"));
    assert(text.includes("Wuthering Heights, aloud."));
  }
  assert((await renderPdf(letter)).pages >= 1);
});
