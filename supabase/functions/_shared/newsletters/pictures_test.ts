import { deepStrictEqual as equal } from "node:assert";
import type { Client } from "../platform/mod.ts";
import { type Album, picturesInside } from "./pictures.ts";

type Entry = Album["entries"][number];

const addressOf = (own: string) => `https://project.example/newsletter/id/${own}`;

function entry(stem: string, bytes: number): Entry {
  const file = (use: string, size: number) => ({
    bucket: "derived",
    name: `${stem}/${use}.jpeg`,
    own: `pictures/${stem}-${use}.jpeg`,
    width: 4,
    height: 3,
    bytes: size,
  });
  const files: Entry["files"] = new Map([["mail", file("mail", bytes)], ["small", file("small", 100)]]);
  return { stem, bucket: "responses", path: stem, isPending: false, refusal: null, files };
}

/** Put pictures into an email that shows them all, with one that is not in the bucket. */
async function inside(...entries: Entry[]): Promise<string[]> {
  const stored = (name: string) => name.startsWith("gone") ? null : new TextEncoder().encode(name);
  const service = { download: (_bucket: string, name: string) => Promise.resolve(stored(name)) };
  const html = entries.map(({ stem }) => `<img src="${addressOf(`pictures/${stem}-mail.jpeg`)}" alt="">`);
  const said = `<p> src=&quot;${addressOf("pictures/a-mail.jpeg")}&quot;</p>`;
  const made = await picturesInside(
    service as unknown as Client,
    { entries, leftOut: [] },
    html.join("") + said,
    addressOf,
  );
  equal(made.endsWith(said), true);
  return [...made.matchAll(/ src="([^"]*)"/g)].map(([, source]) =>
    source.startsWith("data:image/jpeg;base64,") ? atob(source.split(",")[1]) : source
  );
}

Deno.test("pictures are in the email as large as they are sent, where there is room", async () => {
  equal(await inside(entry("a", 2_000_000), entry("b", 2_000_000)), ["a/mail.jpeg", "b/mail.jpeg"]);
  equal(await inside(entry("a", 2_000_000), entry("b", 2_000_001)), ["a/small.jpeg", "b/small.jpeg"]);
});

Deno.test("a picture that is not there keeps its address", async () => {
  equal(await inside(entry("gone", 100), entry("a", 100)), [
    addressOf("pictures/gone-mail.jpeg"),
    "a/mail.jpeg",
  ]);
});
