/** The limits of Realtime. `test_deno.py` runs this with the database of a running server. */

import assert from "node:assert/strict";
import { parseConfig } from "../../../../supabase_embedded/server/config.ts";
import { Keys } from "../../../../supabase_embedded/server/keys.ts";
import {
  CallWindow,
  type Limits,
  PRO_PLAN,
  Rate,
} from "../../../../supabase_embedded/server/realtime/limits.ts";
import { Realtime } from "../../../../supabase_embedded/server/realtime/realtime.ts";

const config = parseConfig(Deno.env.get("SERVER_CONFIG")!);

// deno-lint-ignore no-explicit-any -- what a server sends
type Frame = any;

/** A client of version 1. */
class Client {
  readonly frames: Frame[] = [];
  readonly closed: Promise<number>;
  #changed = () => {};

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => socket.onclose = ({ code }) => resolve(code));
    socket.onmessage = ({ data }) => {
      this.frames.push(JSON.parse(data));
      this.#changed();
    };
  }

  static async open(port: number): Promise<Client> {
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}/realtime/v1/websocket?apikey=${config.publishableKey}`,
    );
    const client = new Client(socket);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return client;
  }

  send(topic: string, event: string, payload: unknown, ref: string): void {
    this.socket.send(JSON.stringify({ topic: `realtime:${topic}`, event, payload, ref, join_ref: "1" }));
  }

  async take(event: string): Promise<Frame> {
    for (;;) {
      const at = this.frames.findIndex((frame) => frame.event === event);
      if (at >= 0) return this.frames.splice(0, at + 1)[at];
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
  }

  async join(topic: string, settings: Record<string, unknown> = {}): Promise<Frame> {
    this.send(topic, "phx_join", { config: settings }, "1");
    return (await this.take("phx_reply")).payload;
  }
}

/** Serves Realtime with the limits of a test. */
async function withLimits(
  limits: Partial<Limits>,
  task: (port: number) => Promise<void>,
  { databaseUrls = config.databaseUrls, keys = new Keys(config) } = {},
): Promise<void> {
  const realtime = new Realtime({ ...config, databaseUrls }, keys, { ...PRO_PLAN, ...limits });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => realtime.handle(request, new URL(request.url), { role: null }),
  );
  try {
    await task(server.addr.port);
  } finally {
    await realtime.close();
    await server.shutdown();
  }
}

/** The raw reply of the server to a handshake. */
async function handshake(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `GET /realtime/v1/websocket?apikey=${config.publishableKey} HTTP/1.1\r\nHost: x\r\n` +
    `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: ${btoa("0123456789abcdef")}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(4096);
  const size = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
}

function assertRefused(reply: string, status: number, error: string): void {
  assert.ok(reply.startsWith(`HTTP/1.1 ${status} `), reply);
  assert.ok(reply.endsWith(JSON.stringify({ error })), reply);
}

// Sockets and connections are closed shortly after the end of a test.
const test = (name: string, fn: () => Promise<void> | void) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

test("sockets", () =>
  withLimits({ connections: 1 }, async (port) => {
    const client = await Client.open(port);
    assertRefused(await handshake(port), 429, "Too many connected users");
    await assert.rejects(Client.open(port));
    client.socket.close();
    await client.closed;
    (await Client.open(port)).socket.close();
  }));

test("channels of a socket", () =>
  withLimits({ channelsPerConnection: 2 }, async (port) => {
    const client = await Client.open(port);
    await client.join("one");
    await client.join("two");
    const refused = await client.join("three");
    assert.deepEqual(refused.response, { reason: "ChannelRateLimitReached: Too many channels" });
    assert.equal((await client.join("two")).status, "ok");
  }));

test("joins a second", () =>
  withLimits({ joinsPerSecond: 0.2 }, async (port) => {
    const client = await Client.open(port);
    assert.equal((await client.join("one")).status, "ok");
    assert.equal((await client.join("two")).status, "ok");
    const refused = await client.join("three");
    assert.deepEqual(refused.response, { reason: "ClientJoinRateLimitReached: Too many joins per second" });
    assert.equal(await client.closed, 4001);
    assertRefused(await handshake(port), 429, "Too many joins per second");
  }));

test("waiting for the write-ahead log", async () => {
  const databaseUrls = { ...config.databaseUrls, catalog: "postgres://x:x@127.0.0.1:1/x" };
  await withLimits({ replicationReadyMs: 100 }, async (port) => {
    const client = await Client.open(port);
    assert.equal((await client.join("room", { broadcast: { replication_ready: true } })).status, "ok");
    const { payload, ref } = await client.take("system");
    assert.deepEqual([payload, ref], [{
      extension: "system",
      status: "error",
      message: "Replication connection was not established in time",
      channel: "room",
    }, null]);
    assert.equal((await client.take("phx_close")).ref, "1");
    // A client that does not ask for it is not affected.
    assert.equal((await client.join("other")).status, "ok");
  }, { databaseUrls });
});

test("errors of the server", async () => {
  class Failing extends Keys {
    override verify(token: string): Promise<Record<string, unknown>> {
      return token === "fail" ? Promise.reject(new Error("planned")) : super.verify(token);
    }
  }
  await withLimits({}, async (port) => {
    const client = await Client.open(port);
    client.send("room", "phx_join", { access_token: "fail" }, "1");
    const refused = (await client.take("phx_reply")).payload;
    assert.deepEqual(refused, { status: "error", response: { reason: "Unknown Error on Channel" } });
    await client.join("room");
    client.send("room", "access_token", { access_token: "fail" }, "2");
    const failed = await client.take("phx_error");
    assert.deepEqual([failed.topic, failed.payload, failed.ref], ["realtime:room", {}, "1"]);
    assert.equal((await client.join("room")).status, "ok");
  }, { keys: new Failing(config) });
});

test("messages a second", () =>
  withLimits({ messagesPerSecond: 0.5 }, async (port) => {
    const client = await Client.open(port);
    await client.join("room", { broadcast: { ack: true } });
    for (let i = 0; i < 5; i++) {
      client.send("room", "broadcast", { type: "broadcast", event: "x", payload: {} }, `${i}`);
    }
    for (let i = 0; i < 5; i++) {
      assert.equal((await client.take("phx_reply")).payload.status, "ok");
    }
    client.send("room", "broadcast", { type: "broadcast", event: "x", payload: {} }, "6");
    assert.equal((await client.take("system")).payload.message, "Too many messages per second");
    assert.equal((await client.take("phx_close")).ref, "1");
    const reply = await fetch(`http://127.0.0.1:${port}/realtime/v1/api/broadcast`, {
      method: "POST",
      headers: { apikey: config.publishableKey },
      body: JSON.stringify({ messages: Array(6).fill({ topic: "room", event: "x", payload: {} }) }),
    });
    assert.equal(reply.status, 429);
    assert.deepEqual(await reply.json(), {
      message: "Too many messages to broadcast, please reduce the batch size",
    });
  }));

test("presence messages a second", () =>
  withLimits({ presencePerSecond: 0.1 }, async (port) => {
    const client = await Client.open(port);
    await client.join("room");
    client.send("room", "presence", { event: "track", payload: { n: 1 } }, "2");
    assert.equal((await client.take("phx_reply")).payload.status, "ok");
    client.send("room", "presence", { event: "track", payload: { n: 2 } }, "3");
    assert.equal((await client.take("system")).payload.message, "Too many presence messages per second");
  }));

test("the size of a payload", () =>
  withLimits({ payloadBytes: 100 }, async (port) => {
    const [client, other] = [await Client.open(port), await Client.open(port)];
    await other.join("room");
    await client.join("room", { broadcast: { ack: true } });
    const large = { type: "broadcast", event: "x", payload: { text: "ä".repeat(60) } };
    client.send("room", "broadcast", large, "2");
    const refused = (await client.take("phx_reply")).payload;
    assert.deepEqual(refused, { status: "error", response: { error: "payload_size_exceeded" } });
    const silent = await Client.open(port);
    await silent.join("room");
    silent.send("room", "broadcast", large, "2");
    silent.send("room", "presence", { event: "untrack" }, "3");
    assert.equal((await silent.take("phx_reply")).ref, "3");
    const tooLarge = { payload: ["Payload size exceeds tenant limit"] };
    for (
      const [path, body, errors] of [
        ["", { messages: [{ topic: "room", event: "x", payload: large }] }, { messages: [tooLarge] }],
        ["/room/events/x", large, tooLarge],
      ] as const
    ) {
      const reply = await fetch(`http://127.0.0.1:${port}/realtime/v1/api/broadcast${path}`, {
        method: "POST",
        headers: { apikey: config.publishableKey, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      assert.deepEqual([reply.status, await reply.json()], [422, { errors }]);
    }
    client.send("room", "presence", { event: "track", payload: large }, "3");
    assert.equal((await client.take("system")).payload.message, "Track message size exceeded");
    assert.deepEqual(other.frames, []);
  }));

test("the size of a frame", () =>
  withLimits({ frameBytes: 1000 }, async (port) => {
    const client = await Client.open(port);
    client.send("room", "phx_join", { padding: "x".repeat(1000) }, "1");
    assert.equal(await client.closed, 4003);
  }));

test("silence", () =>
  withLimits({ silenceMs: 300 }, async (port) => {
    const client = await Client.open(port);
    const started = performance.now();
    assert.equal(await client.closed, 1000);
    assert.ok(performance.now() - started >= 250);
  }));

test("a client that does not read is closed, and does not block others", () =>
  withLimits({ backlogBytes: 3_000_000, messagesPerSecond: 1e9 }, async (port) => {
    const slow = await Deno.connect({ hostname: "127.0.0.1", port });
    const key = btoa("0123456789abcdef");
    const head = `GET /realtime/v1/websocket?apikey=${config.publishableKey} HTTP/1.1\r\nHost: x\r\n` +
      `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
    await slow.write(new TextEncoder().encode(head));
    await slow.read(new Uint8Array(1000));
    const join = JSON.stringify({
      topic: "realtime:room",
      event: "phx_join",
      payload: {},
      ref: "1",
      join_ref: "1",
    });
    // A masked text frame with a mask of zeros.
    await slow.write(
      new Uint8Array([0x81, 0x80 | join.length, 0, 0, 0, 0, ...new TextEncoder().encode(join)]),
    );

    const [talker, reader] = [await Client.open(port), await Client.open(port)];
    await reader.join("room");
    await talker.join("room", { presence: { enabled: true } });
    const text = "x".repeat(100_000);
    for (let n = 0; n < 300; n++) {
      talker.send("room", "broadcast", { type: "broadcast", event: "x", payload: { n, text } }, `${n + 2}`);
      assert.equal((await reader.take("broadcast")).payload.payload.n, n);
    }
    // The backlog for the slow client, and then the close frame: 88, two bytes of code, a reason.
    let received = 0;
    const reason = "This client reads too slowly";
    const buffer = new Uint8Array(1_000_000);
    for (let tail = ""; !tail.endsWith(reason);) {
      const size = await slow.read(buffer) ?? assert.fail("the connection broke");
      received += size;
      tail = (tail + new TextDecoder().decode(buffer.subarray(Math.max(0, size - reason.length), size)))
        .slice(-100);
    }
    slow.close();
    assert.ok(received < 300 * text.length / 2, `${received} bytes`);
  }));

test("a rate is an average, so that a burst is allowed", () => {
  let now = 0;
  const rate = new Rate(2, () => now);
  assert.ok(rate.take(20));
  assert.ok(!rate.take());
  now = 1000;
  assert.ok(rate.take(2));
  assert.ok(!rate.take());
  now = 1e6;
  assert.ok(rate.take(20));
  assert.ok(!rate.take());
});

test("a window begins with its first call", () => {
  let now = 0;
  const window = new CallWindow(2, 100, () => now);
  assert.deepEqual([window.take(), window.take(), window.take()], [true, true, false]);
  now = 101;
  assert.ok(window.take());
});
