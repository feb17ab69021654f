/** The SMTP server of the mailbox: it accepts every email from programs on this machine, and delivers none. */

import { Buffer } from "node:buffer";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { describeError, log } from "../log.ts";
import type { Mailbox } from "./mailbox.ts";

const MAX_BYTES = 25 * 1024 * 1024;

/** Starts the server. Throws if the port is taken. */
export async function startSmtp(mailbox: Mailbox, host: string, port: number): Promise<() => Promise<void>> {
  const server = new SMTPServer({
    // Any name and password are accepted, because mail programs are often configured with some.
    authOptional: true,
    onAuth: (_credentials, _session, done) => done(null, { user: "anybody" }),
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    size: MAX_BYTES,
    banner: "The mailbox of the embedded stack",
    logger: false,
    closeTimeout: 500,
    onData(stream, session, done) {
      receive(mailbox, stream, session).then(
        (id) => done(null, `Message queued as ${id}`),
        (error: Error) => {
          log("email_refused", describeError(error));
          done(error);
        },
      );
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error: Error) => log("smtp", describeError(error)));
  return () => new Promise((resolve) => server.close(() => resolve()));
}

async function receive(
  mailbox: Mailbox,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  if (stream.sizeExceeded) {
    throw Object.assign(new Error(`The email is larger than ${MAX_BYTES} bytes.`), { responseCode: 552 });
  }
  const { mailFrom, rcptTo } = session.envelope;
  return await mailbox.deliver(Buffer.concat(chunks), {
    from: mailFrom ? mailFrom.address : "",
    to: rcptTo.map(({ address }) => address),
  });
}
