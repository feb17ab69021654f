/** The part of nodemailer that `smtp_transport.ts` uses. */

import type { Buffer } from "node:buffer";

/** Puts a message together. */
export class MailComposer {
  constructor(mail: Record<string, unknown>);
  compile(): { build(): Promise<Buffer> };
}

/** Quoted-printable (RFC 2045). */
export function encode(text: string): string;
export function wrap(text: string, length: number): string;

export interface ConnectionOptions {
  host: string;
  port: number;
  secure: boolean;
  requireTLS: boolean;
  connectionTimeout: number;
  greetingTimeout: number;
  socketTimeout: number;
  name: string;
}

type Listener = (error: Error) => void;

/** A conversation with a mail server. */
export class SMTPConnection {
  constructor(options: ConnectionOptions);
  connect(done: (error?: Error) => void): void;
  login(
    auth: { credentials: { user: string; pass: string } },
    done: (error?: Error | null) => void,
  ): void;
  send(
    envelope: { from: string; to: string[]; size: number },
    message: Buffer,
    done: (error: Error | null, info?: { response?: string }) => void,
  ): void;
  quit(): void;
  close(): void;
  on(event: "error" | "end", listener: Listener): this;
  once(event: "error" | "end", listener: Listener): this;
  removeListener(event: "error" | "end", listener: Listener): this;
}
