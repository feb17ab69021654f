/**
 * The bytes of the objects: one file for each version of an object, named by the version's id.
 *
 * Names of users never become names of files, so no name can lead out of the folder. A version's file is complete
 * before the row that names it is committed, and goes after the row is gone: at every moment, each row has its bytes.
 * A crash in between leaves at most a file that no row names.
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
  /** First and last byte, both included. */
  first: number;
  last: number;
}

export class Files {
  constructor(private readonly folder: string) {}

  /** Stores a stream as a new version. Leaves nothing behind where it fails or is larger than the limit. */
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
      await remove(temporary);
      throw error;
    }
    return { version, size, etag: `"${hash.digest("hex")}"` };
  }

  /** Stores a second version with the same bytes. */
  async copy(version: string): Promise<string> {
    const twin = crypto.randomUUID();
    const path = this.#path(twin);
    await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    try {
      await Deno.copyFile(this.#path(version), path);
    } catch (error) {
      await remove(path);
      if (error instanceof Deno.errors.NotFound) throw refusals.noSuchKey();
      throw error;
    }
    return twin;
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

  /** Deletes versions that no row names any more. A failure is logged: the request has succeeded by then. */
  async forget(versions: (string | null)[]): Promise<void> {
    for (const version of versions) {
      if (version === null) continue;
      try {
        await remove(this.#path(version));
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

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Passes so many bytes on, then ends. */
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
