/** Uses the server through supabase-js, as a web application does. `test_supabase_js.py` starts it and runs this. */

import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import assert from "node:assert/strict";

const url = Deno.env.get("API_URL")!;
const publishableKey = Deno.env.get("PUBLISHABLE_KEY")!;
const secretKey = Deno.env.get("SECRET_KEY")!;
const options = { auth: { persistSession: false, autoRefreshToken: false } };

function client(key = publishableKey): SupabaseClient {
  return createClient(url, key, options);
}

async function signUp(name: string): Promise<{ supabase: SupabaseClient; id: string; email: string }> {
  const supabase = client();
  const email = `${name}-${crypto.randomUUID()}@example.test`;
  const { data, error } = await supabase.auth.signUp({
    email,
    password: "correct horse",
    options: { data: { name } },
  });
  assert.equal(error, null);
  return { supabase, id: data.user!.id, email };
}

Deno.test("auth: sign up, sign in, refresh, change, sign out", async () => {
  const { supabase, email } = await signUp("js");
  const wrong = await client().auth.signInWithPassword({ email, password: "wrong" });
  assert.equal(wrong.error?.code, "invalid_credentials");
  const again = await supabase.auth.signInWithPassword({ email, password: "correct horse" });
  assert.equal(again.data.user?.email, email);
  const refreshed = await supabase.auth.refreshSession();
  assert.notEqual(refreshed.data.session?.refresh_token, again.data.session?.refresh_token);
  const claims = await supabase.auth.getClaims();
  assert.equal(claims.data?.claims.email, email);
  const updated = await supabase.auth.updateUser({ data: { colour: "blue" } });
  assert.equal(updated.data.user?.user_metadata.colour, "blue");
  assert.equal((await supabase.auth.signOut()).error, null);
  assert.equal((await supabase.auth.getUser()).data.user, null);
});

/** The newest email to an address. */
async function newestEmail(address: string): Promise<string> {
  const found = await fetch(`${url}/api/v1/search?query=${encodeURIComponent(`to:${address}`)}`);
  const [{ ID }] = (await found.json()).messages;
  return (await (await fetch(`${url}/api/v1/message/${ID}`)).json()).Text;
}

Deno.test("auth: a link returns a code, for the client that requested it", async () => {
  const { email } = await signUp("js");
  const pkce = { auth: { ...options.auth, flowType: "pkce" as const } };
  const supabase = createClient(url, publishableKey, pkce);
  const place = "http://127.0.0.1:3000/in";
  assert.equal((await supabase.auth.signInWithOtp({ email, options: { emailRedirectTo: place } })).error, null);
  const [link] = (await newestEmail(email)).match(/https?:\S+\/auth\/v1\/verify\S+/)!;
  const reply = await fetch(link, { redirect: "manual" });
  await reply.body?.cancel();
  const code = new URL(reply.headers.get("location")!).searchParams.get("code")!;
  const stranger = await createClient(url, publishableKey, pkce).auth.exchangeCodeForSession(code);
  assert.notEqual(stranger.error, null);
  const { data, error } = await supabase.auth.exchangeCodeForSession(code);
  assert.equal(error, null);
  assert.equal(data.user?.email, email);
});

Deno.test("auth: a weak password and a taken address are refused", async () => {
  const { email } = await signUp("js");
  const weak = await client().auth.signUp({ email: `${crypto.randomUUID()}@example.test`, password: "x" });
  assert.equal(weak.error?.code, "weak_password");
  const taken = await client().auth.signUp({ email, password: "correct horse" });
  assert.equal(taken.error?.code, "user_already_exists");
});

Deno.test("auth: the admin API is for the secret key", async () => {
  const email = `${crypto.randomUUID()}@example.test`;
  const admin = client(secretKey).auth.admin;
  const made = await admin.createUser({ email, password: "correct horse", email_confirm: true });
  assert.equal(made.error, null);
  const listed = await admin.listUsers({ page: 1, perPage: 1000 });
  assert.ok(listed.data.users.some((user) => user.email === email));
  assert.equal((await client().auth.admin.listUsers()).error?.status, 403);
  assert.equal((await admin.deleteUser(made.data.user!.id)).error, null);
});

Deno.test("rest: rows are one's own", async () => {
  const ada = await signUp("ada");
  const boris = await signUp("boris");
  const body = crypto.randomUUID();
  const inserted = await ada.supabase.from("notes").insert({ body, data: { a: 1 } }).select(
    "*, profiles(name)",
  ).single();
  assert.equal(inserted.error, null);
  assert.equal(inserted.data.owner_id, ada.id);
  assert.equal(inserted.data.profiles.name, "ada");
  assert.equal(inserted.status, 201);
  const filtered = await ada.supabase.from("notes").select("body", { count: "exact" }).or(
    `body.eq.${body},order.gt.5`,
  );
  assert.deepEqual([filtered.count, filtered.data], [1, [{ body }]]);
  assert.deepEqual((await boris.supabase.from("notes").select().eq("body", body)).data, []);
  const refused = await boris.supabase.from("notes").insert({ body: "x", owner_id: ada.id });
  assert.deepEqual([refused.status, refused.error?.code], [403, "42501"]);
  const anonymous = await client().from("notes").select();
  assert.deepEqual([anonymous.status, anonymous.error?.code], [401, "42501"]);
  const twice = await ada.supabase.from("notes").insert({ body });
  assert.deepEqual([twice.status, twice.error?.code], [409, "23505"]);
});

Deno.test("rpc: values, rows and errors", async () => {
  const supabase = client();
  assert.equal((await supabase.rpc("divide", { a: 8, b: 2 })).data, 4);
  assert.equal((await supabase.rpc("divide", { a: 8, b: 2 }, { get: true })).data, 4);
  assert.equal((await supabase.rpc("count_up")).data.length, 1000);
  const failed = await supabase.rpc("fail", { code: "MG501" });
  assert.equal(failed.status, 400);
  assert.deepEqual({ ...failed.error, name: undefined, stack: undefined }, {
    code: "MG501",
    message: "it failed",
    details: "what happened",
    hint: "what to do",
    name: undefined,
    stack: undefined,
  });
  assert.equal((await supabase.rpc("nowhere")).error?.code, "PGRST202");
});

Deno.test("storage: a file's whole life", async () => {
  const { supabase, id } = await signUp("js");
  const papers = supabase.storage.from("papers");
  const path = `${id}/folder/hello world.txt`;
  const uploaded = await papers.upload(path, new Blob(["hello"], { type: "text/plain" }), {
    metadata: { mood: "good" },
  });
  assert.equal(uploaded.error, null);
  assert.equal(uploaded.data?.fullPath, `papers/${path}`);
  assert.equal(await (await papers.download(path)).data?.text(), "hello");
  assert.equal((await papers.upload(path, "again")).error?.message, "The resource already exists");
  assert.equal((await papers.upload(path, "again", { upsert: true })).error, null);
  assert.equal((await papers.update(path, new TextEncoder().encode("bytes"))).error, null);
  const info = await papers.info(path);
  assert.equal(info.data?.size, 5);
  assert.equal((await papers.exists(path)).data, true);
  assert.equal((await papers.exists(`${id}/nothing`)).data, false);
  assert.deepEqual((await papers.list(id)).data?.map((entry) => entry.name), ["folder"]);
  const listed = await papers.listV2({ prefix: `${id}/`, with_delimiter: true });
  assert.deepEqual(listed.data?.folders.map((folder) => folder.name), [`${id}/folder/`]);
  const signed = await papers.createSignedUrl(path, 60);
  assert.equal(await (await fetch(signed.data!.signedUrl)).text(), "bytes");
  const several = await papers.createSignedUrls([path, "nothing"], 60);
  assert.equal(await (await fetch(several.data![0].signedUrl!)).text(), "bytes");
  assert.ok(several.data![1].error);
  assert.equal((await papers.copy(path, `${id}/copy.txt`)).data?.path, `papers/${id}/copy.txt`);
  assert.equal((await papers.move(`${id}/copy.txt`, `${id}/moved.txt`)).error, null);
  const ticket = await papers.createSignedUploadUrl(`${id}/later.txt`);
  const late = await client().storage.from("papers").uploadToSignedUrl(
    `${id}/later.txt`,
    ticket.data!.token,
    "late",
  );
  assert.equal(late.error, null);
  const removed = await papers.remove([path, `${id}/moved.txt`, `${id}/later.txt`, "nothing"]);
  assert.equal(removed.data?.length, 3);
});

Deno.test("storage: the folder of another person, wrong kinds, and buckets are refused", async () => {
  const ada = await signUp("ada");
  const boris = await signUp("boris");
  const path = `${ada.id}/mine.txt`;
  await ada.supabase.storage.from("papers").upload(path, "mine");
  const theirs = boris.supabase.storage.from("papers");
  assert.equal((await theirs.download(path)).data, null);
  assert.equal(
    (await theirs.upload(`${ada.id}/x`, "x")).error?.message,
    "new row violates row-level security policy",
  );
  assert.deepEqual((await theirs.remove([path])).data, []);
  const pictures = ada.supabase.storage.from("pictures");
  const text = await pictures.upload(`${ada.id}/x.txt`, new Blob(["x"], { type: "text/plain" }));
  assert.equal(text.error?.message, "mime type text/plain is not supported");
  const large = await pictures.upload(`${ada.id}/x.png`, new Blob(["x".repeat(2000)], { type: "image/png" }));
  assert.equal(large.error?.message, "The object exceeded the maximum allowed size");
  assert.ok((await ada.supabase.storage.createBucket("theirs")).error);
});

Deno.test("storage: public pictures and buckets of the server", async () => {
  const { supabase, id } = await signUp("js");
  const pictures = supabase.storage.from("pictures");
  await pictures.upload(`${id}/a.png`, new Blob(["png"], { type: "image/png" }));
  const reply = await fetch(pictures.getPublicUrl(`${id}/a.png`).data.publicUrl);
  assert.deepEqual([await reply.text(), reply.headers.get("content-type")], ["png", "image/png"]);
  const server = client(secretKey).storage;
  const name = crypto.randomUUID();
  assert.equal((await server.createBucket(name, { public: false, fileSizeLimit: "1KB" })).error, null);
  assert.equal((await server.getBucket(name)).data?.file_size_limit, 1000);
  assert.equal((await server.deleteBucket(name)).error, null);
});
