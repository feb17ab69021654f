/**
 * HTML that cannot be written unescaped by accident: whatever is put into a `markup` template is escaped, unless it
 * came out of one itself.
 *
 * The tag is not called `html`, because formatters would then change white space, which is significant here.
 */

import { ISOLATED } from "./numbers.ts";

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** A piece of markup. Only `markup` and `trusted` make one. */
export class Html {
  constructor(readonly source: string) {}

  toString(): string {
    return this.source;
  }
}

/** What may stand in a template: text to escape, markup, or nothing. */
export type Part = string | number | Html | readonly Html[] | null | false;

/** Build markup; values are escaped, and may stand in text or in a quoted attribute. */
export function markup(strings: TemplateStringsArray, ...parts: Part[]): Html {
  let source = strings[0];
  parts.forEach((part, index) => {
    source += text(part) + strings[index + 1];
  });
  return new Html(source);
}

/** Treat text as markup: for style sheets and other text of our own. */
export function trusted(source: string): Html {
  return new Html(source);
}

/** Write a text whose numbers are kept from left to right by marks (see `numbers.ts`): elements take their place. */
export function directed(text: string): Html {
  const pieces = text.split(ISOLATED);
  return markup`${
    pieces.map((piece, index) => index % 2 === 0 ? markup`${piece}` : markup`<bdi dir="ltr">${piece}</bdi>`)
  }`;
}

export function escapeHtml(value: string): string {
  return value.replace(/[&<>"'`]/g, (character) => ESCAPES[character]);
}

function text(part: Part): string {
  if (part === null || part === false) return "";
  if (part instanceof Html) return part.source;
  if (typeof part === "object") return part.map((piece) => piece.source).join("");
  return escapeHtml(String(part));
}
