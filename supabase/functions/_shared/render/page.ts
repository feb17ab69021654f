/**
 * The newsletter as a web page: one file that is whole by itself, without a script, and that may load nothing but the
 * pictures it was given.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { fontFaces } from "./fonts/web.ts";
import { type Html, markup, trusted } from "./html.ts";
import type { Picture } from "./input.ts";
import type { Answer, Author, Letter, MusicBlock, PictureBlock, Section } from "./letter.ts";
import { pageStyle } from "./page_style.ts";
import { inspect, PictureError, shownSize } from "./pictures.ts";
import type { Problem } from "./problem.ts";
import { type Inline, type Passage, webAddress } from "./text.ts";

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

/** Render a letter as a page. */
export function renderPage(letter: Letter): RenderedPage {
  const gallery = new Gallery();
  const body = bodyOf(letter, gallery);
  const style = `${fontFaces(body.source)}\n${pageStyle(letter.colours)}`;
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
  const { page: canonical } = letter.links;
  const page = markup`<!DOCTYPE html>
<html lang="${words.lang}">
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
${canonical !== null && markup`<link rel="canonical" href="${canonical}">`}
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
${intro.length > 0 && inMargin(null, markup`<div class="intro passages">${passageList(intro)}</div>`)}
${sections.length >= CONTENTS_FROM && !quiet && inMargin(null, contents(letter))}
${quiet && inMargin(null, markup`<p class="quiet">${words.quietWeek}</p>`)}
${sections.map((section) => sectionOf(section, letter, gallery))}
</main>
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
${headline !== space.name && markup`<p class="space"><bdi>${space.name}</bdi></p>`}
<h1><bdi>${headline}</bdi></h1>
<p class="issue"><span class="week">${letter.weekLabel}</span>${day}${by}</p>
${cover !== null && markup`<div class="cover">${picture(cover, gallery, "eager")}</div>`}
</div>`;
  return markup`<header class="masthead sheet">${inMargin(seal, content)}</header>`;
}

function contents({ words, sections }: Letter): Html {
  const items = sections.map(({ id, number, question }) =>
    markup`<li><span aria-hidden="true">${number}</span><a href="#${id}"><bdi>${question}</bdi></a></li>\n`
  );
  return markup`<nav class="contents" aria-label="${words.questions}"><ol>\n${items}</ol></nav>`;
}

function sectionOf(section: Section, { words, quiet }: Letter, gallery: Gallery): Html {
  const { id, number, question, answers } = section;
  const numeral = markup`<div class="numeral" aria-hidden="true">${number}</div>`;
  const heading = markup`<h2 id="${id}"${turned(section.direction)}>${question}</h2>`;
  const none = answers.length === 0 && !quiet && markup`<p class="none">${words.noAnswers}</p>`;
  return markup`<section class="prompt" aria-labelledby="${id}">
${inMargin(numeral, markup`<div>${heading}${none}</div>`)}
${answers.map((answer) => answerOf(answer, gallery))}
</section>
`;
}

function answerOf(answer: Answer, gallery: Gallery): Html {
  const { id, author, brief, text, music } = answer;
  const words = markup`<div class="words">
${text.length > 0 && markup`<div class="passages${brief && trusted(" brief")}">${passageList(text)}</div>`}
${answer.picture !== null && picture(answer.picture, gallery, "lazy")}
${music !== null && musicCard(music)}
</div>`;
  return markup`<article class="answer" aria-labelledby="${id}">
${inMargin(authorOf(author, id, gallery), words)}
</article>
`;
}

function authorOf(author: Author, id: string, gallery: Gallery): Html {
  const source = author.avatar === null ? null : gallery.hang(author.avatar, author.name);
  const avatar = source === null
    ? markup`<span class="avatar" aria-hidden="true">${author.initials}</span>`
    : markup`<img class="avatar" src="${source.address}" alt="" width="96" height="96" loading="lazy">`;
  const name = markup`<h3 id="${id}"><bdi>${author.name}</bdi></h3>`;
  const username = author.username !== null && markup`<p class="username">@${author.username}</p>`;
  return markup`<header class="author">${avatar}<div>${name}${username}</div></header>`;
}

function picture(block: PictureBlock, gallery: Gallery, loading: "eager" | "lazy"): Html {
  const source = block.picture === null ? null : gallery.hang(block.picture, block.alt);
  if (source === null) return markup`<p class="missing">${block.missing}</p>`;
  const { address, size } = source;
  const extent = size !== null && markup` width="${size.width}" height="${size.height}"`;
  const caption = block.caption !== null && markup`<figcaption><bdi>${block.caption}</bdi></figcaption>`;
  const image =
    markup`<img src="${address}" alt="${block.alt}"${extent} loading="${loading}" decoding="async">`;
  return markup`<figure>${image}${caption}</figure>`;
}

/** A note on a record. */
const RECORD = trusted(
  `<svg viewBox="0 0 40 40" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5">` +
    `<circle cx="20" cy="20" r="18.5"/><path d="M16 26.5V13l10-2.5v13.5"/>` +
    `<ellipse cx="13.6" cy="26.7" rx="2.6" ry="2.1"/><ellipse cx="23.6" cy="24.2" rx="2.6" ry="2.1"/></svg>`,
);

function musicCard({ title, artist, invitation, href }: MusicBlock): Html {
  const by = artist !== null && markup`<p class="artist"><bdi>${artist}</bdi></p>`;
  const listen = href === null ? invitation : link(href, invitation);
  return markup`<div class="music">${RECORD}<div>
<p class="title"><bdi>${title}</bdi></p>${by}<p class="listen">${listen}</p>
</div></div>`;
}

function colophon({ space, words, links }: Letter): Html {
  const page = links.page !== null && markup`<a href="${links.page}">${words.readOnTheWeb}</a>`;
  const pdf = links.pdf !== null && markup`<a href="${links.pdf}">${words.downloadPdf}</a>`;
  const content = markup`<div class="colophon">
${space.description !== "" && markup`<p class="description"><bdi>${space.description}</bdi></p>`}
<p>${words.madeWith}</p>
${(page || pdf) && markup`<p>${page}${pdf}</p>`}
</div>`;
  return markup`<footer class="sheet">${inMargin(null, content)}</footer>`;
}

function inMargin(margin: Html | null, content: Html): Html {
  return markup`<div class="row">${margin ?? trusted("<div></div>")}${content}</div>`;
}

function passageList(list: readonly Passage[]): Html[] {
  return list.map(({ kind, direction, lines }) => {
    const text = lines.map((line, index) => markup`${index > 0 && trusted("<br>\n")}${line.map(inlineOf)}`);
    return kind === "quote"
      ? markup`<blockquote${turned(direction)}><p>${text}</p></blockquote>\n`
      : markup`<p${turned(direction)}>${text}</p>\n`;
  });
}

function inlineOf(inline: Inline): Html {
  return inline.kind === "text" ? markup`${inline.text}` : link(inline.href, inline.text);
}

function link(href: string, text: string): Html {
  return markup`<a href="${href}" rel="noopener noreferrer nofollow ugc">${text}</a>`;
}

function turned(direction: "ltr" | "rtl"): Html | false {
  return direction === "rtl" && trusted(` dir="rtl"`);
}

/** The pictures of one page: their sources, and from where it may load them. */
class Gallery {
  readonly problems: Problem[] = [];
  readonly #origins = new Set<string>();
  readonly #hung: Uint8Array[] = [];

  /** Return what to write into `src`, and the size where it is known; null if the picture cannot be shown. */
  hang(
    picture: Picture,
    name: string,
  ): { address: Html; size: { width: number; height: number } | null } | null {
    if (picture.bytes !== undefined) {
      try {
        const info = inspect(picture.bytes);
        this.#origins.add("data:");
        const mark = `${MARK}${this.#hung.push(picture.bytes) - 1};`;
        return { address: trusted(`data:${info.type};base64,${mark}`), size: shownSize(info) };
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        this.problems.push({ picture: name, reason: error.message });
        return null;
      }
    }
    const address = webAddress(picture.url);
    if (address === null) {
      this.problems.push({ picture: name, reason: "There are neither bytes nor an http(s) address." });
      return null;
    }
    this.#origins.add(new URL(address).origin);
    return { address: markup`${address}`, size: null };
  }

  /** The page in pieces: text, and the pictures whose bytes come between. */
  fill(source: string): (string | Uint8Array)[] {
    const pieces = source.split(new RegExp(`${MARK}(\\d+);`));
    return pieces.map((piece, index) => index % 2 === 0 ? piece : this.#hung[Number(piece)]);
  }

  /** The sources for `img-src`. */
  origins(): string {
    return this.#origins.size === 0 ? "'none'" : [...this.#origins].sort().join(" ");
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
