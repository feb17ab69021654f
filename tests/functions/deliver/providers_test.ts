/**
 * The two providers against servers on this machine: real HTTP, real SMTP, and all that may go wrong on the way.
 *
 * The servers are ours. What Resend's API answers follows its documentation: https://resend.com/docs/api-reference
 */

import assert from "node:assert/strict";
import { Resend, Smtp } from "../../../supabase/functions/_shared/deliver/mod.ts";
import { compose, type Content, type Message } from "../../../supabase/functions/_shared/deliver/compose.ts";
import { raw, smtpTransport } from "../../../supabase/functions/_shared/deliver/smtp_transport.ts";

const offer = { html: '<a href="\uffff">stop</a>', text: "stop: \uffff\n" };
const CONTENT: Content = {
  sender: { from: "Monogram <letters@example.org>", replyTo: null, unsubscribe: "https://example.org/u" },
  date: "2026-11-23T12:00:00Z",
  mail: {
    subject: "Week 1 ✉",
    abridged: false,
    html: "<p>Hello</p>\uffff",
    text: "Hello\n\uffff",
    offers: { space: offer, all: offer },
  },
};

function message(n: number, to = `person${n}@example.test`): Message {
  const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  return compose(CONTENT, { id, email: to, token: "token", space_id: "space" }, CONTENT.sender!);
}

const outcomes = (report: { results: { outcome: string }[] }) => report.results.map(({ outcome }) => outcome);

// Resend ------------------------------------------------------------------------------------------------------------

interface Asked {
  path: string;
  key: string | null;
  body: Record<string, unknown>[];
}

async function withResend(
  answer: (asked: Asked, count: number) => Response | Promise<Response>,
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
    return await answer(one, asked.length);
  });
  try {
    await use(new Resend({ apiKey: "re_secret", url: `http://127.0.0.1:${server.addr.port}` }), asked);
  } finally {
    await server.shutdown();
  }
}

const refusal = (status: number, name: string, headers = {}) =>
  Response.json({ statusCode: status, name, message: name }, { status, headers });

Deno.test("a batch is one request under its key, and bad addresses are refused alone", async () => {
  await withResend(
    () =>
      Response.json({ data: [{ id: "a" }, { id: "c" }], errors: [{ index: 1, message: "invalid `to`" }] }),
    async (resend, asked) => {
      const report = await resend.send("the key", [message(1), message(2), message(3)]);
      assert.deepEqual(outcomes(report), ["SENT", "REJECTED", "SENT"]);
      assert.deepEqual(report.results.map((result) => result.provider_id), ["a", undefined, "c"]);
      assert.equal(asked[0].key, "the key");
      assert.equal(
        (asked[0].body[0].headers as Record<string, string>)["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click",
      );
      assert.deepEqual(asked[0].body[2].to, ["person3@example.test"]);
    },
  );
});

Deno.test("each refusal means what it means, and no report holds the key", async () => {
  const cases: [Response | (() => never), string, boolean][] = [
    [refusal(429, "rate_limit_exceeded", { "retry-after": "7" }), "RETRY", true],
    [refusal(429, "daily_quota_exceeded"), "RETRY", true],
    [refusal(401, "missing_api_key"), "RETRY", true],
    [refusal(403, "invalid_api_key"), "RETRY", true],
    [refusal(422, "invalid_from_address"), "RETRY", true],
    [refusal(422, "validation_error"), "REJECTED", false],
    [refusal(409, "concurrent_idempotent_requests"), "UNCERTAIN", false],
    [refusal(409, "invalid_idempotent_request"), "SENT", false],
    [refusal(500, "internal_server_error"), "UNCERTAIN", false],
    [new Response("<html>", { status: 502 }), "UNCERTAIN", false],
    [new Response("{not json", { status: 200 }), "UNCERTAIN", false],
    [Response.json({ data: [] }), "UNCERTAIN", false],
  ];
  for (const [answer, outcome, pauses] of cases) {
    await withResend(() => answer as Response, async (resend) => {
      const report = await resend.send("k", [message(1)]);
      assert.deepEqual(outcomes(report), [outcome]);
      assert.equal((report.pauseSeconds ?? 0) > 0, pauses);
      assert.ok(!JSON.stringify(report).includes("re_secret"));
    });
  }
  const nobody = new Resend({ apiKey: "re_secret", url: "http://127.0.0.1:1" });
  assert.deepEqual(outcomes(await nobody.send("k", [message(1)])), ["UNCERTAIN"]);
});

Deno.test("Retry-After is kept to", async () => {
  await withResend(() => refusal(429, "rate_limit_exceeded", { "retry-after": "7" }), async (resend) => {
    assert.equal((await resend.send("k", [message(1)])).pauseSeconds, 7);
  });
});

Deno.test("a server that refuses a batch as a whole gets its mails one by one", async () => {
  await withResend(
    ({ path, body }) =>
      path === "/emails/batch" || String(body[0].to).startsWith("bad")
        ? refusal(422, "validation_error")
        : Response.json({ id: "x" }),
    async (resend, asked) => {
      const report = await resend.send("k", [message(1), message(2, "bad@example.test"), message(3)]);
      assert.deepEqual(outcomes(report), ["SENT", "REJECTED", "SENT"]);
      assert.equal(new Set(asked.map(({ key }) => key)).size, 4);
    },
  );
});

Deno.test("an open request is repeated under its key, and a refusal of the repetition decides nothing", async () => {
  await withResend(() => refusal(429, "rate_limit_exceeded"), async (resend, asked) => {
    const report = await resend.resolve({ key: "k", triedAt: 0, now: 3600_000 }, [message(1)]);
    assert.deepEqual(outcomes(report), ["UNCERTAIN"]);
    assert.equal(asked[0].key, "k");
  });
});

Deno.test("when the key is too old, the list of sent mails is asked", async () => {
  const sent = message(1);
  await withResend(
    ({ path }) => {
      if (path === "/emails/one") return Response.json({ text: "another mail with the same subject" });
      if (path === "/emails/two") return Response.json({ text: sent.text });
      assert.match(path, /^\/emails\?limit=100/);
      const entry = (id: string) => ({
        id,
        to: [sent.to],
        subject: sent.subject,
        created_at: "2026-11-23T12:00:00Z",
      });
      return Response.json(
        path.includes("after=one")
          ? { data: [entry("two")], has_more: false }
          : { data: [entry("one")], has_more: true },
      );
    },
    async (resend) => {
      const triedAt = Date.parse("2026-11-23T12:00:00Z");
      const report = await resend.resolve({ key: "k", triedAt, now: triedAt + 25 * 3600_000 }, [
        sent,
        message(2),
      ]);
      assert.deepEqual(report.results.map(({ outcome, provider_id }) => [outcome, provider_id]), [[
        "SENT",
        "two",
      ], ["RETRY", undefined]]);
    },
  );
});

// SMTP --------------------------------------------------------------------------------------------------------------

/** A server that says what the test wants it to; null ends the connection there and then. */
async function withSmtp(
  replies: Partial<Record<"greeting" | "RCPT" | "DATA" | "text", string | null>>,
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
  replies: Partial<Record<"greeting" | "RCPT" | "DATA" | "text", string | null>>,
  received: string[],
): Promise<void> {
  const say = async (reply: string | null) => {
    if (reply === null) {
      connection.close();
      throw new Error("ended");
    }
    await connection.write(new TextEncoder().encode(reply + "\r\n"));
  };
  const given = (name: "greeting" | "RCPT" | "DATA" | "text", otherwise: string) =>
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
      } else if (/^EHLO/i.test(part)) await say("250-hello\r\n250 SIZE 30000000");
      else if (/^RCPT/i.test(part)) await say(given("RCPT", "250 ok"));
      else if (/^DATA/i.test(part)) {
        await say(given("DATA", "354 go on"));
        if (given("DATA", "354 go on")!.startsWith("354")) text = "";
      } else if (/^QUIT/i.test(part)) return connection.close();
      else await say("250 ok");
    }
  }
}

Deno.test("a mail goes over the wire, and the next one over the same connection", async () => {
  await withSmtp({}, async (smtp, received) => {
    for (const n of [1, 2]) {
      const report = await smtp.send("k", [message(n)]);
      assert.deepEqual(report.results, [{
        id: message(n).id,
        outcome: "SENT",
        provider_id: message(n).messageId,
      }]);
    }
    assert.equal(received.length, 2);
    assert.match(received[0], /^Message-ID: <00000000-0000-4000-8000-000000000001@example.org>\r$/m);
    assert.match(received[0], /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
  });
});

Deno.test("the same message gives the same bytes", async () => {
  assert.deepEqual(await raw(message(1)), await raw(message(1)));
});

Deno.test("how far a failed conversation had come decides what it means", async () => {
  const cases: [Parameters<typeof withSmtp>[0], string, Record<string, unknown>][] = [
    [{ greeting: "554 go away" }, "RETRY", { uncounted: true }],
    [{ greeting: null }, "RETRY", { uncounted: true }],
    [{ RCPT: "550 5.1.1 no such user" }, "REJECTED", { suppress: true }],
    [{ RCPT: "550 5.7.1 not from you" }, "REJECTED", { suppress: false }],
    [{ RCPT: "450 4.2.0 later" }, "RETRY", {}],
    [{ RCPT: "421 4.7.0 too much" }, "RETRY", { uncounted: true }],
    [{ DATA: "554 5.6.0 no" }, "REJECTED", { suppress: false }],
    [{ text: "451 4.3.0 disk full" }, "RETRY", {}],
    [{ text: "552 5.2.2 full" }, "REJECTED", { suppress: false }],
    [{ text: null }, "UNCERTAIN", {}],
  ];
  for (const [replies, outcome, more] of cases) {
    await withSmtp(replies, async (smtp) => {
      const { results: [result] } = await smtp.send("k", [message(1)]);
      const shown = JSON.stringify(replies);
      assert.equal(result.outcome, outcome, shown);
      for (const [name, value] of Object.entries(more)) {
        assert.equal(result[name as "suppress"], value, shown);
      }
    });
  }
});

Deno.test("a lost connection is opened again", async () => {
  const replies: Parameters<typeof withSmtp>[0] = { text: null };
  await withSmtp(replies, async (smtp, received) => {
    assert.deepEqual(outcomes(await smtp.send("k", [message(1)])), ["UNCERTAIN"]);
    delete replies.text;
    assert.deepEqual(outcomes(await smtp.send("k", [message(2)])), ["SENT"]);
    assert.equal(received.length, 2);
  });
});

Deno.test("what is open is looked for, and sent again only where the server has it not", async () => {
  const open = { key: "k", triedAt: 0, now: 200_000 };
  for (const [search, outcome] of [[true, "SENT"], [false, "RETRY"], [null, "RETRY"]] as const) {
    await withSmtp({}, async (smtp) => {
      assert.deepEqual(outcomes(await smtp.resolve(open, [message(1)])), [outcome]);
    }, search);
  }
});
