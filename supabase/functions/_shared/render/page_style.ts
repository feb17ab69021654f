/** The style sheet of the page. Names in the margin, words in the middle, colours as variables. */

import { type Design, designOf, ORNAMENTS } from "./design.ts";
import { type Colours, isConstant, isDark, type Palette } from "./palette.ts";

/** Return the style sheet for these colours and this design, without the typeface. */
export function pageStyle(colours: Colours, design: Design = designOf(null)): string {
  const { light, dark, print } = colours;
  const scheme = isConstant(colours) ? (isDark(light) ? "dark" : "light") : "light dark";
  const night = isConstant(colours)
    ? ""
    : `@media (prefers-color-scheme: dark) { :root { ${variables(dark)} } }`;
  return `:root { color-scheme: ${scheme}; ${variables(light)} }\n${night}\n${RULES}\n${
    designRules(design)
  }\n${LANGUAGES}\n` +
    `@media print { :root { color-scheme: light; ${variables(print)} } ${PRINT_RULES} }`;
}

const UNSPACED = "letter-spacing:0";
const FIRST_CHARACTER = "::first-letter";

const NUMERALS: Readonly<Record<Design["numerals"], string>> = {
  lining: "",
  oldstyle: `.numeral { font-feature-settings: "onum"; font-style: italic; }`,
  roman: `.numeral { font-size: 2.5rem; line-height: 1.05; letter-spacing: 0.02em; }`,
  ringed:
    `.numeral { display: grid; place-items: center; width: 3.25rem; height: 3.25rem; border: 1.5px solid var(--accent);
  border-radius: 50%; color: var(--link); font-size: 1.6rem; line-height: 1; ${UNSPACED}; }
@media (max-width: 40rem) { .numeral { width: 2.75rem; height: 2.75rem; font-size: 1.35rem; } }`,
};

const INITIALS: Readonly<Record<Design["initial"], string>> = {
  plain: "",
  drop:
    `.initial > p:first-child${FIRST_CHARACTER} { float: left; padding: 0.05em 0.09em 0 0; color: var(--link); font-size: 3.4em;
  line-height: 0.78; }
.initial.low > p:first-child${FIRST_CHARACTER} { padding-bottom: 0.22em; }`,
  raised:
    `.initial > p:first-child${FIRST_CHARACTER} { color: var(--link); font-size: 2.5em; line-height: 1; }`,
};

/** The rules of a theme: its numerals, what stands between responses, and their initials. */
function designRules({ numerals, ornament, initial }: Design): string {
  const drawn = ORNAMENTS[ornament];
  const between = drawn === null
    ? (ornament === "none" ? ".response + .response { background: none; }" : "")
    : `.response + .response { position: relative; background: none; }
.response + .response::before { content: ""; position: absolute; top: -0.4rem; inset-inline-start: var(--beside);
  width: ${drawn.width / 16}rem; height: 1rem; background: var(--accent);
  mask: url("data:image/svg+xml,${encodeURIComponent(drawn.drawing)}") no-repeat; }`;
  return [NUMERALS[numerals], between, INITIALS[initial]].filter((rules) => rules !== "").join("\n");
}

function variables(palette: Palette): string {
  return Object.entries(palette).map(([name, colour]) => `--${name}: ${colour};`).join(" ");
}

/** Typefaces that go with Literata, by the language: those of Apple, Windows, Android and Debian. */
const TYPEFACES: Readonly<Record<string, string>> = {
  ar: `"Noto Naskh Arabic", Amiri, "Geeza Pro", "Traditional Arabic"`,
  fa: `"Noto Naskh Arabic", Amiri, "Geeza Pro", "Traditional Arabic"`,
  ur: `"Noto Nastaliq Urdu", "Noto Naskh Arabic", "Geeza Pro", "Urdu Typesetting"`,
  he: `"Noto Serif Hebrew", "Frank Ruehl CLM", "New Peninim MT", "Times New Roman"`,
  hi: `"Noto Serif Devanagari", "Kohinoor Devanagari", "Nirmala UI"`,
  bn: `"Noto Serif Bengali", "Kohinoor Bangla", "Nirmala UI"`,
  as: `"Noto Serif Bengali", "Kohinoor Bangla", "Nirmala UI"`,
  ta: `"Noto Serif Tamil", "Tamil MN", "Nirmala UI"`,
  th: `"Noto Serif Thai", Thonburi, "Leelawadee UI"`,
  km: `"Noto Serif Khmer", "Khmer MN", "Leelawadee UI"`,
  ka: `"Noto Serif Georgian", "Sylfaen"`,
  hy: `"Noto Serif Armenian", "Mshtakan", "Sylfaen"`,
  ja: `"Hiragino Mincho ProN", "Yu Mincho", "Noto Serif CJK JP", "Noto Serif JP"`,
  ko: `"Nanum Myeongjo", AppleMyungjo, Batang, "Noto Serif CJK KR", "Noto Serif KR"`,
  "zh-Hans": `"Songti SC", "Noto Serif CJK SC", "Noto Serif SC", SimSun`,
  "zh-Hant": `"Songti TC", "Noto Serif CJK TC", "Noto Serif TC", PMingLiU`,
};

/** Languages whose scripts have no italic. */
const UPRIGHT = Object.keys(TYPEFACES).map((language) => `:lang(${language})`).join(", ");

const LANGUAGES = `
${
  Object.entries(TYPEFACES).map(([language, families]) =>
    `:lang(${language}) { font-family: Literata, ${families}, serif, var(--emoji); }`
  ).join("\n")
}
:is(${UPRIGHT}) { font-style: normal; }
@media (max-width: 40rem) {
  .passages > [lang]:not(.verse, ${UPRIGHT}) { -webkit-hyphens: auto; hyphens: auto; hyphenate-limit-chars: 7 3 3; }
  .passages a { -webkit-hyphens: manual; hyphens: manual; }
}
.joined * { letter-spacing: 0; }
:lang(ko) { word-break: keep-all; }
:lang(ja) { line-break: strict; }`;

const RULES = `
:root { --beside: 9.75rem; --emoji: "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"; }
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 400 1.125rem/1.62 Literata, "Iowan Old Style", "Palatino Linotype", Georgia, serif, var(--emoji);
  font-kerning: normal;
  font-synthesis: weight; /* Nothing is slanted whose typeface has no italic. */
  overflow-wrap: anywhere;
  text-rendering: optimizeLegibility;
}
a { color: var(--link); text-decoration-thickness: 0.06em; text-underline-offset: 0.18em; }
a:hover { text-decoration-thickness: 0.12em; }
:focus-visible { outline: 0.15rem solid var(--link); outline-offset: 0.2rem; border-radius: 0.1rem; }
h1, h2, h3, p, figure, blockquote, ol, ul { margin: 0; padding: 0; }
img { display: block; max-width: 100%; height: auto; }

.skip { position: absolute; inset-inline-start: -100vw; padding: 0.5rem 1rem; background: var(--paper); }
.skip:focus { inset-inline-start: 0; }

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
h1.tall { line-height: 1.4; }
.issue { margin-top: 1.1rem; color: var(--muted); font-size: 0.9375rem; font-feature-settings: "onum"; }
.issue > :not(:last-child)::after { content: "·"; margin-inline: 0.5em 0.25em; color: var(--muted); font-weight: 400; }
.issue time, .issue .week { white-space: nowrap; }
.issue .week { color: var(--ink); font-weight: 600; }
.cover { margin-top: 2.5rem; }
.cover img { width: 100%; max-height: 26rem; object-fit: cover; border-radius: 0.2rem; }

.intro { margin-top: 2.75rem; font-size: 1.25rem; line-height: 1.55; font-style: italic; }
.passages > * + * { margin-top: 0.85em; }
.passages :is(ol, ul) { padding-inline-start: 1.5em; }
.passages li::marker { color: var(--link); font-feature-settings: "lnum", "tnum"; }
.passages li + li, .passages li > :is(ol, ul) { margin-top: 0.3em; }
.verse > span { display: block; padding-inline-start: 2.5em; text-indent: -2.5em; white-space: pre-wrap; }
blockquote { padding-inline-start: 1.1em; border-inline-start: 2px solid var(--accent); font-style: italic; }

.contents { margin-top: 2.75rem; padding: 1.1rem 0; border: solid var(--hairline); border-width: 1px 0; font-size: 1rem; }
.contents ol { display: grid; grid-template-columns: minmax(1.2em, max-content) 1fr; align-items: baseline; gap: 0.25em 0.9em; list-style: none; line-height: 1.4; }
.contents li { display: contents; }
.contents li > span { color: var(--link); text-align: end; font-feature-settings: "onum"; }
.contents a { padding-block: 0.15em; color: inherit; text-decoration-color: var(--hairline); }

.prompt { margin-top: clamp(3.5rem, 8vw, 5.5rem); }
.numeral {
  color: var(--accent);
  font-size: 3.7rem;
  line-height: 0.86;
  letter-spacing: -0.03em;
  font-feature-settings: "lnum";
}
h2 { font-size: clamp(1.5rem, 3.6vw, 1.95rem); font-weight: 400; line-height: 1.24; letter-spacing: -0.012em; text-wrap: balance; }
h2.tall { line-height: 1.45; }
.none { margin-top: 1rem; color: var(--muted); font-style: italic; }

.response { margin-top: 2.6rem; }
.response + .response { padding-top: 2.6rem; background: linear-gradient(var(--hairline), var(--hairline)) no-repeat var(--beside) 0 / 3rem 1px; }
[dir="rtl"] .response + .response { background-position: right var(--beside) top 0; }
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
  white-space: nowrap;
}
h3 { font-size: 0.9375rem; font-weight: 600; }
@media (min-width: 40.01rem) {
  /* A name may reach into the gap between margin and words. */
  .author > div { margin-inline-end: -0.75rem; }
  h3.long { font-size: 0.8125rem; }
}
.username { color: var(--muted); font-size: 0.8125rem; }
.brief { font-size: 1.4rem; line-height: 1.42; letter-spacing: -0.006em; }
.words > * + * { margin-top: 1.4rem; }

figure img { border-radius: 0.2rem; background: var(--mat); }
/* Nothing shines through these: until they are there, nothing is to shine at night. */
figure img:is([src*="image/jpeg"], [src*=".jpeg"]) { background: var(--card); }
figure a { display: block; width: fit-content; max-width: 100%; }
.response figure img { width: auto; max-height: 38rem; }
figcaption, .missing { color: var(--muted); font-size: 0.875rem; font-style: italic; }
figcaption { margin-top: 0.55rem; }
.missing { padding: 1.4rem; border: 1px dashed var(--muted); border-radius: 0.2rem; }

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
.music .listen { margin-top: 0.1rem; font-size: 0.9rem; }
.music .listen a { display: inline-block; padding-block: 0.2rem; }

.quiet { margin-top: 4rem; font-size: 1.6rem; line-height: 1.4; font-style: italic; text-wrap: balance; }
.around { margin-top: clamp(4rem, 9vw, 6.5rem); font-size: 1rem; }
.around .row > div + div { display: grid; grid-template-columns: 1fr 1fr; gap: 1.25rem 2rem; padding-top: 1.75rem; border-top: 1px solid var(--hairline); }
.around a { line-height: 1.4; text-decoration: none; }
.around a:hover bdi { text-decoration: underline; }
.around span { display: block; color: var(--muted); font-size: 0.875rem; font-style: italic; }
.around b { display: block; color: var(--ink); font-weight: 600; font-feature-settings: "onum"; }
.around .next { grid-column: 2; text-align: end; }
.around .all { padding-block: 0.15rem; grid-column: 1 / -1; justify-self: start; font-size: 0.9375rem; text-decoration: underline; }
.around + footer .colophon { margin-top: 1.75rem; }
.colophon { margin-top: clamp(4rem, 9vw, 6.5rem); padding: 1.75rem 0 3.5rem; border-top: 1px solid var(--hairline); color: var(--muted); font-size: 0.9375rem; }
.colophon p + p { margin-top: 0.35rem; }
.colophon .description { color: var(--ink); font-style: italic; }
.colophon .code { font-size: 0.8125rem; font-variant-numeric: tabular-nums; letter-spacing: 0.03em; overflow-wrap: anywhere; }
.colophon a, .feed a { display: inline-block; }
.colophon .links { display: flex; flex-wrap: wrap; gap: 0.35rem 1.25em; }

@media (max-width: 40rem) {
  :root { --beside: 0rem; }
  body { font-size: 1.0625rem; }
  .sheet { padding-inline: 1.25rem; }
  .row { display: block; }
  .masthead .seal { width: 4.25rem; height: 4.25rem; margin-bottom: 1.4rem; font-size: 1.5rem; }
  .masthead .seal.long { font-size: 1.15rem; }
  .intro { font-size: 1.15rem; }
  .numeral { margin-bottom: 0.9rem; font-size: 3rem; }
  .author { flex-direction: row; align-items: center; gap: 0.75rem; margin-bottom: 0.95rem; }
  .author .avatar { width: 2.5rem; height: 2.5rem; font-size: 0.9rem; }
  .brief { font-size: 1.25rem; }
  .quiet { font-size: 1.35rem; }
  /* Below this there would be no room for words. */
  .passages :is(ol, ul) :is(ol, ul) :is(ol, ul) :is(ol, ul) { padding-inline-start: 0.45em; }
}

/* The page of all newsletters. */
.letters { margin-top: 3rem; list-style: none; }
.letters .year { margin-top: 2.5rem; color: var(--muted); font-size: 1rem; font-weight: 600; }
.letters ol { list-style: none; border-top: 1px solid var(--hairline); margin-top: 0.6rem; }
.letters li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.2rem 1.5rem; align-items: baseline; padding: 0.8rem 0; border-bottom: 1px solid var(--hairline); }
.letters li a { font-size: 1.25rem; line-height: 1.3; text-decoration-color: var(--hairline); }
.letters li span { color: var(--muted); font-size: 0.9375rem; font-feature-settings: "onum"; }
.letters time { grid-column: 1 / -1; color: var(--muted); font-size: 0.875rem; }
.feed { margin-top: 2.5rem; font-size: 0.9375rem; }`;

/** The page on paper, like the PDF: its grid, its measures, and what stays together. */
const PRINT_RULES = `
  @page { margin: 19mm 17mm 21mm; @bottom-right { content: counter(page) " / " counter(pages); color: var(--muted); font-size: 7.5pt; } }
  html { font-size: 10.2pt; }
  body { font-size: 10.2pt; line-height: 15.8pt; }
  .skip, .contents, .around { display: none; }
  .sheet { max-width: none; padding-inline: 0; }
  .row { display: grid; grid-template-columns: 100pt minmax(0, 1fr); column-gap: 12pt; }
  .masthead { padding-top: 0; }
  .masthead .seal { width: 50pt; height: 50pt; margin-block: 4pt 0; margin-inline: 4pt 0; font-size: 17pt; }
  .masthead .seal.long { font-size: 13pt; }
  .space { font-size: 11pt; }
  h1 { font-size: 31pt; line-height: 35pt; }
  h1.tall { line-height: 45pt; }
  .issue { margin-top: 8pt; font-size: 8.5pt; line-height: 13pt; }
  .cover { margin-top: 18pt; }
  .cover img { aspect-ratio: 3 / 2; max-height: 7cm; }
  .intro { margin-top: 24pt; font-size: 12.5pt; line-height: 19.75pt; }
  .passages > * + * { margin-top: 15.8pt; }
  .prompt { margin-top: 47.4pt; }
  .prompt > .row { align-items: baseline; break-inside: avoid; break-after: avoid; }
  .numeral { margin: 0; font-size: 36pt; line-height: 27pt; }
  h2 { font-size: 17pt; line-height: 22.5pt; }
  h2.tall { line-height: 29pt; }
  /* No line between them: a page may begin with either, and would begin with the line. */
  .response, .response + .response { min-height: 31.6pt; margin-top: 23.7pt; padding-top: 0; background: none; }
  .response + .response::before { content: none; }
  .author { flex-direction: row; align-items: baseline; align-self: start; gap: 6pt; margin: 0; line-height: 11pt; break-inside: avoid; }
  .author .avatar { align-self: start; width: 22pt; height: 22pt; font-size: 7.6pt; }
  .author > div { margin: 0; }
  h3 { font-size: 8.2pt; }
  h3.long { font-size: 7.1pt; }
  .username { font-size: 7.2pt; line-height: 10pt; }
  .brief { font-size: 13.5pt; line-height: 19.75pt; text-wrap: balance; }
  .words > * + * { margin-top: 11pt; }
  .words > .passages:has(+ *), .words > .passages:has(+ *) > :last-child { break-after: avoid; }
  .words > .passages:has(+ *) > :last-child { break-inside: avoid; }
  .words > .passages:has(+ figure) > :nth-last-child(2) { break-after: avoid; }
  .passages > p:has(+ :is(ol, ul)) { break-after: avoid; }
  figure, .music, .missing, .response.short { break-inside: avoid; }
  figure + .music { break-before: avoid; }
  /* Two of them fit a page, with their words and a heading; what is read on a screen is larger. */
  .response figure img { max-height: 8.5cm; }
  .response figure.screen img { max-height: 14cm; }
  figcaption { margin-top: 4pt; font-size: 8pt; line-height: 12pt; }
  /* Two portraits in a row stand side by side. */
  .response.pair { display: inline-block; width: calc(50% - 64pt); vertical-align: top; break-inside: avoid; }
  .pair.first { margin-inline: 112pt 12pt; }
  .pair > .row { display: block; }
  .pair .author { margin-bottom: 7pt; }
  .pair .words { display: flex; flex-direction: column; gap: 7pt; }
  .pair .words > * { margin: 0; }
  .pair figure { order: -1; }
  .music { width: 270pt; padding: 10pt 14pt; font-size: 9.5pt; line-height: 14pt; }
  .music svg { width: 30pt; height: 30pt; }
  p, li { orphans: 2; widows: 2; }
  .colophon { margin-top: 39.5pt; padding: 14pt 0 0; font-size: 8.8pt; line-height: 13.5pt; break-inside: avoid; }
  footer { break-before: avoid; break-inside: avoid; }
  .prompt:last-of-type > .response:last-child { break-after: avoid; }
  .colophon .code { font-size: 8.8pt; }
  a { color: inherit; }
`;
