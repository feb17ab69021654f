/**
 * The server of the local stack: one process and one port that behave like a Supabase project.
 *
 *     deno run -P --cached-only --frozen --no-prompt main.ts < config.json
 *
 * It reads its configuration from standard input (`config.ts`), prints `{"event":"ready","port":...}` when it
 * accepts requests, then a line for each request, and ends within two seconds after SIGTERM or SIGINT.
 */

import { Auth } from "./auth.ts";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { Functions } from "./functions/functions.ts";
import { Gateway, identify, tokenRefused } from "./gateway.ts";
import { health, home } from "./home.ts";
import { Keys, TokenError } from "./keys.ts";
import { describeError, log } from "./log.ts";
import { MailboxApi } from "./mailbox/api.ts";
import { Mailbox } from "./mailbox/mailbox.ts";
import { startSmtp } from "./mailbox/smtp.ts";
import { Realtime } from "./realtime/realtime.ts";
import { Rest } from "./rest.ts";
import { quietConsole } from "./shims/quiet_console.ts";
import { Storage } from "./storage/storage.ts";

/** How long pending requests may take after the signal to stop. */
const DRAIN_MS = 1200;

interface Running {
  stop(): Promise<void>;
}

async function start(config: Config): Promise<Running> {
  const keys = new Keys(config);
  const mailbox = await Mailbox.open(config.mailDir);
  await Deno.mkdir(config.storageDir, { recursive: true, mode: 0o700 });
  const rest = new Rest(config);
  const auth = new Auth(config, keys, mailbox);
  const storage = new Storage(config, keys);
  const realtime = new Realtime(config, keys);
  const functions = new Functions(config, keys);
  const mailboxApi = new MailboxApi(mailbox);

  const gateway = new Gateway([
    {
      prefix: "/rest/v1",
      crossOrigin: true,
      async handle(request, url, exchange) {
        try {
          return await rest.handle(request, url, await identify(keys, request, url, exchange));
        } catch (error) {
          if (error instanceof TokenError) return tokenRefused(error);
          throw error;
        }
      },
      fail: (failure) => rest.fail(failure),
    },
    {
      prefix: "/auth/v1",
      crossOrigin: true,
      handle: (...exchange) => auth.handle(...exchange),
      fail: (failure) => auth.fail(failure),
    },
    {
      prefix: "/storage/v1",
      crossOrigin: true,
      handle: (...exchange) => storage.handle(...exchange),
      fail: (failure) => storage.fail(failure),
    },
    { prefix: "/realtime/v1", crossOrigin: true, handle: (...exchange) => realtime.handle(...exchange) },
    { prefix: "/functions/v1", crossOrigin: false, handle: (...exchange) => functions.handle(...exchange) },
    { prefix: "/api/v1", crossOrigin: false, handle: (request, url) => mailboxApi.handle(request, url) },
    { prefix: "/view", crossOrigin: false, handle: (request, url) => mailboxApi.handle(request, url) },
    { prefix: "/mailbox", crossOrigin: false, handle: (request, url) => mailboxApi.handle(request, url) },
    { prefix: "/health", crossOrigin: true, handle: () => health(() => rest.ping()) },
    { prefix: "/", crossOrigin: false, handle: (_request, url) => home(config, url) },
  ]);

  const stopSmtp = await startSmtp(mailbox, config.host, config.smtpPort);
  const abort = new AbortController();
  const http = Deno.serve(
    {
      hostname: config.host,
      port: config.port,
      signal: abort.signal,
      onListen: () => log("ready", { port: config.port, smtp_port: config.smtpPort }),
    },
    (request) => gateway.handle(request),
  );

  return {
    async stop() {
      realtime.disconnect();
      mailboxApi.disconnect();
      const drained = http.shutdown();
      const timer = setTimeout(() => abort.abort(), DRAIN_MS);
      await drained;
      clearTimeout(timer);
      functions.close();
      await Promise.all([stopSmtp(), rest.close(), auth.close(), storage.close(), realtime.close()]);
    },
  };
}

/** The first line of standard input, which may stay open. */
async function readLine(): Promise<string> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/\}\s*\n/.test(text)) break;
  }
  return text;
}

/** Logs errors that a library throws out of reach, which would otherwise end the server. */
function logUncaughtErrors(): void {
  for (const type of ["error", "unhandledrejection"] as const) {
    addEventListener(type, (event) => {
      event.preventDefault();
      log("uncaught", describeError("reason" in event ? event.reason : event.error));
    });
  }
}

async function main(): Promise<void> {
  quietConsole();
  const running = await start(parseConfig(await readLine()));
  logUncaughtErrors();
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    log("stopping");
    const timeout = setTimeout(() => Deno.exit(0), DRAIN_MS + 500);
    running.stop().then(() => {
      clearTimeout(timeout);
      log("stopped");
      Deno.exit(0);
    }, (error) => {
      log("failure", describeError(error));
      Deno.exit(1);
    });
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
}

/** Why the server cannot start, in one sentence, without values from its configuration. */
function reason(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof Deno.errors.AddrInUse || (error as { code?: unknown }).code === "EADDRINUSE") {
    return "A port is taken by another program. Choose another `port` or `smtp_port`.";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "A folder is not writable: check `storage_dir` and `mail_dir`.";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return `The server was started with too few permissions: ${error.message}.`;
  }
  return "The server could not start.";
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    log("failed", { message: reason(error), ...describeError(error) });
    Deno.exit(1);
  }
}
