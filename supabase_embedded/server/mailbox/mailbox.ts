/**
 * Stores the emails that were sent as files: `<id>.eml` is the email, `<id>.json` its entry in the list.
 *
 * The folder is read for every request, so that emails survive a restart, and the folder may be emptied while the
 * server runs.
 */

import { join } from "node:path";
import MailComposer from "nodemailer/mail-composer";
import type { ParsedMail } from "mailparser";
import { detail, type Envelope, type Message, parse, plainText, summarize, type Summary } from "./message.ts";

/** The index file of an email. */
interface Entry {
  summary: Summary;
  envelope: Envelope | null;
  /** The text that is searched for words. */
  words: string;
}

export interface Draft {
  from: { name: string; address: string };
  to: string;
  subject: string;
  text: string;
  html: string;
}

const ID = /^[0-9a-z]{22}$/;
const SEARCHABLE_LENGTH = 100_000;

export class Mailbox {
  readonly #known = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();
  #lastStamp = 0;

  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<Mailbox> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    return new Mailbox(folder);
  }

  /** Calls back whenever this server has received an email, marked one as read or deleted one. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Composes an email and delivers it to this mailbox. */
  async compose(draft: Draft): Promise<string> {
    const raw = await new MailComposer(draft).compile().build();
    return await this.deliver(raw, { from: draft.from.address, to: [draft.to] });
  }

  /** Stores an email, completely or not at all. */
  async deliver(raw: Uint8Array, envelope: Envelope | null): Promise<string> {
    await Deno.mkdir(this.folder, { recursive: true, mode: 0o700 });
    const id = this.#nextId();
    await this.#write(`${id}.eml`, raw);
    await this.#index(id, raw, envelope, new Date().toISOString());
    this.#changed();
    return id;
  }

  /** All emails, the newest first. */
  async entries(): Promise<Entry[]> {
    const files = new Set<string>();
    try {
      for await (const { name } of Deno.readDir(this.folder)) files.add(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const ids = [...files].filter((name) => name.endsWith(".eml")).map((name) => name.slice(0, -4))
      .filter((id) => ID.test(id));
    for (const id of this.#known.keys()) if (!files.has(`${id}.eml`)) this.#known.delete(id);
    const entries: Entry[] = [];
    for (const id of ids.sort().reverse()) {
      const entry = this.#known.get(id) ?? await this.#load(id);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  /** The email with an id, or the `latest`; null if it does not exist. */
  async find(id: string): Promise<{ raw: Uint8Array; email: ParsedMail; message: Message } | null> {
    const entries = await this.entries();
    const entry = id === "latest" ? entries[0] : entries.find(({ summary }) => summary.ID === id);
    if (!entry) return null;
    const raw = await this.#read(`${entry.summary.ID}.eml`);
    if (!raw) return null;
    const email = await parse(raw);
    return { raw, email, message: detail(entry.summary, email, entry.envelope) };
  }

  async setRead(ids: string[], read: boolean): Promise<void> {
    let isChanged = false;
    for (const entry of await this.entries()) {
      if (!ids.includes(entry.summary.ID) || entry.summary.Read === read) continue;
      entry.summary.Read = read;
      await this.#save(entry);
      isChanged = true;
    }
    if (isChanged) this.#changed();
  }

  async remove(ids: string[]): Promise<void> {
    for (const id of ids.filter((id) => ID.test(id))) {
      for (const name of [`${id}.eml`, `${id}.json`]) {
        try {
          await Deno.remove(join(this.folder, name));
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
      this.#known.delete(id);
    }
    if (ids.length > 0) this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #load(id: string): Promise<Entry | null> {
    const index = await this.#read(`${id}.json`);
    if (index) {
      const entry = JSON.parse(new TextDecoder().decode(index)) as Entry;
      this.#known.set(id, entry);
      return entry;
    }
    // A crash happened between the two files, or the list was read in between.
    const raw = await this.#read(`${id}.eml`);
    return raw && await this.#index(id, raw, null, new Date(stampOf(id)).toISOString());
  }

  async #index(id: string, raw: Uint8Array, envelope: Envelope | null, created: string): Promise<Entry> {
    const email = await parse(raw);
    const entry = {
      summary: summarize(id, raw, email, envelope, created),
      envelope,
      words: plainText(email).slice(0, SEARCHABLE_LENGTH),
    };
    await this.#save(entry);
    return entry;
  }

  async #save(entry: Entry): Promise<void> {
    await this.#write(`${entry.summary.ID}.json`, new TextEncoder().encode(JSON.stringify(entry)));
    this.#known.set(entry.summary.ID, entry);
  }

  async #write(name: string, content: Uint8Array): Promise<void> {
    const temporary = join(this.folder, `.${name}.${crypto.randomUUID()}`);
    await Deno.writeFile(temporary, content, { mode: 0o600 });
    await Deno.rename(temporary, join(this.folder, name));
  }

  async #read(name: string): Promise<Uint8Array | null> {
    try {
      return await Deno.readFile(join(this.folder, name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** Ids sort by time: nine characters of milliseconds, then random ones. */
  #nextId(): string {
    this.#lastStamp = Math.max(Date.now(), this.#lastStamp + 1);
    const random = Array.from(crypto.getRandomValues(new Uint8Array(13)), (byte) => (byte % 36).toString(36));
    return this.#lastStamp.toString(36).padStart(9, "0") + random.join("");
  }
}

function stampOf(id: string): number {
  return parseInt(id.slice(0, 9), 36);
}
