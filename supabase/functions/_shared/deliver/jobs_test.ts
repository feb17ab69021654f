/** Files are removed unless somebody names them again. */

import { deepStrictEqual as equal } from "node:assert";
import { Client } from "../platform/mod.ts";
import { doJobs } from "./jobs.ts";

for (const in_use of [true, false]) {
  Deno.test(`a file that is ${in_use ? "in use again is kept" : "not in use is removed"}, and the job is done`, async () => {
    const asked: string[] = [];
    const payload = { bucket_id: "responses", path: "space/person/cat.png", in_use };
    const jobs = [{ id: 7, kind: "storage.remove", key: "storage.remove:cat", payload }];
    const request = (input: RequestInfo | URL, init?: RequestInit) => {
      const call = `${init?.method} ${new URL(String(input)).pathname}`;
      asked.push(call);
      return Promise.resolve(Response.json(call.endsWith("claim_jobs") ? jobs.splice(0) : true));
    };
    const service = Client.service(
      { url: "http://api.example", secretKey: "sb_secret_x" },
      { fetch: request as typeof fetch },
    );
    const addresses = { project: "http://api.example" };
    const deps = { service, worker: "me", addresses, sender: null, now: () => 0, log: () => {} };
    equal(await doJobs(deps, 1), { done: 1, more: false });
    equal(asked, [
      "POST /rest/v1/rpc/claim_jobs",
      ...(in_use ? [] : ["DELETE /storage/v1/object/responses"]),
      "POST /rest/v1/rpc/finish_job",
      "POST /rest/v1/rpc/claim_jobs",
    ]);
  });
}
