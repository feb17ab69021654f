/**
 * Straight quotes and double hyphens, set as the language of a text sets them. What people wrote stays as they wrote it in the
 * database: this is done whenever it is shown.
 *
 * Left as they are: what looks like code or a command, addresses, and all text in a language that keeps straight quotes
 * (Hebrew) or has marks of its own on every keyboard (Arabic, Persian, Urdu, Chinese, Japanese, Korean).
 */

interface Style {
  /** Opening and closing: what was typed as a double quote, and as a single one. */
  double: readonly [string, string];
  single: readonly [string, string];
  /** For a double hyphen: between words, and with a space on both sides. */
  dash: string;
  spacedDash: string;
  /** Whether marks of two parts stand off from the word before them, by a space that nothing breaks. */
  standsOff?: boolean;
}

const NARROW = "\u202f";
const NO_BREAK = "\u00a0";

const ENGLISH: Style = { double: ["“", "”"], single: ["‘", "’"], dash: "—", spacedDash: "—" };
const GERMAN: Style = { double: ["„", "“"], single: ["‚", "‘"], dash: "–", spacedDash: "–" };
const SPANISH: Style = { double: ["«", "»"], single: ["“", "”"], dash: "—", spacedDash: "—" };
const RUSSIAN: Style = { double: ["«", "»"], single: ["„", "“"], dash: "—", spacedDash: "—" };
const SWEDISH: Style = { double: ["”", "”"], single: ["’", "’"], dash: "–", spacedDash: "–" };
const POLISH: Style = { double: ["„", "”"], single: ["«", "»"], dash: "–", spacedDash: "–" };
const FRENCH: Style = {
  double: [`«${NARROW}`, `${NARROW}»`],
  single: ["“", "”"],
  dash: "–",
  spacedDash: "–",
  standsOff: true,
};

const STYLES: Readonly<Record<string, Style>> = {
  be: RUSSIAN,
  cs: GERMAN,
  de: GERMAN,
  el: SPANISH,
  es: SPANISH,
  fr: FRENCH,
  hu: POLISH,
  hy: RUSSIAN,
  it: SPANISH,
  ka: GERMAN,
  pl: POLISH,
  ro: POLISH,
  ru: RUSSIAN,
  sv: SWEDISH,
  uk: RUSSIAN,
  "und-Cyrl": RUSSIAN,
};

/** Languages whose text is left as it was typed. */
const UNTOUCHED = new Set(["ar", "fa", "he", "ja", "ko", "ur", "zh"]);

/** What looks like code: between backticks, or with quotes as programs and commands have them. */
const CODE = [
  "`[^`\\n]{1,500}`",
  // key="value", and what is called with a text.
  `(?<![\\p{L}\\p{N}_.:-])[\\p{L}\\p{N}_.:-]+=(["'])[^\\n]{0,300}?\\1`,
  `(?<![\\p{L}\\p{N}_.])[\\p{L}_][\\p{L}\\p{N}_.]*\\((["'])[^\\n]{0,300}?\\2\\)`,
  // Lists and objects.
  `[{[]["'][^\\n]{0,300}["'\\p{L}\\p{N}\\]}][}\\]]`,
  // What is typed after a prompt, and lines that end as those of programs do.
  "(?<=^|\\n) *(?:\\$ (?=[a-z./])|>>> )[^\\n]+",
  "(?<=^|\\n)(?=[^\\n]*[=(){}])[^\\n]*[\\w)\"'\\]}][;{](?=\\n|$)",
].join("|");

/** Stands for what is left alone: an address, or code. No text of a letter can hold a noncharacter (see `cleanText`). */
export const LEFT_ALONE = "\ufdd0";

const ALONE = new RegExp(LEFT_ALONE, "gu");
const CODE_OR_ALONE = new RegExp(`${CODE}|${LEFT_ALONE}`, "gu");

/**
 * Set the quotes and dashes of a passage.
 *
 * @param text Its lines, ended by line feeds, with `LEFT_ALONE` for each address in it.
 * @param language As of `languageOf`.
 */
export function setTypography(text: string, language: string): string {
  const [base] = language.split("-");
  if (UNTOUCHED.has(base) || !/["'«»]|--|\s[?!:;]/u.test(text)) return text;
  const style = STYLES[language] ?? STYLES[base] ?? ENGLISH;
  const kept: string[] = [];
  const prose = text.replace(CODE_OR_ALONE, (piece) => {
    kept.push(piece);
    return LEFT_ALONE;
  });
  const set = quotes(dashes(prose, style), style);
  return (style.standsOff ? standOff(set) : set).replace(ALONE, () => kept.shift()!);
}

/** A double hyphen that is not one of a command, a file's name or a line of hyphens. */
const HYPHENS = /(?<![-<!])(---?)(?![->])/gu;

/** What a dash stands between without spaces: words, and their quotes and punctuation. */
const BEFORE_DASH = /[\p{L}\p{N}\p{M}"'’”»),.;:?!…\ufdd0]$/u;
const AFTER_DASH = /^[\p{L}\p{N}"'‘“«(¿¡…\ufdd0]/u;
/** Words with such characters are no words. */
const TECHNICAL = /[\\/_@=<>{}|#]|[\p{L}\p{N}]\.\p{L}/u;

function dashes(text: string, style: Style): string {
  if (!text.includes("--")) return text;
  const set = text.replace(HYPHENS, (hyphens, _group: string, at: number) => {
    const before = text.slice(Math.max(0, at - 100), at);
    const after = text.slice(at + hyphens.length, at + hyphens.length + 100);
    const [head] = /\S*$/u.exec(before)!;
    const [tail] = /^\S*/u.exec(after)!;
    if (TECHNICAL.test(head) || TECHNICAL.test(tail)) return hyphens;
    const dash = hyphens.length === 3 ? "—" : style.dash;
    if (head === "" && tail === "") {
      // Alone in its line it is a rule.
      if (/(?:^|\n)\s*$/u.test(before) && /^\s*(?:\n|$)/u.test(after)) return hyphens;
      return hyphens.length === 3 ? "—" : style.spacedDash;
    }
    // "--verbose" belongs to a command; "--Hola" and "--said he--" to a tale.
    if (head === "") {
      const speaks = /(?:^|\n)\s*$/u.test(before) && /^[\p{Lu}"'¿¡]/u.test(tail);
      const isClosed = /^[^\n]*(?:[\p{L}\p{N}]{2}|[?!.…])["'»”’]?--(?![-;)])/u.test(after);
      return AFTER_DASH.test(tail) && (speaks || isClosed) ? dash : hyphens;
    }
    if (
      !BEFORE_DASH.test(head) || (tail !== "" && !AFTER_DASH.test(tail) && !/^["'”’»),.;:?!…]/u.test(tail))
    ) {
      return hyphens;
    }
    // "i--;" and "i--)" count down.
    if (/^[;)]/u.test(tail) && /^\p{L}$/u.test(head)) return hyphens;
    return /\p{N}$/u.test(head) && /^\p{N}/u.test(tail) ? "–" : dash;
  });
  // No line of a paragraph begins with one that stands between words.
  return set === text ? text : set.replace(/(?<=\S) (?=[–—] )/gu, NO_BREAK);
}

/** Words that begin with an apostrophe. */
const ELISION = /^(?:\d\d(?:s|ers)?|tis|twas|twere|em|til|cause|bout|n|nuff)(?![\p{L}\p{N}])/iu;

const OPENS_AFTER = /[\s([{<«‹“‘„‚¿¡–—/-]$/u;
const LETTER = /[\p{L}\p{N}\p{M}\ufdd0]/u;
/** Marks of emphasis, as people type them around words and quotes. */
const EMPHASIS = /[*_~]/u;
/** What ends a part of a sentence: no quotation begins with it right after a dash or an apostrophe. */
const ENDS = /[\s,;:.?!…)\]}»”’*_~–—-]/u;
/** What was left out at the end of a word, as in "l'Odyssée"; and Arabic words of one letter, written with the next one. */
const ELIDED = /\p{L}['’]$/u;
const PARTICLE = /(?:^|[^\p{L}\p{M}])[وفبكل]$/u;

function quotes(text: string, { double, single }: Style): string {
  if (!/["']/.test(text)) return text;
  const set: string[] = Array.from(text);
  /** Those that are open: where, and how they were typed. */
  const open: { at: number; typed: string }[] = [];
  const pairs: { from: number; to: number; typed: string }[] = [];
  const isOpen = (typed: string) => open.some((one) => one.typed === typed);
  const close = (typed: string) => {
    for (let last = open.length - 1; last >= 0; last--) {
      if (open[last].typed === typed) return open.splice(last)[0];
    }
    return null;
  };
  /** Whether the one at a place begins a quotation, by what is around it. */
  const opens = (at: number): boolean => {
    const typed = set[at];
    const after = set[at + 1] ?? " ";
    if (/\s/u.test(after)) return false;
    let start = at;
    while (start > 0 && EMPHASIS.test(set[start - 1])) start -= 1;
    const before = start === 0 ? " " : set[start - 1];
    // One that was just set, with the space that may be in it, is an opening one if it is still open.
    if (open.length > 0 && open.at(-1)?.at === start - 1) return true;
    if (OPENS_AFTER.test(before)) return !(/[–—-]$/u.test(before) && isOpen(typed) && ENDS.test(after));
    if (typed === "'") return false;
    const word = set.slice(Math.max(0, start - 2), start).join("");
    if (ELIDED.test(word)) return LETTER.test(after) || !(isOpen(typed) || /[\s,;:)\]}]/u.test(after));
    return LETTER.test(after) && (PARTICLE.test(word) || (/[,;:.?!…]/u.test(before) && !isOpen(typed)));
  };
  for (let at = 0; at < set.length; at++) {
    const typed = set[at];
    if (typed !== '"' && typed !== "'") continue;
    const before = at === 0 ? " " : set[at - 1];
    const after = set[at + 1] ?? " ";
    const isWithin = LETTER.test(before) && LETTER.test(after);
    const mayOpen = opens(at);
    const isElision = isWithin || (mayOpen && ELISION.test(set.slice(at + 1, at + 8).join(""))) ||
      (LETTER.test(before) && /["«“„]/u.test(after) && LETTER.test(set[at + 2] ?? " "));
    if (typed === "'" && isElision) {
      set[at] = /\p{N}/u.test(before) && /\p{N}/u.test(after) ? "′" : "’";
    } else if (mayOpen) {
      open.push({ at, typed });
    } else if (/\s$/u.test(before) || (typed === '"' && isWithin && !isOpen(typed))) {
      continue;
    } else {
      const opening = close(typed);
      if (opening !== null) {
        pairs.push({ from: opening.at, to: at, typed });
        set[at] = typed === '"' ? double[1] : single[1];
      } else if (/\p{N}/u.test(before)) set[at] = typed === '"' ? "″" : "′";
      else set[at] = typed === '"' ? double[1] : "’";
    }
  }
  const reach: Record<string, number> = {};
  for (const { from, to, typed } of pairs.sort((one, other) => one.from - other.from)) {
    // A quotation within one that was typed with the same quotes is set as the inner one that it is.
    const isInner = to < (reach[typed] ?? 0);
    [set[from], set[to]] = (typed === '"') === isInner ? single : double;
    if (!isInner) reach[typed] = to;
  }
  // What nobody closes: speech that goes on in the next paragraph, or an apostrophe.
  for (const { at, typed } of open) set[at] = typed === '"' ? double[0] : "’";
  return set.join("");
}

/** Double quotes as languages set them, and their single ones; then those whose other half was cut off. */
const QUOTED = /„([^„“”]*)([“”])|“([^“”]*)”|”([^“”]*)”|«\s*([^«»]*?)\s*»|[„“«]\s*/gu;

/** Somebody's words as they stand within quotes of ours: their own are then the inner ones. */
export function withinQuotes(text: string): string {
  return text.replace(
    QUOTED,
    (mark: string, low?: string, end?: string, high?: string, same?: string, angled?: string) => {
      if (low !== undefined) return end === "“" ? `‚${low}‘` : `«${low}»`;
      if (high !== undefined) return `‘${high}’`;
      if (same !== undefined) return `’${same}’`;
      if (angled !== undefined) return `“${angled}”`;
      return mark.startsWith("„") ? "‚" : mark.startsWith("«") ? "“" : "‘";
    },
  );
}

/** Keep the marks with their words, as in French. No space is added before "?" and "!": Quebec and Switzerland write none. */
function standOff(text: string): string {
  return text
    .replace(/(?<=\S) +(?=[?!;](?:[?!]|[\s»”)]|$))/gu, NARROW)
    .replace(/(?<=\S) +(?=:(?:\s|$))/gu, NO_BREAK)
    .replace(/«[\s]*(?=\S)/gu, `«${NARROW}`)
    .replace(/(?<=\S)[^\S\n]*»/gu, `${NARROW}»`);
}
