/** Reads the body of an upload request: the bytes, their type and their metadata. */

import { Busboy } from "@fastify/busboy";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { hasUnstorableText } from "../http.ts";
import { refusals, StorageError } from "./errors.ts";

export interface Upload {
  content: ReadableStream<Uint8Array>;
  contentType: string;
  cacheControl: string;
  userMetadata: Record<string, unknown> | null;
  /** Discards the rest of the request, so that a refused client can finish sending and read the reply. */
  discard(): Promise<void>;
}

type FilePart = [name: string, content: Readable, filename: string, encoding: string, mimeType: string];

/** The maximum size of a form besides its file. */
const FORM_OVERHEAD = 1024 * 1024;

/**
 * Reads multipart forms and raw bodies. Refuses a body above the limit before reading it, if the length is declared.
 */
export async function readUpload(request: Request, limit: number): Promise<Upload> {
  const contentType = request.headers.get("content-type") ?? "";
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (contentType.startsWith("multipart/form-data")) {
    if (declared > limit + FORM_OVERHEAD) throw refusals.tooLarge();
    return await readForm(request.body ?? new Blob([]).stream(), contentType);
  }
  if (declared > limit) throw refusals.tooLarge();
  const body = request.body ?? new Blob([]).stream();
  return {
    content: body,
    discard: () => body.cancel(),
    contentType: contentType || "application/octet-stream",
    cacheControl: request.headers.get("cache-control") ?? "no-cache",
    userMetadata: metadata(decodeHeader(request.headers.get("x-metadata"))),
  };
}

/**
 * Streams the first file of a form. Its other fields come before the file, as the clients send them.
 *
 * `Request.formData()` would not do: it drops parts without a name, and supabase-js gives the file none; and it keeps
 * the whole file in memory.
 */
function readForm(body: ReadableStream<Uint8Array>, contentType: string): Promise<Upload> {
  return new Promise((resolve, reject) => {
    let form: InstanceType<typeof Busboy>;
    try {
      form = new Busboy({ headers: { "content-type": contentType } });
    } catch (error) {
      return reject(unreadable(error));
    }
    const source = Readable.fromWeb(body as NodeReadableStream);
    const fields = new Map<string, string>();
    let file: Readable | undefined;
    const fail = (error: Error) => {
      const refusal = unreadable(error);
      file?.destroy(refusal);
      reject(refusal);
    };
    form.on("field", (name: string, value: string) => fields.set(name, value));
    form.on("file", (...[_name, stream, _filename, _encoding, mimetype]: FilePart) => {
      stream.on("error", fail);
      if (file) return stream.resume();
      file = stream;
      const cacheControl = fields.get("cacheControl");
      try {
        if (hasUnstorableText(cacheControl)) throw refusals.unstorableText();
        resolve({
          content: ReadableStream.from(chunks(stream)),
          discard: () => Promise.resolve(void stream.resume()),
          contentType: mimetype || "application/octet-stream",
          cacheControl: cacheControl ? `max-age=${cacheControl}` : "no-cache",
          userMetadata: metadata(fields.get("metadata") ?? null),
        });
      } catch (error) {
        stream.resume();
        reject(error);
      }
    });
    form.on(
      "finish",
      () => reject(refusals.invalidBody("No file was sent: the form needs a part with a file.")),
    );
    form.on("error", fail);
    source.on("error", fail);
    source.pipe(form);
  });
}

async function* chunks(file: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return refusals.invalidBody(`The multipart form could not be read: ${(error as Error).message}`);
}

function decodeHeader(value: string | null): string | null {
  if (value === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(atob(value), (character) => character.charCodeAt(0)),
    );
  } catch {
    throw refusals.invalidBody("The header `x-metadata` must be JSON in base64.");
  }
}

function metadata(text: string | null): Record<string, unknown> | null {
  if (text === null || text === "") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusals.invalidBody("The metadata must be JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusals.invalidBody("The metadata must be a JSON object.");
  }
  if (hasUnstorableText(value)) throw refusals.unstorableText();
  return value as Record<string, unknown>;
}
