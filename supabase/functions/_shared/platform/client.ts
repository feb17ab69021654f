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
    /** The HTTP status, or 0 where there was no answer. */
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

  /** A client that passes all access rules. */
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

  /** Call a function of the database, and return what it answers. */
  async rpc<T>(name: string, parameters: Record<string, unknown> = {}): Promise<T> {
    const answer = await this.#send(
      "POST",
      `/rest/v1/rpc/${encodeURIComponent(name)}`,
      JSON.stringify(parameters),
      {
        "content-type": "application/json",
      },
    );
    const text = await answer.text();
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  /** Read rows. `query` is PostgREST's: `{ select: "id,title", id: "eq.…" }`. */
  async select<T>(table: string, query: Record<string, string>): Promise<T[]> {
    const answer = await this.#send("GET", `/rest/v1/${table}?${new URLSearchParams(query)}`);
    return await answer.json() as T[];
  }

  /** Change the rows that `query` names, and return how many there were. */
  async update(
    table: string,
    query: Record<string, string>,
    values: Record<string, unknown>,
  ): Promise<number> {
    const path = `/rest/v1/${table}?${new URLSearchParams({ ...query, select: "id" })}`;
    const answer = await this.#send("PATCH", path, JSON.stringify(values), {
      "content-type": "application/json",
      prefer: "return=representation",
    });
    return (await answer.json() as unknown[]).length;
  }

  /**
   * Read a stored object.
   *
   * @param limit The most bytes to read.
   * @returns Null where there is no such object, or none that the caller may read.
   * @throws {TooLargeError} It has more bytes than `limit`.
   */
  async download(bucket: string, name: string, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
    let answer: Response;
    try {
      answer = await this.#send("GET", objectPath(bucket, name));
    } catch (error) {
      // Storage answers 400 with the code in the body where other services answer 404.
      if (error instanceof ApiError && (error.status === 404 || error.status === 400)) return null;
      throw error;
    }
    return await read(answer, limit, `${bucket}/${name}`);
  }

  /** Store an object, in place of the one with this name if there is one. */
  async upload(
    bucket: string,
    name: string,
    bytes: Uint8Array<ArrayBuffer>,
    contentType: string,
  ): Promise<void> {
    const answer = await this.#send("POST", objectPath(bucket, name), bytes, {
      "content-type": contentType,
      "x-upsert": "true",
    });
    await answer.body?.cancel();
  }

  /** Remove a stored object. One that is not there is fine. */
  async remove(bucket: string, name: string): Promise<void> {
    const answer = await this.#send(
      "DELETE",
      `/storage/v1/object/${bucket}`,
      JSON.stringify({ prefixes: [name] }),
      {
        "content-type": "application/json",
      },
    );
    await answer.body?.cancel();
  }

  async #send(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    let answer: Response;
    try {
      answer = await this.#fetch(this.url + path, {
        method,
        body,
        headers: { ...this.#headers, ...headers },
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
    } catch (error) {
      const reason = error instanceof DOMException && error.name === "TimeoutError"
        ? `did not answer within ${this.#timeoutMs / 1000} s`
        : "could not be reached";
      throw new ApiError(`${method} ${path.split("?")[0]} ${reason}.`, 0, null);
    }
    if (answer.ok) return answer;
    const refusal = await answer.json().catch(() => ({})) as {
      code?: unknown;
      message?: unknown;
      error?: unknown;
    };
    const code = [refusal.code, refusal.error].find((value) => typeof value === "string") as
      | string
      | undefined;
    const message = typeof refusal.message === "string" ? refusal.message : "no reason given";
    throw new ApiError(
      `${method} ${path.split("?")[0]} answered ${answer.status}: ${message}`,
      answer.status,
      code ?? null,
    );
  }
}

function keyHeaders(key: string): Record<string, string> {
  // The older keys are tokens themselves and have to be sent as such, too.
  return key.startsWith("sb_") ? { apikey: key } : { apikey: key, authorization: `Bearer ${key}` };
}

function objectPath(bucket: string, name: string): string {
  return `/storage/v1/object/${bucket}/${name.split("/").map(encodeURIComponent).join("/")}`;
}

/** Read a body into one array of its size, without a second copy of it in pieces. */
async function read(answer: Response, limit: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new TooLargeError(`${name} has more than ${limit} bytes.`);
  // What was packed is longer than it says; the size is a first guess only.
  const told = Number(answer.headers.get("content-length") ?? 0);
  if (told > limit) {
    await answer.body?.cancel();
    throw tooLarge();
  }
  let bytes = new Uint8Array(told);
  let size = 0;
  for await (const chunk of answer.body ?? []) {
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
