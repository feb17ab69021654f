/**
 * How email is sent, from the function's environment.
 *
 *     MAIL_FROM              a mailbox; needed to send anything. A space's emails have its name before the address
 *     MAIL_REPLY_TO          a mailbox for replies; `{space}` in its address stands for the space's id
 *     RESEND_API_KEY         send by Resend ...
 *     SMTP_URL               ... or by SMTP: smtp://user:password@host:port, smtps://...
 *     SMTP_SEARCH_URL        an API like Mailpit's, to ask whether the SMTP server has an email
 *     RESEND_URL             another server that speaks Resend's API
 *     UNSUBSCRIBE_URL        what links to unsubscribe begin with; the function `unsubscribe` unless set
 *     APP_URL                where the button in notifications leads
 */

import { EnvironmentError } from "../platform/mod.ts";
import { webAddress } from "../render/text.ts";
import { type Mailbox, readMailbox } from "./mailbox.ts";
import type { NoticeSettings } from "./notice.ts";
import type { Provider } from "./provider.ts";
import { Resend } from "./resend.ts";
import { mailpitSearch, Smtp } from "./smtp.ts";

export interface EmailSettings extends NoticeSettings {
  /** How many may send at the same time in one call of `deliver`. */
  workers: number;
  /** Opens the provider; what it needs is loaded then. */
  open(): Promise<Provider>;
}

/**
 * Read the settings; null where no provider is named: then nothing is sent, and emails wait.
 *
 * Their values go out to everybody as they are, so misspelt ones are refused.
 *
 * @throws {EnvironmentError} Something is missing or damaged. The message never repeats a value.
 */
export function readEmailSettings(
  projectUrl: string,
  get: (name: string) => string | undefined = Deno.env.get,
): EmailSettings | null {
  const resend = get("RESEND_API_KEY");
  const smtp = get("SMTP_URL");
  if (!resend && !smtp) return null;
  mailbox("MAIL_FROM", get("MAIL_FROM") ?? "", "Monogram <letters@example.org>");
  if (!resend && !(/^smtps?:\/\/[^/]/.test(smtp!) && URL.canParse(smtp!))) {
    throw new EnvironmentError("SMTP_URL must be smtp://user:password@host:port or smtps://...");
  }
  const replyTo = get("MAIL_REPLY_TO") || null;
  if (replyTo !== null) {
    // As long as it will be.
    const filled = replyTo.replaceAll("{space}", crypto.randomUUID());
    const { name } = mailbox("MAIL_REPLY_TO", filled, "replies@example.org", "`{space}`");
    if (replyTo.includes("{space}") && name !== readMailbox(replyTo.replaceAll("{space}", "x"))?.name) {
      throw new EnvironmentError("MAIL_REPLY_TO has `{space}` in the name: it belongs in the address.");
    }
  }
  const search = get("SMTP_SEARCH_URL");
  return {
    from: get("MAIL_FROM")!,
    replyTo,
    unsubscribe: address("UNSUBSCRIBE_URL", get) ?? `${projectUrl}/functions/v1/unsubscribe`,
    appUrl: address("APP_URL", get),
    // One request to Resend holds a hundred messages. SMTP servers allow a handful of connections.
    workers: resend ? 1 : 4,
    async open() {
      if (resend) return new Resend({ apiKey: resend, url: get("RESEND_URL") || undefined });
      // nodemailer is slow to load, and Resend does not need it.
      const { smtpTransport } = await import("./smtp_transport.ts");
      return new Smtp(smtpTransport(smtp!), search ? mailpitSearch(search) : null);
    },
  };
}

/** @param known The placeholder that it takes, for the error message. */
function mailbox(name: string, value: string, example: string, known?: string): Mailbox {
  const found = readMailbox(value);
  if (found === null) {
    throw new EnvironmentError(
      `${name} must be one mailbox, such as \`${example}\` or \`Name <${
        /[^<]+@[^>]+/.exec(example)![0]
      }>\`. ` +
        "A name with one of ()<>[]:;@,\\ in it stands between quotes.",
    );
  }
  if (/[{}]/.test(value)) {
    throw new EnvironmentError(
      `${name} has braces in it. ` +
        (known === undefined
          ? "It takes no placeholders."
          : `The only placeholder that it takes is ${known}.`),
    );
  }
  return found;
}

/** Return the address of a page as it is given; null if it is not set. */
function address(name: string, get: (name: string) => string | undefined): string | null {
  const value = get(name) || null;
  if (value !== null && (webAddress(value) === null || /[{}\s]/.test(value))) {
    throw new EnvironmentError(
      `${name} must be an address that begins with https:// or http://, without placeholders.`,
    );
  }
  return value;
}
