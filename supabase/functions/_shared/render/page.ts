/**
 * The newsletter as a web page, without a script, that may load nothing but the pictures it was given: one
 * self-contained file, or one for reading that loads its pictures from beside it.
 */

import { createHash } from "node:crypto";
import { inspect, shownSize } from "../pictures/inspect.ts";
import { reachesBelow, withInitial } from "./design.ts";
import { fontFaces } from "./fonts/web.ts";
import { directed, type Html, markup, trusted } from "./html.ts";
import {
  type Author,
  CARD_SIZE,
  type MusicBlock,
  type Newsletter,
  type PictureBlock,
  type ResponseBlock,
  type Section,
  setOrReplace,
} from "./newsletter.ts";
import { AROUND_MARK, FEED_MARK } from "./page_around.ts";
import { base64, encode, Gallery } from "./page_gallery.ts";
import { fitted } from "./page_names.ts";
import { apart, inMargin, link, passageList, spoken, type Surroundings, turned } from "./page_parts.ts";
import { pageStyle } from "./page_style.ts";
import type { Colours } from "./palette.ts";
import { TOGETHER } from "./pdf/pagination.ts";
import type { Problem } from "./problem.ts";
import { type Direction, direction, hangsTogether, isTall, type Passage, plain } from "./text.ts";
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

/** From this many questions on, the page lists them at its top. */
const CONTENTS_FROM = 3;

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

/** Render a newsletter as a page. */
export function renderPage(newsletter: Newsletter): RenderedPage {
  const gallery = new Gallery();
  const body = bodyOf(newsletter, gallery);
  const style = `${fontFaces(body.source)}\n${pageStyle(newsletter.colours, newsletter.design)}`;
  const contentSecurityPolicy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "font-src data:",
    `img-src ${gallery.origins()}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const { words, space } = newsletter;
  const description = [space.name, newsletter.weekLabel, newsletter.date?.label ?? words.draft].join(" · ");
  const { page: canonical, card } = newsletter.links;
  // Characters that hang together are not moved closer.
  const tracking = hangsTogether(body.source) && markup` class="joined"`;
  const page = markup`<!DOCTYPE html>
<html lang="${words.lang}" dir="${words.direction}"${tracking}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="format-detection" content="telephone=no">
<meta name="theme-color" content="${newsletter.colours.light.paper}">
<title>${newsletter.title}</title>
<meta name="description" content="${description}">
<meta property="og:type" content="article">
<meta property="og:title" content="${newsletter.title}">
<meta property="og:description" content="${description}">
<meta property="og:site_name" content="${space.name}">
${canonical !== null && markup`<meta property="og:url" content="${canonical}">`}
${card !== null && cardTags(card, [newsletter.title, description].join(" · "))}
${newsletter.proof !== null && markup`<meta name="monogram" content="${newsletter.proof.mark}">`}
${canonical !== null && markup`<link rel="canonical" href="${canonical}">`}
<link rel="icon" href="${sealIcon(space.initials, newsletter.colours)}">
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

/** What is around the words of a newsletter. */
function around({ words, han }: Newsletter): Surroundings {
  return { lang: words.lang, han };
}

function bodyOf(newsletter: Newsletter, gallery: Gallery): Html {
  const { words, intro, sections, quiet } = newsletter;
  return markup`<body>
<a class="skip" href="#letter">${words.skipToLetter}</a>
${masthead(newsletter, gallery)}
<main id="letter" class="sheet">
${
    intro.length > 0 &&
    inMargin(null, markup`<div class="intro passages">${passageList(intro, around(newsletter))}</div>`)
  }
${sections.length >= CONTENTS_FROM && !quiet && inMargin(null, contents(newsletter))}
${quiet && inMargin(null, markup`<p class="quiet">${words.quietWeek}</p>`)}
${sections.map((section) => sectionOf(section, newsletter, gallery))}
</main>
${trusted(AROUND_MARK)}
${colophon(newsletter)}
</body>`;
}

function masthead(newsletter: Newsletter, gallery: Gallery): Html {
  const { space, headline, words, date, byline, cover } = newsletter;
  const long = space.initials.length > 2 && trusted(" long");
  const seal = markup`<div class="seal${long}" aria-hidden="true">${space.initials}</div>`;
  const day = date === null
    ? markup`<span>${words.draft}</span>`
    : markup`<time datetime="${date.iso}">${date.label}</time>`;
  const by = byline !== null && markup`<span><bdi>${byline}</bdi></span>`;
  const content = markup`<div>
${headline !== space.name && markup`<p class="space">${apart(space.name, around(newsletter))}</p>`}
<h1${isTall(headline) && trusted(` class="tall"`)}>${apart(headline, around(newsletter))}</h1>
<p class="issue"><span class="week">${newsletter.weekLabel}</span>
${day}
${by}</p>
${cover !== null && markup`<div class="cover">${picture(cover, gallery, "cover", around(newsletter))}</div>`}
</div>`;
  return markup`<header class="masthead sheet">${inMargin(seal, content)}</header>`;
}

function contents(newsletter: Newsletter): Html {
  const { words, sections } = newsletter;
  const items = sections.map(({ id, numeral, question }) =>
    markup`<li><span aria-hidden="true">${numeral}</span><a href="#${id}">${
      apart(question, around(newsletter))
    }</a></li>\n`
  );
  return markup`<nav class="contents" aria-label="${words.questions}"><ol>\n${items}</ol></nav>`;
}

function sectionOf(section: Section, newsletter: Newsletter, gallery: Gallery): Html {
  const { words, quiet } = newsletter;
  const { id, question, responses } = section;
  const numeral = markup`<div class="numeral" aria-hidden="true">${section.numeral}</div>`;
  const heading = markup`<h2 id="${id}"${isTall(question) && trusted(` class="tall"`)}${
    turned(section.direction, words.lang)
  }${spoken(question, around(newsletter))}>${directed(question)}</h2>`;
  const begins = withInitial(responses, newsletter.design);
  const pairs = pairsIn(responses);
  const none = responses.length === 0 && !quiet && markup`<p class="none">${words.noAnswers}</p>`;
  return markup`<section class="prompt" aria-labelledby="${id}">
${inMargin(numeral, markup`<div>${heading}${none}</div>`)}
${
    responses.map((response, index) =>
      setOrReplace(
        response,
        newsletter,
        (one) =>
          responseOf(one, gallery, around(newsletter), {
            initial: response === begins,
            place: pairs.get(index),
          }),
      )
    )
  }
</section>
`;
}

/** The least and the most height of a portrait, relative to its width, as in the PDF; higher ones are screenshots. */
const [PORTRAIT, SCREEN] = [1.12, 1.9];

/** How many characters the words beside another response may have; each passage takes the rest of a line. */
const BESIDE = 240;
const REST_OF_LINE = 30;

/** Which responses stand side by side on paper: two portraits in a row, with few words. */
function pairsIn(responses: readonly ResponseBlock[]): Map<number, "first" | "second"> {
  const found = new Map<number, "first" | "second">();
  for (let index = 0; index + 1 < responses.length; index++) {
    if (!isPortrait(responses[index]) || !isPortrait(responses[index + 1])) continue;
    found.set(index, "first").set(++index, "second");
  }
  return found;
}

function isPortrait({ picture, music, text }: ResponseBlock): boolean {
  if (picture === null || picture.picture === null || music !== null) return false;
  try {
    const { bytes, width = 0, height = 0 } = picture.picture;
    const size = bytes === undefined ? { width, height } : shownSize(inspect(bytes));
    const length = text.reduce((sum, passage) => sum + plain(passage).length + REST_OF_LINE, 0);
    return size.height >= PORTRAIT * size.width && size.height < SCREEN * size.width && length <= BESIDE;
  } catch {
    // Rendering it reports what is wrong with it.
    return false;
  }
}

function responseOf(
  response: ResponseBlock,
  gallery: Gallery,
  around: Surroundings,
  { initial, place }: { initial: boolean; place: "first" | "second" | undefined },
): Html {
  const { id, author, brief, text, music } = response;
  const words = markup`<div class="words">
${
    text.length > 0 &&
    markup`<div class="passages${brief && trusted(" brief")}${
      initial && trusted(reachesBelow(plain(text[0])[0]) ? " initial low" : " initial")
    }">${passageList(initial ? text.map(apostropheApart) : text, around)}</div>`
  }
${
    response.picture !== null &&
    picture(
      response.picture,
      gallery,
      "response",
      around,
      text[0]?.direction,
    )
  }
${music !== null && musicCard(music, around)}
</div>`;
  const pair = place !== undefined && trusted(` pair ${place}`);
  const short = response.picture !== null && isShort(text) && trusted(" short");
  return markup`<article class="response${pair}${short}" aria-labelledby="${id}">
${inMargin(authorOf(author, id, gallery, around), words)}
</article>
`;
}

/**
 * Return a passage whose apostrophe after the first character is not enlarged with it: for browsers `::first-letter`
 * includes punctuation that follows, unless a zero-width joiner stands between.
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

/** Return true if words have so few lines in print that they stay with their picture, as in the PDF. */
function isShort(text: readonly Passage[]): boolean {
  const lines = text.flatMap((passage) => plain(passage).split("\n"));
  return lines.reduce((sum, line) => sum + Math.ceil(line.length / PRINTED_LINE), text.length - 1) <=
    TOGETHER;
}

function authorOf(author: Author, id: string, gallery: Gallery, around: Surroundings): Html {
  const source = author.avatar === null ? null : gallery.hang(author.avatar, author.name);
  const avatar = source === null
    ? markup`<span class="avatar" aria-hidden="true">${author.initials}</span>`
    : markup`<img class="avatar" src="${source.address}" alt="" width="96" height="96" loading="lazy" decoding="async">`;
  const { text, isLong } = fitted(author.name);
  const name = markup`<h3 class="${isLong ? "name long" : "name"}" id="${id}">${apart(text, around)}</h3>`;
  const username = author.username !== null && markup`<p class="username"><bdi>@${author.username}</bdi></p>`;
  return markup`<header class="author">${avatar}<div>${name}${username}</div></header>`;
}

function picture(
  block: PictureBlock,
  gallery: Gallery,
  place: "cover" | "response",
  around: Surroundings,
  /** How the words above it run: it begins where they do. */
  runs: Direction = wordsIn([around.lang]).direction,
): Html {
  const source = block.picture === null ? null : gallery.hang(block.picture, block.alt);
  const side = turned(runs, around.lang);
  const caption = block.caption !== null && markup`<figcaption>${apart(block.caption, around)}</figcaption>`;
  if (source === null) {
    const missing = markup`<p class="missing">${block.missing}</p>`;
    return caption ? markup`<figure${side}>${missing}${caption}</figure>` : missing;
  }
  const { address, size, beside } = source;
  const extent = size !== null && markup` width="${size.width}" height="${size.height}"`;
  const choice = beside !== null && size !== null && beside.sizes.length > 1 &&
    markup` srcset="${beside.sizes.map(({ address, width }) => `${address} ${width}w`).join(", ")}" sizes="${
      shownWidth(size, place)
    }"`;
  // Where a picture does not show, browsers show these words.
  const alt = direction(block.alt, wordsIn([around.lang]).direction);
  const speaks = alt !== runs && markup` dir="${alt}"`;
  const loading = place === "cover" ? "eager" : "lazy";
  const image =
    markup`<img src="${address}" alt="${block.alt}"${speaks}${extent}${choice} loading="${loading}" decoding="async">`;
  const still = beside?.still ?? null;
  const calm = still === null
    ? image
    : markup`<picture><source media="(prefers-reduced-motion: reduce)" srcset="${still}">${image}</picture>`;
  const original = beside?.original ?? null;
  const shown = original === null ? calm : markup`<a href="${original}">${calm}</a>`;
  const isScreen = size !== null && size.height >= SCREEN * size.width && trusted(` class="screen"`);
  return markup`<figure${isScreen}${side}>${shown}${caption}</figure>`;
}

/** How wide the column of words is, and how high a picture in a response is at most, in rem; see `pageStyle`. */
const [COLUMN, HIGHEST] = [37.25, 38];

/**
 * How wide a picture is shown: as the column on a desk or a phone, in a response no wider than it is and than its
 * height allows.
 */
function shownWidth(
  { width, height }: { width: number; height: number },
  place: "cover" | "response",
): string {
  const most = Math.min(COLUMN, place === "cover" ? COLUMN : HIGHEST * width / height);
  return `min(${place === "cover" ? "" : `${width}px, `}${+most.toFixed(2)}rem, 100vw - 2.5rem)`;
}

/** A note on a record. */
const RECORD = trusted(
  `<svg viewBox="0 0 40 40" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5">` +
    `<circle cx="20" cy="20" r="18.5"/><path d="M16 26.5V13l10-2.5v13.5"/>` +
    `<ellipse cx="13.6" cy="26.7" rx="2.6" ry="2.1"/><ellipse cx="23.6" cy="24.2" rx="2.6" ry="2.1"/></svg>`,
);

function musicCard({ title, artist, invitation, href }: MusicBlock, around: Surroundings): Html {
  const by = artist !== null && markup`<p class="artist">${apart(artist, around)}</p>`;
  const listen = href === null ? invitation : link(href, invitation);
  return markup`<div class="music">${RECORD}<div>
<p class="title">${apart(title, around)}</p>${by}<p class="listen">${listen}</p>
</div></div>`;
}

function colophon(newsletter: Newsletter): Html {
  const { space, words, links, proof } = newsletter;
  const page = links.page !== null && markup`<a href="${links.page}">${words.readOnTheWeb}</a>`;
  const pdf = links.pdf !== null && markup`<a href="${links.pdf}">${words.downloadPdf}</a>`;
  const file = links.file !== null && markup`<a href="${links.file}" download>${words.saveLetter}</a>`;
  const content = markup`<div class="colophon">
${
    space.description !== "" &&
    markup`<p class="description">${apart(space.description, around(newsletter))}</p>`
  }
<p>${words.madeWith}</p>
${(page || pdf || file) && markup`<p class="links">${page}${pdf}${file}</p>`}
${proof !== null && markup`<p class="code">${words.code(proof.code)}</p>`}
</div>`;
  return markup`<footer class="sheet">${inMargin(null, content)}</footer>`;
}
