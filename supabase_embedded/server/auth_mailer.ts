/** Sends the emails of Auth: a short text with a link and a code, in plain text and in HTML. */

import { linkToken } from "./auth_pkce.ts";
import type { Address } from "./config.ts";
import { escapeHtml } from "./http.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import { currentRequest } from "./request_context.ts";

/** What lite passes besides the recipient and the code. */
export interface EmailDetails {
  tokenHashNew?: string;
  tokenNew?: string;
  currentEmail?: string;
  newEmail?: string;
}

interface Template {
  type: string;
  subject: string;
  lead: string;
  button: string;
}

const TEMPLATES = {
  confirmation: {
    type: "signup",
    subject: "Confirm your email address",
    lead: "Welcome! Confirm your email address to finish signing up.",
    button: "Confirm my address",
  },
  invitation: {
    type: "invite",
    subject: "You have been invited",
    lead: "Somebody invited you to create an account.",
    button: "Accept the invitation",
  },
  magicLink: {
    type: "magiclink",
    subject: "Your sign-in link",
    lead: "Follow the link to sign in.",
    button: "Sign in",
  },
  recovery: {
    type: "recovery",
    subject: "Reset your password",
    lead: "Somebody asked to reset the password of your account. If it was not you, ignore this email.",
    button: "Choose a new password",
  },
  emailChange: {
    type: "email_change",
    subject: "Confirm your new email address",
    lead: "Confirm that your account moves to another email address.",
    button: "Confirm the change",
  },
} satisfies Record<string, Template>;

export class AuthMailer {
  constructor(
    private readonly mailbox: Mailbox,
    private readonly apiUrl: string,
    private readonly siteUrl: string,
    private readonly sender: Address,
  ) {}

  async sendConfirmation(email: string, hash: string, code: string): Promise<void> {
    await this.#send(TEMPLATES.confirmation, email, hash, code);
  }

  async sendInvitation(email: string, hash: string, code: string): Promise<void> {
    await this.#send(TEMPLATES.invitation, email, hash, code);
  }

  async sendRecovery(email: string, hash: string, code: string): Promise<void> {
    await this.#send(TEMPLATES.recovery, email, hash, code);
  }

  async sendMagicLink(email: string, hash: string, code: string): Promise<void> {
    await this.#send(TEMPLATES.magicLink, email, hash, code);
  }

  async sendEmailChange(email: string, hash: string, code: string, details?: EmailDetails): Promise<void> {
    const { tokenHashNew, tokenNew, newEmail } = details ?? {};
    await this.#send(TEMPLATES.emailChange, email, hash, code);
    if (tokenHashNew && tokenNew && newEmail && newEmail !== email) {
      await this.#send(TEMPLATES.emailChange, newEmail, tokenHashNew, tokenNew);
    }
  }

  async sendReauthentication(email: string, code: string): Promise<void> {
    await this.mailbox.compose({
      from: this.sender,
      to: email,
      subject: "Your confirmation code",
      text: `Enter this code to continue: ${code}\n`,
      html: page("Your confirmation code", `<p>Enter this code to continue:</p>${codeBox(code)}`),
    });
  }

  /** The URL of the button in an email. The redirect is checked again when somebody opens it. */
  link(type: string, token: string, redirectTo?: string): string {
    const url = new URL("/auth/v1/verify", this.apiUrl);
    url.searchParams.set("token", token);
    url.searchParams.set("type", type);
    url.searchParams.set("redirect_to", redirectTo ?? this.siteUrl);
    return url.href;
  }

  async #send(template: Template, email: string, hash: string, code: string): Promise<void> {
    const request = currentRequest();
    request?.emails?.push({ type: template.type, hash });
    const link = this.link(template.type, linkToken(hash, request?.challenge), request?.redirectTo);
    await this.mailbox.compose({
      from: this.sender,
      to: email,
      subject: template.subject,
      text: `${template.lead}\n\n${template.button}: ${link}\n\nOr enter this code: ${code}\n`,
      html: page(
        template.subject,
        `<p>${escapeHtml(template.lead)}</p>
         <p><a href="${escapeHtml(link)}" style="${BUTTON}">${escapeHtml(template.button)}</a></p>
         <p>Or enter this code:</p>${codeBox(code)}`,
      ),
    });
  }
}

const BUTTON = "display:inline-block;padding:10px 18px;border-radius:6px;background:#3b5bdb;color:#fff;" +
  "text-decoration:none";

function codeBox(code: string): string {
  return `<p style="font:600 28px ui-monospace,monospace;letter-spacing:6px">${escapeHtml(code)}</p>`;
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:2em auto;padding:0 1em">
<h1 style="font-size:22px">${escapeHtml(title)}</h1>
${content}
</body></html>
`;
}
