/** One picture a call, and another call where there are more. */

import assert from "node:assert/strict";
import { handle } from "./handler.ts";

async function call(
  init: RequestInit,
  more = false,
): Promise<{ status: number; body: unknown; again: number }> {
  let again = 0;
  const reply = await handle(new Request("http://x.example/pictures", init), {
    secretKeys: ["sb_secret_x"],
    picture: () => Promise.resolve({ done: 1, more }),
    again: () => void again++,
  });
  return { status: reply.status, body: await reply.json(), again };
}

const headers = { apikey: "sb_secret_x" };

Deno.test("a call makes one picture ready, and calls again where there are more", async () => {
  const last = await call({ method: "POST", headers });
  assert.deepEqual(last, { status: 200, body: { jobs: 1, more: false }, again: 0 });
  assert.equal((await call({ method: "POST", headers }, true)).again, 1);
  assert.equal((await call({ method: "POST", headers, body: '{"chain": false}' }, true)).again, 0);
});

Deno.test("nobody else calls it", async () => {
  assert.equal((await call({ method: "GET", headers })).status, 405);
  assert.equal((await call({ method: "POST" })).status, 401);
  assert.equal((await call({ method: "POST", headers, body: "{" })).status, 400);
});
