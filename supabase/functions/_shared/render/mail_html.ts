/**
 * The HTML part of the email: tables and inline styles, written by hand.
 *
 * MJML was measured first: its output for one answer is 2.4 KB of markup, so that fifty answers alone are over the 102 KB at
 * which Gmail clips a message; here it is 0.8 KB. What MJML does for old programs (presentation tables, a ghost
 * table of fixed width for Outlook) is done here too. Colours are inline for the light, and in a style sheet for the dark,
 * for the programs that read one.
 */

import type { Abridged } from "./abridge.ts";
import { type Html, markup, type Part, trusted } from "./html.ts";
import type { Answer, Author, Letter, MusicBlock, PictureBlock, Section } from "./letter.ts";
import { isDark, type Palette } from "./palette.ts";
import { type Inline, type Passage, webAddress } from "./text.ts";

/** A colour's role, and the class that the style sheet repaints in the dark. */
type Role = "ink" | "muted" | "accent" | "link";

const TABLE = trusted(`table role="presentation" cellpadding="0" cellspacing="0" border="0"`);

/** As wide as the window but not too wide, whatever words are in it. */
const COLUMN = "max-width:560px;table-layout:fixed;overflow-wrap:anywhere;word-break:break-word";

/** Keeps programs from filling the preview with the head of the letter: figure spaces and joiners. */
const PREVIEW_END = trusted("&#8199;&#847;".repeat(60));

const GHOST_TABLE = trusted(`<!--[if mso]><table role="presentation" width="560"><tr><td><![endif]-->`);
const GHOST_TABLE_END = trusted("<!--[if mso]></td></tr></table><![endif]-->");

/** Write the HTML; `footer` is put where a person's own links come. */
export function mailHtml(abridged: Abridged, footer: string): string {
  const { letter, cut } = abridged;
  const { words } = letter;
  const setter = new Setter(letter, cut);
  const { paper } = letter.colours.light;
  return markup`<!DOCTYPE html>
<html lang="${words.lang}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no">
<meta name="color-scheme" content="${scheme(letter)}">
<meta name="supported-color-schemes" content="${scheme(letter)}">
<title>${letter.title}</title>
<style>${trusted(styleSheet(letter))}</style>
</head>
<body class="paper" style="margin:0;padding:0;background-color:${paper};-webkit-text-size-adjust:100%">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${preview(letter)}${PREVIEW_END}</div>
<${TABLE} class="paper" width="100%" bgcolor="${paper}" style="background-color:${paper}">
<tr><td align="center" style="padding:0 20px">
${GHOST_TABLE}
<${TABLE} width="100%" style="${COLUMN}">
${setter.masthead()}
${letter.quiet && setter.row(36, setter.line("ink", 22, 32, words.quietWeek, "font-style:italic"))}
${letter.sections.map((section) => setter.section(section))}
${setter.rest(abridged)}
${setter.colophon(footer)}
</table>
${GHOST_TABLE_END}
</td></tr></table>
</body>
</html>
`.source;
}

/** A link of the personal footer, on a line of its own. */
export function footerLink({ colours }: Letter, href: string, label: string): string {
  return markup`<br>${anchor(colours.light, href, label, "muted")}`.source;
}

/** Sets the pieces of one letter. */
class Setter {
  readonly palette: Palette;

  constructor(readonly letter: Letter, readonly cut: ReadonlySet<string>) {
    this.palette = letter.colours.light;
  }

  row(space: number, content: Part): Html {
    return markup`<tr><td style="padding:${space}px 0 0">${content}</td></tr>\n`;
  }

  /** A paragraph of one line in a colour and size of its own. */
  line(role: Role, size: number, leading: number, text: Part, more = ""): Html {
    const style = `margin:0;${this.colour(role)};${font(size, leading)}${more && `;${more}`}`;
    return markup`<p class="${role}" style="${style}">${text}</p>\n`;
  }

  colour(role: Role): string {
    return `color:${this.palette[role]}`;
  }

  masthead(): Html {
    const { words, space, headline, cover, intro, links, weekLabel, date, byline } = this.letter;
    const issue = [weekLabel, date?.label ?? words.draft, byline].filter((part) => part !== null).join(" · ");
    const style = `margin:0;${this.colour("ink")};${font(36, 41)};font-weight:normal;letter-spacing:-0.5px`;
    const head = markup`${this.ornament("link", 15, 20, space.initials, "margin:0 0 14px;letter-spacing:1px")}
${headline !== space.name && this.line("muted", 16, 24, space.name, "font-style:italic")}
<h1 class="ink h1" style="${style}">${headline}</h1>
${this.line("muted", 14, 22, issue, "margin-top:12px")}
${links.page !== null && this.linkLine(14, 22, links.page, words.readOnTheWeb)}`;
    const coverShown = cover !== null && webAddress(cover.picture?.url) !== null;
    return markup`${this.row(40, head)}
${coverShown && this.row(12, this.picture(cover))}
${intro.length > 0 && this.words(18, 29, this.passages(intro), "font-style:italic")}`;
  }

  section({ number, question, direction, answers }: Section): Html {
    const { words, quiet } = this.letter;
    const style = `margin:0;${this.colour("ink")};${font(24, 31)};font-weight:normal`;
    const none = answers.length === 0 && !quiet;
    const heading = markup`${this.ornament("accent", 40, 40, number, "margin:0 0 6px")}
<h2 class="ink"${turned(direction)} style="${style}">${question}</h2>
${none && this.line("muted", 16, 26, words.noAnswers, "margin-top:14px;font-style:italic")}`;
    return markup`${this.row(52, heading)}${answers.map((answer) => this.answer(answer))}`;
  }

  answer({ id, author, brief, text, picture, music }: Answer): Html {
    const content = markup`${this.author(author)}
${this.passages(text)}${this.cut.has(id) && this.continuation(id)}${
      picture !== null && this.picture(picture)
    }${music !== null && this.music(music)}`;
    return brief ? this.words(21, 31, content) : this.words(17, 28, content);
  }

  author({ name, username, initials, avatar }: Author): Html {
    const { card } = this.palette;
    const source = webAddress(avatar?.url);
    const disc = `border-radius:16px;background-color:${card};${this.colour("ink")};${font(12, 32)}`;
    const portrait = source === null
      ? markup`<td class="card ink" width="32" height="32" align="center" bgcolor="${card}" aria-hidden="true" style="${disc}">${initials}</td>`
      : markup`<td width="32"><img src="${source}" alt="" width="32" height="32" style="display:block;border-radius:16px"></td>`;
    const handle = username !== null &&
      markup` <span class="muted" style="${this.colour("muted")};font-weight:normal">@${username}</span>`;
    const style = `margin:0;${this.colour("ink")};${font(14, 20)};font-weight:bold;font-style:normal`;
    const heading = markup`<h3 class="ink" style="${style}">${name}${handle}</h3>`;
    return markup`<${TABLE}><tr>${portrait}<td style="padding-left:10px">${heading}</td></tr></table>`;
  }

  /** A row whose paragraphs take type and colour from its cell. */
  words(size: number, leading: number, content: Html, more = ""): Html {
    const style = `padding:28px 0 0;${this.colour("ink")};${font(size, leading)}${more && `;${more}`}`;
    return markup`<tr><td class="ink" style="${style}">${content}</td></tr>\n`;
  }

  passages(list: readonly Passage[]): Html {
    return markup`${
      list.map(({ kind, direction, lines }) => {
        const side = direction === "rtl" ? "right" : "left";
        const quoted =
          `;padding-${side}:14px;border-${side}:2px solid ${this.palette.accent};font-style:italic`;
        const style = `margin:10px 0 0${kind === "quote" ? quoted : ""}${
          side === "right" ? ";text-align:right" : ""
        }`;
        const text = lines.map((line, index) =>
          markup`${index > 0 && trusted("<br>")}${line.map((inline) => this.inline(inline))}`
        );
        return markup`<p${turned(direction)} style="${style}">${text}</p>\n`;
      })
    }`;
  }

  inline(inline: Inline): Html {
    return inline.kind === "text" ? markup`${inline.text}` : anchor(this.palette, inline.href, inline.text);
  }

  picture({ picture, alt, caption, missing, elsewhere }: PictureBlock): Html {
    const { page } = this.letter.links;
    const source = webAddress(picture?.url);
    if (source === null) {
      return page === null
        ? this.line("muted", 15, 24, missing, "margin-top:14px;font-style:italic")
        : this.linkLine(15, 24, page, elsewhere);
    }
    const style = "display:block;width:100%;max-width:560px;height:auto;border-radius:3px";
    const image = markup`<img src="${source}" alt="${alt}" width="560" style="${style}">`;
    return markup`<p style="margin:16px 0 0">${image}</p>
${caption !== null && this.line("muted", 13, 20, caption, "margin-top:6px;font-style:italic")}`;
  }

  music({ title, artist, invitation, href }: MusicBlock): Html {
    const { card, hairline } = this.palette;
    const box = `margin:16px 0 0;background-color:${card};border:1px solid ${hairline};border-radius:4px`;
    const note = `padding:12px 0 12px 16px;${this.colour("accent")};${font(24, 30)}`;
    const muted = (text: string) =>
      markup`<span class="muted" style="${this.colour("muted")}">${text}</span>`;
    const listen = href === null ? muted(invitation) : anchor(this.palette, href, invitation);
    return markup`<${TABLE} class="card rule" bgcolor="${card}" style="${box}"><tr>
<td class="accent" width="24" align="center" aria-hidden="true" style="${note}">♫</td>
<td style="padding:12px 18px 12px 14px;${font(15, 22)}"><strong class="ink" style="${
      this.colour("ink")
    }">${title}</strong>
${artist !== null && markup`<br>${muted(artist)}`}<br>${listen}</td>
</tr></table>`;
  }

  /** What is said at the end of a letter that is cut. */
  rest({ letter: { words }, cut, dropped }: Abridged): Html | null {
    if (cut.size === 0 && dropped === 0) return null;
    const said = markup`${this.line("muted", 15, 24, words.abridged)}
${dropped > 0 && this.line("muted", 15, 24, words.moreAnswers(dropped))}${this.continuation()}`;
    return this.row(36, said);
  }

  /** The link to the rest of an answer, or of the letter. */
  continuation(id?: string): Html | null {
    const { links, words } = this.letter;
    if (links.page === null) return null;
    const page = new URL(links.page);
    if (id !== undefined) page.hash = id;
    return this.linkLine(15, 24, page.href, words.continueOnTheWeb);
  }

  colophon(footer: string): Html {
    const { words, space, links } = this.letter;
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

  /** A large numeral, or the initials: said by the words beside them. */
  ornament(role: Role, size: number, leading: number, text: Part, more: string): Html {
    const style = `${more};${this.colour(role)};${font(size, leading)}`;
    return markup`<p class="${role}" aria-hidden="true" style="${style}">${text}</p>`;
  }
}

function font(size: number, leading: number): string {
  return `font-family:Georgia,'Times New Roman',serif;font-size:${size}px;line-height:${leading}px`;
}

function anchor(palette: Palette, href: string, label: string, role: Role = "link"): Html {
  const style = `color:${palette[role]};text-decoration:underline`;
  return markup`<a class="${role}" href="${href}" style="${style}">${label}</a>`;
}

function turned(direction: "ltr" | "rtl"): Html | false {
  return direction === "rtl" && trusted(` dir="rtl"`);
}

function scheme({ colours }: Letter): string {
  return colours.themed ? (isDark(colours.light) ? "dark" : "light") : "light dark";
}

/** Only what cannot be inline: other colours in the dark, a smaller headline on phones. */
function styleSheet(letter: Letter): string {
  const { dark, themed } = letter.colours;
  const roles: Role[] = ["ink", "muted", "accent", "link"];
  const repainted = [
    `.paper{background-color:${dark.paper}!important}`,
    `.card{background-color:${dark.card}!important}`,
    `.rule{border-color:${dark.hairline}!important}`,
    ...roles.map((role) => `.${role}{color:${dark[role]}!important}`),
  ];
  return [
    `:root{color-scheme:${scheme(letter)}}`,
    themed ? "" : `@media (prefers-color-scheme:dark){${repainted.join("")}}`,
    "@media (max-width:480px){.h1{font-size:30px!important;line-height:35px!important}}",
  ].join("");
}

/** The line that programs show beside the subject. */
function preview({ words, authors, week }: Letter): string {
  if (authors.length === 0) return words.quietWeek;
  const named = authors.length <= 3 ? authors : [...authors.slice(0, 2), words.others(authors.length - 2)];
  const last = named[named.length - 1];
  const names = named.length === 1 ? last : `${named.slice(0, -1).join(", ")} ${words.and} ${last}`;
  return words.preheader(names, week);
}
