import assert from "node:assert/strict";
import { handle, type MailEvent } from "./handler.ts";

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

async function answered(request: Request, secret: string | null = SECRET): Promise<[number, MailEvent[]]> {
  const events: MailEvent[] = [];
  const record = (event: MailEvent) => Promise.resolve(void events.push(event));
  const answer = await handle(request, { secret, now: () => NOW, record });
  return [answer.status, events];
}

Deno.test("a bounce and a complaint are written down", async () => {
  assert.deepEqual(await answered(await signed(JSON.stringify(BOUNCE))), [200, [
    { provider_id: "e1", event: "BOUNCED", address: "ada@example.test", detail: "no mailbox" },
  ]]);
  const [status, [event]] = await answered(
    await signed(JSON.stringify({ ...BOUNCE, type: "email.complained" })),
  );
  assert.deepEqual([status, event.event], [200, "COMPLAINED"]);
});

Deno.test("what means nothing for us changes nothing", async () => {
  const transient = { ...BOUNCE, data: { ...BOUNCE.data, bounce: { type: "Transient" } } };
  for (const told of [{ type: "email.opened", data: BOUNCE.data }, transient, {}, null, []]) {
    assert.deepEqual(await answered(await signed(JSON.stringify(told))), [200, []]);
  }
});

Deno.test("without a fitting signature nothing is believed", async () => {
  const body = JSON.stringify(BOUNCE);
  assert.equal((await answered(await signed(body, NOW - 301_000)))[0], 401);
  assert.equal((await answered(await signed(body, NOW + 301_000)))[0], 401);
  assert.equal((await answered(await signed(body, NOW, new Uint8Array(24))))[0], 401);
  const other = new Request(await signed(body), { body: body.replace("ada", "bob") });
  assert.equal((await answered(other))[0], 401);
  assert.equal((await answered(new Request("http://x.example", { method: "POST", body })))[0], 401);
  assert.equal((await answered(await signed(body), null))[0], 503);
  assert.equal((await answered(new Request("http://x.example")))[0], 405);
  assert.equal((await answered(await signed("no json")))[0], 400);
});
