import { deepStrictEqual as equal } from "node:assert";
import { fitted } from "./page_names.ts";

Deno.test("a name with a long word is set smaller, and one with a longer word may be parted", () => {
  const names: Record<string, [string, boolean]> = {
    "Ada Lindqvist": ["Ada Lindqvist", false],
    "Hubert Schwarzenegger": ["Hubert Schwarzenegger", false],
    "Sofia Konstantinopoulou": ["Sofia Konstantinopoulou", true],
    "Wilhelmina Featherstonehaugh": ["Wilhelmina Featherstonehaugh", true],
    "Dr. Rechtsschutzversicherung": ["Dr. Rechts-schutz-ver-si-che-rung", false],
    "Mihály-Rechtsschutzversicherung": ["Mihály-Rechts-schutz-ver-si-che-rung", false],
    "三四郎三四郎三四郎三四郎": ["三四郎三四郎三四郎三四郎", false],
    "": ["", false],
  };
  for (const [name, [expected, isLong]] of Object.entries(names)) {
    const { text, isLong: found } = fitted(name);
    equal([text.replaceAll("\u00ad", "-"), found], [expected, isLong], name);
  }
});
