/**
 * Hears from Resend what became of mails later: those that bounced for good, and those whose readers complained. Their
 * addresses get no more mail.
 *
 *     POST /mail-events    Resend's webhook, signed with RESEND_WEBHOOK_SECRET
 *
 * Signatures are Svix': HMAC-SHA256 over `{id}.{timestamp}.{body}`. Source: https://docs.svix.com/receiving/verifying-payloads/how-manual
 */

import { problem } from "../_shared/platform/mod.ts";

export interface MailEvent {
  provider_id: string;
  event: "BOUNCED" | "COMPLAINED";
  address: string;
  detail: string;
}

export interface Deps {
  /** `whsec_` and base64; null where none is set. */
  secret: string | null;
  /** Milliseconds since 1970. */
  now(): number;
  record(event: MailEvent): Promise<void>;
}

/** How old a signed event may be, in milliseconds: an old one may be a copy. */
const OLDEST_MS = 300_000;
const LARGEST_BODY = 256 * 1024;

export async function handle(request: Request, deps: Deps): Promise<Response> {
  if (request.method !== "POST") {
    return problem(405, "METHOD_NOT_ALLOWED", "Only POST works here.", { allow: "POST" });
  }
  if (deps.secret === null) {
    return problem(503, "NOT_CONFIGURED", "Set RESEND_WEBHOOK_SECRET to the signing secret of the webhook.");
  }
  if (Number(request.headers.get("content-length") ?? 0) > LARGEST_BODY) {
    return problem(413, "TOO_LARGE", "This is no event.");
  }
  const body = await request.text();
  if (!await isSigned(request.headers, body, deps.secret, deps.now())) {
    return problem(401, "UNAUTHORIZED", "The signature does not fit.");
  }
  let told: unknown;
  try {
    told = JSON.parse(body);
  } catch {
    return problem(400, "BAD_REQUEST", "The body is no JSON.");
  }
  for (const event of eventsOf(told)) await deps.record(event);
  return Response.json({ ok: true }, { headers: { "cache-control": "no-store" } });
}

/** What an event means for us: nothing, mostly. */
export function eventsOf(told: unknown): MailEvent[] {
  const { type, data } = (told ?? {}) as {
    type?: unknown;
    data?: { email_id?: unknown; to?: unknown; bounce?: { type?: unknown; message?: unknown } };
  };
  const isBounce = type === "email.bounced" && (data?.bounce?.type ?? "Permanent") === "Permanent";
  if (!isBounce && type !== "email.complained") return [];
  const addresses = Array.isArray(data?.to) ? data.to : [data?.to];
  return addresses
    .filter((address): address is string => typeof address === "string" && address.includes("@"))
    .map((address) => ({
      provider_id: String(data?.email_id ?? ""),
      event: isBounce ? "BOUNCED" : "COMPLAINED",
      address: /<([^<>]+)>\s*$/.exec(address)?.[1] ?? address,
      detail: isBounce ? String(data?.bounce?.message ?? "") : "The reader complained.",
    }));
}

async function isSigned(headers: Headers, body: string, secret: string, now: number): Promise<boolean> {
  const [id, timestamp, signatures] = ["svix-id", "svix-timestamp", "svix-signature"].map((name) =>
    headers.get(name)
  );
  if (!id || !timestamp || !signatures) return false;
  if (!(Math.abs(now - Number(timestamp) * 1000) <= OLDEST_MS)) return false;
  const key = await crypto.subtle.importKey(
    "raw",
    fromBase64(secret.replace(/^whsec_/, "")) ?? new Uint8Array(),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const signature of signatures.split(" ")) {
    const bytes = signature.startsWith("v1,") ? fromBase64(signature.slice(3)) : null;
    if (bytes && await crypto.subtle.verify("HMAC", key, bytes, signed)) return true;
  }
  return false;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
