/** HTTP helpers for all services. */

export function json(status: number, body: unknown, headers: HeadersInit = {}): Response {
  return Response.json(body, { status, headers });
}

export function html(body: string, headers: HeadersInit = {}): Response {
  return new Response(body, { headers: { "content-type": "text/html; charset=utf-8", ...headers } });
}

export function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** Escapes text for HTML, in elements and in quoted attributes. */
export function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The token of `Authorization: Bearer ...`, or null. */
export function bearerToken(headers: Headers): string | null {
  return headers.get("authorization")?.match(/^Bearer\s+(\S+)\s*$/i)?.[1] ?? null;
}

/** A copy of the request with another URL, headers or body. */
export function rewriteRequest(
  request: Request,
  changes: { url?: URL; headers?: Headers; body?: BodyInit | null },
): Request {
  const withBody = request.method !== "GET" && request.method !== "HEAD";
  return new Request(changes.url ?? request.url, {
    method: request.method,
    headers: changes.headers ?? request.headers,
    body: withBody ? (changes.body === undefined ? request.body : changes.body) : null,
  });
}

/** The body as a JSON object, or null if it is not one. The request's own body stays readable. */
export async function peekJsonObject(request: Request): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = await request.clone().json();
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether a value contains text that Postgres cannot store: with a NUL or a lone surrogate. Keys count, too. */
export function hasUnstorableText(value: unknown): boolean {
  const rest = [value];
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one === "string") {
      if (one.includes("\0") || !one.isWellFormed()) return true;
    } else if (typeof one === "object" && one !== null) {
      for (const [name, member] of Object.entries(one)) rest.push(name, member);
    }
  }
  return false;
}
