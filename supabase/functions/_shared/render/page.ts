/**
 * The newsletter as a web page, without a script, that may load nothing but the pictures it was given: one file that is whole by
 * itself, or one for reading that takes its pictures from beside it.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { inspect, shownSize } from "../pictures/inspect.ts";
import { PictureError } from "../pictures/problem.ts";
import { reachesBelow, withInitial } from "./design.ts";
import { fontFaces } from "./fonts/web.ts";
import { type Html, markup, trusted } from "./html.ts";
import type { Beside, Picture } from "./input.ts";
import {
  type Answer,
  type Author,
  CARD_SIZE,
  type Letter,
  type MusicBlock,
  type PictureBlock,
  type Section,
  setOrReplace,
} from "./letter.ts";
import { type Item, itemsOf, movedIn } from "./items.ts";
import { languageOf } from "./language.ts";
import { pageStyle } from "./page_style.ts";
import type { Colours } from "./palette.ts";
import { TOGETHER } from "./pdf/pagination.ts";
import type { Problem } from "./problem.ts";
import {
  type Direction,
  hangsTogether,
  hasDirection,
  type Inline,
  type Line,
  type Passage,
  plain,
  webAddress,
} from "./text.ts";
import type { LetterWords } from "./words.ts";
import { wordsIn } from "../words/words.ts";

export interface RenderedPage {
  /** The page; made when it is read. */
  readonly html: string;
  /** The page as UTF-8, made without ever holding it as a text: with pictures that is many megabytes. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** The policy that is also in the page, for the response's header; a header can add `frame-ancestors`. */
  contentSecurityPolicy: string;
  /** Pictures that are replaced by words. */
  problems: Problem[];
}

/** Stands where the bytes of a picture come. No text of a letter can hold a noncharacter (see `cleanText`). */
const MARK = "\uffff";

/** From this many questions on, the page lists them at its top. */
const CONTENTS_FROM = 3;

/** Stand in a page for what is so when it is shown, and not when it is made: see `shown`. No text of a letter can hold a tag. */
const FEED_MARK = "<!--feed-->";
const AROUND_MARK = "<!--around-->";

/** What the reader of a page may see besides it. */
export interface Around {
  previous: Neighbour | null;
  next: Neighbour | null;
  /** The page of all letters. */
  all: string | null;
  /** The feed of the space, and what it is called. */
  feed: { address: string; title: string } | null;
}

export interface Neighbour {
  address: string;
  week: number;
  title: string;
}

/** Write into a page, as `renderPage` made it, what stands around it. */
export function shown(
  page: Uint8Array<ArrayBuffer>,
  around: Around,
  words: LetterWords,
): Uint8Array<ArrayBuffer> {
  const { feed } = around;
  const link = feed !== null &&
    markup`<link rel="alternate" type="application/atom+xml" title="${feed.title}" href="${feed.address}">`;
  return replaced(replaced(page, FEED_MARK, link), AROUND_MARK, navigation(around, words));
}

function replaced(page: Uint8Array<ArrayBuffer>, mark: string, by: Html | false): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.length);
  const at = bytes.indexOf(mark);
  if (at < 0) return page;
  const parts = [bytes.subarray(0, at), Buffer.from(by ? by.source : ""), bytes.subarray(at + mark.length)];
  return new Uint8Array(Buffer.concat(parts));
}

function navigation({ previous, next, all }: Around, words: LetterWords): Html | false {
  const to = (neighbour: Neighbour, kind: "prev" | "next", label: string) =>
    markup`<a class="${kind}" rel="${kind}" href="${neighbour.address}"><span>${label}</span> <b>${
      words.week(neighbour.week)
    }</b> ${apart(neighbour.title, words.lang)}</a>\n`;
  if (previous === null && next === null && all === null) return false;
  return markup`<nav class="around sheet" aria-label="${words.otherLetters}">${
    inMargin(
      null,
      markup`<div>
${previous !== null && to(previous, "prev", words.previousLetter)}${
        next !== null && to(next, "next", words.nextLetter)
      }${all !== null && markup`<a class="all" href="${all}">${words.allLetters}</a>\n`}</div>`,
    )
  }</nav>`;
}

function cardTags(address: string, alt: string): Html {
  return markup`<meta property="og:image" content="${address}">
<meta property="og:image:type" content="image/png">
<meta property="og:image:width" content="${CARD_SIZE.width}">
<meta property="og:image:height" content="${CARD_SIZE.height}">
<meta property="og:image:alt" content="${alt}">
<meta name="twitter:card" content="summary_large_image">`;
}

/** The seal, for the tab of a browser. */
export function sealIcon(initials: string, { light }: Colours): string {
  const size = [34, 34, 27, 21][Array.from(initials).length] ?? 18;
  const drawing =
    markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="31" fill="${light.link}"/><text x="32" y="32" dy=".35em" text-anchor="middle" font-family="Literata,Georgia,serif" font-size="${size}" fill="${light.paper}">${initials}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawing.source)}`;
}

/** Render a letter as a page. */
export function renderPage(letter: Letter): RenderedPage {
  const gallery = new Gallery();
  const body = bodyOf(letter, gallery);
  const style = `${fontFaces(body.source)}\n${pageStyle(letter.colours, letter.design)}`;
  const contentSecurityPolicy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "font-src data:",
    `img-src ${gallery.origins()}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const { words, space } = letter;
  const description = [space.name, letter.weekLabel, letter.date?.label ?? words.draft].join(" · ");
  const { page: canonical, card } = letter.links;
  // Letters that hang together are not moved closer.
  const tracking = hangsTogether(body.source) && markup` class="joined"`;
  const page = markup`<!DOCTYPE html>
<html lang="${words.lang}" dir="${words.direction}"${tracking}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="format-detection" content="telephone=no">
<meta name="theme-color" content="${letter.colours.light.paper}">
<title>${letter.title}</title>
<meta name="description" content="${description}">
<meta property="og:type" content="article">
<meta property="og:title" content="${letter.title}">
<meta property="og:description" content="${description}">
<meta property="og:site_name" content="${space.name}">
${canonical !== null && markup`<meta property="og:url" content="${canonical}">`}
${card !== null && cardTags(card, [letter.title, description].join(" · "))}
${letter.proof !== null && markup`<meta name="monogram" content="${letter.proof.mark}">`}
${canonical !== null && markup`<link rel="canonical" href="${canonical}">`}
<link rel="icon" href="${sealIcon(space.initials, letter.colours)}">
${trusted(FEED_MARK)}
<style>${trusted(style)}</style>
</head>
${body}
</html>
`;
  return {
    get html() {
      return gallery.fill(page.source).map((part) => typeof part === "string" ? part : base64(part)).join("");
    },
    bytes: () => encode(gallery.fill(page.source)),
    contentSecurityPolicy,
    problems: gallery.problems,
  };
}

function bodyOf(letter: Letter, gallery: Gallery): Html {
  const { words, intro, sections, quiet } = letter;
  return markup`<body>
<a class="skip" href="#letter">${words.skipToLetter}</a>
${masthead(letter, gallery)}
<main id="letter" class="sheet">
${
    intro.length > 0 &&
    inMargin(null, markup`<div class="intro passages">${passageList(intro, words.lang)}</div>`)
  }
${sections.length >= CONTENTS_FROM && !quiet && inMargin(null, contents(letter))}
${quiet && inMargin(null, markup`<p class="quiet">${words.quietWeek}</p>`)}
${sections.map((section) => sectionOf(section, letter, gallery))}
</main>
${trusted(AROUND_MARK)}
${colophon(letter)}
</body>`;
}

function masthead(letter: Letter, gallery: Gallery): Html {
  const { space, headline, words, date, byline, cover } = letter;
  const long = space.initials.length > 2 && trusted(" long");
  const seal = markup`<div class="seal${long}" aria-hidden="true">${space.initials}</div>`;
  const day = date === null
    ? markup`<span>${words.draft}</span>`
    : markup`<time datetime="${date.iso}">${date.label}</time>`;
  const by = byline !== null && markup`<span><bdi>${byline}</bdi></span>`;
  const content = markup`<div>
${headline !== space.name && markup`<p class="space">${apart(space.name, words.lang)}</p>`}
<h1>${apart(headline, words.lang)}</h1>
<p class="issue"><span class="week">${letter.weekLabel}</span>
${day}
${by}</p>
${cover !== null && markup`<div class="cover">${picture(cover, gallery, "cover", words.lang)}</div>`}
</div>`;
  return markup`<header class="masthead sheet">${inMargin(seal, content)}</header>`;
}

function contents({ words, sections }: Letter): Html {
  const items = sections.map(({ id, numeral, question }) =>
    markup`<li><span aria-hidden="true">${numeral}</span><a href="#${id}">${
      apart(question, words.lang)
    }</a></li>\n`
  );
  return markup`<nav class="contents" aria-label="${words.questions}"><ol>\n${items}</ol></nav>`;
}

function sectionOf(section: Section, letter: Letter, gallery: Gallery): Html {
  const { words, quiet } = letter;
  const { id, question, answers } = section;
  const numeral = markup`<div class="numeral" aria-hidden="true">${section.numeral}</div>`;
  const heading = markup`<h2 id="${id}"${turned(section.direction, words.lang)}${
    spoken(question, words.lang)
  }>${question}</h2>`;
  const begins = withInitial(answers, letter.design);
  const pairs = pairsIn(answers);
  const none = answers.length === 0 && !quiet && markup`<p class="none">${words.noAnswers}</p>`;
  return markup`<section class="prompt" aria-labelledby="${id}">
${inMargin(numeral, markup`<div>${heading}${none}</div>`)}
${
    answers.map((answer, index) =>
      setOrReplace(
        answer,
        letter,
        (one) => answerOf(one, gallery, words.lang, { initial: answer === begins, place: pairs.get(index) }),
      )
    )
  }
</section>
`;
}

/** A picture that is higher than wide by this, and no screen, is a portrait, as in the PDF. */
const [PORTRAIT, SCREEN] = [1.12, 1.9];

/** How many characters the words beside another response may have; each passage takes the rest of a line. */
const BESIDE = 240;
const REST_OF_LINE = 30;

/** Which responses stand side by side on paper: two portraits in a row, with few words. */
function pairsIn(answers: readonly Answer[]): Map<number, "first" | "second"> {
  const found = new Map<number, "first" | "second">();
  for (let index = 0; index + 1 < answers.length; index++) {
    if (!isPortrait(answers[index]) || !isPortrait(answers[index + 1])) continue;
    found.set(index, "first").set(++index, "second");
  }
  return found;
}

function isPortrait({ picture, music, text }: Answer): boolean {
  if (picture === null || picture.picture === null || music !== null) return false;
  try {
    const { bytes, width = 0, height = 0 } = picture.picture;
    const size = bytes === undefined ? { width, height } : shownSize(inspect(bytes));
    const length = text.reduce((sum, passage) => sum + plain(passage).length + REST_OF_LINE, 0);
    return size.height >= PORTRAIT * size.width && size.height < SCREEN * size.width && length <= BESIDE;
  } catch {
    // Showing it says what is wrong with it.
    return false;
  }
}

function answerOf(
  answer: Answer,
  gallery: Gallery,
  lang: string,
  { initial, place }: { initial: boolean; place: "first" | "second" | undefined },
): Html {
  const { id, author, brief, text, music } = answer;
  const words = markup`<div class="words">
${
    text.length > 0 &&
    markup`<div class="passages${brief && trusted(" brief")}${
      initial && trusted(reachesBelow(plain(text[0])[0]) ? " initial low" : " initial")
    }">${passageList(initial ? text.map(apostropheApart) : text, lang)}</div>`
  }
${
    answer.picture !== null &&
    picture(
      answer.picture,
      gallery,
      "answer",
      lang,
      turned(text[0]?.direction ?? wordsIn([lang]).direction, lang),
    )
  }
${music !== null && musicCard(music, lang)}
</div>`;
  const pair = place !== undefined && trusted(` pair ${place}`);
  const short = answer.picture !== null && isShort(text) && trusted(" short");
  return markup`<article class="answer${pair}${short}" aria-labelledby="${id}">
${inMargin(authorOf(author, id, gallery, lang), words)}
</article>
`;
}

/**
 * A passage whose apostrophe after the first letter is not enlarged with it: browsers take what follows a letter for a part of it,
 * if it is punctuation, and a joiner of no width is none.
 */
function apostropheApart(passage: Passage, index: number): Passage {
  const [line, ...lines] = passage.lines;
  const [first, ...others] = line?.inlines ?? [];
  if (index > 0 || first?.kind !== "text") return passage;
  const text = first.text.replace(/^(\s*\p{L}\p{M}*)(?=’)/u, "$1\u2060");
  return { ...passage, lines: [{ ...line, inlines: [{ ...first, text }, ...others] }, ...lines] };
}

/** How many characters a line of print has, about. */
const PRINTED_LINE = 75;

/** Whether words have so few lines in print that they stay with their picture, as in the PDF. */
function isShort(text: readonly Passage[]): boolean {
  const lines = text.flatMap((passage) => plain(passage).split("\n"));
  return lines.reduce((sum, line) => sum + Math.ceil(line.length / PRINTED_LINE), text.length - 1) <=
    TOGETHER;
}

function authorOf(author: Author, id: string, gallery: Gallery, lang: string): Html {
  const source = author.avatar === null ? null : gallery.hang(author.avatar, author.name);
  const avatar = source === null
    ? markup`<span class="avatar" aria-hidden="true">${author.initials}</span>`
    : markup`<img class="avatar" src="${source.address}" alt="" width="96" height="96" loading="lazy" decoding="async">`;
  const name = markup`<h3 id="${id}">${apart(author.name, lang)}</h3>`;
  const username = author.username !== null && markup`<p class="username"><bdi>@${author.username}</bdi></p>`;
  return markup`<header class="author">${avatar}<div>${name}${username}</div></header>`;
}

function picture(
  block: PictureBlock,
  gallery: Gallery,
  place: "cover" | "answer",
  lang: string,
  /** Where it begins, if that is not where our own words do. */
  runs: Html | false = false,
): Html {
  const source = block.picture === null ? null : gallery.hang(block.picture, block.alt);
  const caption = block.caption !== null && markup`<figcaption>${apart(block.caption, lang)}</figcaption>`;
  if (source === null) {
    const missing = markup`<p class="missing">${block.missing}</p>`;
    return caption ? markup`<figure${runs}>${missing}${caption}</figure>` : missing;
  }
  const { address, size, beside } = source;
  const extent = size !== null && markup` width="${size.width}" height="${size.height}"`;
  const choice = beside !== null && size !== null && beside.sizes.length > 1 &&
    markup` srcset="${beside.sizes.map(({ address, width }) => `${address} ${width}w`).join(", ")}" sizes="${
      shownWidth(size, place)
    }"`;
  const loading = place === "cover" ? "eager" : "lazy";
  const image =
    markup`<img src="${address}" alt="${block.alt}"${extent}${choice} loading="${loading}" decoding="async">`;
  const still = beside?.still ?? null;
  const calm = still === null
    ? image
    : markup`<picture><source media="(prefers-reduced-motion: reduce)" srcset="${still}">${image}</picture>`;
  const original = beside?.original ?? null;
  const shown = original === null ? calm : markup`<a href="${original}">${calm}</a>`;
  return markup`<figure${runs}>${shown}${caption}</figure>`;
}

/** How wide the column of words is, and how high a picture in an answer is at most, in rem; see `pageStyle`. */
const [COLUMN, HIGHEST] = [37.25, 38];

/** How wide a picture is shown: as the column on a desk or a phone, in an answer no wider than it is and than its height allows. */
function shownWidth({ width, height }: { width: number; height: number }, place: "cover" | "answer"): string {
  const most = Math.min(COLUMN, place === "cover" ? COLUMN : HIGHEST * width / height);
  return `min(${place === "cover" ? "" : `${width}px, `}${+most.toFixed(2)}rem, 100vw - 2.5rem)`;
}

/** A note on a record. */
const RECORD = trusted(
  `<svg viewBox="0 0 40 40" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5">` +
    `<circle cx="20" cy="20" r="18.5"/><path d="M16 26.5V13l10-2.5v13.5"/>` +
    `<ellipse cx="13.6" cy="26.7" rx="2.6" ry="2.1"/><ellipse cx="23.6" cy="24.2" rx="2.6" ry="2.1"/></svg>`,
);

function musicCard({ title, artist, invitation, href }: MusicBlock, lang: string): Html {
  const by = artist !== null && markup`<p class="artist">${apart(artist, lang)}</p>`;
  const listen = href === null ? invitation : link(href, invitation);
  return markup`<div class="music">${RECORD}<div>
<p class="title">${apart(title, lang)}</p>${by}<p class="listen">${listen}</p>
</div></div>`;
}

function colophon({ space, words, links, proof }: Letter): Html {
  const page = links.page !== null && markup`<a href="${links.page}">${words.readOnTheWeb}</a>`;
  const pdf = links.pdf !== null && markup`<a href="${links.pdf}">${words.downloadPdf}</a>`;
  const file = links.file !== null && markup`<a href="${links.file}" download>${words.saveLetter}</a>`;
  const content = markup`<div class="colophon">
${space.description !== "" && markup`<p class="description">${apart(space.description, words.lang)}</p>`}
<p>${words.madeWith}</p>
${(page || pdf || file) && markup`<p class="links">${page}${pdf}${file}</p>`}
${proof !== null && markup`<p class="code">${words.code(proof.code)}</p>`}
</div>`;
  return markup`<footer class="sheet">${inMargin(null, content)}</footer>`;
}

function inMargin(margin: Html | null, content: Html): Html {
  return markup`<div class="row">${margin ?? trusted("<div></div>")}${content}</div>`;
}

function passageList(list: readonly Passage[], around: string): Html[] {
  return list.map((passage) => {
    const { kind, direction, isTold, lines } = passage;
    // Also where it is the page's own: what is in no known language is not hyphenated.
    const language = passage.language ?? (isTold ? around : null);
    const attributes = markup`${turned(direction, around)}${
      language !== null && markup` lang="${language}"`
    }`;
    switch (kind) {
      case "list":
        return itemList(itemsOf(passage), attributes);
      case "verse":
        return markup`<p class="verse"${attributes}>${lines.map(verseLine)}</p>\n`;
      case "quote":
        return markup`<blockquote${attributes}><p>${broken(lines.map(movedIn))}</p></blockquote>\n`;
      case "paragraph":
        return markup`<p${attributes}>${broken(lines.map(movedIn))}</p>\n`;
    }
  });
}

/** Lines that end where they were ended. */
function broken(lines: readonly Inline[][]): Html[] {
  return lines.map((line, index) => markup`${index > 0 && trusted("<br>\n")}${line.map(inlineOf)}`);
}

/** A line of verse: where it is too long for the screen, what comes below it is moved in. */
function verseLine({ indent, inlines }: Line): Html {
  return markup`<span>${" ".repeat(indent)}${inlines.map(inlineOf)}<br></span>`;
}

function itemList(items: readonly Item[], attributes: Html | false = false): Html {
  const first = items[0].number;
  const tag = trusted(first === null ? "ul" : "ol");
  const start = first !== null && first !== 1 && markup` start="${first}"`;
  const all = items.map(({ number, lines, items: below }, index) => {
    const value = number !== null && number !== first! + index && markup` value="${number}"`;
    return markup`<li${value}>${broken(lines)}${below.length > 0 && itemList(below)}</li>\n`;
  });
  return markup`<${tag}${start}${attributes}>\n${all}</${tag}>\n`;
}

function inlineOf(inline: Inline): Html {
  return inline.kind === "text" ? markup`${inline.text}` : link(inline.href, inline.text);
}

function link(href: string, text: string): Html {
  return markup`<a href="${href}" rel="noopener noreferrer nofollow ugc">${text}</a>`;
}

/** A name or a title, which runs as it does whatever is around it. */
function apart(text: string, around: string): Html {
  const runs = !hasDirection(text) && turned(wordsIn([around]).direction, "en");
  return markup`<bdi${runs}${spoken(text, around)}>${text}</bdi>`;
}

/** The attribute for a text in another script than the letter's own words. */
function spoken(text: string, around: string): Html | false {
  const language = languageOf(text, around);
  return language !== null && markup` lang="${language}"`;
}

/** The attribute for what runs another way than the words around it. */
function turned(direction: Direction, around: string): Html | false {
  return direction !== wordsIn([around]).direction && markup` dir="${direction}"`;
}

/** The pictures of one page: their sources, and from where it may load them. */
class Gallery {
  readonly problems: Problem[] = [];
  /** The seal in the tab of the browser is in the page itself. */
  readonly #origins = new Set<string>(["data:"]);
  readonly #hung: Uint8Array[] = [];

  /** Return what to write into `src`, and the size where it is known; null if the picture cannot be shown. */
  hang(
    picture: Picture,
    name: string,
  ): { address: Html; size: { width: number; height: number } | null; beside: Beside | null } | null {
    if (picture.bytes !== undefined) {
      try {
        const info = inspect(picture.bytes);
        const mark = `${MARK}${this.#hung.push(picture.bytes) - 1};`;
        return { address: trusted(`data:${info.type};base64,${mark}`), size: shownSize(info), beside: null };
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        this.problems.push({ picture: name, reason: error.message });
        return null;
      }
    }
    const { beside, width, height } = picture;
    if (beside !== undefined) {
      this.#origins.add("'self'");
      const size = width === undefined || height === undefined ? null : { width, height };
      return { address: markup`${beside.address}`, size, beside };
    }
    const address = webAddress(picture.url);
    if (address === null) {
      this.problems.push({ picture: name, reason: "There are neither bytes nor an http(s) address." });
      return null;
    }
    this.#origins.add(new URL(address).origin);
    return { address: markup`${address}`, size: null, beside: null };
  }

  /** The page in pieces: text, and the pictures whose bytes come between. */
  fill(source: string): (string | Uint8Array)[] {
    const pieces = source.split(new RegExp(`${MARK}(\\d+);`));
    return pieces.map((piece, index) => index % 2 === 0 ? piece : this.#hung[Number(piece)]);
  }

  /** The sources for `img-src`. */
  origins(): string {
    return [...this.#origins].sort().join(" ");
  }
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

function encode(parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const texts = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const sizes = texts.map(({ length }, index) =>
    texts[index] === parts[index] ? Math.ceil(length / 3) * 4 : length
  );
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  texts.forEach((text, index) => {
    if (text === parts[index]) encoder.encodeInto(base64(text), bytes.subarray(at));
    else bytes.set(text, at);
    at += sizes[index];
  });
  return bytes;
}
