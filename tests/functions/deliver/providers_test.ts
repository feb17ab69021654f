/**
 * The two providers against servers on this machine: real HTTP, real SMTP, and all that may go wrong on the way.
 *
 * The servers are ours. What Resend's API answers follows its documentation: https://resend.com/docs/api-reference
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
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

const RECIPIENT = {
  id: "00000000-0000-4000-8000-000000000099",
  email: "person@example.test",
  token: "token",
  space_id: "space",
};

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

const refusal = (status: number, name: string, headers = {}, message = name) =>
  Response.json({ statusCode: status, name, message }, { status, headers });

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
  const testing = "You can only send testing emails to your own email address";
  const unverified = "The example.org domain is not verified";
  const cases: [Response | (() => never), string, boolean, string?][] = [
    [refusal(429, "rate_limit_exceeded", { "retry-after": "7" }), "RETRY", true, "RATE"],
    [refusal(429, "daily_quota_exceeded"), "RETRY", true, "SENDER"],
    [refusal(429, "monthly_quota_exceeded"), "RETRY", true, "SENDER"],
    [refusal(401, "missing_api_key"), "RETRY", true, "SENDER"],
    [refusal(401, "restricted_api_key"), "RETRY", true, "SENDER"],
    [refusal(403, "invalid_api_key"), "RETRY", true, "SENDER"],
    [refusal(403, "validation_error", {}, unverified), "RETRY", true, "SENDER"],
    [refusal(403, "validation_error", {}, testing), "RETRY", true, "SENDER"],
    [refusal(404, "not_found"), "RETRY", true, "SENDER"],
    [refusal(451, "security_error"), "RETRY", true, "SENDER"],
    [refusal(422, "invalid_from_address"), "RETRY", true, "SENDER"],
    [refusal(422, "validation_error", {}, "Invalid `from` field."), "RETRY", true, "SENDER"],
    [refusal(422, "validation_error"), "REJECTED", false, "CONTENT"],
    [refusal(422, "validation_error", {}, "Invalid `to` field."), "REJECTED", false, "OTHER"],
    [refusal(409, "concurrent_idempotent_requests"), "UNCERTAIN", false],
    [refusal(409, "invalid_idempotent_request"), "SENT", false],
    [refusal(500, "internal_server_error"), "UNCERTAIN", false],
    [new Response("<html>", { status: 502 }), "UNCERTAIN", false],
    [new Response("{not json", { status: 200 }), "UNCERTAIN", false],
    [Response.json({ data: [] }), "UNCERTAIN", false],
  ];
  for (const [answer, outcome, pauses, fault] of cases) {
    await withResend(() => answer as Response, async (resend) => {
      const report = await resend.send("k", [message(1)]);
      assert.deepEqual(outcomes(report), [outcome]);
      assert.equal(report.results[0].fault, fault);
      assert.equal(report.results[0].suppress ?? false, false);
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

type Step = "greeting" | "MAIL" | "RCPT" | "DATA" | "text";
type Replies = Partial<Record<Step, string | null>> & { size?: number };

/** A server that says what the test wants it to; null ends the connection there and then. */
async function withSmtp(
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

Deno.test("where answers go has its name by both roads", async () => {
  const named = (replyTo: string) =>
    compose({ ...CONTENT, sender: { ...CONTENT.sender!, replyTo } }, RECIPIENT, CONTENT.sender!);
  const header = async (replyTo: string) =>
    /^Reply-To: (.*(?:\r\n .*)*)/m.exec((await raw(named(replyTo))).toString())?.[1].replaceAll("\r\n", "");
  assert.equal(await header("Kitchen <a@b.c>"), "Kitchen <a@b.c>");
  assert.equal(await header("a@b.c"), "a@b.c");
  const coded = `=?UTF-8?B?${Buffer.from("Küche, alle").toString("base64")}?= <a@b.c>`;
  assert.equal(await header('"Küche, alle" <a@b.c>'), coded);
  await withResend(() => Response.json({ data: [{ id: "a" }] }), async (resend, asked) => {
    for (const one of ['"Küche, alle" <a@b.c>', "<a@b.c>"]) await resend.send("key", [named(one)]);
    assert.deepEqual(asked.map(({ body }) => body[0].reply_to), ["Küche\u201a alle <a@b.c>", "a@b.c"]);
  });
});

Deno.test("the same message gives the same bytes", async () => {
  assert.deepEqual(await raw(message(1)), await raw(message(1)));
});

Deno.test("how far a failed conversation had come, and its words, decide what it means", async () => {
  const ours = { uncounted: true, fault: "SENDER" };
  const cases: [Parameters<typeof withSmtp>[0], string, Record<string, unknown>, number?][] = [
    [{ greeting: "554 go away" }, "RETRY", { uncounted: true, fault: "AWAY" }, 30],
    [{ greeting: "554 5.7.1 192.0.2.7 is on our blocklist" }, "RETRY", ours, 60],
    [{ greeting: null }, "RETRY", { uncounted: true, fault: "AWAY" }, 30],
    [{ MAIL: "550 5.1.1 no such user" }, "RETRY", ours, 60],
    [{ MAIL: "530 5.7.0 sign in" }, "RETRY", ours, 60],
    [{ MAIL: "451 4.3.0 later" }, "RETRY", { fault: "OTHER" }],
    [{ RCPT: "550 5.1.1 no such user" }, "REJECTED", { suppress: true, fault: "NO_MAILBOX" }],
    [{ RCPT: "550 no such user" }, "REJECTED", { suppress: true, fault: "NO_MAILBOX" }],
    [{ RCPT: "550 no" }, "REJECTED", { suppress: false, fault: "OTHER" }],
    [{ RCPT: "530 Authentication required" }, "RETRY", ours],
    [{ RCPT: "552 Mailbox full" }, "RETRY", { fault: "MAILBOX_FULL" }],
    [{ RCPT: "550 5.7.1 not from you" }, "RETRY", ours],
    [{ RCPT: "554 5.7.1 Relay access denied" }, "RETRY", ours],
    [{ RCPT: "450 4.2.0 later" }, "RETRY", {}],
    [{ RCPT: "421 4.7.0 too much" }, "RETRY", { uncounted: true, fault: "RATE" }, 30],
    [{ DATA: "554 5.6.0 no" }, "REJECTED", { suppress: false, fault: "CONTENT" }],
    [{ text: "550 5.1.1 no such user" }, "REJECTED", { suppress: false }],
    [{ text: "550 5.7.26 this mail has been blocked because SPF did not pass" }, "RETRY", ours],
    [{ text: "451 4.3.0 disk full" }, "RETRY", {}],
    [{ text: "552 5.2.2 full" }, "RETRY", { fault: "MAILBOX_FULL" }],
    [{ text: null }, "UNCERTAIN", {}],
    [{ size: 100 }, "RETRY", ours, 60],
  ];
  for (const [replies, outcome, more, pause = 0] of cases) {
    await withSmtp(replies, async (smtp) => {
      const { results: [result], pauseSeconds } = await smtp.send("k", [message(1)]);
      const shown = JSON.stringify(replies);
      assert.equal(result.outcome, outcome, shown);
      assert.equal(pauseSeconds, pause, shown);
      for (const [name, value] of Object.entries(more)) {
        assert.equal(result[name as "suppress"] ?? false, value, shown);
      }
    });
  }
});

Deno.test("an address that cannot be said to a server fails alone, and is no open question", async () => {
  await withSmtp({}, async (smtp, received) => {
    const report = await smtp.send("k", [message(1, "a<b>@example.test"), message(2)]);
    assert.deepEqual(outcomes(report), ["REJECTED", "SENT"]);
    assert.deepEqual([report.results[0].suppress ?? false, received.length], [false, 1]);
  });
});

Deno.test("an address is one address, whatever is in it", async () => {
  for (
    const address of [
      "a,b@example.test",
      '"x, y"@example.test',
      "group:a;@example.test",
      "=?utf-8?q?x?=@example.test",
    ]
  ) {
    await withSmtp({}, async (smtp, received) => {
      const { results: [{ outcome }] } = await smtp.send("k", [message(1, address)]);
      assert.equal(outcome, "SENT");
      const header = /^To: (.*(?:\r?\n[ \t].*)*)/m.exec(received[0])![1];
      assert.equal(header.match(/@/g)!.length, 1, header);
      assert.equal(received[0].match(/^To:/gm)!.length, 1);
    });
  }
});

Deno.test("a subject that looks encoded goes over the wire so that it is shown as it is", async () => {
  const subject = "=?UTF-8?Q?Your_invoice?= sent you 5 tokens";
  await withSmtp({}, async (smtp, received) => {
    await smtp.send("k", [{ ...message(1), subject }]);
    const [, header] = /^Subject: (.*(?:\r?\n[ \t].*)*)/m.exec(received[0])!;
    const words = [...header.matchAll(/=\?UTF-8\?B\?([^?]*)\?=/g)].map(([, text]) =>
      Buffer.from(text, "base64")
    );
    assert.equal(Buffer.concat(words).toString(), subject);
    assert.equal(received[0].match(/^Subject:/gm)!.length, 1);
  });
  await withResend(() => Response.json({ data: [{ id: "a" }] }), async (resend, asked) => {
    await resend.send("k", [{ ...message(1), subject }]);
    const sent = String(asked[0].body[0].subject);
    assert.equal(sent.replaceAll("\u2060", ""), subject);
    assert.ok(!sent.includes("=?"));
  });
});

Deno.test("a space's name stands before the sender's address, whatever is in it, and the list is named", async () => {
  for (
    const name of [
      "The Kitchen Table",
      "=?UTF-8?Q?PayPal?=",
      'Smith, "Jones" <x@evil.example>',
      "שולחן המטבח",
      "x".repeat(80),
    ]
  ) {
    const one = compose({ ...CONTENT, from_name: name }, RECIPIENT, CONTENT.sender!);
    const shown = name.replace("@", " at ");
    await withSmtp({}, async (smtp, received) => {
      assert.deepEqual(outcomes(await smtp.send("k", [one])), ["SENT"]);
      const header = (field: string) => {
        const [, value] = new RegExp(`^${field}: (.*(?:\\r?\\n[ \\t].*)*)`, "mi").exec(received[0])!;
        const [, phrase, address] = /^(.*?)\s*<([^<>]*)>$/s.exec(value)!;
        const words = [...phrase.matchAll(/=\?UTF-8\?B\?([^?]*)\?=/g)].map(([, text]) =>
          Buffer.from(text, "base64")
        );
        return [words.length > 0 ? Buffer.concat(words).toString() : phrase, address];
      };
      assert.deepEqual(header("From"), [shown, "letters@example.org"]);
      assert.deepEqual(header("List-Id"), [shown, "space.spaces.example.org"]);
      assert.equal(received[0].match(/^From:/gm)!.length, 1);
      assert.match(
        received[0],
        /^List-Unsubscribe: <https:\/\/example.org\/u\?token=token&scope=space>\r?$/m,
      );
    });
    await withResend(() => Response.json({ data: [{ id: "a" }] }), async (resend, asked) => {
      await resend.send("k", [one]);
      const { from, headers } = asked[0].body[0] as { from: string; headers: Record<string, string> };
      assert.match(from, /^[^<>@,;:"]+ <letters@example\.org>$/);
      assert.match(headers["List-Id"], /^[\x20-\x7e]+ <space\.spaces\.example\.org>$/);
    });
  }
});

Deno.test("a space's name that the provider does not take stops nobody's mail: it goes out from the operator", async () => {
  const odd = compose({ ...CONTENT, from_name: "Odd" }, RECIPIENT, CONTENT.sender!);
  const refuses = (body: Record<string, unknown>[]) =>
    body.findIndex(({ from }) => String(from).startsWith("Odd"));
  for (const whole of [true, false]) {
    await withResend(
      ({ body }) => {
        const index = refuses(body);
        if (index < 0) return Response.json({ data: body.map((_, index) => ({ id: `${index}` })) });
        return whole
          ? refusal(422, "invalid_from_address", {}, "Invalid `from` field.")
          : Response.json({ data: [{ id: "a" }], errors: [{ index, message: "Invalid `from` field." }] });
      },
      async (resend, asked) => {
        const report = await resend.send("the key", [message(1), odd]);
        assert.deepEqual(outcomes(report), ["SENT", "SENT"]);
        assert.deepEqual(asked.map(({ key }) => key), ["the key", "the key/plain"]);
        assert.equal(asked[1].body.length, whole ? 2 : 1);
      },
    );
  }
  // The operator's own is the operator's to mend.
  await withResend(() => refusal(422, "invalid_from_address"), async (resend, asked) => {
    assert.equal((await resend.send("k", [odd])).results[0].fault, "SENDER");
    assert.equal(asked.length, 2);
  });
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
