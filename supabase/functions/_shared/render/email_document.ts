/** What stands around the rows of an email, of a newsletter or of news. */

import { type Html, markup, trusted } from "./html.ts";
import { type Role, TABLE, turned } from "./email_parts.ts";
import { type Colours, isConstant, isDark } from "./palette.ts";
import type { Direction } from "./text.ts";

/** As wide as the window, with a maximum, whatever words are in it. */
const COLUMN = "max-width:560px;table-layout:fixed;overflow-wrap:anywhere;word-break:break-word";

/**
 * Fills the rest of the preview, so that programs do not show the beginning of the email there: figure spaces and
 * joiners.
 */
const PREVIEW_END = trusted("&#8199;&#847;".repeat(60));

const GHOST_TABLE = trusted(`<!--[if mso]><table role="presentation" width="560"><tr><td><![endif]-->`);
const GHOST_TABLE_END = trusted("<!--[if mso]></td></tr></table><![endif]-->");

/** Write a whole document around the rows of an email. */
export function emailDocument({ lang, direction, title, colours, preview, rows }: {
  lang: string;
  direction: Direction;
  title: string;
  colours: Colours;
  /** What programs show beside the subject. */
  preview: string;
  rows: Html;
}): string {
  const { paper } = colours.light;
  // Programs show the contents of the body only, and some of them each table by itself.
  const turn = turned(direction, "ltr");
  return markup`<!DOCTYPE html>
<html lang="${lang}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no">
<meta name="color-scheme" content="${scheme(colours)}">
<meta name="supported-color-schemes" content="${scheme(colours)}">
<title>${title}</title>
<style>${trusted(styleSheet(colours))}</style>
</head>
<body class="paper" style="margin:0;padding:0;background-color:${paper};-webkit-text-size-adjust:100%">
<div${turn} style="display:none;max-height:0;overflow:hidden;mso-hide:all">${preview}${PREVIEW_END}</div>
<${TABLE}${turn} class="paper" width="100%" bgcolor="${paper}" style="background-color:${paper}">
<tr><td align="center" style="padding:0 20px">
${GHOST_TABLE}
<${TABLE}${turn} width="100%" style="${COLUMN}">
${rows}
</table>
${GHOST_TABLE_END}
</td></tr></table>
</body>
</html>
`.source;
}

function scheme(colours: Colours): string {
  return isConstant(colours) ? (isDark(colours.light) ? "dark" : "light") : "light dark";
}

/** Only what cannot be inline: other colours in the dark, a smaller headline on phones. */
function styleSheet(colours: Colours): string {
  const { dark } = colours;
  const roles: Role[] = ["ink", "muted", "accent", "link"];
  const repainted = [
    `.paper{background-color:${dark.paper}!important}`,
    `.card{background-color:${dark.card}!important}`,
    `.button{background-color:${dark.link}!important;color:${dark.paper}!important}`,
    `.rule{border-color:${dark.hairline}!important}`,
    `.quote,.ring{border-color:${dark.accent}!important}`,
    ...roles.map((role) => `.${role}{color:${dark[role]}!important}`),
  ];
  return [
    `:root{color-scheme:${scheme(colours)};font-synthesis:weight}`,
    isConstant(colours) ? "" : `@media (prefers-color-scheme:dark){${repainted.join("")}}`,
    "@media (max-width:480px){.h1{font-size:30px!important;line-height:35px!important}.tall{line-height:42px!important}}",
  ].join("");
}
