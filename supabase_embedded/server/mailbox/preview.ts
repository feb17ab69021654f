/**
 * An email's HTML as the mailbox shows it: as it would look by day or by night, whatever this device prefers.
 *
 * A page cannot tell a frame in it which colour scheme its reader prefers, in every browser. So what asks for the scheme is
 * given the answer: each `prefers-color-scheme` becomes a condition that always holds or never does.
 */

export type Scheme = "light" | "dark";

/** Conditions that may stand wherever `(prefers-color-scheme: ...)` does, also after `not`. */
const ALWAYS = "(min-width: 0px)";
const NEVER = "(max-width: -1px)";

const PREFERS = /\(\s*prefers-color-scheme\s*(?::\s*(light|dark)\s*)?\)/gi;

/** The property, and `<meta name="color-scheme">`, with all the schemes that the email says it has. */
const PROPERTY =
  /((?:^|[\s;{"'])color-scheme\s*:\s*)((?:only|light|dark|\s)+?)(?=\s*(?:!important\s*)?[;}"'])/gi;
const META = /<meta\b(?=[^<>]*\bname\s*=\s*["']?(?:supported-)?color-schemes?\b)[^<>]*>/gi;

/** A frame in the email: the policy does not let it load, but a browser would connect to its machine before it looks. */
const FRAME = /<(\/?)(?=i?frame\b)/gi;

/** The names of this machine, by which emails of the local stack name its pictures. */
const HERE = ["127.0.0.1", "localhost"];

/**
 * What may be shown beside what the email brought along: pictures of this stack, and of no other program on this machine. Nothing
 * runs. The origin is this one's so that the page around it can read how long the email is, which is safe because there is no
 * script in it.
 *
 * @param port Where the stack listens.
 */
export function previewPolicy(port: string): string {
  const pictures = HERE.map((name) => `http://${name}:${port}`).join(" ");
  return "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; " +
    `default-src 'none'; img-src data: 'self' ${pictures}; style-src 'unsafe-inline'; ` +
    "font-src data:; form-action 'none'; frame-ancestors 'self'";
}

/** Return the HTML for a scheme; as it was written without one. Links open beside the mailbox. */
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

/** Hosts of pictures that are not shown, because they are not of the stack at this port. */
export function strangers(html: string, port: string): string[] {
  const hosts = new Set<string>();
  for (const [, address] of html.matchAll(/<img\b[^<>]*?\bsrc\s*=\s*["']?((?:https?:)?\/\/[^"'\s>]+)/gi)) {
    const url = URL.parse(address.replaceAll("&amp;", "&"), "https://localhost/");
    if (url !== null && !(HERE.includes(url.hostname) && url.port === port)) hosts.add(url.host);
  }
  return [...hosts].sort();
}
