/** Renders a notice as plain text: the content of the HTML, in lines of at most 72 characters. */

import type { Words } from "../words/words.ts";
import { marked, passagesText, wrap } from "./email_text.ts";
import { withoutIsolates } from "./numbers.ts";
import type { Button, Notice } from "./notice_html.ts";

/** Write the text; `footer` is put where a person's own links come. */
export function noticeText(notice: Notice, footer: string, words: Words): string {
  const { sentences, quote, questions, items, button, reason } = notice;
  const blocks = [
    ...sentences.map((sentence) => wrap(sentence, "")),
    quote.length === 0 ? null : passagesText(quote, "> "),
    ...questions.map(({ number, question, by, button }) =>
      [
        wrap(marked(`${number}. ${question}`, notice.direction), ""),
        by && wrap(by, ""),
        button && linked(button, words),
      ]
        .filter((line) => line !== null).join("\n")
    ),
    ...items.map(({ text, quotes }) =>
      `${wrap(`- ${text}`, "")}${quotes.length === 0 ? "" : "\n"}${
        quotes.map((said) => passagesText(said, "  > ")).join("\n\n")
      }`
    ),
    button === null ? null : linked(button, words),
    `-- \n${wrap(reason, "")}\n${footer}`,
  ];
  return withoutIsolates(blocks.filter((block) => block !== null).join("\n\n"));
}

function linked({ label, href }: Button, words: Words): string {
  return `${words.say("mail.labelled", { label })} ${href}`;
}
