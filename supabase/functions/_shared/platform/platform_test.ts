import assert from "node:assert/strict";
import {
  ApiError,
  Client,
  EnvironmentError,
  readEnvironment,
  refuseWithoutSecretKey,
  safely,
  TooLargeError,
  userToken,
} from "./mod.ts";

const SECRET = "sb_secret_for_tests";

function variables(values: Record<string, string>): (name: string) => string | undefined {
  return (name) => values[name];
}

Deno.test("keys are read under their present names, the default one first, and their older ones", () => {
  const environment = readEnvironment(variables({
    SUPABASE_URL: "https://project.example/",
    SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_a"}',
    SUPABASE_SECRET_KEYS: '{"automations":"sb_secret_b","default":"sb_secret_a"}',
    SUPABASE_SERVICE_ROLE_KEY: "older",
  }));
  assert.deepEqual(environment, {
    url: "https://project.example",
    publishableKey: "sb_publishable_a",
    secretKey: "sb_secret_a",
    secretKeys: ["sb_secret_a", "sb_secret_b", "older"],
  });
  const older = readEnvironment(variables({
    SUPABASE_URL: "https://project.example",
    SUPABASE_ANON_KEY: "anon",
    SUPABASE_SERVICE_ROLE_KEY: "service",
  }));
  assert.deepEqual([older.publishableKey, older.secretKey, older.secretKeys], ["anon", "service", [
    "service",
  ]]);
});

Deno.test("a missing or damaged variable is named, and no value is repeated", () => {
  for (
    const values of [
      {},
      { SUPABASE_URL: "https://x.example" },
      { SUPABASE_URL: "https://x.example", SUPABASE_PUBLISHABLE_KEYS: "secret-but-no-json" },
    ]
  ) {
    assert.throws(() => readEnvironment(variables(values as Record<string, string>)), (error) => {
      assert(error instanceof EnvironmentError);
      assert.match(error.message, /SUPABASE_/);
      assert.doesNotMatch(error.message, /secret-but/);
      return true;
    });
  }
});

Deno.test("only a secret key opens what is for the project's own programs", async () => {
  const ask = (headers: Record<string, string>) =>
    refuseWithoutSecretKey(new Request("http://x.example", { headers }), { secretKeys: [SECRET, "other"] });
  assert.equal(await ask({ apikey: SECRET }), null);
  assert.equal(await ask({ apikey: "other" }), null);
  for (
    const headers of [{}, { apikey: "" }, { apikey: SECRET + "x" }, { authorization: `Bearer ${SECRET}` }]
  ) {
    assert.equal((await ask(headers as Record<string, string>))?.status, 401);
  }
});

Deno.test("a key is not a user's token", () => {
  const token = (authorization: string) =>
    userToken(new Request("http://x.example", { headers: { authorization } }));
  assert.equal(token("Bearer a.b.c"), "a.b.c");
  assert.equal(token("bearer  a.b.c "), "a.b.c");
  assert.equal(token("Bearer sb_publishable_x"), null);
  assert.equal(token("Basic abc"), null);
});

/** A client, and the requests that it made of a server which gives one reply. */
function asked(reply: () => Response | Promise<Response>): { client: Client; requests: Request[] } {
  const requests: Request[] = [];
  const client = Client.service({ url: "http://api.example", secretKey: SECRET }, {
    timeoutMs: 1000,
    fetch: (input, init) => {
      requests.push(new Request(input, init));
      return Promise.resolve(reply());
    },
  });
  return { client, requests };
}

Deno.test("calls have PostgREST's form", async () => {
  const { client, requests } = asked(() => Response.json([{ id: 1 }]));
  assert.deepEqual(await client.select("newsletters", { select: "id", id: "eq.7" }), [{ id: 1 }]);
  assert.equal(await client.update("newsletters", { id: "eq.7" }, { html_path: "x" }), 1);
  assert.deepEqual(await client.rpc("claim_jobs", { worker: "me" }), [{ id: 1 }]);
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url}`),
    [
      "GET http://api.example/rest/v1/newsletters?select=id&id=eq.7",
      "PATCH http://api.example/rest/v1/newsletters?id=eq.7&select=id",
      "POST http://api.example/rest/v1/rpc/claim_jobs",
    ],
  );
  assert.equal(requests[0].headers.get("apikey"), SECRET);
  assert.equal(requests[0].headers.get("authorization"), null);
});

Deno.test("a function without a result gives null", async () => {
  assert.equal(await asked(() => new Response(null, { status: 204 })).client.rpc("nothing"), null);
});

Deno.test("a refusal says what was refused, and holds no key", async () => {
  const { client } = asked(() =>
    Response.json({ code: "MG401", message: "No such newsletter." }, { status: 404 })
  );
  await assert.rejects(client.rpc("publish_newsletter"), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual([error.status, error.code], [404, "MG401"]);
    assert.match(error.message, /No such newsletter/);
    assert.doesNotMatch(error.message, /sb_secret/);
    return true;
  });
});

Deno.test("a server that is away is an error with status 0", async () => {
  const { client } = asked(() => {
    throw new TypeError("connection refused");
  });
  await assert.rejects(
    client.select("spaces", {}),
    (error) => error instanceof ApiError && error.status === 0,
  );
});

Deno.test("downloads stop at their limit; what is not there is null", async () => {
  const { client, requests } = asked(() => new Response(new Uint8Array(100)));
  assert.equal((await client.download("responses", "a b/ü.png", 100))?.length, 100);
  assert.equal(requests[0].url, "http://api.example/storage/v1/object/responses/a%20b/%C3%BC.png");
  await assert.rejects(client.download("responses", "x", 99), TooLargeError);
  for (
    const [status, body] of [
      [400, { statusCode: "404", error: "not_found", message: "Object not found" }],
      [400, { statusCode: "404", code: "NoSuchKey", error: "not_found", message: "Object not found" }],
      [404, { code: "NoSuchKey", message: "Object not found" }],
      [400, { statusCode: "400", code: "InvalidKey", message: "Invalid key: \u200b" }],
    ] as const
  ) {
    const missing = asked(() => Response.json(body, { status }));
    assert.equal(await missing.client.download("responses", "x", 99), null, JSON.stringify(body));
  }
});

Deno.test("what Storage refuses otherwise is an error, with the status that it states", async () => {
  for (
    const [status, body, stated] of [
      [400, { statusCode: "403", code: "AccessDenied", error: "Unauthorized" }, 403],
      [400, { statusCode: "400", code: "DatabaseError", message: "permission denied for table x" }, 400],
      [400, { statusCode: "404", code: "NoSuchBucket", error: "Bucket not found" }, 404],
      [400, { statusCode: "404", error: "Bucket not found" }, 404],
      [400, { statusCode: "429", code: "SlowDown" }, 429],
      [400, { statusCode: "544", code: "DatabaseTimeout" }, 544],
      [400, { statusCode: "a word" }, 400],
      [400, {}, 400],
      [403, {}, 403],
      [500, { statusCode: "500", code: "DatabaseError" }, 500],
    ] as const
  ) {
    const { client } = asked(() => Response.json(body, { status }));
    await assert.rejects(
      client.download("responses", "x", 99),
      (error) => error instanceof ApiError && error.status === stated,
      JSON.stringify(body),
    );
  }
});

Deno.test("a download is whole whatever its size was said to be", async () => {
  const pieces = [new Uint8Array(40).fill(1), new Uint8Array(50).fill(2), new Uint8Array(10).fill(3)];
  const wanted = new Uint8Array([...pieces[0], ...pieces[1], ...pieces[2]]);
  for (const declared of ["100", "7", "120", null]) {
    const { client } = asked(() =>
      new Response(ReadableStream.from(pieces), { headers: declared ? { "content-length": declared } : {} })
    );
    assert.deepEqual(await client.download("responses", "x", 120), wanted, `told ${declared}`);
    await assert.rejects(client.download("responses", "x", 99), TooLargeError);
  }
});

Deno.test("a setting that is wrong is named to whoever calls, and nothing else of what is inside", async () => {
  const said = async (error: Error) => {
    const { error: log } = console;
    console.error = () => {};
    try {
      const reply = await safely(() => Promise.reject(error))(new Request("http://x.example"));
      const { code, message } = await reply.json();
      return [reply.status, code, message];
    } finally {
      console.error = log;
    }
  };
  assert.deepEqual(await said(new EnvironmentError("MAIL_FROM must be one mailbox.")), [
    500,
    "MISCONFIGURED",
    "MAIL_FROM must be one mailbox.",
  ]);
  assert.deepEqual((await said(new TypeError("secret")))[1], "INTERNAL");
});
