/**
 * Prepares an email's HTML for the preview in the mailbox, in light or dark colours, whatever this device prefers.
 *
 * Not every browser lets a page choose the colour scheme of a frame in it. So each `prefers-color-scheme` in the HTML
 * is replaced by a condition that is always true or always false.
 */

export type Scheme = "light" | "dark";

/** Conditions that may replace `(prefers-color-scheme: ...)` anywhere, also after `not`. */
const ALWAYS = "(min-width: 0px)";
const NEVER = "(max-width: -1px)";

const PREFERS = /\(\s*prefers-color-scheme\s*(?::\s*(light|dark)\s*)?\)/gi;

/** The property `color-scheme` and `<meta name="color-scheme">`, with the schemes that the email supports. */
const PROPERTY =
  /((?:^|[\s;{"'])color-scheme\s*:\s*)((?:only|light|dark|\s)+?)(?=\s*(?:!important\s*)?[;}"'])/gi;
const META = /<meta\b(?=[^<>]*\bname\s*=\s*["']?(?:supported-)?color-schemes?\b)[^<>]*>/gi;

/** A frame in the email. The policy does not let it load, but a browser would connect to its host before it checks. */
const FRAME = /<(\/?)(?=i?frame\b)/gi;

/** The names of this machine in the URLs of pictures. */
const LOCAL_HOSTS = ["127.0.0.1", "localhost"];

/**
 * The content security policy of a preview: besides embedded content it may load pictures of this stack, but not of
 * other programs on this machine, and no script may run. It has the origin of the mailbox, so that the page around it
 * can read its height; that is safe because it has no scripts.
 *
 * @param port The port of the stack.
 */
export function previewPolicy(port: string): string {
  const pictures = LOCAL_HOSTS.map((name) => `http://${name}:${port}`).join(" ");
  return "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; " +
    `default-src 'none'; img-src data: 'self' ${pictures}; style-src 'unsafe-inline'; ` +
    "font-src data:; form-action 'none'; frame-ancestors 'self'";
}

/** The HTML for a colour scheme, or unchanged without one. Links open in a new tab. */
export function preview(html: string, scheme: Scheme | null): string {
  const framed = scheme === null ? html : inScheme(html, scheme);
  const seen = framed.replace(FRAME, "<$1no-");
  const base = `<base target="_blank">`;
  for (const place of [/<head\b[^>]*>/i, /<html\b[^>]*>/i, /^\s*<!doctype[^>]*>/i]) {
    if (place.test(seen)) return seen.replace(place, (tag) => tag + base);
  }
  return base + seen;
}

function inScheme(html: string, scheme: Scheme): string {
  const chosen = (schemes: string) =>
    new RegExp(`\\b${scheme}\\b`, "i").test(schemes) ? `only ${scheme}` : schemes;
  return html
    .replace(PREFERS, (_, asked?: string) => !asked || asked.toLowerCase() === scheme ? ALWAYS : NEVER)
    .replace(PROPERTY, (_, property: string, schemes: string) => property + chosen(schemes))
    .replace(
      META,
      (tag) =>
        tag.replace(/(\bcontent\s*=\s*["']?)([^"'>]*)/i, (_, begin, schemes) => begin + chosen(schemes)),
    );
}

/** The hosts of pictures that are not shown, because they are not on the stack at this port. */
export function blockedHosts(html: string, port: string): string[] {
  const hosts = new Set<string>();
  for (const [, address] of html.matchAll(/<img\b[^<>]*?\bsrc\s*=\s*["']?((?:https?:)?\/\/[^"'\s>]+)/gi)) {
    const url = URL.parse(address.replaceAll("&amp;", "&"), "https://localhost/");
    if (url !== null && !(LOCAL_HOSTS.includes(url.hostname) && url.port === port)) hosts.add(url.host);
  }
  return [...hosts].sort();
}
