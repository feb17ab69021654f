/**
 * `/functions/v1/{name}`: the project's edge functions, each in a process of its own, started at its first request.
 *
 * As on the platform, a function gets the path without `/functions/v1` and handles its own cross-origin requests.
 * Before it runs, only the token is checked (`verify_jwt` in config.toml, on by default). A function that does not
 * reply in time is killed. Source of codes and messages: https://supabase.com/docs/guides/functions/error-codes and
 * .../status-codes
 */

import { parseEnv } from "node:util";
import type { Config, FunctionSettings } from "../config.ts";
import type { Exchange } from "../gateway.ts";
import { bearerToken, json } from "../http.ts";
import { ApiKeyError, type Keys, TokenError } from "../keys.ts";
import { describeError, log } from "../log.ts";
import { BootError, FunctionProcess, type Program } from "./process.ts";

const PREFIX = "/functions/v1/";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Longer bodies are streamed, and cannot be sent again if the function ends meanwhile. */
const MAX_BUFFERED_BODY = 1024 * 1024;
/** Headers that belong to one connection, and one that would compress the reply twice. */
const NOT_FORWARDED = ["host", "connection", "keep-alive", "transfer-encoding", "upgrade", "accept-encoding"];

const DEFAULT: FunctionSettings = { verify_jwt: true, enabled: true };

export class Functions {
  readonly #running = new Map<string, FunctionProcess>();
  readonly #watcher: Deno.FsWatcher | null;
  #stopped = false;

  constructor(readonly config: Config, readonly keys: Keys) {
    this.#watcher = this.#watch();
  }

  async handle(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    const name = url.pathname.slice(PREFIX.length).split("/", 1)[0];
    const settings = this.config.functions[name] ?? DEFAULT;
    const entrypoint = await this.#entrypoint(name, settings);
    if (entrypoint === null) return refusal(404, "NOT_FOUND", "Requested function was not found");
    if (!METHODS.has(request.method)) return refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed");
    if (settings.verify_jwt && request.method !== "OPTIONS") {
      const refused = await this.#refuse(request, url, exchange);
      if (refused) return refused;
    }
    return await this.#run(name, entrypoint, settings, request, url);
  }

  close(): void {
    this.#stopped = true;
    this.#watcher?.close();
    for (const process of this.#running.values()) process.kill();
    this.#running.clear();
  }

  async #entrypoint(name: string, settings: FunctionSettings): Promise<string | null> {
    if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name) || !settings.enabled) return null;
    const path = settings.entrypoint ?? `${this.config.functionsDir}/${name}/index.ts`;
    return await isFile(path) ? path : null;
  }

  /** The reply to a request without a valid token, or null. An API key is accepted as well. */
  async #refuse(request: Request, url: URL, exchange: Exchange): Promise<Response | null> {
    try {
      const token = bearerToken(request.headers);
      const caller = token === null || token.startsWith("sb_")
        ? await this.keys.keyCaller(request, url)
        : await this.keys.tokenCaller(token);
      if (caller === null) {
        return refusal(401, "UNAUTHORIZED_NO_AUTH_HEADER", "Missing authorization header");
      }
      exchange.role = caller.role;
      return null;
    } catch (error) {
      if (error instanceof TokenError) return refusal(401, "UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT");
      if (error instanceof ApiKeyError) return refusal(401, error.errorCode, error.message);
      throw error;
    }
  }

  async #run(
    name: string,
    entrypoint: string,
    settings: FunctionSettings,
    request: Request,
    url: URL,
  ): Promise<Response> {
    const length = Number(request.headers.get("content-length") ?? NaN);
    const buffered = request.body === null
      ? null
      : length <= MAX_BUFFERED_BODY
      ? await request.arrayBuffer()
      : undefined;
    for (let attempt = 1;; attempt++) {
      const process = await this.#started(name, entrypoint, settings);
      process.pending += 1;
      let released = false;
      const release = () => {
        if (!released) process.release();
        released = true;
      };
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), this.config.functionTimeoutMs);
      let reply: Promise<Response> | undefined;
      let isAbandoned = false;
      try {
        const port = await process.port;
        const target = new URL(
          url.pathname.slice(PREFIX.length - 1) + url.search,
          `http://127.0.0.1:${port}`,
        );
        reply = fetch(target, {
          method: request.method,
          headers: forwardedHeaders(request, url),
          body: buffered === undefined ? request.body : buffered,
          redirect: "manual",
          signal: limit.signal,
        });
        return relayed(await Promise.race([reply, aborted(request.signal)]), release);
      } catch (error) {
        if (reply && request.signal.aborted && !limit.signal.aborted) {
          // The client has disconnected. The function may still finish within its time limit.
          isAbandoned = true;
          reply.then((late) => late.body?.cancel(), () => {
            if (limit.signal.aborted) process.kill();
          }).catch(() => {}).finally(() => {
            clearTimeout(timer);
            release();
          });
          return new Response(null, { status: 499 });
        }
        release();
        if (error instanceof BootError) {
          log("failure", { function: name, error: error.name, message: error.message });
          return refusal(503, "BOOT_ERROR", "Function failed to start (please check logs)");
        }
        if (limit.signal.aborted) {
          log("failure", { function: name, error: "IdleTimeout" });
          process.kill();
          return refusal(504, "IDLE_TIMEOUT", "The request idle timeout limit was reached");
        }
        // The function was killed between two requests. Only requests that are safe to repeat are sent again.
        if (attempt === 1 && (request.method === "GET" || request.method === "HEAD")) {
          process.kill();
          continue;
        }
        log("failure", { function: name, ...describeError(error) });
        return refusal(500, "WORKER_ERROR", "Function exited due to an error (please check logs)");
      } finally {
        if (!isAbandoned) clearTimeout(timer);
      }
    }
  }

  async #started(name: string, entrypoint: string, settings: FunctionSettings): Promise<FunctionProcess> {
    const running = () => {
      const found = this.#running.get(name);
      return found?.ended ? undefined : found;
    };
    const program = running() ? null : await this.#program(name, entrypoint, settings);
    const already = running();
    if (already || program === null) return already ?? await this.#started(name, entrypoint, settings);
    if (this.#stopped) throw new BootError("The server is stopping.");
    const process = new FunctionProcess(program);
    log("function started", { function: name, pid: process.pid });
    this.#running.set(name, process);
    return process;
  }

  async #program(name: string, entrypoint: string, settings: FunctionSettings): Promise<Program> {
    const { functionsDir } = this.config;
    const own = `${functionsDir}/${name}/deno.json`;
    const map = settings.import_map ?? (await isFile(own) ? own : `${functionsDir}/deno.json`);
    const isConfig = /\/deno\.jsonc?$/.test(map);
    const exists = await isFile(map);
    const lock = map.replace(/[^/]*$/, "deno.lock");
    return {
      name,
      entrypoint,
      functionsDir,
      deno: this.config.denoPath,
      denoDir: this.config.denoDir,
      config: exists && isConfig ? map : null,
      importMap: exists && !isConfig ? map : null,
      lock: exists && await isFile(lock) ? lock : null,
      environment: { ...await this.#secrets(), ...this.#environment() },
      hosts: this.config.functionHosts,
    };
  }

  /** The variables that the platform sets, under their current and their older names. */
  #environment(): Record<string, string> {
    const { config } = this;
    return {
      SUPABASE_URL: config.apiUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: config.publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: config.secretKey }),
      SUPABASE_ANON_KEY: config.anonKey,
      SUPABASE_SERVICE_ROLE_KEY: config.serviceRoleKey,
    };
  }

  /** The variables of the stack, overridden by the project's `supabase/functions/.env`. */
  async #secrets(): Promise<Record<string, string>> {
    try {
      const text = await Deno.readTextFile(`${this.config.functionsDir}/.env`);
      return { ...this.config.functionsEnvironment, ...parseEnv(text) as Record<string, string> };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return this.config.functionsEnvironment;
      throw error;
    }
  }

  /** Restarts functions at the next request after their sources have changed. */
  #watch(): Deno.FsWatcher | null {
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(this.config.functionsDir);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        log("failure", { service: "functions", ...describeError(error) });
      }
      return null;
    }
    (async () => {
      for await (const { kind, paths } of watcher) {
        if (kind === "access" || kind === "any" || kind === "other") continue;
        const changedAt = Math.max(...await Promise.all(paths.map(changeTime)));
        for (const [name, process] of this.#running) {
          // The event may arrive after the start of a process that has read the changed file.
          if (process.startedAt > changedAt) continue;
          process.retire();
          this.#running.delete(name);
        }
      }
    })().catch((error) => log("failure", { service: "functions", ...describeError(error) }));
    return watcher;
  }
}

function refusal(status: number, code: string, message: string): Response {
  return json(status, { code, message }, { "sb-error-code": code });
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

function forwardedHeaders(request: Request, url: URL): Headers {
  const headers = new Headers(request.headers);
  for (const name of NOT_FORWARDED) headers.delete(name);
  headers.set("x-forwarded-host", url.hostname);
  headers.set("x-forwarded-port", url.port);
  headers.set("x-forwarded-proto", url.protocol.slice(0, -1));
  headers.set("x-forwarded-path", url.pathname);
  return headers;
}

/** The function's reply. `done` is called when its last byte has been forwarded. */
function relayed(reply: Response, done: () => void): Response {
  const { status, statusText, headers } = reply;
  if (reply.body === null) {
    done();
    return new Response(null, { status, statusText, headers });
  }
  const reader = reply.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done: last } = await reader.read();
        if (!last) return controller.enqueue(value);
        done();
        controller.close();
      } catch (error) {
        done();
        throw error;
      }
    },
    async cancel(reason) {
      done();
      await reader.cancel(reason);
    },
  });
  return new Response(body, { status, statusText, headers });
}

/** When a file was last written or moved to its path, in milliseconds since 1970; Infinity if that is unknown. */
async function changeTime(path: string): Promise<number> {
  try {
    const { mtime, ctime } = await Deno.lstat(path);
    const [written, moved] = [mtime?.getTime() ?? Infinity, ctime?.getTime() ?? Infinity];
    // A moved file keeps its modification time. Deno has the change time in whole seconds.
    return moved > written ? moved + 1000 : written;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Infinity;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
