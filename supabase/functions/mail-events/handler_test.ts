import assert from "node:assert/strict";
import { type EmailEvent, handle } from "./handler.ts";

const KEY = crypto.getRandomValues(new Uint8Array(24));
const SECRET = `whsec_${btoa(String.fromCharCode(...KEY))}`;
const NOW = Date.UTC(2026, 10, 23);
const BOUNCE = {
  type: "email.bounced",
  data: {
    email_id: "e1",
    to: ["Ada <ada@example.test>"],
    bounce: { type: "Permanent", message: "no mailbox" },
  },
};

async function signed(body: string, at = NOW, key = KEY): Promise<Request> {
  const timestamp = String(Math.floor(at / 1000));
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign(
    "HMAC",
    hmac,
    new TextEncoder().encode(`m1.${timestamp}.${body}`),
  );
  return new Request("http://x.example/mail-events", {
    method: "POST",
    body,
    headers: {
      "svix-id": "m1",
      "svix-timestamp": timestamp,
      "svix-signature": `v1,AAAA v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`,
    },
  });
}

async function replyTo(request: Request, secret: string | null = SECRET): Promise<[number, EmailEvent[]]> {
  const events: EmailEvent[] = [];
  const record = (event: EmailEvent) => Promise.resolve(void events.push(event));
  const reply = await handle(request, { secret, now: () => NOW, record });
  return [reply.status, events];
}

Deno.test("a bounce and a complaint are written down", async () => {
  assert.deepEqual(await replyTo(await signed(JSON.stringify(BOUNCE))), [200, [
    { provider_id: "e1", event: "BOUNCED", address: "ada@example.test", detail: "no mailbox" },
  ]]);
  const [status, [event]] = await replyTo(
    await signed(JSON.stringify({ ...BOUNCE, type: "email.complained" })),
  );
  assert.deepEqual([status, event.event], [200, "COMPLAINED"]);
});

Deno.test("each kind of event means what it means for the mailbox", async () => {
  const bounce = (type: string, subType: string, more: object = {}) => ({
    bounce: { type, subType, ...more },
  });
  const refusal = (words: string) => bounce("Permanent", "General", { diagnosticCode: [`smtp; ${words}`] });
  const cases: [string, object, EmailEvent["event"] | null][] = [
    ["email.bounced", {}, "BOUNCED"],
    ["email.bounced", bounce("Permanent", "NoEmail"), "BOUNCED"],
    ["email.bounced", bounce("Permanent", "General"), "BOUNCED"],
    ["email.bounced", bounce("Permanent", "Suppressed"), "SUPPRESSED"],
    ["email.bounced", bounce("Permanent", "OnAccountSuppressionList"), "SUPPRESSED"],
    ["email.bounced", bounce("Permanent", "ContentRejected"), "FAILED"],
    ["email.bounced", refusal("550 5.1.1 user unknown"), "BOUNCED"],
    ["email.bounced", refusal("550 5.7.26 unauthenticated mail: SPF"), "FAILED"],
    ["email.bounced", refusal("554 5.7.1 blocked using zen.spamhaus.org"), "FAILED"],
    ["email.bounced", refusal("552 5.2.2 mailbox full"), "FAILED"],
    ["email.bounced", bounce("Transient", "MailboxFull"), "FAILED"],
    ["email.bounced", bounce("Transient", "MessageTooLarge"), "FAILED"],
    ["email.bounced", bounce("Transient", "General"), null],
    ["email.bounced", bounce("Undetermined", "Undetermined"), "FAILED"],
    ["email.complained", {}, "COMPLAINED"],
    [
      "email.suppressed",
      { suppressed: { type: "OnAccountSuppressionList", message: "listed" } },
      "SUPPRESSED",
    ],
    ["email.failed", { failed: { reason: "reached_daily_quota" } }, "UNSENT"],
    ["email.failed", { failed: { reason: "The domain is not verified" } }, "UNSENT"],
    ["email.failed", { failed: { reason: "invalid recipient" } }, "FAILED"],
    ["email.failed", {}, "FAILED"],
    ["email.delivered", {}, null],
    ["email.delivery_delayed", {}, null],
  ];
  for (const [type, more, wanted] of cases) {
    const event = { type, data: { email_id: "e1", to: "ada@example.test", ...more } };
    const [status, events] = await replyTo(await signed(JSON.stringify(event)));
    const shown = JSON.stringify(event);
    assert.deepEqual(
      [status, events.map(({ event }) => event)],
      [200, wanted === null ? [] : [wanted]],
      shown,
    );
  }
});

Deno.test("nothing that an event holds keeps it from being written down", async () => {
  const odd = [null, 1, [], {}, "\0", "\ud800", "x".repeat(5000)];
  for (const value of odd) {
    const data = {
      email_id: value,
      to: ["a\0da@example.test", value],
      bounce: { type: value, message: value },
    };
    for (const event of [{ type: "email.bounced", data }, { type: "email.failed", data: value }, value]) {
      const [status, events] = await replyTo(await signed(JSON.stringify(event)));
      assert.equal(status, 200);
      for (const event of events) {
        const text = JSON.stringify(event);
        assert.ok(!text.includes("\\u0000") && !text.includes("\\ud800") && text.length < 3000, text);
      }
    }
  }
});

Deno.test("a body without end is not read to its end", async () => {
  let read = 0;
  const body = new ReadableStream({
    pull(controller) {
      read += 65536;
      controller.enqueue(new Uint8Array(65536));
    },
  });
  const [status] = await replyTo(new Request("http://x.example", { method: "POST", body }));
  assert.equal(status, 413);
  assert.ok(read < 1_000_000, String(read));
});

Deno.test("what means nothing for us changes nothing", async () => {
  for (const event of [{ type: "email.opened", data: BOUNCE.data }, {}, null, []]) {
    assert.deepEqual(await replyTo(await signed(JSON.stringify(event))), [200, []]);
  }
});

Deno.test("without a fitting signature nothing is believed", async () => {
  const body = JSON.stringify(BOUNCE);
  assert.equal((await replyTo(await signed(body, NOW - 301_000)))[0], 401);
  assert.equal((await replyTo(await signed(body, NOW + 301_000)))[0], 401);
  assert.equal((await replyTo(await signed(body, NOW, new Uint8Array(24))))[0], 401);
  const other = new Request(await signed(body), { body: body.replace("ada", "bob") });
  assert.equal((await replyTo(other))[0], 401);
  assert.equal((await replyTo(new Request("http://x.example", { method: "POST", body })))[0], 401);
  assert.equal((await replyTo(await signed(body), null))[0], 503);
  assert.equal((await replyTo(new Request("http://x.example")))[0], 405);
  assert.equal((await replyTo(await signed("no json")))[0], 400);
});
