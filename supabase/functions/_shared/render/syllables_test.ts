import { deepStrictEqual as equal } from "node:assert";
import { syllables, wordIn } from "./syllables.ts";

const parted = (word: string) => {
  const ends = [...syllables(word), word.length];
  return ends.map((end, index) => word.slice(ends[index - 1] ?? 0, end)).join("-");
};

Deno.test("words are parted between their syllables, with three characters on either side", () => {
  const words = [
    "Kon-stan-ti-no-pou-lou",
    "Schwar-ze-neg-ger",
    "Fea-ther-sto-ne-haugh",
    "Donau-dampf-schiff-fahrts-ge-sell-schafts-ka-pi-täns-müt-ze-nab-zei-chen",
    "Rechts-schutz-ver-si-che-rungs-ge-sell-schaft",
    "Παπα-δη-μη-τρίου",
    "Рож-дест-вен-ская",
    "L’é-le-fan-tessa",
    "Ada",
    "Brrrrrr",
  ];
  for (const word of words) equal(parted(word.replaceAll("-", "")), word);
});

Deno.test("only words take hyphens", () => {
  equal(wordIn("(„Haus“),"), [2, 6]);
  for (
    const text of ["@konstantinopoulou", "example.org", "7QK2M", "三四郎", "สวัสดี", "a@b", "!!!!", "’", "كتاب"]
  ) {
    equal(wordIn(text), null, text);
  }
});
