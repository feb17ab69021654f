/**
 * The HTML part of the email: tables and inline styles, written by hand.
 *
 * MJML was measured first: its output for one response is 2.4 KB of markup, so that fifty responses alone are over the
 * 102 KB at which Gmail clips a message; here it is 0.8 KB. What MJML does for old programs (presentation tables, a
 * ghost table of fixed width for Outlook) is done here too. Colours are inline for the light, and in a style sheet for
 * the dark, for the programs that read one.
 */

import { type Abridged, isAbridged, type Scale } from "./abridge.ts";
import { type Design, withInitial } from "./design.ts";
import type { Picture } from "./input.ts";
import { directed, type Html, markup, type Part, trusted } from "./html.ts";
import {
  type Author,
  type MusicBlock,
  type Newsletter,
  type PictureBlock,
  type ResponseBlock,
  type Section,
  setOrReplace,
} from "./newsletter.ts";
import { languageOf } from "./language.ts";
import { emailDocument } from "./email_document.ts";
import {
  anchor,
  font,
  headlineType,
  ownDirection,
  type Role,
  sideOf,
  slanted,
  SPACED,
  styles,
  TABLE,
  turned,
} from "./email_parts.ts";
import { PassageSetter } from "./email_passages.ts";
import { preview } from "./email_preview.ts";
import type { Palette } from "./palette.ts";
import { type Direction, direction, isTall, type Passage, webAddress } from "./text.ts";

/** Of pictures, in pixels. */
const COLUMN_WIDTH = 560;
const MAX_PICTURE_HEIGHT = 700;

/**
 * The ornament between two responses, in characters, since programs show no SVG. Tildes side by side look like a wave.
 */
const ORNAMENTS: Readonly<Record<Exclude<Design["ornament"], "rule" | "none">, string>> = {
  dots: "•\u00a0•\u00a0•",
  diamond: "◆",
  asterism: "⁂",
  wave: "~~~",
};

/** Return what the parts of a newsletter take of the HTML, in bytes. */
export function emailScale(newsletter: Newsletter): Scale {
  const setter = new Setter(newsletter, new Set());
  return {
    passages: (list) => bytesOf(setter.passages(list)),
    frame: (response) =>
      bytesOf(setOrReplace({ ...response, text: [] }, newsletter, (one) => setter.response(one))),
    least: 600,
    continuation: ({ id }) => bytesOf(setter.continuation(id) ?? trusted("")),
  };
}

const encoder = new TextEncoder();

function bytesOf({ source }: Html): number {
  return encoder.encode(source).length;
}

/** Write the HTML; `footer` is put where a person's own links come. */
export function emailHtml(abridged: Abridged, footer: string): string {
  const { newsletter, cut, left, introCut } = abridged;
  const { words } = newsletter;
  const setter = new Setter(newsletter, cut, left);
  return emailDocument({
    lang: words.lang,
    direction: words.direction,
    title: newsletter.title,
    colours: newsletter.colours,
    preview: preview(newsletter),
    rows: markup`${setter.masthead()}${introCut && setter.row(0, setter.continuation() ?? "")}
${newsletter.quiet && setter.row(36, setter.line("ink", 22, 32, words.quietWeek, slanted(words.quietWeek)))}
${newsletter.sections.map((section) => setter.section(section))}
${setter.rest(abridged)}
${setter.colophon(footer)}`,
  });
}

/** A link of the personal footer, on a line of its own. */
export function footerLink({ colours }: Newsletter, href: string, label: string): string {
  return markup`<br>${anchor(colours.light, href, label, "muted")}`.source;
}

/** Sets the pieces of one newsletter. */
class Setter {
  readonly palette: Palette;
  /** Where our lines begin. */
  readonly start: "left" | "right";
  /** The responses above which nothing stands but their question. */
  readonly #first: ReadonlySet<string>;
  /** Those that begin with an initial. */
  readonly #begun: ReadonlySet<string>;
  readonly #passages: PassageSetter;

  constructor(
    readonly newsletter: Newsletter,
    readonly cut: ReadonlySet<string>,
    readonly left: ReadonlyMap<string, number> = new Map(),
  ) {
    this.palette = newsletter.colours.light;
    this.start = sideOf(newsletter.words.direction);
    this.#passages = new PassageSetter(
      this.palette,
      newsletter.words.direction,
      (language) => this.#tag(language),
    );
    this.#first = new Set(newsletter.sections.map(({ responses }) => responses[0]?.id));
    this.#begun = new Set(
      newsletter.sections.map(({ responses }) => withInitial(responses, newsletter.design)?.id ?? ""),
    );
  }

  row(space: number, content: Part): Html {
    return markup`<tr><td style="padding:${space}px 0 0">${content}</td></tr>\n`;
  }

  /** A paragraph of one line in a colour and size of its own. */
  line(
    role: Role,
    size: number,
    leading: number,
    text: Part,
    more = "",
    attributes: Html | false = false,
  ): Html {
    const style = `margin:0;${this.colour(role)};${font(size, leading)}${more && `;${more}`}`;
    return markup`<p class="${role}"${attributes} style="${style}">${text}</p>\n`;
  }

  colour(role: Role): string {
    return `color:${this.palette[role]}`;
  }

  masthead(): Html {
    const { words, space, headline, cover, intro, links, weekLabel, date, byline } = this.newsletter;
    const issue = [weekLabel, date?.label ?? words.draft, byline].filter((part) => part !== null).join(" · ");
    const { style: type, name } = headlineType(headline, 36, 41);
    const style = `margin:0;${this.colour("ink")};${type}`;
    const head = markup`${this.ornament("link", 15, 20, space.initials, `margin:0 0 14px;${SPACED}`)}
${headline !== space.name && this.line("muted", 16, 24, this.apart(space.name), slanted(space.name))}
<h1 class="${name}" style="${style}">${this.apart(headline)}</h1>
${this.line("muted", 14, 22, issue, "margin-top:12px")}
${links.page !== null && this.linkLine(14, 22, links.page, words.readOnTheWeb)}`;
    const coverShown = cover !== null && webAddress(cover.picture?.url) !== null;
    return markup`${this.row(40, head)}
${coverShown && this.row(12, this.picture(cover))}
${intro.length > 0 && this.words(18, 29, this.#passages.passages(intro, "plain", true))}`;
  }

  section({ id, numeral, question, direction: runs, responses }: Section): Html {
    const { words, quiet } = this.newsletter;
    const style = `margin:0;${this.colour("ink")};${font(24, isTall(question) ? 35 : 31)};font-weight:normal`;
    const left = this.left.get(id) ?? 0;
    const none = responses.length === 0 && left === 0 && !quiet;
    const heading = markup`${this.numeral(numeral)}
<h2 class="ink"${turned(runs, words.direction)}${this.written(question)} style="${style}">${
      directed(question)
    }</h2>
${none && this.line("muted", 16, 26, words.noAnswers, styles("margin-top:14px", slanted(words.noAnswers)))}`;
    return markup`${this.row(52, heading)}${
      responses.map((response) => setOrReplace(response, this.newsletter, (one) => this.response(one)))
    }${left > 0 && this.row(28, this.leftOut(id, left))}`;
  }

  response({ id, author, brief, text, picture, music }: ResponseBlock): Html {
    const initial = this.#begun.has(id) ? this.newsletter.design.initial : "plain";
    const content = markup`${this.author(author)}
${this.passages(text, initial)}${this.cut.has(id) && this.continuation(id)}${
      picture !== null && this.picture(picture, text[0]?.direction)
    }${music !== null && this.music(music)}`;
    return markup`${this.#first.has(id) ? null : this.separator()}${
      brief ? this.words(21, 31, content) : this.words(17, 28, content)
    }`;
  }

  /**
   * The ornament between two responses. A rule is left out: in a full email its markup would cost text of responses.
   */
  separator(): Html | null {
    const { ornament } = this.newsletter.design;
    return ornament === "rule" || ornament === "none"
      ? null
      : this.row(20, this.ornament("accent", 20, 24, ORNAMENTS[ornament], "margin:0"));
  }

  numeral(text: string): Html {
    const { numerals } = this.newsletter.design;
    if (numerals !== "ringed") {
      const style = `margin:0 0 6px${numerals === "oldstyle" ? ";font-style:italic" : ""}`;
      return this.ornament("accent", numerals === "roman" ? 30 : 40, 40, text, style);
    }
    const ring = `border:2px solid ${this.palette.accent};border-radius:24px;${this.colour("link")};${
      font(20, 44)
    }`;
    return markup`<${TABLE} style="margin:0 0 10px"><tr><td class="ring link" width="44" height="44" align="center" aria-hidden="true" style="${ring}">${text}</td></tr></table>`;
  }

  author({ name, username, initials, avatar }: Author): Html {
    const { card } = this.palette;
    const source = webAddress(avatar?.url);
    const disc = `border-radius:16px;background-color:${card};${this.colour("ink")};${font(12, 32)}`;
    const portrait = source === null
      ? markup`<td class="card ink" width="32" height="32" align="center" bgcolor="${card}" aria-hidden="true" style="${disc}">${initials}</td>`
      : markup`<td width="32"><img src="${source}" alt="" width="32" height="32" style="display:block;border-radius:16px"></td>`;
    const handle = username !== null &&
      markup` <span class="muted" style="${
        this.colour("muted")
      };font-weight:normal"${this.ofNames()}>@${username}</span>`;
    const style = `margin:0;${this.colour("ink")};${font(14, 20)};font-weight:bold;font-style:normal`;
    const heading = markup`<h3 class="ink" style="${style}">${this.apart(name)}${handle}</h3>`;
    return markup`<${TABLE}><tr>${portrait}<td style="padding-${this.start}:10px">${heading}</td></tr></table>`;
  }

  /** A row whose paragraphs take type and colour from its cell. */
  words(size: number, leading: number, content: Html, more = ""): Html {
    const style = `padding:28px 0 0;${this.colour("ink")};${font(size, leading)}${more && `;${more}`}`;
    return markup`<tr><td class="ink" style="${style}">${content}</td></tr>\n`;
  }

  passages(list: readonly Passage[], initial: Design["initial"] = "plain"): Html {
    return this.#passages.passages(list, initial);
  }

  /** A name or a title, which runs as it does whatever is around it. */
  apart(text: string): Html {
    const runs = ownDirection(text, this.newsletter.words.direction);
    return markup`<bdi${runs}${this.spoken(text)}>${directed(text)}</bdi>`;
  }

  /** The attribute for what is always of Latin characters, such as "@ada". */
  ofNames(): Html | false {
    return turned("ltr", this.newsletter.words.direction);
  }

  /** The attribute for a text in another script than the newsletter's own words. */
  spoken(text: string): Html | false {
    const language = languageOf(text, this.newsletter.words.lang, this.newsletter.han);
    return language !== null && markup` lang="${language}"`;
  }

  /** The attribute for what people wrote: it is in the newsletter's language, whatever the reader's. */
  written(text: string): Html | false {
    return this.#tag(languageOf(text, this.newsletter.lang, this.newsletter.han));
  }

  #tag(language: string | null): Html | false {
    const { lang, words } = this.newsletter;
    const tag = language ?? (lang === words.lang ? null : lang);
    return tag !== null && markup` lang="${tag}"`;
  }

  /** @param runs How the words above it run: it begins where they do. */
  picture(
    { picture, alt, caption, missing, elsewhere }: PictureBlock,
    runs: Direction = this.newsletter.words.direction,
  ): Html {
    const { page } = this.newsletter.links;
    const source = webAddress(picture?.url);
    const around = turned(runs, this.newsletter.words.direction);
    const under = caption !== null && this.caption(caption, runs);
    if (source === null) {
      return page === null
        ? markup`${this.line("muted", 15, 24, missing, styles("margin-top:14px", slanted(missing)))}${under}`
        : markup`${this.linkLine(15, 24, page, elsewhere)}${under}`;
    }
    const { width, height } = extent(picture);
    const style = `display:block;width:100%;max-width:${width}px;height:auto;border-radius:3px`;
    const size = markup` width="${width}"${height !== null && markup` height="${height}"`}`;
    const speaks = turned(direction(alt, this.newsletter.words.direction), runs);
    const image = markup`<img src="${source}" alt="${alt}"${speaks}${size} style="${style}">`;
    // The picture links to the page, where it is larger.
    const shown = page === null ? image : markup`<a href="${page}">${image}</a>`;
    return markup`<p${around} style="margin:16px 0 0">${shown}</p>
${under}`;
  }

  /** A caption runs as its own words do, and begins where its picture does. */
  caption(text: string, beside: Direction): Html {
    const around = this.newsletter.words.direction;
    const runs = direction(text, around);
    const side = runs === beside ? "" : `text-align:${sideOf(beside)}`;
    const attributes = markup`${turned(runs, around)}${this.written(text)}`;
    return this.line(
      "muted",
      13,
      20,
      directed(text),
      styles("margin-top:6px", slanted(text), side),
      attributes,
    );
  }

  music({ title, artist, invitation, href }: MusicBlock): Html {
    const { card, hairline } = this.palette;
    const box = `margin:16px 0 0;background-color:${card};border:1px solid ${hairline};border-radius:4px`;
    const note = `padding:12px 0;padding-${this.start}:16px;${this.colour("accent")};${font(24, 30)}`;
    const muted = (text: Part) => markup`<span class="muted" style="${this.colour("muted")}">${text}</span>`;
    const listen = href === null ? muted(invitation) : anchor(this.palette, href, invitation);
    return markup`<${TABLE} class="card rule" bgcolor="${card}" style="${box}"><tr>
<td class="accent" width="24" align="center" aria-hidden="true" style="${note}">♫</td>
<td style="padding:12px 16px;${font(15, 22)}"><strong class="ink" style="${this.colour("ink")}">${
      this.apart(title)
    }</strong>
${artist !== null && markup`<br>${muted(this.apart(artist))}`}<br>${listen}</td>
</tr></table>`;
  }

  /** The note at the end of a shortened newsletter. */
  rest(abridged: Abridged): Html | null {
    if (!isAbridged(abridged)) return null;
    const { words } = abridged.newsletter;
    const elsewhere = abridged.dropped > 0 && abridged.left.size === 0;
    const said = markup`${this.line("muted", 15, 24, words.abridged)}
${elsewhere && this.line("muted", 15, 24, words.moreAnswers(abridged.dropped))}${this.continuation()}`;
    return this.row(36, said);
  }

  /** The note where responses are left out, with a link to them. */
  leftOut(id: string, count: number): Html {
    const { links, words } = this.newsletter;
    const label = words.moreAnswers(count);
    return links.page === null
      ? this.line("muted", 15, 24, label)
      : this.linkLine(15, 24, `${links.page}#${id}`, label);
  }

  /** The link to the rest of a response, or of the newsletter. */
  continuation(id?: string): Html | null {
    const { links, words } = this.newsletter;
    if (links.page === null) return null;
    const page = new URL(links.page);
    if (id !== undefined) page.hash = id;
    return this.linkLine(15, 24, page.href, words.continueOnTheWeb);
  }

  colophon(footer: string): Html {
    const { words, space, links } = this.newsletter;
    const pdf = links.pdf !== null &&
      markup`<br>${anchor(this.palette, links.pdf, words.downloadPdf, "muted")}`;
    const content = markup`${words.whyThisMail(space.name)}${pdf}${trusted(footer)}<br>${words.madeWith}`;
    const rule = `border-top:1px solid ${this.palette.hairline};padding:18px 0 40px`;
    const cell = markup`<td class="rule" style="${rule}">${this.line("muted", 13, 22, content)}</td>`;
    return this.row(48, markup`<${TABLE} width="100%"><tr>${cell}</tr></table>`);
  }

  linkLine(size: number, leading: number, href: string, label: string): Html {
    const style = `margin:8px 0 0;${font(size, leading)}`;
    return markup`<p style="${style}">${anchor(this.palette, href, label)}</p>`;
  }

  /** A large numeral, or initials: hidden from screen readers, which read the words beside them. */
  ornament(role: Role, size: number, leading: number, text: Part, more: string): Html {
    const style = `${more};${this.colour(role)};${font(size, leading)}`;
    return markup`<p class="${role}" aria-hidden="true" style="${style}">${text}</p>`;
  }
}

/**
 * Return the size at which a picture is shown: at most as wide as the column, as high as a screen, and as large as its
 * file.
 */
function extent(picture: Picture | null): { width: number; height: number | null } {
  const { width, height } = picture ?? {};
  if (!width || !height) return { width: COLUMN_WIDTH, height: null };
  const scale = Math.min(1, COLUMN_WIDTH / width, MAX_PICTURE_HEIGHT / height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
