/** What becomes of a picture is written down, and what fails for another reason is tried again. */

import { EMAIL } from "./names.ts";
import { deepStrictEqual as equal } from "node:assert";
import { Buffer } from "node:buffer";
import { Client } from "../platform/mod.ts";
import { doPicture } from "./jobs.ts";

const FOLDER = new URL("../../../../tests/functions/render/fixtures/pictures/", import.meta.url);

/**
 * Do a picture, and return what was asked of the project: calls of the database with what they said, and what was
 * stored.
 */
async function work(
  { found, lost, broken, status = 503 }: {
    found: Uint8Array | null;
    lost?: number;
    broken?: string;
    status?: number;
  },
): Promise<{ calls: [string, Record<string, unknown>][]; stored: string[]; result: unknown }> {
  const calls: [string, Record<string, unknown>][] = [];
  const stored: string[] = [];
  const payload = { bucket_id: "responses", path: "space/person/cat.jpg", ...(lost && { lost }) };
  const request = (input: RequestInfo | URL, init?: RequestInit) => {
    const { pathname } = new URL(String(input));
    if (broken !== undefined && pathname.includes(broken)) {
      return Promise.resolve(new Response("{}", { status }));
    }
    if (pathname.startsWith("/storage/")) {
      if (init?.method === "POST") stored.push(pathname.replace("/storage/v1/object/", ""));
      return Promise.resolve(
        found === null ? Response.json({ statusCode: "404" }, { status: 400 }) : new Response(found.slice()),
      );
    }
    const name = pathname.replace("/rest/v1/rpc/", "");
    calls.push([name, JSON.parse(String(init!.body))]);
    const jobs = [{ id: 7, kind: "picture.derive", key: "k", payload, attempts: 1 }];
    return Promise.resolve(Response.json(name === "claim_jobs" ? jobs : true));
  };
  const service = Client.service(
    { url: "http://api.example", secretKey: "sb_secret_x" },
    { fetch: request as typeof fetch },
  );
  const result = await doPicture({ service, worker: "me", log: () => {} });
  return { calls, stored, result };
}

const PICTURE = { bucket_id: "responses", path: "space/person/cat.jpg" };

Deno.test("what is made of a picture is stored, and written down", async () => {
  const { calls, stored, result } = await work({ found: Deno.readFileSync(new URL("sideways.jpg", FOLDER)) });
  const folder = "derived/responses/space/person/cat.jpg";
  equal(stored, [`${folder}/page.jpeg`, `${folder}/small.jpeg`]);
  equal(calls.map(([name]) => name), ["claim_jobs", "settle_picture", "finish_job"]);
  const { files, ...said } = calls[1][1] as { files: Record<string, { name: string }> };
  equal(said, { ...PICTURE, width: 900, height: 600 });
  const names = Object.fromEntries(Object.entries(files).map(([use, { name }]) => [use, name]));
  equal(names, { page: "page.jpeg", print: "page.jpeg", [EMAIL]: "page.jpeg", small: "small.jpeg" });
  equal(result, { done: 1, more: true });
});

Deno.test("bytes that are not a picture are refused once, with the reason", async () => {
  const cases: [Parameters<typeof work>[0], string][] = [
    [{ found: Buffer.from("words") }, "UNKNOWN_FORMAT"],
    [{ found: null }, "DAMAGED"],
    [{ found: new Uint8Array(11_000_000) }, "TOO_MANY_BYTES"],
    [{ found: Buffer.from("words"), lost: 3 }, "TOO_HEAVY"],
  ];
  for (const [given, refusal] of cases) {
    const { calls, stored } = await work(given);
    equal(calls.slice(1), [["settle_picture", { ...PICTURE, refusal }], ["finish_job", {
      job_id: 7,
      worker: "me",
    }]]);
    equal(stored, []);
  }
});

Deno.test("where Storage or the database is away, or refuses, it is tried again", async () => {
  for (const [broken, status] of [["/storage/", 503], ["/storage/", 400], ["settle_picture", 503]] as const) {
    const found = Deno.readFileSync(new URL("ada.jpg", FOLDER));
    const { calls, result } = await work({ found, broken, status });
    const [name, said] = calls.at(-1)!;
    equal([name, said.job_id, said.max_attempts], ["fail_job", 7, 7]);
    equal(result, { done: 0, more: true });
  }
});
