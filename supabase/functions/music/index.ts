/**
 * What an address of a piece of music stands for:
 *
 *     POST /music {"url": "https://..."} -> {"url", "provider", "title", "artist"}
 *
 * For people who are signed in (`verify_jwt`), so that nobody uses it as a relay.
 */

import { problem } from "../_shared/platform/http.ts";
import { resolve } from "./resolve.ts";

const LONGEST_BODY = 8192;
const LONGEST_ADDRESS = 2000;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, apikey, content-type, x-client-info",
  "access-control-allow-methods": "POST, OPTIONS",
};

Deno.serve(async (request) => {
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Use POST.", { ...CORS, allow: "POST" });
  }
  const url = await addressIn(request);
  if (url === null) {
    return problem(
      400,
      "MG001",
      'Send {"url": "..."} with an address that begins with http:// or https://.',
      CORS,
    );
  }
  const music = await resolve(url, {
    insteadOfProviders: Deno.env.get("MUSIC_PROVIDERS_FOR_TESTS"),
    report: (message) => console.warn(message),
  });
  return Response.json(music, { headers: { ...CORS, "cache-control": "no-store" } });
});

async function addressIn(request: Request): Promise<string | null> {
  if (Number(request.headers.get("content-length") ?? 0) > LONGEST_BODY) return null;
  const body: unknown = await request.json().catch(() => null);
  const url = (body as { url?: unknown } | null)?.url;
  return typeof url === "string" && url.length <= LONGEST_ADDRESS && /^https?:\/\/\S+$/i.test(url.trim())
    ? url.trim()
    : null;
}
