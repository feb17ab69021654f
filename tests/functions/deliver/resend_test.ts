/** The provider Resend, against a server of this test's own. */

import assert from "node:assert/strict";
import { Resend } from "../../../supabase/functions/_shared/deliver/mod.ts";
import { refusal, withResend } from "./servers.ts";
import { message, outcomes } from "./messages.ts";

// Resend ------------------------------------------------------------------------------------------------------------

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
  for (const [reply, outcome, pauses, fault] of cases) {
    await withResend(() => reply as Response, async (resend) => {
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

Deno.test("a server that refuses a batch as a whole gets its emails one by one", async () => {
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

Deno.test("when the key is too old, the list of sent emails is asked", async () => {
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
