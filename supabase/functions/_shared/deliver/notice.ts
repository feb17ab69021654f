/** The small mails: what happened, in a sentence or two. */

import type { PreparedMail } from "../render/mail.ts";
import { type Html, markup } from "../render/html.ts";
import { cleanLine, webAddress } from "../render/text.ts";
import type { Content, Sender } from "./compose.ts";
import type { BatchMail } from "./mailroom.ts";

export interface NoticeSettings extends Sender {
  /** Where a button leads; none without it. */
  appUrl: string | null;
}

/** Stands where something personal comes; see `PreparedMail`. */
const MARK = "\uffff";

interface Words {
  subject: string;
  sentences: string[];
}

/** What a notification's mail says. */
export function notice(mail: BatchMail, settings: NoticeSettings, date: Date): Content {
  const name = cleanLine(mail.display_name, "there");
  const space = cleanLine(mail.space_name, "your space");
  const words = wordsOf(mail.kind, mail.payload, space);
  const app = webAddress(settings.appUrl);
  const { from, replyTo, unsubscribe } = settings;
  return {
    sender: { from, replyTo, unsubscribe },
    date: date.toISOString(),
    mail: {
      subject: words.subject,
      abridged: false,
      html: html(name, words, app),
      text: `Hello ${name},\n\n${words.sentences.join("\n\n")}\n${app ? `\n${app}\n` : ""}\n--\n${MARK}`,
      offers: { space: offer(`No more email from ${space}`), all: offer("No more email from Monogram") },
    },
  };
}

function wordsOf(kind: string, payload: Record<string, unknown>, space: string): Words {
  const week = `week ${Number(payload.week_number)}`;
  switch (kind) {
    case "CURATOR_ASSIGNED":
      return {
        subject: `You hold the pen of ${space}`,
        sentences: [
          `It is your turn: in ${week} of ${space} you ask the questions.`,
          "Write up to ten prompts and publish them, and everybody can begin to answer.",
        ],
      };
    case "PROMPTS_PUBLISHED":
      return {
        subject: `New questions in ${space}`,
        sentences: [
          `The questions of ${week} are out in ${space}.`,
          "Take a moment, and answer those you like.",
        ],
      };
    case "RESPONSE_REMINDER":
      return {
        subject: `${space} would like to hear from you`,
        sentences: [
          `You have not answered in ${week} of ${space} yet.`,
          "There is still time: a line or a picture will do.",
        ],
      };
    case "BADGE_EARNED": {
      const badge = cleanLine(text(payload.name), "a badge");
      const tokens = Number(payload.tokens);
      return {
        subject: `You have earned a badge: ${badge}`,
        sentences: [
          `Well done: the badge "${badge}" is yours${tokens > 0 ? `, and ${tokens} tokens with it` : ""}.`,
        ],
      };
    }
    case "GIFT_RECEIVED": {
      const message = cleanLine(text(payload.message));
      const giver = cleanLine(text(payload.sender_name), "Somebody");
      return {
        subject: `${giver} sent you ${Number(payload.amount)} tokens`,
        sentences: [
          `${giver} sent you a gift of ${Number(payload.amount)} tokens.`,
          ...(message === "" ? [] : [`They wrote: "${message}"`]),
        ],
      };
    }
    default:
      return { subject: "News from Monogram", sentences: ["There is news for you."] };
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function offer(label: string): PreparedMail["offers"]["all"] {
  return {
    html: String(
      markup`<a href="${MARK}" style="color:#6b6459;text-decoration:underline;margin-right:16px">${label}</a>`,
    ),
    text: `${label}: ${MARK}\n`,
  };
}

function html(name: string, words: Words, app: string | null): string {
  const paragraph = (sentence: string): Html =>
    markup`<p style="margin:0 0 16px;font-size:17px;line-height:1.5">${sentence}</p>
`;
  const button = app === null ? null : markup`<p style="margin:24px 0"><a href="${app}"
 style="background:#2d2a26;color:#ffffff;padding:12px 20px;border-radius:6px;text-decoration:none">Open Monogram</a></p>
`;
  const page = markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${words.subject}</title>
</head>
<body style="margin:0;padding:24px;background:#f6f3ee;color:#2d2a26;font-family:Georgia,'Times New Roman',serif">
<div role="article" style="max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px">
<h1 style="margin:0 0 20px;font-size:22px;line-height:1.3">${words.subject}</h1>
${paragraph(`Hello ${name},`)}${words.sentences.map(paragraph)}${button}</div>
<div style="max-width:520px;margin:16px auto 0;font-size:13px;color:#6b6459">${MARK}</div>
</body>
</html>
`;
  return `<!doctype html>\n${page}`;
}
