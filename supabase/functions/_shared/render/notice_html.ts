/** Renders a notice as an email: in the style of the newsletter's, with buttons where there is something to do. */

import { directed, type Html, markup, type Part, trusted } from "./html.ts";
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
import { type Colours, colours, type Palette } from "./palette.ts";
import { type Direction, direction, type Passage } from "./text.ts";

/** A link that stands out. */
export interface Button {
  label: string;
  href: string;
}

/** A published question. */
export interface AskedQuestion {
  number: number;
  question: string;
  /** Who asks it, where not all are of the same person. */
  by: string | null;
  button: Button | null;
}

/** The content of a notice. Its texts are clean (see `text.ts`), its addresses are http(s). */
export interface Notice {
  lang: string;
  /** Of our own words. */
  direction: Direction;
  subject: string;
  /** Beside the subject. */
  preview: string;
  /** In the place of a picture: initials. */
  seal: string;
  /** Above the headline, unless it is empty. */
  space: string;
  headline: string;
  sentences: readonly string[];
  /** Somebody's own words; empty where there are none. */
  quote: readonly Passage[];
  questions: readonly AskedQuestion[];
  /** Pieces of news, one below the other. */
  items: { text: string; quotes: readonly (readonly Passage[])[] }[];
  button: Button | null;
  /** Why the reader gets it. */
  reason: string;
}

/** Write the HTML; `footer` is put where a person's own links come. */
export function noticeHtml(notice: Notice, footer: string): string {
  const shades: Colours = colours(null);
  const palette = shades.light;
  const { space, headline, sentences, quote, questions, items, button } = notice;
  const set = new Setter(palette, notice.direction);
  const title = headlineType(headline, 32, 38);
  const head = markup`${
    set.line(
      "link",
      15,
      20,
      notice.seal,
      `margin:0 0 14px;${SPACED}`,
      trusted(` aria-hidden="true"`),
    )
  }
${
    space !== "" &&
    set.line(
      "muted",
      16,
      24,
      markup`<bdi${ownDirection(space, notice.direction)}>${space}</bdi>`,
      styles("margin:0 0 6px", slanted(space)),
    )
  }
<h1 class="${title.name}" style="margin:0;color:${palette.ink};${title.style}">${headline}</h1>`;
  const rows = markup`${row(40, head)}
${row(22, markup`${sentences.map((sentence) => set.line("ink", 17, 28, sentence, "margin:0 0 12px"))}`)}
${quote.length > 0 && row(6, set.quote(quote))}
${
    questions.map(({ number, question, by, button }) =>
      row(
        30,
        markup`<${TABLE} width="100%"><tr>
<td class="accent" width="44" valign="top" aria-hidden="true" style="color:${palette.accent};${
          font(30, 31)
        }">${number}</td>
<td valign="top"><h2 class="ink"${
          turned(direction(question, notice.direction), notice.direction)
        } style="margin:0;color:${palette.ink};${font(21, 31)};font-weight:normal">${directed(question)}</h2>
${by !== null && set.line("muted", 15, 24, by, styles("margin:4px 0 0", slanted(by)))}
${button !== null && set.button(button, true)}</td>
</tr></table>`,
      )
    )
  }
${
    items.map(({ text, quotes }) =>
      row(
        0,
        markup`<${TABLE} width="100%"><tr><td class="rule" style="border-top:1px solid ${palette.hairline};padding:14px 0">${
          set.line("ink", 17, 28, text)
        }${quotes.map((said) => set.quote(said))}</td></tr></table>`,
      )
    )
  }
${button !== null && row(24, set.button(button, false))}
${
    row(
      48,
      markup`<${TABLE} width="100%"><tr><td class="rule" style="border-top:1px solid ${palette.hairline};padding:18px 0 40px">${
        set.line("muted", 13, 22, markup`${notice.reason}${trusted(footer)}`)
      }</td></tr></table>`,
    )
  }`;
  return emailDocument({
    lang: notice.lang,
    direction: notice.direction,
    title: notice.subject,
    colours: shades,
    preview: notice.preview,
    rows,
  });
}

/** A link of the personal footer, on a line of its own. */
export function noticeFooterLink(href: string, label: string): string {
  return markup`<br>${anchor(colours(null).light, href, label, "muted")}`.source;
}

function row(space: number, content: Part): Html {
  return markup`<tr><td style="padding:${space}px 0 0">${content}</td></tr>\n`;
}

class Setter {
  constructor(
    readonly palette: Palette,
    /** Of what is around it. */
    readonly direction: Direction,
  ) {}

  line(
    role: Role,
    size: number,
    leading: number,
    text: Part,
    more = "",
    attributes: Html | false = false,
  ): Html {
    const style = `margin:0;color:${this.palette[role]};${font(size, leading)}${more && `;${more}`}`;
    return markup`<p class="${role}"${attributes} style="${style}">${text}</p>\n`;
  }

  /** Somebody's words, set as in a newsletter, behind a line. */
  quote(words: readonly Passage[]): Html {
    const own = words[0].direction;
    const side = sideOf(own);
    const { accent, ink } = this.palette;
    const style = `padding-${side}:14px;border-${side}:2px solid ${accent};color:${ink};${font(17, 28)}`;
    const setter = new PassageSetter(
      this.palette,
      own,
      (language) => language !== null && markup` lang="${language}"`,
    );
    // Some programs apply fonts to cells but not to a `div`.
    return markup`<${TABLE} width="100%" style="margin:10px 0 0"><tr><td class="ink quote"${
      turned(own, this.direction)
    } style="${style}">${setter.passages(words, "plain", true)}</td></tr></table>\n`;
  }

  /** The cell has the padding, too, since Outlook ignores a link's. */
  button({ label, href }: Button, isSmall: boolean): Html {
    const { link, paper } = this.palette;
    const padding = isSmall ? "8px 14px" : "11px 20px";
    const text =
      `display:inline-block;padding:${padding};color:${paper};background-color:${link};border-radius:4px;` +
      `${font(isSmall ? 14 : 16, isSmall ? 18 : 20)};text-decoration:none;mso-padding-alt:0`;
    return markup`<${TABLE} style="margin:${
      isSmall ? 12 : 0
    }px 0 0"><tr><td class="button" bgcolor="${link}" style="background-color:${link};border-radius:4px;mso-padding-alt:${padding}"><a class="button" href="${href}" style="${text}">${label}</a></td></tr></table>`;
  }
}
