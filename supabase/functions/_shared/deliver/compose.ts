/** From what a mail says, and to whom, to the message that goes out. The same input gives the same message. */

import { finishMail, type PreparedMail } from "../render/mail.ts";

/** Whom mails are from. */
export interface Sender {
  /** `Name <address>`. */
  from: string;
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
  mail: PreparedMail;
}

export interface Message {
  /** The mail's. */
  id: string;
  to: string;
  from: string;
  replyTo: string | null;
  subject: string;
  html: string;
  text: string;
  date: string;
  /** With angle brackets. */
  messageId: string;
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
}

/** @param sender Whom it is from if the content does not say. */
export function compose(
  content: Content,
  { id, email, token, space_id }: Recipient,
  sender: Sender,
): Message {
  const { from, replyTo, unsubscribe } = content.sender ?? sender;
  const link = (scope: string) => `${unsubscribe}?token=${encodeURIComponent(token ?? "")}&scope=${scope}`;
  // The fragment is for us alone: it tells this mail from all others, and a browser does not send it.
  const mark = `#${id}`;
  const { subject, html, text } = finishMail(content.mail, {
    unsubscribeSpace: space_id === null ? null : link("space") + mark,
    unsubscribeAll: link("everything") + mark,
  });
  return {
    id,
    to: email,
    from,
    replyTo,
    subject,
    html,
    text,
    date: content.date,
    messageId: `<${id}@${domainOf(from)}>`,
    headers: {
      "List-Unsubscribe": `<${link(space_id === null ? "everything" : "space")}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "OOF, AutoReply",
    },
    mark,
  };
}

/** The domain of an address such as `Monogram <letters@example.org>`. */
function domainOf(from: string): string {
  return /@([^\s<>@]+)>?\s*$/.exec(from)?.[1] ?? "localhost";
}
