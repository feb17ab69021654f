/**
 * Where a word that is too long for its line may be parted: between its syllables, as far as its characters tell them in
 * any language. Dictionaries would know more, and there would have to be one for each language that names come from.
 */

const VOWELS = "aeiouyæœøıαεηιουωаеиоуыэюяіє";

/** The consonants between two vowels. */
const BETWEEN = new RegExp(`(?<=[${VOWELS}])[^${VOWELS}’]+(?=[${VOWELS}])`, "gu");

/** Consonants that stand for one sound, or begin a syllable together. */
const UNITS =
  /sch|[cpst]h|ck|qu|s[tp]|[bcdfgkpt]r|[bcfgkp]l|[βγδθκπτφχ]ρ|[βγθκπφχ]λ|с[кпт]|[бвгдкпт]р|[бвгкп]л|./gsu;

/** So many characters at least stay on either side. */
const LEAST = 3;

/** A word of a script that parts words with hyphens, with the punctuation around it, but not "@ada". */
const WORD =
  /^[^\p{L}\p{N}@]*((?=\p{L})[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}\p{M}’]+)[^\p{L}\p{N}@]*$/du;

/** Return where a word begins and ends in its punctuation; null for what is not to be parted with a hyphen. */
export function wordIn(text: string): [start: number, end: number] | null {
  return WORD.exec(text)?.indices?.[1] ?? null;
}

/** Return where a hyphen may stand in a word, in code units from its beginning. */
export function syllables(word: string): number[] {
  const letters = Array.from(word.matchAll(/[\p{L}’]\p{M}*/gu));
  const bases = letters.map(([letter]) => baseOf(letter.toLowerCase())).join("");
  return Array.from(bases.matchAll(BETWEEN), ({ 0: consonants, index }) => {
    const last = consonants.match(UNITS)!.at(-1)!;
    return index + consonants.length - last.length;
  })
    .filter((at) => at >= LEAST && letters.length - at >= LEAST)
    .map((at) => letters[at].index);
}

/** Return a word with a soft hyphen wherever one may stand; as it is where none may. */
export function withSoftHyphens(word: string): string {
  const found = wordIn(word);
  if (found === null) return word;
  const [start, end] = found;
  let at = 0;
  const parts = syllables(word.slice(start, end)).map((syllable) => word.slice(at, at = start + syllable));
  return [...parts, word.slice(at)].join("\u00ad");
}

/** A character without its accents; one code unit. */
function baseOf(letter: string): string {
  return letter === "й" ? letter : letter.normalize("NFD")[0];
}
