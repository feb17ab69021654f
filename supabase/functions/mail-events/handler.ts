/**
 * Hears from Resend what became of emails later: whose mailbox is not there, who complained, which email did not arrive
 * for another reason. Only the first two end email to an address; see `eventsOf`.
 *
 *     `POST /mail-events`    Resend's webhook, signed with RESEND_WEBHOOK_SECRET
 *
 * Signatures are Svix': HMAC-SHA256 over `{id}.{timestamp}.{body}`. Source:
 * https://docs.svix.com/receiving/verifying-payloads/how-manual
 */

import { faultOf } from "../_shared/deliver/refusals.ts";
import { problem, readText } from "../_shared/platform/mod.ts";

export interface EmailEvent {
  provider_id: string;
  event: "BOUNCED" | "COMPLAINED" | "SUPPRESSED" | "FAILED" | "UNSENT";
  address: string;
  detail: string;
}

export interface Deps {
  /** `whsec_` and base64; null where none is set. */
  secret: string | null;
  /** Milliseconds since 1970. */
  now(): number;
  record(event: EmailEvent): Promise<void>;
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
  const read = await readText(request, LARGEST_BODY);
  if ("refused" in read) return read.refused;
  const body = read.text;
  if (!await isSigned(request.headers, body, deps.secret, deps.now())) {
    return problem(401, "UNAUTHORIZED", "The signature does not fit.");
  }
  let payload: unknown;
  try {
    payload = JSON.parse(body);
  } catch {
    return problem(400, "BAD_REQUEST", "The body is not valid JSON.");
  }
  for (const event of eventsOf(payload)) await deps.record(event);
  return Response.json({ ok: true }, { headers: { "cache-control": "no-store" } });
}

/**
 * What an event means for us: nothing, mostly.
 *
 * - `email.bounced`: a permanent one ends email to the address, but where the receiving server's words, or Resend's
 * kind of
 *   bounce, say that it was not for the mailbox's sake. A transient one means that this email did not arrive; one of the kind
 *   General may also be an out-of-office note, and means nothing.
 * - `email.failed`: it never left. For the sender's sake (a quota, a domain) it goes out again, else it has failed.
 * - `email.suppressed`: Resend sends nothing to the address.
 */
export function eventsOf(payload: unknown): EmailEvent[] {
  const { type, data: given } = record(payload);
  const data = record(given);
  const [event, detail] = meaningOf(type, data);
  if (event === null) return [];
  const addresses = Array.isArray(data.to) ? data.to : [data.to];
  return addresses
    .filter((address): address is string => typeof address === "string" && address.includes("@"))
    .map((address) => ({
      provider_id: clean(data.email_id),
      event,
      address: clean(/<([^<>]+)>\s*$/.exec(address)?.[1] ?? address),
      detail: clean(detail),
    }));
}

function meaningOf(type: unknown, data: Record<string, unknown>): [EmailEvent["event"] | null, unknown] {
  switch (type) {
    case "email.complained":
      return ["COMPLAINED", "The reader complained."];
    case "email.suppressed": {
      const { message } = record(data.suppressed);
      return ["SUPPRESSED", message ?? "The provider sends nothing to this address."];
    }
    case "email.failed": {
      const { reason } = record(data.failed);
      return [OURS.test(String(reason)) ? "UNSENT" : "FAILED", reason];
    }
    case "email.bounced": {
      const { type: kind = "Permanent", subType, message, diagnosticCode } = record(data.bounce);
      const detail = [diagnosticCode].flat().find((code) => typeof code === "string") ?? message;
      if (kind !== "Permanent") return [subType === "General" ? null : "FAILED", detail];
      if (BY_KIND.has(String(subType))) return ["FAILED", detail];
      if (LISTED.has(String(subType))) return ["SUPPRESSED", detail];
      return [subType === "NoEmail" || isMailboxs(detail) ? "BOUNCED" : "FAILED", detail];
    }
    default:
      return [null, null];
  }
}

/** Why an email never left Resend: what its account may and has to do, and nothing of the email. */
const OURS = /quota|limit|domain|api.?key|unverified|not.verified|suspended|billing|paused|from/i;

/** Kinds of bounces that are for the sake of what an email is, not of to whom. */
const BY_KIND = new Set(["ContentRejected", "AttachmentRejected", "MessageTooLarge", "MailboxFull"]);
const LISTED = new Set(["Suppressed", "OnAccountSuppressionList"]);

/**
 * Return true if a permanent bounce of no named kind was for the mailbox's sake: so it is unless the words say
 * otherwise.
 */
function isMailboxs(detail: unknown): boolean {
  if (typeof detail !== "string") return true;
  const reply = detail.replace(/^\s*smtp;\s*/i, "");
  const fault = faultOf({ code: Number(/^\d{3}/.exec(reply)?.[0] ?? 550), text: reply, stage: "recipient" });
  return fault === "NO_MAILBOX" || fault === "OTHER";
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}

/** A text that the database takes, and no longer than anybody needs. */
function clean(value: unknown): string {
  const text = typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
  return text.replaceAll("\0", "").toWellFormed().slice(0, 1000);
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
