/** The page of all newsletters of a space, and their feed. */

import { createHash } from "node:crypto";
import { designOf } from "./design.ts";
import { type Han, hanAround } from "./fonts/fallbacks.ts";
import { fontFaces } from "./fonts/web.ts";
import { markup, trusted } from "./html.ts";
import { dayOf, titleOf } from "./newsletter.ts";
import { languageOf } from "./language.ts";
import { type RenderedPage, sealIcon } from "./page.ts";
import { pageStyle } from "./page_style.ts";
import { colours } from "./palette.ts";
import { excerpt } from "./excerpt.ts";
import { cleanLine, initials, passages, plain, setLine } from "./text.ts";
import { type NewsletterWords, newsletterWords } from "./words.ts";

/** The newsletters of a space, without their content. */
export interface Archive {
  space: {
    id: string;
    name: string;
    description: string | null;
    language?: string | null;
    created_at: string;
  };
  /** The newest first. */
  newsletters: readonly ArchivedNewsletter[];
  /** How the page looks: the metadata of the theme of the newest newsletter. */
  theme?: unknown;
  links: {
    /** This page. */
    all: string;
    /** Null without a feed. */
    feed: string | null;
    newsletter(id: string): string;
  };
  /** In the space's language when absent. */
  words?: NewsletterWords;
}

export interface ArchivedNewsletter {
  id: string;
  title: string;
  intro: string | null;
  week_number: number;
  /** ISO 8601. */
  published_at: string;
  /** When somebody was last taken out of it. */
  redacted_at: string | null;
  /** The space's name as the newsletter has it; as it is now unless given. */
  name?: string | null;
}

/** What Chinese characters in an archive are. */
function hanIn({ space, newsletters }: Archive): Han | null {
  const texts = [
    space.name,
    space.description ?? "",
    ...newsletters.flatMap(({ title, intro }) => [title, intro ?? ""]),
  ];
  return hanAround(space.language, texts);
}

/** Render the page of all newsletters. */
export function renderArchive(archive: Archive): Omit<RenderedPage, "problems"> {
  const { links, newsletters, words = newsletterWords([archive.space.language]) } = archive;
  const name = cleanLine(archive.space.name, words.someone);
  const description = setLine(cleanLine(archive.space.description), words.lang, hanIn(archive));
  const palette = colours(archive.theme);
  const years = Map.groupBy(newsletters, ({ published_at }) => new Date(published_at).getUTCFullYear());
  const apart = (text: string) => {
    const language = languageOf(text, words.lang, hanIn(archive));
    return markup`<bdi${language !== null && markup` lang="${language}"`}>${text}</bdi>`;
  };
  const items = [...years].map(([year, ofYear]) =>
    markup`<h2 class="year">${year}</h2>
<ol>
${
      ofYear.map(({ id, title, week_number, published_at, name: then }) => {
        const { iso, label } = dayOf(published_at, words);
        return markup`<li><a href="${links.newsletter(id)}">${
          apart(setLine(titleOf(title, cleanLine(then, name), week_number, words), words.lang))
        }</a><span>${words.week(week_number)}</span><time datetime="${iso}">${label}</time></li>\n`;
      })
    }</ol>
`
  );
  const seal = initials(name, 3);
  const long = seal.length > 2 && trusted(" long");
  const feed = links.feed !== null &&
    markup`<p class="feed"><a href="${links.feed}">${words.followByFeed}</a></p>`;
  const body = markup`<body>
<header class="masthead sheet"><div class="row"><div class="seal${long}" aria-hidden="true">${seal}</div><div>
<h1>${apart(name)}</h1>
<p class="issue">${description === "" ? words.allLetters : apart(description)}</p>
</div></div></header>
<main class="sheet"><div class="row"><div></div><div class="letters">
${newsletters.length === 0 ? markup`<p class="quiet">${words.noLetters}</p>` : items}
${feed}
</div></div></main>
<footer class="sheet"><div class="row"><div></div><div class="colophon"><p>${words.madeWith}</p></div></div></footer>
</body>`;
  const style = `${fontFaces(body.source)}\n${pageStyle(palette, designOf(archive.theme))}`;
  const digest = createHash("sha256").update(style).digest("base64");
  const contentSecurityPolicy =
    `default-src 'none'; style-src 'sha256-${digest}'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'`;
  const title = words.lettersOf(name);
  const { source: html } = markup`<!DOCTYPE html>
<html lang="${words.lang}" dir="${words.direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="theme-color" content="${palette.light.paper}">
<title>${title}</title>
<meta name="description" content="${description === "" ? title : description}">
<link rel="canonical" href="${links.all}">
<link rel="icon" href="${sealIcon(seal, palette)}">
${
    links.feed !== null &&
    markup`<link rel="alternate" type="application/atom+xml" title="${title}" href="${links.feed}">`
  }
<style>${trusted(style)}</style>
</head>
${body}
</html>
`;
  return { html, bytes: () => new TextEncoder().encode(html), contentSecurityPolicy };
}

/** How many characters of an introduction a feed has. */
const SUMMARY_LENGTH = 400;

/**
 * Render the feed of a space's newsletters: Atom, as of RFC 4287.
 *
 * It tells the title and the introduction of each, and links to the page: what programs have stored of a feed cannot be
 * withdrawn.
 */
export function renderFeed(
  { space, newsletters, links, words = newsletterWords([space.language]) }: Archive,
): string {
  const name = cleanLine(space.name, words.someone);
  const changed = [space.created_at, ...newsletters.map(changedAt)].map((at) => new Date(at).toISOString())
    .sort();
  const entries = newsletters.map((newsletter) => {
    const title = setLine(
      titleOf(newsletter.title, cleanLine(newsletter.name, name), newsletter.week_number, words),
      words.lang,
    );
    return markup`<entry>
<id>urn:uuid:${newsletter.id}</id>
<title>${title}</title>
<link rel="alternate" type="text/html" href="${links.newsletter(newsletter.id)}"/>
<published>${new Date(newsletter.published_at).toISOString()}</published>
<updated>${new Date(changedAt(newsletter)).toISOString()}</updated>
<summary>${summary(newsletter, words)}</summary>
</entry>
`;
  });
  return markup`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="${words.lang}">
<id>urn:uuid:${space.id}</id>
<title>${name}</title>
${space.description && markup`<subtitle>${setLine(cleanLine(space.description), words.lang)}</subtitle>`}
<updated>${changed[changed.length - 1]}</updated>
<author><name>${name}</name></author>
<link rel="self" type="application/atom+xml" href="${links.feed}"/>
<link rel="alternate" type="text/html" href="${links.all}"/>
<generator>Monogram</generator>
${entries}</feed>
`.source;
}

function changedAt({ published_at, redacted_at }: ArchivedNewsletter): string {
  return redacted_at !== null && Date.parse(redacted_at) > Date.parse(published_at)
    ? redacted_at
    : published_at;
}

function summary({ intro, week_number }: ArchivedNewsletter, words: NewsletterWords): string {
  const kept = excerpt(passages(intro, words.lang), SUMMARY_LENGTH, (list) => plain(list[0]).length);
  const text = kept.map(plain).join("\n\n");
  return [words.week(week_number), text].filter((part) => part !== "").join("\n\n");
}
