/** The SMTP conversation itself, by nodemailer's connection, so that it is known how far a failed one had come. */

import { Buffer } from "node:buffer";
// @ts-types="./nodemailer.d.ts"
import { encode, MailComposer, SMTPConnection, wrap } from "./nodemailer.generated.js";
import type { ConnectionOptions } from "./nodemailer.d.ts";
import type { Message } from "./compose.ts";
import { headerMailbox, headerText } from "./header.ts";
import type { Stage } from "./refusals.ts";
import { SmtpFailure, type SmtpTransport } from "./smtp.ts";

/** What nodemailer's errors carry. */
interface SmtpError extends Error {
  code?: string;
  /** The reply as it came. */
  response?: string;
  responseCode?: number;
  command?: string;
}

const CONNECT_MS = 10_000;

/**
 * @param url `smtp://user:password@host:port`, or `smtps://` for TLS from the first byte. With `smtp://` the connection
 * is
 *   encrypted where the server offers it, and always when there is a password to tell it.
 */
export function smtpTransport(url: string): SmtpTransport {
  const { protocol, hostname, port, username, password } = new URL(url);
  if (!["smtp:", "smtps:"].includes(protocol) || hostname === "") {
    throw new TypeError("SMTP_URL must be smtp://user:password@host:port or smtps://...");
  }
  const secure = protocol === "smtps:";
  const credentials = username === ""
    ? null
    : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  let open: SMTPConnection | null = null;

  function drop(): void {
    open?.close();
    open = null;
  }

  async function connected(timeoutMs: number): Promise<SMTPConnection> {
    if (open !== null) return open;
    const options: ConnectionOptions = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (secure ? 465 : 587),
      secure,
      requireTLS: credentials !== null && !secure && !isLoopback(hostname),
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: timeoutMs,
      name: "monogram",
    };
    const connection = new SMTPConnection(options);
    // After a conversation has ended no caller waits for an error; it shows in the next one.
    connection.on("error", () => drop());
    connection.on("end", () => {
      if (open === connection) open = null;
    });
    try {
      await settled(connection, "connect", (done) => connection.connect((error?: SmtpError) => done(error)));
      if (credentials !== null) {
        await settled(
          connection,
          "login",
          (done) => connection.login({ credentials }, (error?: SmtpError | null) => done(error)),
        );
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    open = connection;
    return connection;
  }

  return {
    async send(message, timeoutMs) {
      const bytes = await raw(message);
      const connection = await connected(timeoutMs);
      const envelope = { from: message.from.address, to: [message.to], size: bytes.length };
      const timer = setTimeout(() => connection.close(), timeoutMs);
      try {
        return await settled<string>(
          connection,
          "transaction",
          (done) =>
            connection.send(
              envelope,
              bytes,
              (error: SmtpError | null, info?: { response?: string }) => done(error, info?.response ?? ""),
            ),
        );
      } catch (error) {
        drop();
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    // deno-lint-ignore require-await
    async close() {
      open?.quit();
      open = null;
    },
  };
}

/** Wait for a step of the conversation; an end of the connection ends it as well. */
function settled<T = void>(
  connection: SMTPConnection,
  stage: "connect" | "login" | "transaction",
  step: (done: (error?: SmtpError | null, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = (error?: SmtpError | null, value?: T) => {
      connection.removeListener("error", failed);
      connection.removeListener("end", ended);
      if (!error) return resolve(value as T);
      reject(failure(error, stage));
    };
    const failed = (error: SmtpError) => finish(error);
    const ended = () => finish(new Error("The connection ended."));
    connection.once("error", failed);
    connection.once("end", ended);
    step(finish);
  });
}

/** Return where an error of nodemailer's comes from: the server, our code, or the connection. */
function failure(error: SmtpError, stage: "connect" | "login" | "transaction"): SmtpFailure {
  const said = error.response ? `${error.responseCode ?? ""} ${error.response}`.trim() : error.message;
  if (stage !== "transaction") {
    // The server offers no encryption to a sender with a password: the operator must fix that.
    const isOurs = error.code === "ETLS" || error.code === "EAUTH" && !error.response;
    return new SmtpFailure(said, error.responseCode ?? 0, stage, isOurs);
  }
  if (!error.responseCode && ["EENVELOPE", "EMESSAGE", "EREQUIRETLS"].includes(error.code ?? "")) {
    const stage: Stage = /recipient/.test(error.message) ? "recipient" : "sender";
    return new SmtpFailure(error.message, 0, stage, true);
  }
  const at: Stage = error.command === "RCPT TO"
    ? "recipient"
    : /^MAIL\b/.test(error.command ?? "")
    ? "sender"
    : "transaction";
  return new SmtpFailure(said, error.responseCode ?? 0, at);
}

/** The message as it goes over the wire; the same message gives the same bytes. */
export async function raw(message: Message): Promise<Buffer> {
  const composer = new MailComposer({
    // As it is: a text would be read as a list of addresses.
    to: { name: "", address: message.to },
    html: { raw: part("html", message.html) },
    text: { raw: part("plain", message.text) },
    date: new Date(message.date),
    messageId: message.messageId,
    // nodemailer would leave what looks encoded already as it is.
    headers: {
      ...Object.fromEntries(
        Object.entries(message.headers).map(([name, value]) => [name, { prepared: true, value }]),
      ),
      Subject: { prepared: true, value: headerText(message.subject, "Subject") },
    },
    baseBoundary: message.id,
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: "\r\n",
  });
  // nodemailer would put what looks encoded between quotes, where many programs decode it all the same.
  const people = [["From", message.from], ["Reply-To", message.replyTo]] as const;
  const lines = people.flatMap(([header, mailbox]) =>
    mailbox === null ? [] : [`${header}: ${headerMailbox(mailbox.name, mailbox.address, header)}\r\n`]
  );
  return Buffer.concat([Buffer.from(lines.join("")), await composer.compile().build()]);
}

/** Lines of emails as they go out. A newsletter is the same for all but for the links in a line or two. */
const encoded = new Map<string, string>();
/** Characters that are kept of them; a newsletter has a quarter of that at most. */
const MOST_KEPT = 500_000;
let kept = 0;

/** A part of a message, its lines quoted where they must be. */
function part(type: "html" | "plain", text: string): string {
  const lines = text.split(/\r?\n/).map((line) => {
    let known = encoded.get(line);
    if (known === undefined) {
      if (kept > MOST_KEPT) {
        encoded.clear();
        kept = 0;
      }
      kept += line.length;
      encoded.set(line, known = wrap(encode(line), 76));
    }
    return known;
  });
  return `Content-Type: text/${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${
    lines.join("\r\n")
  }`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\./.test(host);
}
