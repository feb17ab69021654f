/**
 * Straight quotes and double hyphens, set as the language of a text sets them, and fractions. What people wrote stays
 * as they wrote it in the database: this is done whenever it is shown.
 *
 * Left as they are: what looks like code or a command, addresses, and all quotes and hyphens in a language that keeps
 * straight quotes (Hebrew) or has marks of its own on every keyboard (Arabic, Persian, Urdu, Chinese, Japanese, Korean).
 */

import { LEFT_ALONE, setFractions } from "./numbers.ts";

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

/**
 * Return the language whose quotes and dashes a text gets that does not tell its own: that around it, unless that leaves
 * all as it was typed and the text is not in it.
 */
export function typographyAround(text: string, around: string): string {
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  const isForeign = latin * 2 > (text.match(/\p{L}/gu)?.length ?? 0);
  return isForeign && UNTOUCHED.has(around.split("-")[0]) ? "und-Latn" : around;
}

/** What looks like code: between backticks, or with quotes as programs and commands have them. */
const CODE = [
  "`[^`\\n]{1,500}`",
  // The address of a mailbox may have an apostrophe.
  "(?<![\\p{L}\\p{N}._%+])[\\p{L}\\p{N}][\\p{L}\\p{N}.!#$%&'*+/=?^_{|}~-]{0,63}" +
  "@[\\p{L}\\p{N}](?:[\\p{L}\\p{N}]|-(?=[\\p{L}\\p{N}])){0,62}(?:\\.[\\p{L}\\p{N}](?:[\\p{L}\\p{N}]|-(?=[\\p{L}\\p{N}])){0,62}){1,8}",
  // key="value", and what is called with a text.
  `(?<![\\p{L}\\p{N}_.:-])[\\p{L}\\p{N}_.:-]+=(["'])[^\\n]{0,300}?\\1`,
  `(?<![\\p{L}\\p{N}_.])[\\p{L}_][\\p{L}\\p{N}_.]*\\((["'])[^\\n]{0,300}?\\2\\)`,
  // Lists and objects.
  `[{[]["'][^\\n]{0,300}["'\\p{L}\\p{N}\\]}][}\\]]`,
  // What is typed after a prompt, and lines that end as those of programs do.
  "(?<=^|\\n) *(?:\\$ (?=[a-z./])|>>> )[^\\n]+",
  "(?<=^|\\n)(?=[^\\n]*[=(){}])[^\\n]*[\\w)\"'\\]}][;{](?=\\n|$)",
].join("|");

const ALONE = new RegExp(LEFT_ALONE, "gu");
const CODE_OR_ALONE = new RegExp(`${CODE}|${LEFT_ALONE}`, "gu");

/**
 * Set the quotes, dashes and fractions of a passage.
 *
 * @param text Its lines, ended by line feeds, with `LEFT_ALONE` for each address in it.
 * @param language As of `languageOf`.
 */
export function setTypography(text: string, language: string): string {
  if (!/["'«»]|--|\s[?!:;]|\d\/\d/u.test(text)) return text;
  const kept: string[] = [];
  const prose = text.replace(CODE_OR_ALONE, (piece) => {
    kept.push(piece);
    return LEFT_ALONE;
  });
  return setProse(setFractions(prose), language).replace(ALONE, () => kept.shift()!);
}

function setProse(text: string, language: string): string {
  const [base] = language.split("-");
  // What stays as it was typed is not torn from the words before it, either.
  if (UNTOUCHED.has(base)) return text.replace(/(?<=\S) (?=---? )/gu, NO_BREAK);
  const style = STYLES[language] ?? STYLES[base] ?? ENGLISH;
  const set = quotes(angles(dashes(text, style)), style, base);
  return style.standsOff ? standOff(set) : set;
}

/** Minutes and seconds of an angle, as in 53°20'38"N. */
function angles(text: string): string {
  return text.replace(
    /(°\s?\p{N}{1,2}(?:[.,]\p{N}{1,6})?\s?)['’](?:(\s?\p{N}{1,2}(?:[.,]\p{N}{1,6})?\s?)(?:["”]|''))?/gu,
    (_typed, minutes: string, seconds?: string) => `${minutes}′${seconds === undefined ? "" : `${seconds}″`}`,
  );
}

/** A double hyphen that is not one of a command, a file's name or a line of hyphens. */
const HYPHENS = /(?<![-<!])(---?)(?![->])/gu;

/** What a dash stands between without spaces: words, and their quotes and punctuation. */
const BEFORE_DASH = /[\p{L}\p{N}\p{M}"'’”»),.;:?!…\ufdd0]$/u;
const AFTER_DASH = /^[\p{L}\p{N}"'‘“«(¿¡…\ufdd0]/u;
/** Words with such characters are technical: paths, addresses, code. */
const TECHNICAL = /[\\/_@=<>{}|#]|[\p{L}\p{N}]\.\p{L}/u;

/** Options that many programs have. */
const USUAL_OPTIONS = new Set(
  "all amend config debug dev dry-run force global hard help input no-verify output quiet recursive silent user verbose version yes"
    .split(" "),
);
/** What options belong to, as people name it before them. */
const COMMAND =
  /(?:^|[^\p{L}\p{N}])(?:apt|brew|cargo|curl|deno|docker|ffmpeg|git|grep|kubectl|make|node|npm|npx|pip|pnpm|python|rsync|ssh|sudo|tar|wget|yarn|flags?|options?|switch)(?![\p{L}\p{N}])/iu;
const SHORT_OPTION = /(?:^|\s)-\p{L}(?!\p{L})/u;

/** Return true if what begins with two hyphens belongs to a command: by its own form, or by what is said around it. */
function isOption(word: string, before: string, after: string): boolean {
  const [name] = /^[\w-]*/.exec(word)!;
  if (!/^[a-z]/.test(name) || /[^ -~]/.test(word)) return false;
  const [line] = /[^\n]*$/.exec(before)!;
  const [rest] = /^[^\n]*/.exec(after)!;
  // Nothing but options, one a line or side by side.
  if (/^(?:\s*--[a-z]\S*)*\s*$/.test(line) && /^\S*(?:\s+--[a-z]\S*)*\s*$/.test(rest)) return true;
  // What a second dash closes is an aside, as in "--he said-- and".
  if (/^[^-]*[\p{L}\p{N}?!.…"'»”’]--(?![-;)])/u.test(rest)) return false;
  return /[\d_-]/.test(name) || USUAL_OPTIONS.has(name) || COMMAND.test(line) ||
    SHORT_OPTION.test(`${line}\n${rest}`);
}

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
    // "--verbose" belongs to a command; "--Hola", "--said he--" and "He left --suddenly" to prose.
    if (head === "") return AFTER_DASH.test(tail) && !isOption(tail, before, after) ? dash : hyphens;
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

/** Words that begin with an apostrophe, in every language and in one: nobody writes them without. */
const ELIDED_WORDS: Readonly<Record<string, string>> = {
  "": "tis|twas|twere|em|til|cause|bout|n|nuff",
  de: "ne|nen|nem|ner|nes|s|nabend|nauf|nunter|tschuldigung|türlich",
  en: "twill|twould|twon|er|im|cos|coz|cuz|un|neath|tween|twixt",
  es: "tá|tás|tamos|tán|toy|ta|tas",
  fr: "tain|spèce",
  it: "ndrangheta|na|nu|sto|sta|sti|ste",
  nl: "t|s|k|m|r|ns",
  sv: "n|na|nen",
};
/** The same of words that are whole without it, too: then they may as well begin a quotation. */
const PERHAPS_ELIDED: Readonly<Record<string, string>> = {
  "": "\\d\\d(?:s|ers?|ern)?",
  de: "rein|raus|runter|rauf|rüber|ran|rum|rin|mal|was|drauf|drin|tach|st",
  en: "round|course|fraid|kay|morning|fore|gainst|ere|less|specially|sup|zat|scuse|nother",
  es: "pa",
  fr: "pis|fin|core|lut",
};

const elisions = new Map<string, { surely: RegExp; perhaps: RegExp }>();

function elisionsIn(language: string): { surely: RegExp; perhaps: RegExp } {
  const known = elisions.get(language);
  if (known !== undefined) return known;
  const made = (words: Readonly<Record<string, string>>) =>
    new RegExp(
      `^(?:${[words[""], words[language]].filter((one) => one !== undefined).join("|")})(?![\\p{L}\\p{N}])`,
      "iu",
    );
  const found = { surely: made(ELIDED_WORDS), perhaps: made(PERHAPS_ELIDED) };
  elisions.set(language, found);
  return found;
}

const OPENS_AFTER = /[\s([{<«‹“‘„‚¿¡–—/-]$/u;
const LETTER = /[\p{L}\p{N}\p{M}\ufdd0]/u;
/** Marks of emphasis, as people type them around words and quotes. */
const EMPHASIS = /[*_~]/u;
/** What ends a part of a sentence: no quotation begins with it right after a dash or an apostrophe. */
const ENDS = /[\s,;:.?!…)\]}»”’*_~–—-]/u;
/**
 * What was left out at the end of a word, as in "l'Odyssée"; and Arabic words of one character, written with the next
 * one.
 */
const ELIDED = /\p{L}['’]$/u;
const PARTICLE = /(?:^|[^\p{L}\p{M}])[وفبكل]$/u;

/** A name that ends as those do whose genitive is an apostrophe alone. */
const OWNER = /(?:^|[^\p{L}\p{M}'’])(\p{Lu}[\p{L}\p{M}]*[sxzßSXZ])$/u;

function quotes(text: string, { double, single }: Style, language: string): string {
  if (!/["']/.test(text)) return text;
  const set: string[] = Array.from(text);
  /** Those that are open: where, and how they were typed. */
  const open: { at: number; typed: string }[] = [];
  const pairs: { from: number; to: number; typed: string }[] = [];
  const isOpen = (typed: string) => open.some((one) => one.typed === typed);
  const close = (typed: string) => {
    for (let last = open.length - 1; last >= 0; last--) {
      if (open[last].typed !== typed) continue;
      const [opening, ...unclosed] = open.splice(last);
      leaveOpen(unclosed);
      return opening;
    }
    return null;
  };
  /** What nobody closes: speech that goes on in the next paragraph, or an apostrophe. */
  const leaveOpen = (unclosed: typeof open) => {
    for (const { at, typed } of unclosed) set[at] = typed === '"' ? double[0] : "’";
  };
  const { surely, perhaps } = elisionsIn(language);
  /** Whether an apostrophe after a name that ends in a hiss is its genitive, as in "Hans' Auto". */
  const isGenitive = (at: number): boolean => {
    const [, name] = OWNER.exec(set.slice(Math.max(0, at - 40), at).join("")) ?? [];
    const before = name === undefined ? undefined : set[at - Array.from(name).length - 1];
    // A word in quotes by itself does not own anything, and neither does the end of a title: "'Great Expectations'
    // Pip".
    return before !== undefined && !/["'‘‚“„]/u.test(before) && set[at + 1] === " " &&
      /\p{Lu}/u.test(set[at + 2] ?? "");
  };
  /** Whether a single quote has one that closes it, before another one opens. */
  const isClosed = (from: number): boolean => {
    for (let at = from + 1; at < set.length && set[at] !== "\n"; at++) {
      if (set[at] !== "'") continue;
      const [before, after] = [set[at - 1], set[at + 1] ?? " "];
      if (LETTER.test(before) && LETTER.test(after)) continue;
      if (/[\s([{«„“‚‘]/u.test(before)) return false;
      // "runnin' and", "the dogs' dinner", "Hans' Auto".
      const isApostrophe = /^\s$/u.test(after) && LETTER.test(set[at + 2] ?? " ") &&
        (/[sxzßSXZ]/u.test(before) || set.slice(Math.max(0, at - 2), at).join("") === "in");
      if (!isApostrophe) return true;
    }
    return false;
  };
  const isElision = (at: number): boolean => {
    const word = set.slice(at + 1, at + 16).join("");
    return surely.test(word) || (perhaps.test(word) && !isClosed(at));
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
    const isApostrophe = isWithin || (mayOpen && isElision(at)) ||
      (LETTER.test(before) && /["«“„]/u.test(after) && LETTER.test(set[at + 2] ?? " "));
    if (typed === "'" && isApostrophe) {
      set[at] = /\p{N}/u.test(before) && /\p{N}/u.test(after) ? "′" : "’";
    } else if (mayOpen) {
      open.push({ at, typed });
    } else if (typed === '"' && isWithin && !isOpen(typed)) {
      // Inches before a word that no space parts from them.
      if (/\p{N}/u.test(before)) set[at] = "″";
    } else if (/\s$/u.test(before)) {
      continue;
    } else {
      const last = open.findLast((one) => one.typed === typed);
      // Whatever the first one left out, no quotation ends with somebody's name: "'ner Freundin von Hans' Frau".
      const isOwned = typed === "'" && last !== undefined && /[\p{Ll}\p{N}]/u.test(set[last.at + 1]) &&
        isGenitive(at);
      const opening = isOwned ? null : close(typed);
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
  leaveOpen(open);
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

/**
 * Keep the marks with their words, as in French. No space is added before "?" and "!": Quebec and Switzerland write
 * none.
 */
function standOff(text: string): string {
  return text
    .replace(/(?<=\S) +(?=[?!;](?:[?!]|[\s»”)]|$))/gu, NARROW)
    .replace(/(?<=\S) +(?=:(?:\s|$))/gu, NO_BREAK)
    .replace(/«[\s]*(?=\S)/gu, `«${NARROW}`)
    .replace(/(?<=\S)[^\S\n]*»/gu, `${NARROW}»`);
}
