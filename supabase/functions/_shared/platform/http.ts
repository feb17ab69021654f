/** Helpers for requests and replies of functions. */

import { ApiError } from "./client.ts";
import { EnvironmentError } from "./environment.ts";

/** An error reply in the form that the SDK reads: `{"code", "message"}`. */
export function problem(status: number, code: string, message: string, headers: HeadersInit = {}): Response {
  return Response.json({ code, message }, {
    status,
    headers: {
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...Object.fromEntries(new Headers(headers)),
    },
  });
}

/** What went wrong with a request, or the text of its body. */
export type Body = { text: string } | { refused: Response };

/**
 * Read the body of a request as text.
 *
 * @param limit The most bytes to read; what is longer is refused with 413, and no more of it is read.
 */
export async function readText(request: Request, limit: number, headers: HeadersInit = {}): Promise<Body> {
  const tooLarge = async () => {
    await request.body?.cancel().catch(() => {});
    return { refused: problem(413, "TOO_LARGE", `The body may have ${limit} bytes at most.`, headers) };
  };
  if (Number(request.headers.get("content-length") ?? 0) > limit) return await tooLarge();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, size] = ["", 0];
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.length;
      if (size > limit) break;
      text += decoder.decode(chunk, { stream: true });
    }
    if (size <= limit) return { text: text + decoder.decode() };
  } catch {
    return {
      refused: problem(400, "BAD_REQUEST", "The body is not valid UTF-8, or was cut short.", headers),
    };
  }
  return await tooLarge();
}

/**
 * Read the body of a request as a JSON object. Anything else is refused with 400, or 413 where it is longer than
 * `limit`.
 *
 * @param empty The value of an empty body; an empty body is refused unless given.
 */
export async function readObject(
  request: Request,
  limit: number,
  headers: HeadersInit = {},
  empty?: Record<string, unknown>,
): Promise<{ value: Record<string, unknown> } | { refused: Response }> {
  const body = await readText(request, limit, headers);
  if ("refused" in body) return body;
  if (body.text === "" && empty !== undefined) return { value: empty };
  let value: unknown = null;
  try {
    value = JSON.parse(body.text);
  } catch {
    return { refused: problem(400, "BAD_REQUEST", "The body is not valid JSON.", headers) };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { refused: problem(400, "BAD_REQUEST", "The body has to be a JSON object.", headers) };
  }
  return { value: value as Record<string, unknown> };
}

/**
 * Wrap a handler so that whatever it throws becomes a reply without internals: 503 if the project's API is unreachable,
 * else 500, with a message only if a setting of the function is wrong. The error itself is in the log.
 */
export function safely(
  handle: (request: Request) => Promise<Response>,
  headers: HeadersInit = {},
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      const { name, message } = error as Error;
      console.error(JSON.stringify({ event: "request failed", reason: `${name}: ${message}` }));
      if (error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500)) {
        return problem(503, "UNAVAILABLE", "The project's API does not reply. Try again later.", {
          ...Object.fromEntries(new Headers(headers)),
          "retry-after": "5",
        });
      }
      // The message names a setting, and never a value.
      if (error instanceof EnvironmentError) return problem(500, "MISCONFIGURED", message, headers);
      return problem(500, "INTERNAL", "Something went wrong here. It is in the function's log.", headers);
    }
  };
}

/** Return the token of `Authorization: Bearer ...` if it is a user's and not a key, else null. */
export function userToken(request: Request): string | null {
  const token = request.headers.get("authorization")?.match(/^Bearer\s+(\S+)\s*$/i)?.[1] ?? null;
  return token === null || token.startsWith("sb_") ? null : token;
}
