/** Small pages of the functions themselves, in the style of the newsletter. */

import { createHash } from "node:crypto";
import { type Html, markup, trusted } from "./render/html.ts";
import { colours } from "./render/palette.ts";
import type { Words } from "./words/words.ts";

const { light, dark } = colours(null);

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; padding: 12vh 24px 48px; background: ${light.paper}; color: ${light.ink};
  font: 1.125rem/1.6 Literata, Charter, Georgia, serif; }
main { max-width: 34rem; margin: 0 auto; }
h1 { font-size: 1.9rem; line-height: 1.25; font-weight: 500; margin: 0 0 1rem; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; }
form { margin: 0 0 0.75rem; }
button { font: inherit; padding: 0.55rem 1.1rem; border-radius: 0.4rem; border: 1px solid ${light.link};
  background: ${light.link}; color: ${light.paper}; cursor: pointer; }
form + form button { background: none; color: ${light.link}; }
button:focus-visible { outline: 3px solid ${light.accent}; outline-offset: 2px; }
.quiet { color: ${light.muted}; font-size: 0.95rem; margin-top: 2.5rem; }
@media (prefers-color-scheme: dark) {
  body { background: ${dark.paper}; color: ${dark.ink}; }
  button { border-color: ${dark.link}; background: ${dark.link}; color: ${dark.paper}; }
  form + form button { color: ${dark.link}; }
  .quiet { color: ${dark.muted}; }
}
`;

/** What such a page may do: show itself, and send its own forms. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${
  createHash("sha256").update(STYLE).digest("base64")
}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

export function simplePage(words: Words, { title, body }: { title: string; body: Html }): string {
  return markup`<!DOCTYPE html>
<html lang="${words.lang}" dir="${words.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
<p class="quiet">${words.say("letter.madeWith")}</p>
</main>
</body>
</html>
`.source;
}
