/** One kind of work keeps no other from being done. */

import assert from "node:assert/strict";
import { type Deps, handle } from "./handler.ts";

interface Outcomes {
  mails?: { sent: number; more: boolean } | Error;
  jobs?: { done: number; more: boolean } | Error;
}

async function call(
  outcomes: Outcomes,
  body: unknown = {},
): Promise<{ did: string[]; status: number; body: unknown }> {
  const did: string[] = [];
  const act = <T>(name: string, result: T | Error | undefined, otherwise: T): Promise<T> => {
    did.push(name);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result ?? otherwise);
  };
  const deps: Deps = {
    secretKeys: ["sb_secret_x"],
    now: () => 0,
    mails: () => act("mails", outcomes.mails, { sent: 0, more: false }),
    jobs: () => act("jobs", outcomes.jobs, { done: 0, more: false }),
    again: (next) => void did.push(`again: ${next}`),
  };
  const request = new Request("http://x.example/deliver", {
    method: "POST",
    headers: { apikey: "sb_secret_x" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  try {
    const reply = await handle(request, deps);
    return { did, status: reply.status, body: await reply.json() };
  } catch (error) {
    return { did, status: 500, body: (error as Error).message };
  }
}

Deno.test("where nothing is due nothing is done, and nobody is called again", async () => {
  const { did, body } = await call({});
  assert.deepEqual(did, ["mails", "jobs"]);
  assert.deepEqual(body, { jobs: 0, sent: 0, more: false, next: "mails" });
});

Deno.test("emails go first, and a call that sent some leaves the jobs to the next one", async () => {
  const { did } = await call({ mails: { sent: 3, more: true }, jobs: { done: 1, more: true } });
  assert.deepEqual(did, ["mails", "again: jobs"]);
});

Deno.test("a call after that begins with the jobs, so that no flow of emails keeps them", async () => {
  const { did } = await call({ mails: { sent: 3, more: true }, jobs: { done: 1, more: true } }, {
    first: "jobs",
  });
  assert.deepEqual(did, ["jobs", "again: mails"]);
  const light = await call({ mails: { sent: 3, more: false }, jobs: { done: 2, more: false } }, {
    first: "jobs",
  });
  assert.deepEqual(light.did, ["jobs", "mails"]);
});

Deno.test("a failure of one kind of work is told when the other has been done", async () => {
  for (const first of ["mails", "jobs"]) {
    const mails = await call({ mails: new Error("no sender"), jobs: { done: 1, more: false } }, { first });
    assert.deepEqual([mails.did.sort(), mails.status, mails.body], [["jobs", "mails"], 500, "no sender"]);
    const jobs = await call({ jobs: new Error("no database") }, { first });
    assert.deepEqual([jobs.did.sort(), jobs.status, jobs.body], [["jobs", "mails"], 500, "no database"]);
  }
});

Deno.test("who calls again by itself is not called", async () => {
  const { did, body } = await call({ mails: { sent: 3, more: true } }, { chain: false });
  assert.deepEqual([did, body], [["mails"], { jobs: 0, sent: 3, more: true, next: "jobs" }]);
});

Deno.test("a malformed body is refused, and an empty one is accepted", async () => {
  assert.equal((await call({}, "")).status, 200);
  for (const body of ["{", "[]", "null", "\0", `{"x":"${"y".repeat(2000)}"}`]) {
    const { status, did } = await call({}, body);
    assert.deepEqual([status, did], [body.length > 1000 ? 413 : 400, []]);
  }
});
