/** Servers on this machine that stand in for the providers: Resend's API, and an SMTP server. */

import assert from "node:assert/strict";
import { Resend, Smtp } from "../../../supabase/functions/_shared/deliver/mod.ts";
import { smtpTransport } from "../../../supabase/functions/_shared/deliver/smtp_transport.ts";

export interface Asked {
  path: string;
  key: string | null;
  body: Record<string, unknown>[];
}

export async function withResend(
  reply: (asked: Asked, count: number) => Response | Promise<Response>,
  use: (resend: Resend, asked: Asked[]) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    assert.equal(request.headers.get("authorization"), "Bearer re_secret");
    const one: Asked = {
      path: pathname + search,
      key: request.headers.get("idempotency-key"),
      body: request.method === "POST" ? [await request.json()].flat() : [],
    };
    asked.push(one);
    return await reply(one, asked.length);
  });
  try {
    await use(new Resend({ apiKey: "re_secret", url: `http://127.0.0.1:${server.addr.port}` }), asked);
  } finally {
    await server.shutdown();
  }
}

export const refusal = (status: number, name: string, headers = {}, message = name) =>
  Response.json({ statusCode: status, name, message }, { status, headers });

export type Step = "greeting" | "MAIL" | "RCPT" | "DATA" | "text";
export type Replies = Partial<Record<Step, string | null>> & { size?: number };

/** A server that says what the test wants it to; null ends the connection there and then. */
export async function withSmtp(
  replies: Replies,
  use: (smtp: Smtp, received: string[]) => Promise<void>,
  search: boolean | null = null,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const serve = async () => {
    for await (const connection of listener) talk(connection, replies, received).catch(() => {});
  };
  const served = serve();
  const transport = smtpTransport(`smtp://127.0.0.1:${listener.addr.port}`);
  const smtp = new Smtp(transport, search === null ? null : { has: () => Promise.resolve(search) });
  try {
    await use(smtp, received);
  } finally {
    await smtp.close();
    listener.close();
    await served.catch(() => {});
  }
}

async function talk(
  connection: Deno.Conn,
  replies: Replies,
  received: string[],
): Promise<void> {
  const say = async (reply: string | null) => {
    if (reply === null) {
      connection.close();
      throw new Error("ended");
    }
    await connection.write(new TextEncoder().encode(reply + "\r\n"));
  };
  const given = (name: Step, otherwise: string) =>
    name in replies ? replies[name] as string | null : otherwise;
  await say(given("greeting", "220 ready"));
  let text: string | null = null;
  let buffered = "";
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
    buffered += chunk;
    while (true) {
      const end = text === null ? buffered.indexOf("\r\n") : buffered.indexOf("\r\n.\r\n");
      if (end < 0) break;
      const part = buffered.slice(0, end);
      buffered = buffered.slice(end + (text === null ? 2 : 5));
      if (text !== null) {
        text = null;
        received.push(part);
        await say(given("text", "250 2.0.0 taken"));
      } else if (/^EHLO/i.test(part)) await say(`250-hello\r\n250 SIZE ${replies.size ?? 30_000_000}`);
      else if (/^MAIL/i.test(part)) await say(given("MAIL", "250 ok"));
      else if (/^RCPT/i.test(part)) await say(given("RCPT", "250 ok"));
      else if (/^DATA/i.test(part)) {
        await say(given("DATA", "354 go on"));
        if (given("DATA", "354 go on")!.startsWith("354")) text = "";
      } else if (/^QUIT/i.test(part)) return connection.close();
      else await say("250 ok");
    }
  }
}
