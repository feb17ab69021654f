/**
 * Runs one edge function in a process of its own, as the platform's runtime does: the function's file is imported and
 * calls `Deno.serve(handler)`, or has a default export with a `fetch` method.
 *
 *     deno run ... runner.ts < first line: {"entrypoint", "environment", "mark"}
 *
 * This program chooses the port, not the function. When it accepts requests it prints `mark` and the port. It ends when
 * its standard input does, so it never outlives the server that started it.
 */

interface Start {
  /** The file: URL of the function. */
  entrypoint: string;
  environment: Record<string, string>;
  /** A random string, so that the line with the port differs from anything that the function prints. */
  mark: string;
}

type Handler = Deno.ServeHandler<Deno.NetAddr>;
type Options = Partial<Deno.ServeTcpOptions> & { handler?: Handler };

const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
const start: Start = JSON.parse(await firstLine());
input.read().finally(() => Deno.exit(0));

for (const [name, value] of Object.entries(start.environment)) Deno.env.set(name, value);

const serve = Deno.serve;
let serving = false;
Object.defineProperty(Deno, "serve", {
  value: (first: Handler | Options, second?: Handler) => {
    const options = typeof first === "function" ? {} : first;
    const handler = typeof first === "function" ? first : second ?? first.handler;
    if (typeof handler !== "function") throw new TypeError("Deno.serve needs a handler.");
    serving = true;
    return serve({
      onError: reportError,
      ...(options.onError ? { onError: options.onError } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
      hostname: "127.0.0.1",
      port: 0,
      onListen: ({ port }) => console.log(`${start.mark} ${port}`),
    }, handler);
  },
});

// Work that continues after the reply. Here the process keeps running anyway; on the platform this keeps it alive.
Object.defineProperty(globalThis, "EdgeRuntime", {
  value: {
    waitUntil<T>(work: Promise<T>): Promise<T> {
      work.catch((error: unknown) => console.error(error));
      return work;
    },
  },
});

const imported: { default?: { fetch?: Handler } } = await import(start.entrypoint);
if (!serving) {
  const fetch = imported.default?.fetch;
  if (typeof fetch !== "function") {
    throw new TypeError(
      "The function neither calls Deno.serve nor exports an object with `fetch` by default.",
    );
  }
  Deno.serve(fetch.bind(imported.default));
}

function reportError(error: unknown): Response {
  console.error(error);
  return new Response("Internal Server Error", {
    status: 500,
    headers: { "sb-error-code": "EDGE_FUNCTION_ERROR" },
  });
}

async function firstLine(): Promise<string> {
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await input.read();
    if (done) throw new Error("Standard input ended before its first line did.");
    text += value;
  }
  return text.slice(0, text.indexOf("\n"));
}
