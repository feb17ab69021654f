/**
 * `/storage/v1`: the endpoints that supabase-js and supabase-py call.
 *
 * This does not use lite's storage, whose corrections would be longer than this: it does not support ranges, paging and
 * `image/*`, checks the size only if the length is declared, and lets rows and bytes diverge after a failure.
 */

import type { Config } from "../config.ts";
import { type Database, openPool } from "../database.ts";
import type { Exchange, Failure } from "../gateway.ts";
import { hasUnstorableText, json } from "../http.ts";
import { ApiKeyError, type Caller, type Keys, TokenError } from "../keys.ts";
import { Buckets } from "./buckets.ts";
import { download } from "./download.ts";
import { refusals, StorageError, storageErrorResponse } from "./errors.ts";
import { Files } from "./files.ts";
import { listFolder, listPage } from "./listing.ts";
import { type ObjectRow, Objects, withBytes } from "./objects.ts";
import { Sessions } from "./session.ts";
import { Signer } from "./signing.ts";

const PREFIX = "/storage/v1";
const POOL_SIZE = 5;
const UPLOAD_URL_SECONDS = 2 * 60 * 60;
const ANONYMOUS: Caller = { role: "anon", userId: null, claims: { role: "anon" } };

export class Storage {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #files: Files;
  readonly #buckets: Buckets;
  readonly #objects: Objects;
  readonly #signer: Signer;

  constructor(config: Config, private readonly keys: Keys) {
    this.#database = openPool(config.databaseUrls.storage, POOL_SIZE);
    this.#sessions = new Sessions(this.#database);
    this.#files = new Files(config.storageDir);
    this.#buckets = new Buckets(this.#sessions, this.#files);
    this.#objects = new Objects(this.#sessions, this.#buckets, this.#files);
    this.#signer = new Signer(config.jwtSecret);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async handle(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    try {
      if (request.method === "OPTIONS") return new Response(null, { status: 204 });
      const path = url.pathname.slice(PREFIX.length);
      const parts = path.split("/").slice(1).map(decode);
      if (hasUnstorableText([...url.searchParams.values()])) throw refusals.unstorableText();
      if (path === "/status") return json(200, { status: "ok" });
      const open = await this.#withoutKey(request, url, parts);
      if (open) return open;
      const caller = await this.#identify(request, url, exchange);
      if (parts[0] === "bucket") return await this.#bucket(request, url, caller, parts.slice(1));
      if (parts[0] === "object") return await this.#object(request, url, caller, parts.slice(1));
      if (parts[0] === "render") throw refusals.notEnabled("imageTransformation");
      throw refusals.noSuchRoute(request.method, path);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const response = storageErrorResponse(error);
      return request.method === "HEAD" ? new Response(null, { status: response.status }) : response;
    } finally {
      // The client of a refused upload must not wait to send the rest.
      if (request.body && !request.bodyUsed) await request.body.cancel();
    }
  }

  fail({ status, message }: Failure): Response {
    return storageErrorResponse(
      new StorageError(status, status === 503 ? "DatabaseTimeout" : "InternalError", message),
    );
  }

  /** Handles requests to public buckets and signed URLs, which need no key; null for others. */
  async #withoutKey(request: Request, url: URL, parts: string[]): Promise<Response | null> {
    const [section, kind, ...rest] = parts;
    if (section !== "object") return null;
    const reading = request.method === "GET" || request.method === "HEAD";
    if (reading && kind === "public") {
      return await this.#download(() => this.#publicObject(rest), request, url);
    }
    if (reading && kind === "info" && rest[0] === "public") {
      return json(200, describe(await this.#publicObject(rest.slice(1))));
    }
    const token = url.searchParams.get("token");
    if (reading && kind === "sign") {
      const [bucket, name] = location(rest);
      await this.#signer.verify("download", token, `${bucket}/${name}`);
      return await this.#download(() => this.#objects.findAny(bucket, name), request, url);
    }
    if (request.method === "PUT" && kind === "upload" && rest[0] === "sign") {
      const [bucket, name] = location(rest.slice(1));
      const { owner, upsert } = await this.#signer.verify("upload", token, `${bucket}/${name}`);
      const options = { upsert, operation: "object.upload_signed" };
      const { id, key } = await this.#objects.upload({ grantedTo: owner }, bucket, name, request, options);
      return json(200, { Id: id, Key: key });
    }
    return null;
  }

  async #publicObject(parts: string[]): Promise<ObjectRow> {
    const [bucket, name] = location(parts);
    if (!(await this.#buckets.find(bucket)).public) throw refusals.noSuchBucket();
    return await this.#objects.findAny(bucket, name);
  }

  async #identify(request: Request, url: URL, exchange: Exchange): Promise<Caller> {
    try {
      let caller = await this.keys.keyCaller(request, url);
      const token = this.keys.userToken(request, url);
      if (token !== null && caller !== null) caller = await this.keys.tokenCaller(token);
      if (caller === null && (request.method === "GET" || request.method === "HEAD")) caller = ANONYMOUS;
      if (caller === null) throw refusals.unauthorized("No API key found in request");
      exchange.role = caller.role;
      return caller;
    } catch (error) {
      if (error instanceof ApiKeyError) throw refusals.unauthorized(error.message);
      if (error instanceof TokenError) throw refusals.accessDenied(error.message);
      throw error;
    }
  }

  async #bucket(request: Request, url: URL, caller: Caller, [id, action]: string[]): Promise<Response> {
    switch (`${request.method} ${id === undefined ? "" : "id"}${action === undefined ? "" : `/${action}`}`) {
      case "GET ":
        return json(200, await this.#buckets.list(caller, url));
      case "POST ":
        return json(200, await this.#buckets.create(caller, await jsonBody(request)));
      case "GET id":
        return json(200, await this.#buckets.get(caller, id));
      case "PUT id":
        await this.#buckets.update(caller, id, await jsonBody(request));
        return json(200, { message: "Successfully updated" });
      case "DELETE id":
        await this.#buckets.remove(caller, id);
        return json(200, { message: "Successfully deleted" });
      case "POST id/empty":
        await this.#buckets.empty(caller, id);
        return json(200, { message: "Empty bucket has been queued. Completion may take up to an hour." });
      default:
        throw refusals.noSuchRoute(request.method, url.pathname);
    }
  }

  async #object(request: Request, url: URL, caller: Caller, parts: string[]): Promise<Response> {
    const [first, ...rest] = parts;
    switch (request.method) {
      case "POST":
        if (first === "list" && rest.length === 1) {
          await this.#buckets.find(rest[0]);
          return json(200, await listFolder(this.#sessions, caller, rest[0], await jsonBody(request)));
        }
        if (first === "list-v2" && rest.length === 1) {
          await this.#buckets.find(rest[0]);
          return json(200, await listPage(this.#sessions, caller, rest[0], await jsonBody(request)));
        }
        if (first === "move" || first === "copy") return await this.#relocate(first, request, caller);
        if (first === "sign" && rest.length === 1) return await this.#signMany(request, caller, rest[0]);
        if (first === "sign") return await this.#sign(request, caller, location(rest));
        if (first === "upload" && rest[0] === "sign") {
          return await this.#signUpload(request, caller, location(rest.slice(1)));
        }
        return await this.#upload(request, caller, location(parts), "object.upload");
      case "PUT":
        return await this.#upload(request, caller, location(parts), "object.upload_update");
      case "GET":
      case "HEAD":
        return await this.#read(request, url, caller, parts);
      case "DELETE":
        if (rest.length === 0) return await this.#removeMany(request, caller, first);
        return await this.#removeOne(caller, location(parts));
      default:
        throw refusals.noSuchRoute(request.method, url.pathname);
    }
  }

  async #upload(
    request: Request,
    caller: Caller,
    [bucket, name]: [string, string],
    operation: string,
  ): Promise<Response> {
    const upsert = request.method === "PUT" || request.headers.get("x-upsert") === "true";
    const { id, key } = await this.#objects.upload({ caller }, bucket, name, request, { upsert, operation });
    return json(200, { Id: id, Key: key });
  }

  async #read(request: Request, url: URL, caller: Caller, parts: string[]): Promise<Response> {
    const info = parts[0] === "info";
    const rest = info ? parts.slice(1) : parts;
    const [bucketId, name] = location(rest[0] === "authenticated" ? rest.slice(1) : rest);
    const operation = info
      ? "object.get_authenticated_info"
      : request.method === "HEAD"
      ? "object.head_authenticated_info"
      : "object.get_authenticated";
    const bucket = await this.#buckets.find(bucketId);
    const find = () =>
      bucket.public
        ? this.#objects.findAny(bucketId, name)
        : this.#objects.find(caller, operation, bucketId, name);
    return info ? json(200, describe(await find())) : await this.#download(find, request, url);
  }

  async #download(find: () => Promise<ObjectRow>, request: Request, url: URL): Promise<Response> {
    return await withBytes(find, (object) => download(this.#files, object, request, url));
  }

  async #relocate(action: "move" | "copy", request: Request, caller: Caller): Promise<Response> {
    const body = await jsonBody(request);
    const from = { bucket: text(body, "bucketId"), name: text(body, "sourceKey") };
    const to = {
      bucket: typeof body.destinationBucket === "string" ? body.destinationBucket : from.bucket,
      name: text(body, "destinationKey"),
    };
    await this.#buckets.find(to.bucket);
    if (action === "move") {
      const { id, key } = await this.#objects.move(caller, from, to);
      return json(200, { message: "Successfully moved", Id: id, Key: key });
    }
    const { id, key } = await this.#objects.copy(caller, from, to, {
      upsert: request.headers.get("x-upsert") === "true",
      metadata: body.copyMetadata === false
        ? (body.metadata ?? null) as Record<string, unknown> | null
        : undefined,
    });
    return json(200, { Id: id, Key: key, name: to.name, bucket_id: to.bucket });
  }

  async #sign(request: Request, caller: Caller, [bucket, name]: [string, string]): Promise<Response> {
    const seconds = expiry(await jsonBody(request));
    await this.#buckets.find(bucket);
    await this.#objects.find(caller, "object.sign", bucket, name);
    return json(200, { signedURL: await this.#signedUrl(bucket, name, seconds) });
  }

  async #signMany(request: Request, caller: Caller, bucket: string): Promise<Response> {
    const body = await jsonBody(request);
    const seconds = expiry(body);
    const paths = texts(body, "paths");
    await this.#buckets.find(bucket);
    const found = await this.#objects.findMany(caller, bucket, paths);
    return json(
      200,
      await Promise.all(
        paths.map(async (path) =>
          found.has(path) ? { error: null, path, signedURL: await this.#signedUrl(bucket, path, seconds) } : {
            error: "Either the object does not exist or you do not have access to it",
            path,
            signedURL: null,
          }
        ),
      ),
    );
  }

  async #signedUrl(bucket: string, name: string, seconds: number): Promise<string> {
    const url = `${bucket}/${name}`;
    return `/object/sign/${url}?token=${await this.#signer.sign({ kind: "download", url }, seconds)}`;
  }

  async #signUpload(request: Request, caller: Caller, [bucket, name]: [string, string]): Promise<Response> {
    const upsert = request.headers.get("x-upsert") === "true";
    await this.#objects.checkUpload(caller, bucket, name, upsert);
    const url = `${bucket}/${name}`;
    const grant = { kind: "upload" as const, url, owner: caller.userId, upsert };
    const token = await this.#signer.sign(grant, UPLOAD_URL_SECONDS);
    return json(200, { url: `/object/upload/sign/${url}?token=${token}`, token });
  }

  async #removeMany(request: Request, caller: Caller, bucket: string): Promise<Response> {
    const body = await jsonBody(request);
    const entries = Array.isArray(body.prefixes)
      ? body.prefixes.map((entry) => typeof entry === "object" && entry !== null ? entry.path : entry)
      : undefined;
    const names = texts({ prefixes: entries }, "prefixes");
    return json(200, await this.#objects.remove(caller, "object.delete_many", bucket, names));
  }

  async #removeOne(caller: Caller, [bucket, name]: [string, string]): Promise<Response> {
    const removed = await this.#objects.remove(caller, "object.delete", bucket, [name]);
    if (removed.length === 0) throw refusals.noSuchKey();
    return json(200, { message: "Successfully deleted" });
  }
}

/** An object as `info` returns it. */
function describe(object: ObjectRow): unknown {
  return {
    id: object.id,
    name: object.name,
    version: object.version,
    bucket_id: object.bucket_id,
    size: object.metadata?.size ?? null,
    content_type: object.metadata?.mimetype ?? null,
    cache_control: object.metadata?.cacheControl ?? null,
    etag: object.metadata?.eTag ?? null,
    metadata: object.user_metadata ?? {},
    last_modified: object.updated_at,
    created_at: object.created_at,
  };
}

function decode(part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw refusals.invalidKey(part);
  }
  if (hasUnstorableText(decoded)) throw refusals.invalidKey(part);
  return decoded;
}

function location([bucket, ...name]: string[]): [bucket: string, name: string] {
  if (!bucket) throw refusals.missingParameter("bucketName");
  if (name.join("/") === "") throw refusals.missingParameter("objectName");
  return [bucket, name.join("/")];
}

async function jsonBody(request: Request): Promise<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(await request.text() || "{}");
    if (typeof body === "object" && body !== null && !Array.isArray(body)) {
      if (hasUnstorableText(body)) throw refusals.unstorableText();
      return body as Record<string, unknown>;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw refusals.invalidBody("The body must be a JSON object.");
}

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || value === "") {
    throw refusals.invalidBody(`body must have required property '${name}'`);
  }
  return value;
}

function texts(body: Record<string, unknown>, name: string): string[] {
  const value = body[name];
  if (!Array.isArray(value) || value.length === 0 || !value.every((item) => typeof item === "string")) {
    throw refusals.invalidBody(`\`${name}\` must be a list of object names that is not empty.`);
  }
  return value;
}

/** The Python client sends the seconds as a string. */
function expiry(body: Record<string, unknown>): number {
  const seconds = Number(body.expiresIn);
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw refusals.invalidBody("`expiresIn` must be a whole number of seconds, at least 1.");
  }
  return seconds;
}
