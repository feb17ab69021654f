/** The parts of Realtime that need neither a socket nor a database. */

import assert from "node:assert/strict";
import {
  BindingError,
  bindingId,
  parseBinding,
} from "../../../../supabase_embedded/server/realtime/bindings.ts";
import {
  FilterError,
  parseFilters,
  passes,
  toSql,
} from "../../../../supabase_embedded/server/realtime/filters.ts";
import {
  decodeFrame,
  encodeBinary,
  encodeText,
  FrameError,
  parseVersion,
  UserBroadcast,
} from "../../../../supabase_embedded/server/realtime/frames.ts";
import { parseJoin } from "../../../../supabase_embedded/server/realtime/join.ts";
import { Decoder } from "../../../../supabase_embedded/server/realtime/pgoutput.ts";
import { PresenceRoom } from "../../../../supabase_embedded/server/realtime/presence.ts";
import { Snapshot } from "../../../../supabase_embedded/server/realtime/visibility.ts";

const bytes = (...parts: (number | string)[]) =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]),
  );

Deno.test("frames of both versions", () => {
  const frame = { topic: "realtime:x", event: "e", payload: { a: 1 }, ref: "7", joinRef: "1" };
  const one = JSON.stringify({ topic: "realtime:x", event: "e", payload: { a: 1 }, ref: "7", join_ref: "1" });
  assert.deepEqual(decodeFrame(1, one), frame);
  assert.deepEqual(decodeFrame(2, '["1","7","realtime:x","e",{"a":1}]'), frame);
  assert.deepEqual(decodeFrame(2, '[null,7,"realtime:x","e",null]'), {
    ...frame,
    payload: null,
    ref: "7",
    joinRef: null,
  });
  const message = { topic: "t", event: "e", payload: '{"a":1}', ref: "1", joinRef: "2" };
  assert.equal(encodeText(1, message), '{"topic":"t","event":"e","payload":{"a":1},"ref":"1"}');
  assert.equal(encodeText(2, message), '["2","1","t","e",{"a":1}]');
  assert.equal(
    encodeText(1, { topic: "t", event: "e", payload: "{}" }),
    '{"topic":"t","event":"e","payload":{},"ref":null}',
  );
  for (const wrong of ["", "7", "{}", '{"topic":1,"event":"e"}', '{"topic":"t","event":"e","ref":{}}']) {
    assert.throws(() => decodeFrame(1, wrong), FrameError);
  }
});

Deno.test("binary frames", () => {
  const data = bytes(3, 1, 2, 1, 1, 2, 1, "1", "22", "t", "e", "{}", '{"ä":1}');
  const frame = decodeFrame(2, data.buffer);
  assert.deepEqual([frame.joinRef, frame.ref, frame.topic, frame.event], ["1", "22", "t", "broadcast"]);
  const broadcast = frame.payload as UserBroadcast;
  assert.deepEqual([broadcast.event, broadcast.encoding], ["e", "json"]);
  assert.equal(new TextDecoder().decode(broadcast.payload), '{"ä":1}');
  const sent = encodeBinary({
    topic: "t",
    event: "é",
    metadata: "{}",
    encoding: "binary",
    payload: bytes(0, 255),
  });
  assert.deepEqual(sent, bytes(4, 1, 2, 2, 0, "t", "é", "{}", 0, 255));
  assert.equal(
    encodeBinary({ topic: "t".repeat(256), event: "", metadata: "", encoding: "json", payload: bytes() }),
    null,
  );
  for (
    const wrong of [
      bytes(),
      bytes(3),
      bytes(3, 0, 0, 9, 0, 0, 0, "t"),
      bytes(3, 0, 0, 1, 0, 0, 0, 255),
      bytes(4),
    ]
  ) {
    assert.throws(() => decodeFrame(2, wrong.buffer), FrameError);
  }
});

Deno.test("versions", () => {
  assert.deepEqual(["1.0.0", "2.0.0", null, "3.0.0", "x"].map(parseVersion), [1, 2, 1, null, null]);
});

Deno.test("filters are parsed", () => {
  const plain = { column: "a", operator: "eq", value: "1", negated: false };
  assert.deepEqual(parseFilters(" a=eq.1 "), [plain]);
  assert.deepEqual(parseFilters("a=not.eq.1"), [{ ...plain, negated: true }]);
  assert.deepEqual(parseFilters("a=eq.1,b=in.(x,y)"), [
    plain,
    { column: "b", operator: "in", value: "{x,y}", negated: false },
  ]);
  assert.deepEqual(parseFilters('a=eq."x,\\"y\\""')[0].value, 'x,"y"');
  assert.deepEqual(parseFilters("a=eq.x.y=z")[0].value, "x.y=z");
  assert.deepEqual(parseFilters('a=in.("x,y",z)')[0].value, '{"x,y",z}');
  assert.deepEqual(parseFilters(""), []);
  for (const wrong of ["undefined", "a=b", "a=foo.b", "a=in.b", "a=eq.1,", ",", "a=toString.1"]) {
    assert.throws(() => parseFilters(wrong), FilterError);
  }
});

Deno.test("filters that need no database", () => {
  const check = (text: string, type: string, value: string | null) =>
    passes(parseFilters(text)[0], type, value);
  assert.equal(
    check("a=eq.A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    true,
  );
  assert.equal(check("a=eq.007", "int4", "7"), true);
  assert.equal(check("a=gt.9007199254740992", "int8", "9007199254740993"), true);
  assert.equal(check("a=not.gt.1", "int4", "1"), true);
  assert.equal(check("a=neq.x", "text", null), false);
  assert.equal(check("a=not.eq.x", "text", null), false);
  assert.equal(check("a=in.()", "text", ""), false);
  assert.equal(check("a=is.unknown", "bool", null), true);
  assert.equal(check("a=not.isdistinct.x", "text", null), false);
  assert.equal(check("a=isdistinct.x", "text", "x"), false);
  for (
    const [text, type] of [["a=like.x", "text"], ["a=lt.x", "text"], ["a=eq.1", "numeric"], [
      'a=in.("x")',
      "text",
    ]]
  ) {
    assert.equal(check(text, type, "x"), undefined);
  }
  assert.equal(toSql(parseFilters("a=not.in.(1)")[0], "l", "r"), "not (l = any (r))");
  assert.equal(toSql(parseFilters("a=imatch.x")[0], "l", "r"), "(l ~* r)");
});

Deno.test("bindings", () => {
  assert.deepEqual({ ...parseBinding({ event: "insert", table: "t" }), id: 0 }, {
    id: 0,
    event: "INSERT",
    schema: "public",
    table: "t",
    filters: [],
    select: null,
  });
  assert.equal(parseBinding({ schema: "s" }).table, "*");
  assert.deepEqual(parseBinding({ schema: "s", table: "t", select: ["a", 1] }).select, ["a"]);
  for (const wrong of [{}, { table: 1 }, { schema: "s", filter: "a=eq.1" }, { schema: "s", select: ["a"] }]) {
    assert.throws(() => parseBinding(wrong), BindingError);
  }
  const ids = new Set(Array.from({ length: 1000 }, (_, n) => bindingId({ table: `t${n}` })));
  assert.equal(ids.size, 1000);
  assert.ok([...ids].every((id) => Number.isInteger(id) && id > 0 && id < 2 ** 31));
});

Deno.test("joins", () => {
  const nothing = parseJoin(null);
  assert.deepEqual([nothing.private, nothing.ack, nothing.presence.enabled, nothing.changes], [
    false,
    false,
    false,
    [],
  ]);
  const join = parseJoin({
    config: {
      private: "TRUE",
      broadcast: { ack: true, self: "false" },
      presence: { key: "me", enabled: true },
      postgres_changes: [null, { table: "t" }],
    },
    access_token: "a.b.c",
  });
  assert.deepEqual([join.private, join.ack, join.self], [true, true, false]);
  assert.deepEqual([join.presence, join.changes], [{ key: "me", enabled: true }, [{ table: "t" }]]);
  assert.equal(join.accessToken, "a.b.c");
  assert.equal(parseJoin({ user_token: "u", access_token: "a" }).accessToken, "u");
  assert.equal(parseJoin({ access_token: "sb_secret_x" }).accessToken, null);
});

Deno.test("presence", () => {
  const room = new PresenceRoom<string>();
  const first = room.track("socket 1", "ada", { mood: "calm" })!;
  const ref = first.joins.ada.metas[0].phx_ref;
  assert.deepEqual(first, { joins: { ada: { metas: [{ mood: "calm", phx_ref: ref }] } }, leaves: {} });
  assert.equal(room.track("socket 1", "ada", { mood: "calm" }), null);
  const second = room.track("socket 1", "ada", { mood: "wild" })!;
  assert.equal(second.joins.ada.metas[0].phx_ref_prev, ref);
  assert.equal(second.leaves.ada.metas[0].phx_ref, ref);
  room.track("socket 2", "ada", {});
  room.track("socket 3", "__proto__", {});
  assert.deepEqual(Object.keys(room.state()), ["ada", "__proto__"]);
  assert.equal(room.state().ada.metas.length, 2);
  assert.deepEqual(Object.keys(room.untrack("socket 2")!.leaves), ["ada"]);
  assert.equal(room.untrack("socket 2"), null);
  assert.equal(room.size, 2);
});

Deno.test("snapshots", () => {
  const snapshot = new Snapshot("100:110:102,105");
  assert.deepEqual([99, 102, 109, 110].map((xid) => snapshot.shows(xid)), [true, false, true, false]);
  assert.ok(new Snapshot("7:7:").shows(6));
  // Numbers that have wrapped around: the log has the lower half only.
  const later = new Snapshot(`${2 ** 32 + 1}:${2 ** 32 + 5}:${2 ** 32 + 3}`);
  assert.deepEqual([2 ** 32 - 1, 2, 3, 5].map((xid) => later.shows(xid)), [true, true, false, false]);
});

Deno.test("the write-ahead log", () => {
  const int = (value: number, size: number) =>
    Array.from({ length: size }, (_, i) => value / 2 ** (8 * (size - 1 - i)) & 255);
  const decoder = new Decoder();
  assert.equal(decoder.decode(bytes("B", ...int(0, 8), ...int(1_000_000, 8), ...int(7, 4))), null);
  decoder.decode(bytes(
    ...["R", ...int(9, 4), "public", 0, "t", 0, "d", ...int(2, 2)],
    ...[1, "id", 0, ...int(23, 4), ...int(0, 4), 0, "ä", 0, ...int(25, 4), ...int(0, 4)],
  ));
  const text = (value: string) => ["t", ...int(new TextEncoder().encode(value).length, 4), value];
  const insert = decoder.decode(bytes("I", ...int(9, 4), "N", ...int(2, 2), ...text("1"), "n"))!;
  assert.deepEqual([insert.operation, insert.row, insert.old, insert.transaction], [
    "INSERT",
    ["1", null],
    null,
    7,
  ]);
  assert.equal(insert.committedAt.toISOString(), "2000-01-01T00:00:01.000Z");
  assert.deepEqual(insert.relation.columns.map(({ name, key }) => [name, key]), [["id", true], ["ä", false]]);
  const update = decoder.decode(
    bytes("U", ...int(9, 4), "K", ...int(2, 2), ...text("1"), "n", "N", ...int(2, 2), ...text("2"), "u"),
  )!;
  assert.deepEqual([update.row, update.old], [["2", undefined], { tuple: ["1", null], keyOnly: true }]);
  const removal = decoder.decode(bytes("D", ...int(9, 4), "O", ...int(2, 2), ...text("2"), ...text("é")))!;
  assert.deepEqual([removal.row, removal.old], [null, { tuple: ["2", "é"], keyOnly: false }]);
  assert.throws(() => new Decoder().decode(bytes("I", ...int(9, 4), "N", ...int(0, 2))));
});
