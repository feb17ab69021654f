/** Small helpers for the answers of functions. */

/** An error answer in the form that the SDK reads: `{"code", "message"}`. */
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

/** The token of `Authorization: Bearer ...` where it is a user's and not a key, else null. */
export function userToken(request: Request): string | null {
  const token = request.headers.get("authorization")?.match(/^Bearer\s+(\S+)\s*$/i)?.[1] ?? null;
  return token === null || token.startsWith("sb_") ? null : token;
}
