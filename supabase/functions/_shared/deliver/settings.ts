/**
 * How mail is sent, from the function's environment.
 *
 *     MAIL_FROM              Name <address>; needed to send anything
 *     MAIL_REPLY_TO          an address for answers
 *     RESEND_API_KEY         send by Resend ...
 *     SMTP_URL               ... or by SMTP: smtp://user:password@host:port, smtps://...
 *     SMTP_SEARCH_URL        an API like Mailpit's, to ask whether the SMTP server has a mail
 *     RESEND_URL             another server that speaks Resend's API
 *     UNSUBSCRIBE_URL        what links to unsubscribe begin with; the function `unsubscribe` unless set
 *     APP_URL                where the button in notifications leads
 */

import { EnvironmentError } from "../platform/mod.ts";
import type { NoticeSettings } from "./notice.ts";
import type { Provider } from "./provider.ts";
import { Resend } from "./resend.ts";
import { mailpitSearch, Smtp } from "./smtp.ts";

export interface MailSettings extends NoticeSettings {
  /** How many may send at the same time in one call of `deliver`. */
  workers: number;
  /** Opens the provider; what it needs is loaded then. */
  open(): Promise<Provider>;
}

/**
 * Read the settings; null where no provider is named: then nothing is sent, and mails wait.
 *
 * @throws {EnvironmentError} Something is missing or damaged. The message never repeats a value.
 */
export function readMailSettings(
  projectUrl: string,
  get: (name: string) => string | undefined = Deno.env.get,
): MailSettings | null {
  const resend = get("RESEND_API_KEY");
  const smtp = get("SMTP_URL");
  if (!resend && !smtp) return null;
  const from = get("MAIL_FROM");
  if (!from || !/@[^\s<>@]+>?$/.test(from)) {
    throw new EnvironmentError(
      "MAIL_FROM must be the sender of mails, such as `Monogram <letters@example.org>`.",
    );
  }
  if (!resend && !/^smtps?:\/\/[^/]/.test(smtp!)) {
    throw new EnvironmentError("SMTP_URL must be smtp://user:password@host:port or smtps://...");
  }
  const search = get("SMTP_SEARCH_URL");
  return {
    from,
    replyTo: get("MAIL_REPLY_TO") || null,
    unsubscribe: get("UNSUBSCRIBE_URL") || `${projectUrl}/functions/v1/unsubscribe`,
    appUrl: get("APP_URL") || null,
    // One request of Resend has a hundred mails. Of connections SMTP servers allow a handful.
    workers: resend ? 1 : 4,
    async open() {
      if (resend) return new Resend({ apiKey: resend, url: get("RESEND_URL") || undefined });
      // nodemailer takes its time to load, and Resend needs none of it.
      const { smtpTransport } = await import("./smtp_transport.ts");
      return new Smtp(smtpTransport(smtp!), search ? mailpitSearch(search) : null);
    },
  };
}
