/**
 * Objects: each has a row in `storage.objects`, whose column `version` is the id of the file with the bytes.
 *
 * Every insert, select, update and delete runs under the caller's role, so that policies decide. Objects in public
 * buckets and behind signed URLs are read as Storage itself.
 */

import type { Caller } from "../keys.ts";
import { type Buckets, checkMimeType, sizeLimit } from "./buckets.ts";
import { refusals, StorageError } from "./errors.ts";
import type { Files } from "./files.ts";
import { become, lockObjects, type Sessions, type Transaction } from "./session.ts";
import { readUpload } from "./upload_body.ts";

export interface ObjectRow {
  id: string;
  bucket_id: string;
  name: string;
  owner_id: string | null;
  version: string;
  metadata: ObjectMetadata | null;
  user_metadata: Record<string, unknown> | null;
  created_at: string;
  updated_at: string;
  last_accessed_at: string;
}

export interface ObjectMetadata {
  eTag: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  lastModified: string;
  contentLength: number;
  httpStatusCode: number;
}

export interface Stored {
  id: string;
  key: string;
}

/** Whose rights count: the caller's, or those of a signed URL. */
export type Authority = { caller: Caller } | { grantedTo: string | null };

const KEY = /^[\w/!.*'() &$@=;:+,?-]{1,1024}$/;
const MAX_REMOVED = 1000;

export function checkKey(key: string): void {
  if (!KEY.test(key) || key.split("/").some((part) => part === "." || part === "..")) {
    throw refusals.invalidKey(key);
  }
}

export class Objects {
  constructor(
    private readonly sessions: Sessions,
    private readonly buckets: Buckets,
    private readonly files: Files,
  ) {}

  async upload(
    authority: Authority,
    bucketId: string,
    name: string,
    request: Request,
    options: { upsert: boolean; operation: string },
  ): Promise<Stored> {
    checkKey(name);
    const bucket = await this.buckets.find(bucketId);
    const limit = sizeLimit(bucket);
    const upload = await readUpload(request, limit);
    try {
      checkMimeType(bucket, upload.contentType);
    } catch (error) {
      await upload.discard();
      throw error;
    }
    const file = await this.files.write(upload.content, limit);
    const row = {
      id: crypto.randomUUID(),
      bucket_id: bucketId,
      name,
      owner_id: "caller" in authority ? authority.caller.userId : authority.grantedTo,
      version: file.version,
      metadata: {
        eTag: file.etag,
        size: file.size,
        mimetype: upload.contentType,
        cacheControl: upload.cacheControl,
        lastModified: new Date().toISOString(),
        contentLength: file.size,
        httpStatusCode: 200,
      },
      user_metadata: upload.userMetadata,
    };
    return await this.#put(row, authority, options);
  }

  /** Throws as the upload itself would, and changes nothing. */
  async checkUpload(caller: Caller, bucketId: string, name: string, upsert: boolean): Promise<void> {
    checkKey(name);
    await this.buckets.find(bucketId);
    const row = {
      id: crypto.randomUUID(),
      bucket_id: bucketId,
      name,
      owner_id: caller.userId,
      version: crypto.randomUUID(),
      metadata: null,
      user_metadata: null,
    };
    const rollBack = new Error("The check is done.");
    try {
      await this.sessions.asCaller(caller, "object.sign_upload_url", async (transaction) => {
        await insert(transaction, row, upsert);
        throw rollBack;
      });
    } catch (error) {
      if (error !== rollBack) throw error;
    }
  }

  /** An object that the caller may see. */
  async find(caller: Caller, operation: string, bucketId: string, name: string): Promise<ObjectRow> {
    return await this.sessions.asCaller(caller, operation, (transaction) => one(transaction, bucketId, name));
  }

  /** An object, whoever the caller is. */
  async findAny(bucketId: string, name: string): Promise<ObjectRow> {
    return await this.sessions.asStorage((transaction) => one(transaction, bucketId, name));
  }

  /** The names of the objects that the caller may see. */
  async findMany(caller: Caller, bucketId: string, names: string[]): Promise<Set<string>> {
    const rows = await this.sessions.asCaller(
      caller,
      "object.sign_many",
      (transaction) =>
        transaction<{ name: string }[]>`
        select name from storage.objects where bucket_id = ${bucketId} and name in ${transaction(names)}`,
    );
    return new Set(rows.map(({ name }) => name));
  }

  async move(caller: Caller, from: Location, to: Location): Promise<Stored> {
    checkKey(to.name);
    return await this.sessions.asStorage(async (transaction) => {
      await lockObjects(transaction, keyOf(from), keyOf(to));
      await become(transaction, caller, "object.move");
      const source = await one(transaction, from.bucket, from.name);
      const moved = await transaction`
        update storage.objects
        set bucket_id = ${to.bucket}, name = ${to.name}, updated_at = now()
        where bucket_id = ${from.bucket} and name = ${from.name}`;
      if (moved.count === 0) throw refusals.accessDenied("new row violates row-level security policy");
      return { id: source.id, key: keyOf(to) };
    });
  }

  async copy(
    caller: Caller,
    from: Location,
    to: Location,
    options: { upsert: boolean; metadata?: Record<string, unknown> | null },
  ): Promise<Stored> {
    checkKey(to.name);
    const [source, version] = await withBytes(
      () => this.find(caller, "object.copy", from.bucket, from.name),
      async (object) => [object, await this.files.copy(object.version)] as const,
    );
    const row = {
      id: crypto.randomUUID(),
      bucket_id: to.bucket,
      name: to.name,
      owner_id: caller.userId,
      version,
      metadata: source.metadata,
      user_metadata: options.metadata === undefined ? source.user_metadata : options.metadata,
    };
    return await this.#put(row, { caller }, { upsert: options.upsert, operation: "object.copy" });
  }

  /** Removes the objects that the caller may remove, and returns their rows. */
  async remove(caller: Caller, operation: string, bucketId: string, names: string[]): Promise<ObjectRow[]> {
    if (names.length > MAX_REMOVED) throw refusals.invalidBody(`At most ${MAX_REMOVED} objects at a time.`);
    const rows = await this.sessions.asCaller(caller, operation, (transaction) =>
      transaction<ObjectRow[]>`
        delete from storage.objects where bucket_id = ${bucketId} and name in ${
        transaction(names)
      } returning *`);
    await this.files.remove(rows.map(({ version }) => version));
    return [...rows];
  }

  /** Writes the row for bytes that are on disk already. Deletes the bytes if the row is refused. */
  async #put(
    row: NewObject,
    authority: Authority,
    options: { upsert: boolean; operation: string },
  ): Promise<Stored> {
    let stored: { id: string; replaced: string | null };
    try {
      stored = await this.sessions.asStorage(async (transaction) => {
        await lockObjects(transaction, `${row.bucket_id}/${row.name}`);
        const [old] = await transaction<{ id: string; version: string | null }[]>`
          select id, version from storage.objects where bucket_id = ${row.bucket_id} and name = ${row.name} for update`;
        if ("caller" in authority) await become(transaction, authority.caller, options.operation);
        await insert(transaction, row, options.upsert);
        return { id: old?.id ?? row.id, replaced: old?.version ?? null };
      });
    } catch (error) {
      await this.files.remove([row.version]);
      throw error;
    }
    await this.files.remove([stored.replaced]);
    return { id: stored.id, key: `${row.bucket_id}/${row.name}` };
  }
}

export interface Location {
  bucket: string;
  name: string;
}

function keyOf({ bucket, name }: Location): string {
  return `${bucket}/${name}`;
}

type NewObject = Pick<
  ObjectRow,
  "id" | "bucket_id" | "name" | "owner_id" | "version" | "metadata" | "user_metadata"
>;

async function insert(transaction: Transaction, row: NewObject, upsert: boolean): Promise<void> {
  const values = {
    ...row,
    metadata: row.metadata && transaction.json({ ...row.metadata }),
    user_metadata: row.user_metadata && transaction.json(row.user_metadata as never),
  };
  try {
    await transaction`
      insert into storage.objects ${transaction(values)}
      ${
      upsert
        ? transaction`
            on conflict (bucket_id, name) do update set
              version = excluded.version,
              owner_id = excluded.owner_id,
              metadata = excluded.metadata,
              user_metadata = excluded.user_metadata,
              updated_at = now()`
        : transaction``
    }`;
  } catch (error) {
    if ((error as { code?: unknown }).code === "23503") throw refusals.noSuchBucket();
    throw error;
  }
}

async function one(transaction: Transaction, bucketId: string, name: string): Promise<ObjectRow> {
  const [row] = await transaction<ObjectRow[]>`
    select * from storage.objects where bucket_id = ${bucketId} and name = ${name}`;
  if (!row) throw refusals.noSuchKey();
  return row;
}

/**
 * Reads an object, then its bytes. If the object is replaced meanwhile, the version that was read is gone: then the
 * object is read again.
 */
export async function withBytes<T>(
  find: () => Promise<ObjectRow>,
  read: (object: ObjectRow) => Promise<T>,
): Promise<T> {
  let object = await find();
  while (true) {
    try {
      return await read(object);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const { version } = object;
      object = await find();
      if (object.version === version) throw error;
    }
  }
}

/** Whether the error means that the object does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof StorageError && error.code === "NoSuchKey";
}
