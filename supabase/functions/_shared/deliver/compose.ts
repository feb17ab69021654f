/** From what a mail says, and to whom, to the message that goes out. The same input gives the same message. */

import { finishEmail, type PreparedEmail } from "../render/email.ts";
import { cleanLine } from "../render/text.ts";
import { type Language, type Words, wordsIn } from "../words/words.ts";
import { headerMailbox } from "./header.ts";
import { type Mailbox, readMailbox } from "./mailbox.ts";

/** Whom mails are from. */
export interface Sender {
  /** `Name <address>`; the name is for mails about no space. */
  from: string;
  /** A mailbox. `{space}` in its address stands for the space's id; mails about no space have none then. */
  replyTo: string | null;
  /** The address that the links to unsubscribe begin with. */
  unsubscribe: string;
}

/** What a mail says, as it is kept between attempts. */
export interface Content {
  /** Null where it was made before anybody was named who sends it. */
  sender: Sender | null;
  /** ISO 8601. */
  date: string;
  mail: PreparedEmail;
  /** Of a newsletter: the same in the languages of readers who want another. */
  translations?: Partial<Record<Language, PreparedEmail>>;
  /** The name that it is from: that of the space. Null, or not there, in mails about no space. */
  from_name?: string | null;
  /** Of a newsletter: when somebody was last taken out of what the mail was made of. */
  redacted_at?: string | null;
}

export interface Message {
  /** The mail's. */
  id: string;
  to: string;
  from: Mailbox;
  /** The sender's own, for a provider that does not take the name. */
  operator: Mailbox;
  replyTo: Mailbox | null;
  subject: string;
  html: string;
  text: string;
  date: string;
  /** With angle brackets. */
  messageId: string;
  /** ASCII, and folded where they are long. */
  headers: Record<string, string>;
  /** A text that stands in this message's body and in no other. */
  mark: string;
}

/** Who gets it. */
export interface Recipient {
  id: string;
  email: string;
  /** Null where the account is gone by now. */
  token: string | null;
  space_id: string | null;
  /** What makes the addresses of a newsletter this reader's own; null for news. */
  link?: string | null;
  /** What they want to be written to in, as BCP 47 tags, best first. */
  languages?: readonly string[];
}

/** @param sender Whom it is from if the content does not say. */
export function compose(
  content: Content,
  { id, email, token, space_id, link: reading, languages }: Recipient,
  sender: Sender,
): Message {
  const { from, replyTo, unsubscribe } = content.sender ?? sender;
  const link = (scope: string) => `${unsubscribe}?token=${encodeURIComponent(token ?? "")}&scope=${scope}`;
  // The fragment is for us alone: it tells this mail from all others, and a browser does not send it.
  const mark = `#${id}`;
  const words = wordsIn(languages ?? []);
  const { subject, html, text } = finishEmail(
    content.translations?.[words.lang] ?? content.mail,
    {
      unsubscribeSpace: space_id === null ? null : link("space") + mark,
      unsubscribeReminders: link("reminders") + mark,
      unsubscribeAll: link("everything") + mark,
      reading,
    },
  );
  const operator = readMailbox(from) ?? { name: "", address: from };
  const name = senderName(content.from_name, words);
  const domain = /@([^@]+)$/.exec(operator.address)?.[1] ?? "localhost";
  return {
    id,
    to: email,
    from: name === "" ? operator : { name, address: operator.address },
    operator,
    replyTo: replyAddress(replyTo, space_id),
    subject,
    html,
    text,
    date: content.date,
    messageId: `<${id}@${domain}>`,
    headers: {
      ...(space_id === null
        ? {}
        : { "List-Id": headerMailbox(name, `${space_id}.spaces.${domain}`, "List-Id") }),
      "List-Unsubscribe": `<${link(space_id === null ? "everything" : "space")}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "OOF, AutoReply",
    },
    mark,
  };
}

/**
 * The name of a space as that of a sender. Some programs show nothing but the name, so it must not look like an address, which
 * would be somebody else's.
 */
function senderName(name: string | null | undefined, words: Words): string {
  return cleanLine(cleanLine(name).replace(/\s*[@＠﹫]\s*/gu, ` ${words.say("mail.at")} `));
}

function replyAddress(replyTo: string | null, space: string | null): Mailbox | null {
  if (replyTo === null || replyTo.includes("{space}") && space === null) return null;
  return readMailbox(replyTo.replaceAll("{space}", space ?? ""));
}
