/**
 * A mailbox as people write it: an address, alone or behind a name. Source: RFC 5322, section 3.4; of its forms no
 * comments.
 */

export interface Mailbox {
  /** Without line breaks; empty if there is no name. It may hold any other character. */
  name: string;
  /** In ASCII; a domain with other characters in Punycode. */
  address: string;
}

const QUOTED = /"(?:[^"\\]|\\.)*"/.source;
/** Characters without a meaning beside an address. Most people write dots, though the grammar calls that obsolete. */
const PLAIN = /[^()<>[\]:;@\\,"]/.source;
const MAILBOX = new RegExp(`^(?:((?:${QUOTED}|${PLAIN})*)<([^<>]*)>|([^<>]*))$`, "u");
const ATOMS = /^[!#-'*+\-/-9=?A-Z^-~]+(?:\.[!#-'*+\-/-9=?A-Z^-~]+)*$/;
const LONGEST_LOCAL_PART = 64;

/** Read a mailbox such as `Monogram <newsletters@example.org>`; null where it is not valid, or several. */
export function readMailbox(text: string): Mailbox | null {
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return null;
  const [, name, behind, alone] = MAILBOX.exec(text.trim()) ?? [];
  const address = (behind ?? alone)?.trim() ?? "";
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(at, 0));
  if (!ATOMS.test(local) || local.length > LONGEST_LOCAL_PART) return null;
  const domain = asciiDomain(address.slice(at + 1));
  return domain === null ? null : { name: unquoted(name ?? ""), address: `${local}@${domain}` };
}

function unquoted(name: string): string {
  return name.trim().replace(
    new RegExp(QUOTED, "gu"),
    (quoted) => quoted.slice(1, -1).replace(/\\(.)/gu, "$1"),
  );
}

/** A domain as it is, or in Punycode; null if it is not valid. */
function asciiDomain(domain: string): string | null {
  const labels = domain.split(".");
  if (labels.some((label) => !/^[\p{L}\p{M}\p{N}_-]+$/u.test(label))) return null;
  if (/^[ -~]*$/.test(domain)) return domain;
  return URL.parse(`http://${domain}`)?.hostname ?? null;
}
