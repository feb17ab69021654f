/**
 * Composes the message that goes out from an email's content and its recipient. The same input gives the same message.
 */

import { finishEmail, type PreparedEmail } from "../render/email.ts";
import { cleanLine } from "../render/text.ts";
import { type Language, type Words, wordsIn } from "../words/words.ts";
import { headerMailbox } from "./header.ts";
import { type Mailbox, readMailbox } from "./mailbox.ts";

/** The sender of emails. */
export interface Sender {
  /** `Name <address>`; the name is for emails about no space. */
  from: string;
  /** A mailbox. `{space}` in its address stands for the space's id; emails about no space then have no such address. */
  replyTo: string | null;
  /** The base address of the links to unsubscribe. */
  unsubscribe: string;
}

/** The content of an email, as it is stored between attempts. */
export interface Content {
  /** Null if it was made before a sender was configured. */
  sender: Sender | null;
  /** ISO 8601. */
  date: string;
  mail: PreparedEmail;
  /** Of a newsletter: the same in the other languages that its readers chose. */
  translations?: Partial<Record<Language, PreparedEmail>>;
  /** The name of the sender: the space's. Null or absent in emails about no space. */
  from_name?: string | null;
  /** Of a newsletter: when somebody was last redacted in what the email was made of. */
  redacted_at?: string | null;
}

export interface Message {
  /** The email's. */
  id: string;
  to: string;
  from: Mailbox;
  /** The sender's own `From`, for a provider that refuses the name. */
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
  /** A text that is in this message's body and in no other. */
  mark: string;
}

/** The recipient. */
export interface Recipient {
  id: string;
  email: string;
  /** Null if the account no longer exists. */
  token: string | null;
  space_id: string | null;
  /** The token that makes a newsletter's addresses this reader's own; null for notices. */
  link?: string | null;
  /** The languages they prefer, as BCP 47 tags, best first. */
  languages?: readonly string[];
}

/** @param sender The sender, if the content does not name one. */
export function compose(
  content: Content,
  { id, email, token, space_id, link: reading, languages }: Recipient,
  sender: Sender,
): Message {
  const { from, replyTo, unsubscribe } = content.sender ?? sender;
  const link = (scope: string) => `${unsubscribe}?token=${encodeURIComponent(token ?? "")}&scope=${scope}`;
  // Only we use the fragment: it identifies this email, and a browser does not send it.
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
 * The name of a space as that of a sender. Some programs show nothing but the name, so it must not look like an
 * address, which would be somebody else's.
 */
function senderName(name: string | null | undefined, words: Words): string {
  return cleanLine(cleanLine(name).replace(/\s*[@＠﹫]\s*/gu, ` ${words.say("mail.at")} `));
}

function replyAddress(replyTo: string | null, space: string | null): Mailbox | null {
  if (replyTo === null || replyTo.includes("{space}") && space === null) return null;
  return readMailbox(replyTo.replaceAll("{space}", space ?? ""));
}
