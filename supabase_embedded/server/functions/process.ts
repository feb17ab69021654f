/** One running edge function: a Deno process with few permissions, whose output goes to the log. */

import { TextLineStream } from "./text_lines.ts";
import { log } from "../log.ts";

/** How to run a function; all paths are absolute. */
export interface Program {
  name: string;
  deno: string;
  /** Deno's cache with the modules. */
  denoDir: string;
  entrypoint: string;
  functionsDir: string;
  /** Either a `deno.json` or another import map, or neither. */
  config: string | null;
  importMap: string | null;
  /** The lock file that pins the modules, if there is one. */
  lock: string | null;
  environment: Record<string, string>;
  /** Hosts that it may connect to besides this machine. */
  hosts: string[];
}

/** The function ended before its first request, or did not start in time. Its log says why. */
export class BootError extends Error {
  override name = "BootError";
}

const BOOT_MS = 30_000;
/** The platform's memory limit, here for the heap alone. */
const HEAP_MB = 256;
const MAX_LINE_LENGTH = 4000;

export class FunctionProcess {
  /** Requests that it is handling. */
  pending = 0;
  /** Whether it has ended or is about to, so that it gets no more requests. */
  ended = false;
  /** When it started, in milliseconds since 1970. */
  readonly startedAt = Date.now();
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly port: Promise<number>;
  readonly #name: string;
  /** Whether its sources have changed since it started. */
  #retired = false;

  constructor(program: Program) {
    this.#name = program.name;
    const mark = crypto.randomUUID();
    this.#child = new Deno.Command(program.deno, {
      args: command(program),
      clearEnv: true,
      env: { DENO_DIR: program.denoDir, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      cwd: program.functionsDir,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.port = promise;
    promise.catch(() => {}); // Those who await it get the error, too.
    const bootTimer = setTimeout(() => {
      reject(new BootError(`It did not serve within ${BOOT_MS / 1000} s.`));
      this.kill();
    }, BOOT_MS);
    const printed = Promise.all([
      this.#follow(this.#child.stdout, "stdout", (line) => {
        if (!line.startsWith(mark)) return false;
        clearTimeout(bootTimer);
        resolve(Number(line.slice(mark.length)));
        return true;
      }),
      this.#follow(this.#child.stderr, "stderr", () => false),
    ]);
    this.#child.status.then(async ({ code }) => {
      this.ended = true;
      clearTimeout(bootTimer);
      await printed;
      reject(new BootError(`It ended with code ${code}.`));
      log("function ended", { function: this.#name, code });
    });
    this.#stdin = this.#child.stdin.getWriter();
    const start = { entrypoint: fileUrl(program.entrypoint), environment: program.environment, mark };
    this.#stdin.write(new TextEncoder().encode(JSON.stringify(start) + "\n")).catch(() => {
      // It has ended; `status` reports that.
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it after its pending requests, because its sources have changed. */
  retire(): void {
    this.#retired = true;
    this.#endIfIdle();
  }

  /** Called when a request has ended. */
  release(): void {
    this.pending -= 1;
    this.#endIfIdle();
  }

  kill(): void {
    if (this.ended) return;
    this.ended = true;
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has just ended.
    }
  }

  #endIfIdle(): void {
    if (this.#retired && this.pending === 0) this.kill();
  }

  async #follow(
    stream: ReadableStream<Uint8Array>,
    name: string,
    isOurs: (line: string) => boolean,
  ): Promise<void> {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      if (line !== "" && !isOurs(line)) {
        log("function", { function: this.#name, stream: name, message: line.slice(0, MAX_LINE_LENGTH) });
      }
    }
  }
}

function command(program: Program): string[] {
  const runner = filePath(new URL("runner.ts", import.meta.url));
  return [
    "run",
    "--quiet",
    "--no-prompt",
    program.config ? `--config=${program.config}` : "--no-config",
    ...(program.importMap ? [`--import-map=${program.importMap}`] : []),
    ...(program.lock ? [`--lock=${program.lock}`, "--frozen", "--cached-only"] : ["--no-lock"]),
    `--v8-flags=--max-old-space-size=${HEAP_MB}`,
    // The environment contains only variables for the function, so it may read all of them.
    "--allow-env",
    `--allow-net=${["127.0.0.1", "localhost", ...program.hosts].join(",")}`,
    `--allow-read=${
      [program.functionsDir, program.denoDir, runner].map((path) => path.replaceAll(",", ",,"))
    }`,
    "--allow-sys=hostname",
    runner,
  ];
}

function fileUrl(path: string): string {
  return `file://${path.split("/").map(encodeURIComponent).join("/")}`;
}

function filePath(url: URL): string {
  return decodeURIComponent(url.pathname);
}
