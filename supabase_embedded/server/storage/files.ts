/**
 * Stores the bytes of the objects: one file for each version of an object, named by the version's id.
 *
 * Names from users never become file names, so no name can lead out of the folder. A version's file is complete
 * before its row is committed, and it is deleted after the row: so each row has its bytes at any time. A crash in
 * between leaves at most a file without a row.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { describeError, log } from "../log.ts";
import { refusals } from "./errors.ts";

export interface StoredFile {
  version: string;
  size: number;
  /** The hash of the content in quotes, as HTTP writes it. */
  etag: string;
}

export interface Range {
  /** The positions of the first and the last byte, both included. */
  first: number;
  last: number;
}

export class Files {
  constructor(private readonly folder: string) {}

  /** Stores a stream as a new version. Leaves nothing behind if it fails or exceeds the limit. */
  async write(content: ReadableStream<Uint8Array>, limit: number): Promise<StoredFile> {
    const version = crypto.randomUUID();
    const path = this.#path(version);
    const temporary = `${path}.part`;
    await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    const hash = createHash("md5");
    let size = 0;
    try {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      for await (const chunk of content) {
        size += chunk.byteLength;
        if (size > limit) throw refusals.tooLarge();
        hash.update(chunk);
        for (let done = 0; done < chunk.byteLength;) done += await file.write(chunk.subarray(done));
      }
      await file.sync();
      await Deno.rename(temporary, path);
    } catch (error) {
      await removeFile(temporary);
      throw error;
    }
    return { version, size, etag: `"${hash.digest("hex")}"` };
  }

  /** Stores a second version with the same bytes. */
  async copy(version: string): Promise<string> {
    const copied = crypto.randomUUID();
    const path = this.#path(copied);
    await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    try {
      await Deno.copyFile(this.#path(version), path);
    } catch (error) {
      await removeFile(path);
      if (error instanceof Deno.errors.NotFound) throw refusals.noSuchKey();
      throw error;
    }
    return copied;
  }

  /** The bytes of a version, or a range of them. */
  async read(version: string, range: Range | null): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.#path(version));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw refusals.noSuchKey();
      throw error;
    }
    if (!range) return file.readable;
    await file.seek(range.first, Deno.SeekMode.Start);
    return file.readable.pipeThrough(take(range.last - range.first + 1));
  }

  /** Deletes versions that no longer have a row. A failure is only logged, because the request has succeeded. */
  async remove(versions: (string | null)[]): Promise<void> {
    for (const version of versions) {
      if (version === null) continue;
      try {
        await removeFile(this.#path(version));
      } catch (error) {
        log("storage_leftover", { version, ...describeError(error) });
      }
    }
  }

  #path(version: string): string {
    if (!/^[0-9a-f-]{36}$/.test(version)) throw refusals.noSuchKey();
    return join(this.folder, "versions", version.slice(0, 2), version);
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Forwards `count` bytes, then ends. */
function take(count: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let left = count;
  return new TransformStream({
    transform(chunk, controller) {
      if (left > 0) controller.enqueue(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
  });
}
