/** The provider SMTP, against a server of this test's own. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compose } from "../../../supabase/functions/_shared/deliver/compose.ts";
import { raw } from "../../../supabase/functions/_shared/deliver/smtp_transport.ts";
import { refusal, withResend, withSmtp } from "./servers.ts";
import { CONTENT, message, outcomes, RECIPIENT } from "./messages.ts";

Deno.test("an email goes over the wire, and the next one over the same connection", async () => {
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

Deno.test("the address for replies has its name with both providers", async () => {
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

Deno.test("a space's name that the provider does not take stops nobody's email: it goes out from the operator", async () => {
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
