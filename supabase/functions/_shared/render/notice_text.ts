/** News as plain text: what the HTML says, in lines of at most 72 characters. */

import type { Words } from "../words/words.ts";
import { wrap } from "./mail_text.ts";
import type { Button, Notice } from "./notice_html.ts";

/** Write the text; `footer` is put where a person's own links come. */
export function noticeText(notice: Notice, footer: string, words: Words): string {
  const { sentences, quote, questions, items, button, reason } = notice;
  const blocks = [
    ...sentences.map((sentence) => wrap(sentence, "")),
    quote === null ? null : wrap(quote, "> "),
    ...questions.map(({ number, question, by, button }) =>
      [wrap(`${number}. ${question}`, ""), by && wrap(by, ""), button && linked(button, words)]
        .filter((line) => line !== null).join("\n")
    ),
    ...items.map(({ text, quotes }) =>
      [wrap(`- ${text}`, ""), ...quotes.map((said) => wrap(said, "  > "))].join("\n")
    ),
    button === null ? null : linked(button, words),
    `-- \n${wrap(reason, "")}\n${footer}`,
  ];
  return blocks.filter((block) => block !== null).join("\n\n");
}

function linked({ label, href }: Button, words: Words): string {
  return `${words.say("mail.labelled", { label })} ${href}`;
}
