/** Uses the server through supabase-js, as a web application does. `test_deno.py` starts it and runs this. */

import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
import assert from "node:assert/strict";

const url = Deno.env.get("API_URL")!;
const publishableKey = Deno.env.get("PUBLISHABLE_KEY")!;
const options = { auth: { persistSession: false, autoRefreshToken: false } };

interface Person {
  supabase: SupabaseClient;
  id: string;
}

async function signUp(name: string): Promise<Person> {
  const supabase = createClient(url, publishableKey, options);
  const { data, error } = await supabase.auth.signUp({
    email: `${name}-${crypto.randomUUID()}@example.test`,
    password: "correct horse battery",
    options: { data: { display_name: name } },
  });
  assert.equal(error, null);
  await supabase.realtime.setAuth();
  return { supabase, id: data.user!.id };
}

/** A space with a prompt, with Ada as the leader and Boris as a member. */
async function club(): Promise<{ ada: Person; boris: Person; space: string; prompt: string }> {
  const [ada, boris] = await Promise.all([signUp("Ada"), signUp("Boris")]);
  const founded = await ada.supabase.from("spaces").insert({ name: "Test Book Club" }).select().single();
  assert.equal(founded.error, null);
  const space = founded.data.id;
  const invite = await ada.supabase.rpc("create_invite", { space_id: space });
  const joined = await boris.supabase.rpc("join_space", { invite_code: invite.data.code });
  assert.equal(joined.error, null);
  const written = await ada.supabase.from("prompts").insert({ space_id: space, question: "Why?" }).select()
    .single();
  assert.equal(written.error, null);
  assert.equal((await ada.supabase.rpc("publish_prompts", { space_id: space })).error, null);
  return { ada, boris, space, prompt: written.data.id };
}

/** Collects values for a test that waits for them. */
class Inbox<T> {
  #items: T[] = [];
  #waiting: ((item: T) => void)[] = [];

  put = (item: T): void => {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  };

  get empty(): boolean {
    return this.#items.length === 0;
  }

  async take(): Promise<T> {
    if (this.#items.length > 0) return this.#items.shift()!;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(resolve);
    const timer = setTimeout(() => reject(new Error("nothing came")), 15_000);
    return await promise.finally(() => clearTimeout(timer));
  }
}

/** Subscribes, and returns the first state with its reason. */
async function subscribe(channel: RealtimeChannel): Promise<[string, string | undefined]> {
  const states = new Inbox<[string, string | undefined]>();
  channel.subscribe((state, error) => states.put([state, error?.message]));
  return await states.take();
}

const SUBSCRIBED = ["SUBSCRIBED", undefined];
// deno-lint-ignore no-explicit-any -- as supabase-js types what it delivers
type Delivered = any;

async function leave(...people: Person[]): Promise<void> {
  for (const { supabase } of people) await supabase.removeAllChannels();
}

Deno.test("broadcasts among members, in JSON and bytes, over the socket and over HTTP", async () => {
  const { ada, boris, space } = await club();
  const inbox = new Inbox<Delivered>();
  const config = { private: true, broadcast: { ack: true } };
  const listening = boris.supabase.channel(`room:${space}`, { config });
  for (const event of ["typing", "bytes", "posted"]) listening.on("broadcast", { event }, inbox.put);
  assert.deepEqual(await subscribe(listening), SUBSCRIBED);
  const talking = ada.supabase.channel(`room:${space}`, { config });
  assert.deepEqual(await subscribe(talking), SUBSCRIBED);

  assert.equal(await talking.send({ type: "broadcast", event: "typing", payload: { who: "Ädä" } }), "ok");
  assert.deepEqual(await inbox.take(), { type: "broadcast", event: "typing", payload: { who: "Ädä" } });
  const payload = new Uint8Array([0, 255]).buffer;
  assert.equal(await talking.send({ type: "broadcast", event: "bytes", payload } as Delivered), "ok");
  assert.deepEqual(new Uint8Array((await inbox.take()).payload), new Uint8Array([0, 255]));
  assert.deepEqual(await talking.httpSend("posted", { a: 1 }), { success: true });
  assert.deepEqual(await inbox.take(), { type: "broadcast", event: "posted", payload: { a: 1 } });
  await leave(ada, boris);
});

Deno.test("broadcasts from the database, new and replayed", async () => {
  const { ada, boris, space, prompt } = await club();
  const inbox = new Inbox<Delivered>();
  const replay = { since: Date.now() - 60_000, limit: 1 };
  const channel = boris.supabase.channel(`space:${space}`, {
    config: { private: true, broadcast: { replay } },
  });
  for (const event of ["prompts.published", "response.published"]) {
    channel.on("broadcast", { event }, inbox.put);
  }
  assert.deepEqual(await subscribe(channel), SUBSCRIBED);
  const old = await inbox.take();
  assert.deepEqual([old.event, old.meta.replayed], ["prompts.published", true]);

  const response = { prompt_id: prompt, content: "Because.", is_published: true };
  assert.equal((await ada.supabase.from("responses").insert(response)).error, null);
  const fresh = await inbox.take();
  assert.deepEqual([fresh.event, fresh.payload.actor_id], ["response.published", ada.id]);
  await leave(ada, boris);
});

Deno.test("an outsider and a guest are refused", async () => {
  const { space } = await club();
  const eve = await signUp("Eve");
  const guest = { supabase: createClient(url, publishableKey, options), id: "" };
  for (const person of [eve, guest]) {
    const channel = person.supabase.channel(`space:${space}`, { config: { private: true } });
    const [state, reason] = await subscribe(channel);
    assert.equal(state, "CHANNEL_ERROR");
    assert.equal(
      reason,
      `Unauthorized: You do not have permissions to read from this Channel topic: space:${space}`,
    );
    await leave(person);
  }
});

Deno.test("presence", async () => {
  const { ada, boris, space } = await club();
  const inbox = new Inbox<unknown>();
  const watching = boris.supabase.channel(`room:${space}`, { config: { private: true } });
  watching.on("presence", { event: "sync" }, () => {
    inbox.put(Object.fromEntries(
      Object.entries(watching.presenceState<{ mood: string }>()).map((
        [key, metas],
      ) => [key, metas.map(({ mood }) => mood)]),
    ));
  });
  assert.deepEqual(await subscribe(watching), SUBSCRIBED);
  assert.deepEqual(await inbox.take(), {});
  const present = ada.supabase.channel(`room:${space}`, {
    config: { private: true, presence: { key: "ada" } },
  });
  assert.deepEqual(await subscribe(present), SUBSCRIBED);
  for (const mood of ["calm", "wild"]) {
    assert.equal(await present.track({ mood }), "ok");
    assert.deepEqual(await inbox.take(), { ada: [mood] });
  }
  assert.equal(await present.untrack(), "ok");
  assert.deepEqual(await inbox.take(), {});
  await leave(ada, boris);
});

Deno.test("Postgres Changes: members receive responses, nobody of a draft", async () => {
  const { ada, boris, space, prompt } = await club();
  const eve = await signUp("Eve");
  const inboxes: Inbox<Delivered>[] = [];
  for (const person of [ada, eve]) {
    const [changes, ready] = [new Inbox<Delivered>(), new Inbox<Delivered>()];
    const channel = person.supabase.channel("responses")
      .on("postgres_changes", {
        event: "*",
        schema: "public",
        table: "responses",
        filter: `space_id=eq.${space}`,
      }, changes.put)
      .on("postgres_changes", { event: "INSERT", schema: "public", table: "newsletters" }, changes.put)
      .on("system", {}, ready.put);
    assert.deepEqual(await subscribe(channel), SUBSCRIBED);
    assert.equal((await ready.take()).message, "Subscribed to PostgreSQL");
    inboxes.push(changes);
  }
  const draft = { prompt_id: prompt, content: "A draft" };
  const { data, error } = await boris.supabase.from("responses").insert(draft).select().single();
  assert.equal(error, null);
  assert.equal(
    (await boris.supabase.from("responses").update({ is_published: true }).eq("id", data.id)).error,
    null,
  );
  const change = await inboxes[0].take();
  assert.deepEqual([change.eventType, change.new.content, change.errors], ["UPDATE", "A draft", null]);
  assert.ok(inboxes[0].empty && inboxes[1].empty);
  await leave(ada, boris, eve);
});

Deno.test("Postgres Changes: invalid bindings are reported", async () => {
  const { supabase, id } = await signUp("Ada");
  const ready = new Inbox<Delivered>();
  const channel = supabase.channel("secrets")
    .on("postgres_changes", { event: "*", schema: "public", table: "transactions" }, () => {})
    .on("system", {}, ready.put);
  assert.deepEqual(await subscribe(channel), SUBSCRIBED);
  const { status, message } = await ready.take();
  assert.equal(status, "error");
  assert.match(
    message,
    /^Unable to subscribe to changes with given parameters. Please check Realtime is enabled/,
  );
  await leave({ supabase, id });
});
