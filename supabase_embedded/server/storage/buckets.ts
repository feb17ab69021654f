/** Buckets and their limits. The policies on `storage.buckets` decide who may change them. */

import type { Caller } from "../keys.ts";
import { refusals, StorageError } from "./errors.ts";
import type { Files } from "./files.ts";
import type { Sessions, Transaction } from "./session.ts";

export interface Bucket {
  id: string;
  name: string;
  public: boolean;
  file_size_limit: string | null;
  allowed_mime_types: string[] | null;
}

/** The limit of a bucket that has none of its own, as in the configuration of `supabase start`. */
export const DEFAULT_SIZE_LIMIT = 50 * 1024 * 1024;

const NAME = /^[\w!.*'() &$@=;:+,?-]{1,100}$/;
const COLUMNS = ["id", "name", "created_at", "updated_at"];

export class Buckets {
  constructor(private readonly sessions: Sessions, private readonly files: Files) {}

  /** A bucket, whoever the caller is, to read its limits and whether it is public. */
  async find(id: string): Promise<Bucket> {
    const [bucket] = await this.sessions.asStorage((transaction) =>
      transaction<Bucket[]>`select * from storage.buckets where id = ${id}`
    );
    if (!bucket) throw refusals.noSuchBucket();
    return bucket;
  }

  async list(caller: Caller, url: URL): Promise<unknown[]> {
    const limit = number(url, "limit");
    const offset = number(url, "offset") ?? 0;
    const search = url.searchParams.get("search");
    const column = url.searchParams.get("sortColumn") ?? "id";
    if (!COLUMNS.includes(column)) {
      throw refusals.invalidBody(`\`sortColumn\` must be one of ${COLUMNS.join(", ")}.`);
    }
    const descending = url.searchParams.get("sortOrder") === "desc";
    const buckets = await this.sessions.asCaller(caller, "bucket.list", (transaction) =>
      transaction`
        select * from storage.buckets
        ${search ? transaction`where position(lower(${search}) in lower(name)) > 0` : transaction``}
        order by ${transaction(column)} ${descending ? transaction`desc` : transaction`asc`}
        limit ${limit} offset ${offset}`);
    return buckets.map(present);
  }

  async get(caller: Caller, id: string): Promise<unknown> {
    const [bucket] = await this.sessions.asCaller(
      caller,
      "bucket.get",
      (transaction) => transaction`select * from storage.buckets where id = ${id}`,
    );
    if (!bucket) throw refusals.noSuchBucket();
    return present(bucket);
  }

  async create(caller: Caller, body: Record<string, unknown>): Promise<{ name: string }> {
    const id = body.id ?? body.name;
    const name = body.name ?? body.id;
    if (typeof id !== "string" || typeof name !== "string" || !NAME.test(id) || !NAME.test(name)) {
      throw refusals.invalidBucketName();
    }
    const row = { id, name, owner_id: caller.userId, public: false, ...settings(body) };
    await this.sessions.asCaller(
      caller,
      "bucket.create",
      (transaction) => transaction`insert into storage.buckets ${transaction(row)}`,
    );
    return { name: id };
  }

  async update(caller: Caller, id: string, body: Record<string, unknown>): Promise<void> {
    const changes = { ...settings(body), updated_at: new Date().toISOString() };
    const changed = await this.sessions.asCaller(
      caller,
      "bucket.update",
      (transaction) => transaction`update storage.buckets set ${transaction(changes)} where id = ${id}`,
    );
    if (changed.count === 0) throw refusals.noSuchBucket();
  }

  async remove(caller: Caller, id: string): Promise<void> {
    try {
      const removed = await this.sessions.asCaller(
        caller,
        "bucket.delete",
        (transaction) => transaction`delete from storage.buckets where id = ${id}`,
      );
      if (removed.count === 0) throw refusals.noSuchBucket();
    } catch (error) {
      // The foreign key of the objects in it.
      if (error instanceof StorageError && error.code === "InvalidRequest") throw refusals.bucketNotEmpty();
      throw error;
    }
  }

  async empty(caller: Caller, id: string): Promise<void> {
    const versions = await this.sessions.asCaller(caller, "bucket.empty", async (transaction) => {
      await visible(transaction, id);
      return await transaction<{ version: string | null }[]>`
        delete from storage.objects where bucket_id = ${id} returning version`;
    });
    await this.files.remove(versions.map(({ version }) => version));
  }
}

/** The maximum size of a file in the bucket, in bytes. */
export function sizeLimit(bucket: Bucket): number {
  return bucket.file_size_limit === null
    ? DEFAULT_SIZE_LIMIT
    : Math.min(Number(bucket.file_size_limit), DEFAULT_SIZE_LIMIT);
}

/** Checks the declared type only, as on the platform: `image/png`, `image/*`, or anything. */
export function checkMimeType(bucket: Bucket, contentType: string): void {
  const type = contentType.split(";")[0].trim().toLowerCase();
  const allowed = bucket.allowed_mime_types ?? [];
  if (allowed.length === 0) return;
  const family = `${type.split("/")[0]}/*`;
  if (![type, family, "*", "*/*"].some((pattern) => allowed.includes(pattern))) {
    throw refusals.invalidMimeType(type);
  }
}

async function visible(transaction: Transaction, id: string): Promise<void> {
  const [bucket] = await transaction`select 1 from storage.buckets where id = ${id}`;
  if (!bucket) throw refusals.noSuchBucket();
}

function present(row: Record<string, unknown>): unknown {
  const {
    id,
    name,
    owner_id,
    public: isPublic,
    file_size_limit,
    allowed_mime_types,
    created_at,
    updated_at,
  } = row;
  return {
    id,
    name,
    // Clients expect a string even if nobody owns the bucket.
    owner: owner_id ?? "",
    public: isPublic,
    type: "STANDARD",
    file_size_limit: file_size_limit === null ? null : Number(file_size_limit),
    allowed_mime_types,
    created_at,
    updated_at,
  };
}

function settings(body: Record<string, unknown>): Record<string, boolean | number | string[] | null> {
  const result: Record<string, boolean | number | string[] | null> = {};
  if (body.public !== undefined) {
    if (typeof body.public !== "boolean") throw refusals.invalidBody("`public` must be true or false.");
    result.public = body.public;
  }
  if (body.file_size_limit !== undefined) result.file_size_limit = bytes(body.file_size_limit);
  const types = body.allowed_mime_types;
  if (types !== undefined) {
    if (types !== null && !(Array.isArray(types) && types.every((type) => typeof type === "string"))) {
      throw refusals.invalidBody("`allowed_mime_types` must be a list of types such as image/png, or null.");
    }
    result.allowed_mime_types = types as string[] | null;
  }
  return result;
}

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
};

function bytes(value: unknown): number | null {
  if (value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  const match = typeof value === "string" ? value.trim().match(/^(\d+(?:\.\d+)?)\s*([KMG]?i?B)?$/i) : null;
  if (!match) throw refusals.invalidBody("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B");
  return Math.floor(Number(match[1]) * UNITS[(match[2] ?? "B").toUpperCase()]);
}

function number(url: URL, name: string): number | null {
  const value = url.searchParams.get(name);
  if (value === null) return null;
  if (!/^\d{1,9}$/.test(value)) {
    throw refusals.invalidBody(`\`${name}\` must be a whole number that is not negative.`);
  }
  return Number(value);
}
