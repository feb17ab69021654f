/** The style sheet of the page. Names in the margin, words in the middle, colours as variables. */

import { type Colours, isDark, type Palette, PRINT } from "./palette.ts";

/** Return the style sheet for these colours, without the typeface. */
export function pageStyle({ light, dark, themed }: Colours): string {
  const scheme = themed ? (isDark(light) ? "dark" : "light") : "light dark";
  const night = themed ? "" : `@media (prefers-color-scheme: dark) { :root { ${variables(dark)} } }`;
  return `:root { color-scheme: ${scheme}; ${variables(light)} }\n${night}\n${RULES}\n` +
    `@media print { :root { color-scheme: light; ${variables(PRINT)} } ${PRINT_RULES} }`;
}

function variables(palette: Palette): string {
  return Object.entries(palette).map(([name, colour]) => `--${name}: ${colour};`).join(" ");
}

const RULES = `
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 400 1.125rem/1.62 Literata, "Iowan Old Style", "Palatino Linotype", Georgia, serif;
  font-kerning: normal;
  overflow-wrap: anywhere;
  text-rendering: optimizeLegibility;
}
a { color: var(--link); text-decoration-thickness: 0.06em; text-underline-offset: 0.18em; }
a:hover { text-decoration-thickness: 0.12em; }
:focus-visible { outline: 0.15rem solid var(--link); outline-offset: 0.2rem; border-radius: 0.1rem; }
h1, h2, h3, p, figure, blockquote, ol { margin: 0; padding: 0; }
img { display: block; max-width: 100%; height: auto; }

.skip { position: absolute; left: -100vw; padding: 0.5rem 1rem; background: var(--paper); }
.skip:focus { left: 0; }

/* The margin holds what belongs to the words beside it: seal, numerals, names. */
.sheet { max-width: 50rem; margin: 0 auto; padding-inline: 1.5rem; }
.row { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); column-gap: 2.25rem; }

.masthead { padding-top: clamp(2.5rem, 7vw, 5.5rem); }
.masthead .row { align-items: start; }
.seal {
  display: grid;
  place-items: center;
  width: 5.25rem;
  height: 5.25rem;
  border: 1.5px solid var(--accent);
  border-radius: 50%;
  outline: 1px solid var(--accent);
  outline-offset: 3px;
  color: var(--link);
  font-size: 1.9rem;
  line-height: 1;
  letter-spacing: -0.02em;
}
.seal.long { font-size: 1.45rem; }
.space { color: var(--muted); font-size: 1.0625rem; font-style: italic; }
h1 {
  margin-top: 0.1em;
  font-size: clamp(2.3rem, 6.4vw, 3.7rem);
  font-weight: 400;
  line-height: 1.08;
  letter-spacing: -0.022em;
  text-wrap: balance;
}
.issue { margin-top: 1.1rem; color: var(--muted); font-size: 0.9375rem; font-feature-settings: "onum"; }
.issue > * + *::before { content: "·"; margin: 0 0.5em; }
.issue .week { color: var(--ink); font-weight: 600; }
.cover { margin-top: 2.5rem; }
.cover img { width: 100%; max-height: 26rem; object-fit: cover; border-radius: 0.2rem; }

.intro { margin-top: 2.75rem; font-size: 1.25rem; line-height: 1.55; font-style: italic; }
.passages > * + * { margin-top: 0.85em; }
blockquote { padding-inline-start: 1.1em; border-inline-start: 2px solid var(--accent); font-style: italic; }

.contents { margin-top: 2.75rem; padding: 1.1rem 0; border: solid var(--hairline); border-width: 1px 0; font-size: 1rem; }
.contents ol { list-style: none; }
.contents li { display: flex; gap: 0.9em; line-height: 1.4; }
.contents li + li { margin-top: 0.55em; }
.contents li > span { flex: none; width: 1.2em; color: var(--link); text-align: right; font-feature-settings: "onum"; }
.contents a { color: inherit; text-decoration-color: var(--hairline); }

.prompt { margin-top: clamp(3.5rem, 8vw, 5.5rem); }
.numeral {
  color: var(--accent);
  font-size: 3.7rem;
  line-height: 0.86;
  letter-spacing: -0.03em;
  font-feature-settings: "lnum";
}
h2 { font-size: clamp(1.5rem, 3.6vw, 1.95rem); font-weight: 400; line-height: 1.24; letter-spacing: -0.012em; text-wrap: balance; }
.none { margin-top: 1rem; color: var(--muted); font-style: italic; }

.answer { margin-top: 2.6rem; }
.answer + .answer { padding-top: 2.6rem; background: linear-gradient(var(--hairline), var(--hairline)) no-repeat 9.75rem 0 / 3rem 1px; }
.author { display: flex; flex-direction: column; gap: 0.6rem; line-height: 1.3; }
.avatar {
  display: grid;
  flex: none;
  place-items: center;
  width: 3rem;
  height: 3rem;
  border-radius: 50%;
  background: var(--card);
  border: 1px solid var(--hairline);
  color: var(--ink);
  font-size: 1.05rem;
  line-height: 1;
  object-fit: cover;
  overflow: hidden;
}
h3 { font-size: 0.9375rem; font-weight: 600; }
.username { color: var(--muted); font-size: 0.8125rem; }
.brief { font-size: 1.4rem; line-height: 1.42; letter-spacing: -0.006em; }
.words > * + * { margin-top: 1.4rem; }

figure img { border-radius: 0.2rem; background: var(--mat); }
.answer figure img { width: auto; max-height: 38rem; }
figcaption, .missing { margin-top: 0.55rem; color: var(--muted); font-size: 0.875rem; font-style: italic; }
.missing { padding: 1.4rem; border: 1px dashed var(--muted); border-radius: 0.2rem; margin-top: 0; }

.music {
  display: flex;
  align-items: center;
  gap: 1.1rem;
  max-width: 27rem;
  padding: 0.95rem 1.2rem;
  border: 1px solid var(--hairline);
  border-radius: 0.3rem;
  background: var(--card);
  font-size: 1rem;
  line-height: 1.35;
}
.music svg { flex: none; width: 2.5rem; height: 2.5rem; color: var(--accent); }
.music .title { font-weight: 600; }
.music .artist { color: var(--muted); }
.music .listen { margin-top: 0.25rem; font-size: 0.9rem; }

.quiet { margin-top: 4rem; font-size: 1.6rem; line-height: 1.4; font-style: italic; text-wrap: balance; }
.colophon { margin-top: clamp(4rem, 9vw, 6.5rem); padding: 1.75rem 0 3.5rem; border-top: 1px solid var(--hairline); color: var(--muted); font-size: 0.9375rem; }
.colophon p + p { margin-top: 0.35rem; }
.colophon .description { color: var(--ink); font-style: italic; }
.colophon a + a { margin-left: 1.25em; }

@media (max-width: 40rem) {
  body { font-size: 1.0625rem; }
  .sheet { padding-inline: 1.25rem; }
  .row { display: block; }
  .masthead .seal { width: 4.25rem; height: 4.25rem; margin-bottom: 1.4rem; font-size: 1.5rem; }
  .masthead .seal.long { font-size: 1.15rem; }
  .intro { font-size: 1.15rem; }
  .numeral { margin-bottom: 0.9rem; font-size: 3rem; }
  .author { flex-direction: row; align-items: center; gap: 0.75rem; margin-bottom: 0.95rem; }
  .author .avatar { width: 2.5rem; height: 2.5rem; font-size: 0.9rem; }
  .answer + .answer { background-position: 0 0; }
  .brief { font-size: 1.25rem; }
  .quiet { font-size: 1.35rem; }
}`;

const PRINT_RULES = `
  body { font-size: 10.5pt; line-height: 1.5; }
  .skip, .contents { display: none; }
  .sheet { max-width: none; padding-inline: 0; }
  .masthead { padding-top: 0; }
  h2, .author, figure, .music { break-inside: avoid; }
  h2, .numeral, .author { break-after: avoid; }
  p { orphans: 2; widows: 2; }
  .answer figure img { max-height: 14cm; }
  a { color: inherit; }
`;
