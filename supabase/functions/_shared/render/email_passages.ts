/** People's words in an email: paragraphs, quotes, poems and lists. */

import { type Design, reachesBelow } from "./design.ts";
import { directed, type Html, markup, trusted } from "./html.ts";
import { type Item, itemsOf, movedIn } from "./items.ts";
import { anchor, sideOf, slanted, styles, turned } from "./email_parts.ts";
import type { Palette } from "./palette.ts";
import { characters, type Direction, type Inline, type Passage, plain, withGaps } from "./text.ts";

/**
 * Initials beside and on lines of body text. In programs without floats, a drop cap is a large character on its line.
 */
const INITIALS: Readonly<Record<Exclude<Design["initial"], "plain">, string>> = {
  drop: "float:left;padding:5px 5px 0 0;font-size:58px;line-height:46px",
  raised: "font-size:42px;line-height:40px",
};

/** For a drop cap that reaches below two lines: the third begins beside it, too. */
const LOW = ";padding-bottom:14px";

/** Sets passages one below the other. */
export class PassageSetter {
  constructor(
    readonly palette: Palette,
    /** Of the words around them. */
    readonly direction: Direction,
    /** Returns the `lang` attribute of a passage, or false if it needs none. */
    readonly languageTag: (language: string | null) => Html | false,
  ) {}

  /** @param italic Whether all of them are in italics, as quotes are. */
  passages(list: readonly Passage[], initial: Design["initial"] = "plain", italic = false): Html {
    return markup`${
      list.map((passage, index) => {
        const { kind, direction, language, lines } = passage;
        const side = sideOf(direction);
        const quoted = `padding-${side}:14px;border-${side}:2px solid ${this.palette.accent}`;
        const type = italic || kind === "quote" ? slanted(plain(passage)) : "";
        const style = styles(
          "margin:10px 0 0",
          kind === "quote" ? quoted : "",
          type,
          side === sideOf(this.direction) ? "" : `text-align:${side}`,
        );
        const isQuote = kind === "quote" && trusted(` class="quote"`);
        const attributes = markup`${isQuote}${turned(direction, this.direction)}${
          this.languageTag(language)
        }`;
        return kind === "list"
          ? this.list(itemsOf(passage), side, style, attributes)
          : markup`<p${attributes} style="${style}">${
            index === 0 && initial !== "plain"
              ? this.begun(lines.map(movedIn), initial)
              : this.lines(lines.map(movedIn))
          }</p>\n`;
      })
    }`;
  }

  lines(lines: readonly Inline[][]): Html[] {
    return lines.map((line, index) =>
      markup`${index > 0 && trusted("<br>")}${line.map((inline) => this.inline(inline))}`
    );
  }

  /** Lines of which the first begins with an initial. */
  begun([[first, ...inlines], ...others]: Inline[][], initial: Exclude<Design["initial"], "plain">): Html {
    const [character] = characters(first.text);
    const low = initial === "drop" && reachesBelow(character) ? LOW : "";
    const style = `${INITIALS[initial]}${low};color:${this.palette.link}`;
    const rest = [{ ...first, text: first.text.slice(character.length) }, ...inlines];
    return markup`<span class="link" style="${style}">${character}</span>${this.lines([rest, ...others])}`;
  }

  /** Items, one below the other. From the fifth level on they are not moved any further, so that all fits a phone. */
  list(
    items: readonly Item[],
    side: "left" | "right",
    style: string,
    attributes: Html | false,
    level = 1,
  ): Html {
    const first = items[0].number;
    const tag = trusted(first === null ? "ul" : "ol");
    const start = first !== null && first !== 1 && markup` start="${first}"`;
    const all = items.map(({ number, lines, items: below }, index) => {
      const value = number !== null && number !== first! + index && markup` value="${number}"`;
      const further = below.length > 0 && this.list(below, side, "margin:0", false, level + 1);
      return markup`<li${value} style="margin:4px 0 0">${this.lines(lines)}${further}</li>\n`;
    });
    const room = `padding:0;padding-${side}:${level < 5 ? 24 : 0}px`;
    return markup`<${tag}${start}${attributes} style="${style};${room}">${all}</${tag}>\n`;
  }

  inline(inline: Inline): Html {
    return inline.kind === "text"
      ? directed(withGaps(inline.text))
      : anchor(this.palette, inline.href, inline.text);
  }
}
