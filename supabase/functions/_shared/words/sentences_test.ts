/** What sets text for people has no sentences of its own: all of them are in the catalogues. */

import { deepStrictEqual as equal, ok } from "node:assert";

const FUNCTIONS = new URL("../../", import.meta.url);

/** Whatever sets what people read. What programs are told is English: errors, logs, replies in JSON. */
const FOLDERS = [
  "_shared/",
  "_shared/render/",
  "_shared/render/pdf/",
  "_shared/newsletters/",
  "_shared/deliver/",
  "deliver/",
  "newsletter/",
  "unsubscribe/",
];

/** What is called with words for programs and for those who run them, or makes them. */
const FOR_PROGRAMS =
  /(Error|Problem)$|^(problem|log|match|test|refuse|RegExp|Deno\.env\.get|console\.\w+)$|\.(log|match|test)$/;

/** What is the same in every language. */
const NAMES = new Set(["Monogram", "urn", "uuid"]);

/** A rule of the linter, for the sake of its parser. */
const sentences: Deno.lint.Plugin = {
  name: "words",
  rules: {
    sentences: {
      create(context) {
        const look = (node: Deno.lint.Node, text: string) => {
          if (isForPeople(text) && !isForPrograms(node, context)) context.report({ node, message: text });
        };
        return {
          Literal(node) {
            if (typeof node.value === "string") look(node, node.value);
          },
          TemplateLiteral(node) {
            look(node, node.quasis.map(({ cooked }) => cooked).join("\0"));
          },
        };
      },
    },
  },
};

/** Of markup, any words between the tags; else what reads as a sentence, or the beginning of one. */
function isForPeople(text: string): boolean {
  if (/<\/[a-z]|<(?:br|img|p)\b/.test(text)) {
    const between = text.replace(/<!--[^]*?-->|<[^>]*>|&#?\w+;/g, " ").match(/\p{L}{2,}/gu) ?? [];
    return between.some((word) => !NAMES.has(word));
  }
  if ((text.match(/\p{L}{2,}/gu) ?? []).length < 2) return false;
  return /^\p{Lu}\p{Ll}+(?:,? (?:\p{Ll}{2,}|a|\0))+[.?!:]?$/u.test(text.trim());
}

function isForPrograms(node: Deno.lint.Node, { sourceCode }: Deno.lint.RuleContext): boolean {
  let around: Deno.lint.Node | null = node;
  while (around !== null && "parent" in around) {
    if (around.type === "FunctionDeclaration" && FOR_PROGRAMS.test(around.id?.name ?? "")) return true;
    if (around.type === "ThrowStatement" || around.type.startsWith("TS")) return true;
    if (around.type === "CallExpression" || around.type === "NewExpression") {
      if (FOR_PROGRAMS.test(sourceCode.getText(around.callee))) return true;
    }
    around = around.parent as Deno.lint.Node | null;
  }
  return false;
}

function found(name: string, source: string): string[] {
  return Deno.lint.runPlugin(sentences, name, source).map(({ message }) => message);
}

Deno.test("no sentence for people stands outside the catalogues", () => {
  let looked = 0;
  for (const folder of FOLDERS) {
    for (const { name } of Deno.readDirSync(new URL(folder, FUNCTIONS))) {
      if (!/\.ts$/.test(name) || /(_test|\.d|\.generated)\.ts$|^(generate|testing)\.ts$/.test(name)) continue;
      const path = folder + name;
      equal(found(name, Deno.readTextFileSync(new URL(path, FUNCTIONS))), [], path);
      looked += 1;
    }
  }
  ok(looked > 50, `only ${looked} modules were looked at`);
});

Deno.test("sentences are found, and nothing else is", () => {
  const sentence = [
    'const title = "There is nothing to undo";',
    "const said = { body: markup`<p>Done.</p>` };",
    "const said = markup`<p>${name} has written</p>`;",
    "const said = markup`<p>${is ? markup`<b>Really</b>` : null}</p>`;",
    'const words = { questionsBy: (name) => `Questions by ${name}`, draft: "x" };',
    "set(`No more email from ${space}`);",
  ];
  for (const source of sentence) equal(found("a.ts", source).length, 1, source);
  const other = [
    'throw new Error("There is nothing to render.");',
    "// There is nothing to see",
    'const said = markup`<p class="quiet">${words.say("letter.madeWith")}</p>`;',
    'deps.log("Rendered with problems", { id });',
    'const drawn = trusted(`<svg><path d="M16 26.5V13l10-2.5v13.5"/></svg>`);',
    'type Kind = "There is nothing";',
  ];
  for (const source of other) equal(found("a.ts", source), [], source);
});
