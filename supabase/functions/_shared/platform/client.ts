/**
 * A small client of the project's Data API and Storage, for functions.
 *
 * supabase-js would do, but loading it takes 80 ms of CPU at every cold start, of the 2 s that the platform gives a
 * request; these few calls need nothing but `fetch`.
 */

import type { Environment } from "./environment.ts";

/** The API refused, or could not be reached. The message never holds a key. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    message: string,
    /** The HTTP status, or the one in the body of Storage's 400; 0 without a reply. */
    readonly status: number,
    /** The SQLSTATE or the service's own code, where it gave one. */
    readonly code: string | null,
  ) {
    super(message);
  }
}

/** A stored object is larger than the caller can use. */
export class TooLargeError extends Error {
  override name = "TooLargeError";
}

/** An object in Storage. */
export interface StoredFile {
  /** Within its folder. */
  name: string;
  /** Its size; 0 for a folder. */
  bytes: number;
}

/** How many objects are listed or removed at a time. */
const PAGE = 1000;

export interface ClientOptions {
  fetch?: typeof fetch;
  /** How long one call may take, in milliseconds. */
  timeoutMs?: number;
}

export class Client {
  readonly #headers: Record<string, string>;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number;

  private constructor(readonly url: string, headers: Record<string, string>, options: ClientOptions) {
    this.#headers = headers;
    this.#fetch = options.fetch ?? fetch;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  /** A client that bypasses all access rules. */
  static service(
    environment: Pick<Environment, "url" | "secretKey">,
    options: ClientOptions = {},
  ): Client {
    return new Client(environment.url, keyHeaders(environment.secretKey), options);
  }

  /** A client with no more rights than a user, or than anybody where there is no token. */
  static caller(
    environment: Pick<Environment, "url" | "publishableKey">,
    token: string | null,
    options: ClientOptions = {},
  ): Client {
    const headers = keyHeaders(environment.publishableKey);
    return new Client(
      environment.url,
      token ? { ...headers, authorization: `Bearer ${token}` } : headers,
      options,
    );
  }

  /** The account whose token this is; null for a key, and for a token that is not accepted (any more). */
  async account(): Promise<{ id: string } | null> {
    try {
      const reply = await this.#send("GET", "/auth/v1/user");
      const { id } = await reply.json() as { id?: unknown };
      return typeof id === "string" ? { id } : null;
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
        return null;
      }
      throw error;
    }
  }

  /** Call a function of the database, and return its result. */
  async rpc<T>(name: string, parameters: Record<string, unknown> = {}): Promise<T> {
    const reply = await this.#send(
      "POST",
      `/rest/v1/rpc/${encodeURIComponent(name)}`,
      JSON.stringify(parameters),
      {
        "content-type": "application/json",
      },
    );
    const text = await reply.text();
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  /** Read rows. `query` is PostgREST's: `{ select: "id,title", id: "eq.…" }`. */
  async select<T>(table: string, query: Record<string, string>): Promise<T[]> {
    const reply = await this.#send("GET", `/rest/v1/${table}?${new URLSearchParams(query)}`);
    return await reply.json() as T[];
  }

  /** Change the rows that `query` names, and return how many there were. */
  async update(
    table: string,
    query: Record<string, string>,
    values: Record<string, unknown>,
  ): Promise<number> {
    const path = `/rest/v1/${table}?${new URLSearchParams({ ...query, select: "id" })}`;
    const reply = await this.#send("PATCH", path, JSON.stringify(values), {
      "content-type": "application/json",
      prefer: "return=representation",
    });
    return (await reply.json() as unknown[]).length;
  }

  /**
   * Read a stored object.
   *
   * @param limit The most bytes to read.
   * @returns Null if there is no such object, or the caller cannot see it.
   * @throws {TooLargeError} It has more bytes than `limit`.
   * @throws {ApiError} Anything else: the object may exist.
   */
  async download(bucket: string, name: string, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
    let reply: Response;
    try {
      reply = await this.#send("GET", objectPath(bucket, name));
    } catch (error) {
      if (error instanceof ApiError && isNotThere(error)) return null;
      throw error;
    }
    return await read(reply, limit, `${bucket}/${name}`);
  }

  /** Store an object, in place of the one with this name if there is one. */
  async upload(
    bucket: string,
    name: string,
    bytes: Uint8Array<ArrayBuffer>,
    contentType: string,
  ): Promise<void> {
    const reply = await this.#send("POST", objectPath(bucket, name), bytes, {
      "content-type": contentType,
      "x-upsert": "true",
    });
    await reply.body?.cancel();
  }

  /**
   * List what is in a folder.
   *
   * @param folder Without a slash at its end.
   * @returns The objects and folders right in it, in the order of their names; the names of folders end with a slash.
   */
  async list(bucket: string, folder: string): Promise<StoredFile[]> {
    const found: StoredFile[] = [];
    while (true) {
      const page = {
        prefix: folder,
        limit: PAGE,
        offset: found.length,
        sortBy: { column: "name", order: "asc" },
      };
      const reply = await this.#send("POST", `/storage/v1/object/list/${bucket}`, JSON.stringify(page), {
        "content-type": "application/json",
      });
      const entries = await reply.json() as {
        name: string;
        id: string | null;
        metadata: { size?: number } | null;
      }[];
      found.push(...entries.map(({ name, id, metadata }) => ({
        name: id === null ? `${name}/` : name,
        bytes: metadata?.size ?? 0,
      })));
      if (entries.length < PAGE) return found;
    }
  }

  /** Copy a stored object into another bucket, in place of the one with this name if there is one. */
  async copy(from: { bucket: string; name: string }, to: { bucket: string; name: string }): Promise<void> {
    const body = {
      bucketId: from.bucket,
      sourceKey: from.name,
      destinationBucket: to.bucket,
      destinationKey: to.name,
    };
    const reply = await this.#send("POST", "/storage/v1/object/copy", JSON.stringify(body), {
      "content-type": "application/json",
      "x-upsert": "true",
    });
    await reply.body?.cancel();
  }

  /** Remove stored objects. Those that are not there are fine. */
  async remove(bucket: string, ...names: string[]): Promise<void> {
    for (let start = 0; start < names.length; start += PAGE) {
      const body = JSON.stringify({ prefixes: names.slice(start, start + PAGE) });
      const reply = await this.#send("DELETE", `/storage/v1/object/${bucket}`, body, {
        "content-type": "application/json",
      });
      await reply.body?.cancel();
    }
  }

  async #send(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    let reply: Response;
    try {
      reply = await this.#fetch(this.url + path, {
        method,
        body,
        headers: { ...this.#headers, ...headers },
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
    } catch (error) {
      const reason = error instanceof DOMException && error.name === "TimeoutError"
        ? `did not reply within ${this.#timeoutMs / 1000} s`
        : "could not be reached";
      throw new ApiError(`${method} ${path.split("?")[0]} ${reason}.`, 0, null);
    }
    if (reply.ok) return reply;
    const refusal = await reply.json().catch(() => ({})) as {
      code?: unknown;
      message?: unknown;
      error?: unknown;
      statusCode?: unknown;
    };
    const code = [refusal.code, refusal.error].find((value) => typeof value === "string") as
      | string
      | undefined;
    const message = typeof refusal.message === "string" ? refusal.message : "no reason given";
    // Storage replies 400 to nearly everything, and puts the real status into the body.
    const status = /^[45]\d\d$/.test(String(refusal.statusCode)) ? Number(refusal.statusCode) : reply.status;
    throw new ApiError(
      `${method} ${path.split("?")[0]} returned status ${status}: ${message}`,
      status,
      code ?? null,
    );
  }
}

function keyHeaders(key: string): Record<string, string> {
  // The older keys are tokens themselves and have to be sent as such, too.
  return key.startsWith("sb_") ? { apikey: key } : { apikey: key, authorization: `Bearer ${key}` };
}

/**
 * Return true if Storage says that the object does not exist, or that its name is not valid; not if the bucket is
 * missing.
 */
function isNotThere({ status, code }: ApiError): boolean {
  return status === 404 && code !== "NoSuchBucket" && code !== "Bucket not found" || code === "InvalidKey";
}

function objectPath(bucket: string, name: string): string {
  return `/storage/v1/object/${bucket}/${name.toWellFormed().split("/").map(encodeURIComponent).join("/")}`;
}

/** Read a body into one array of its size, without a second copy of it in pieces. */
async function read(reply: Response, limit: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new TooLargeError(`${name} has more than ${limit} bytes.`);
  // A compressed body is longer than its length says; the size is only a first guess.
  const declared = Number(reply.headers.get("content-length") ?? 0);
  if (declared > limit) {
    await reply.body?.cancel();
    throw tooLarge();
  }
  let bytes = new Uint8Array(declared);
  let size = 0;
  for await (const chunk of reply.body ?? []) {
    if (size + chunk.length > limit) throw tooLarge();
    if (size + chunk.length > bytes.length) {
      const larger = new Uint8Array(Math.min(limit, 2 * (size + chunk.length)));
      larger.set(bytes.subarray(0, size));
      bytes = larger;
    }
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return size === bytes.length ? bytes : bytes.slice(0, size);
}
