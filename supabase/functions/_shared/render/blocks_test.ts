import { deepStrictEqual as equal } from "node:assert";
import { blocksOf } from "./blocks.ts";
import { itemsOf } from "./items.ts";
import { type Passage, passages } from "./text.ts";

/** "list: •one •two | paragraph: three", with a dot for each space that is kept. */
const shape = (text: string) =>
  blocksOf(text).map(({ kind, lines }) =>
    `${kind}: ` + lines.map((line) => "·".repeat(line.indent) + (line.marker ?? "") + line.text).join(" / ")
  ).join(" | ");

Deno.test("lines that begin with two spaces keep them, and one space is a slip", () => {
  equal(
    shape("so much depends\n  upon\n\n a red wheel"),
    "verse: so much depends / ··upon | paragraph: a red wheel",
  );
  equal(shape("    first\n          last"), "verse: ····first / ··········last");
  equal(shape("\u2003an em space\n\u3000\u3000二つ"), "verse: ··an em space / ····二つ");
  equal(shape("\u3000段落の始まり。\n\u3000次。"), "paragraph: \u3000段落の始まり。 / \u3000次。");
  equal(shape("> \u3000引用。"), "quote: \u3000引用。");
  equal(shape("雨ニモ\n\u3000風ニモ\n\u3000\u3000雪ニモ"), "verse: 雨ニモ / ··風ニモ / ····雪ニモ");
  equal(shape(`  ${"a".repeat(150)}`), `paragraph: ··${"a".repeat(150)}`);
  equal(shape(`a\n${" ".repeat(500)}b`), `verse: a / ${"·".repeat(40)}b`);
  equal(shape("> a\n>   b"), "quote: a / ··b");
});

Deno.test("lists that people type are lists", () => {
  equal(shape("- milk\n- bread"), "list: •milk / •bread");
  equal(shape("* milk\n* bread"), "list: •milk / •bread");
  equal(shape("- حليب\n- خبز"), "list: •حليب / •خبز");
  equal(shape("- 牛奶\n- 面包？"), "list: •牛奶 / •面包？");
  equal(shape("- Buy milk.\n- Buy bread."), "list: •Buy milk. / •Buy bread.");
  equal(shape("- اشتر الحليب.\n- اشتر الخبز."), "list: •اشتر الحليب. / •اشتر الخبز.");
  equal(
    shape("To buy:\n- milk\n- bread\nThat is all."),
    "paragraph: To buy: | list: •milk / •bread | paragraph: That is all.",
  );
  equal(shape("1. one\n2. two\n3) three"), "list: 1.one / 2.two / 3)three");
  equal(shape("1. one\n1. two"), "list: 1.one / 1.two");
  equal(shape("7. seven\n8. eight"), "list: 7.seven / 8.eight");
  equal(shape("• alone"), "list: •alone");
  equal(shape("- one\n  goes on\n  - below\n- two"), "list: •one / goes on / ··•below / •two");
  equal(shape("  - moved in\n  - both"), "list: •moved in / •both");
  equal(shape("- one\n\n- two\n\nThen."), "list: •one / •two | paragraph: Then.");
  equal(shape("1. one\n\n2. two"), "list: 1.one / 2.two");
  equal(shape("1. one\n  - below\n2. two\n\n- a\n- b"), "list: 1.one / ··•below / 2.two | list: •a / •b");
});

Deno.test("what only looks like a list is not one", () => {
  for (
    const text of [
      "- Where were you?",
      "— Où vas-tu ?\n— Chez moi.",
      "– Wohin?\n– Nach Hause.",
      "- Where were you?\n- At home.",
      "- ¿Dónde?\n- «En casa.»",
      "- أين كنت؟\n- في البيت.",
      "- کہاں تھے؟\n- گھر میں۔",
      "- איפה היית?\n- בבית.",
      "- どこにいたの？\n- 「家に。」",
      "- 어디 있었어?\n- 집에!",
      "- कहाँ थे?\n- घर में।",
      "- Ո՞ւր էիր։\n- Տանը։",
      "- Πού ήσουν;\n- Στο σπίτι.",
      "3. Mai, und alles blüht.",
      "3. Mai\n12. Mai",
      "1984. A year.\n1985. Another.",
      "* * *",
      "- - -\n- - -",
      "-5 degrees\n-7 degrees",
      "*bold*\n*bolder*",
      "1.5 litres\n2.5 litres",
      "- milk\nand more\n- bread",
    ]
  ) {
    equal(blocksOf(text).map(({ kind }) => kind), ["paragraph"], text);
    equal(blocksOf(text)[0].lines.map((line) => line.text).join("\n"), text);
  }
});

Deno.test("no word of a text is lost, whatever its lines begin with", () => {
  let seed = 7;
  const next = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const starts = [
    "",
    "- ",
    "* ",
    "• ",
    "1. ",
    "2. ",
    "3) ",
    "  ",
    "    - ",
    "  2. ",
    "> ",
    ">> ",
    "— ",
    "\u3000",
    "\n",
  ];
  for (let round = 0; round < 3000; round++) {
    const count = 1 + next(9);
    const text = Array.from({ length: count }, (_, index) => `${starts[next(starts.length)]}w${index}`).join(
      "\n",
    );
    const words = blocksOf(text).flatMap(({ lines }) => lines.map((line) => line.text.match(/w\d/)![0]));
    equal(words, Array.from({ length: count }, (_, index) => `w${index}`), text);
    for (const passage of passages(text).filter(({ kind }) => kind === "list")) {
      equal(wordsOf(passage), passage.lines.map(({ inlines }) => inlines[0].text), text);
    }
  }
});

function wordsOf(passage: Passage): string[] {
  const below = (items: ReturnType<typeof itemsOf>): string[] =>
    items.flatMap(({ lines, items }) => [...lines.map(([first]) => first.text), ...below(items)]);
  return below(itemsOf(passage));
}
