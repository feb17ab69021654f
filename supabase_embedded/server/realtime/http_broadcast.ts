/** Broadcasts over HTTP: a batch of messages, or one whose topic and event are in the path. */

import { json } from "../http.ts";
import { AuthorizationError } from "./authorization.ts";
import { type Broadcast, broadcastPayload, BytesBroadcast, JsonBroadcast } from "./broadcast.ts";
import { isObject } from "./frames.ts";
import type { Identity } from "./identity.ts";
import { byteLength } from "./limits.ts";
import type { Services } from "./services.ts";
import { PREFIX } from "./topics.ts";

/** The request is refused, with this reply. */
class Refusal extends Error {
  constructor(readonly status: number, readonly body: unknown) {
    super("refused");
  }
}

interface Message {
  name: string;
  private: boolean;
  broadcast: Broadcast;
}

const SINGLE = /^\/([^/]+)\/events\/([^/]+)\/?$/;

/** `path` is what follows `/api/broadcast`. */
export async function handleBroadcast(
  services: Services,
  request: Request,
  path: string,
  url: URL,
  identity: Identity,
  headers: string,
): Promise<Response> {
  const single = path.match(SINGLE);
  if (!single && path !== "" && path !== "/") return json(404, { message: "not found" });
  if (request.method !== "POST") {
    return json(405, { message: "Broadcasts are sent with POST." }, { allow: "POST" });
  }
  try {
    const messages = single
      ? [
        await readSingle(
          services,
          request,
          decode(single[1]),
          decode(single[2]),
          flag(url.searchParams.get("private")),
        ),
      ]
      : await readBatch(services, request);
    if (!services.rates.messages.take(messages.length)) {
      throw new Refusal(429, { message: "Too many messages to broadcast, please reduce the batch size" });
    }
    await send(services, messages, identity, headers);
    return new Response(null, { status: 202 });
  } catch (error) {
    if (error instanceof Refusal) return json(error.status, error.body);
    if (error instanceof AuthorizationError) return json(503, { message: error.message });
    throw error;
  }
}

/** Sends the messages that the caller may send. Others are dropped without an error, as on the platform. */
async function send(
  services: Services,
  messages: Message[],
  identity: Identity,
  headers: string,
): Promise<void> {
  const allowed = new Map<string, Promise<boolean>>();
  for (const { name, private: isPrivate } of messages) {
    if (isPrivate && !allowed.has(name)) {
      allowed.set(name, services.authorization.mayWrite({ identity, topic: name, headers }, "broadcast"));
    }
  }
  await Promise.all(allowed.values());
  for (const { name, private: isPrivate, broadcast } of messages) {
    if (!isPrivate || await allowed.get(name)) services.topics.find(name, isPrivate)?.send(broadcast);
  }
}

async function readBatch(services: Services, request: Request): Promise<Message[]> {
  const body = await readJson(request);
  const list = isObject(body) ? body.messages : undefined;
  if (!Array.isArray(list) || list.length === 0) {
    throw new Refusal(422, { errors: { messages: ["can't be blank"] } });
  }
  const errors = list.map((message) => problems(message, services.limits.payloadBytes));
  if (errors.some((error) => Object.keys(error).length > 0)) {
    throw new Refusal(422, { errors: { messages: errors } });
  }
  return list.map(({ topic, event, payload, private: isPrivate }) => ({
    name: topic,
    private: flag(isPrivate),
    broadcast: new JsonBroadcast(PREFIX + topic, broadcastPayload(event, JSON.stringify(payload))),
  }));
}

function problems(message: unknown, maxBytes: number): Record<string, string[]> {
  const { topic, event, payload } = isObject(message) ? message : {};
  const errors: Record<string, string[]> = {};
  for (const [name, value] of Object.entries({ topic, event })) {
    if (value === undefined || value === null || value === "") errors[name] = ["can't be blank"];
    else if (typeof value !== "string") errors[name] = ["is invalid"];
  }
  if (payload === undefined || payload === null) errors.payload = ["can't be blank"];
  else if (!isObject(payload)) errors.payload = ["is invalid"];
  else if (byteLength(JSON.stringify(payload)) > maxBytes) {
    errors.payload = ["Payload size exceeds tenant limit"];
  }
  return errors;
}

async function readSingle(
  services: Services,
  request: Request,
  name: string,
  event: string,
  isPrivate: boolean,
): Promise<Message> {
  const type = request.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  const payload = await request.bytes();
  if (payload.length > services.limits.payloadBytes) {
    throw new Refusal(422, { errors: { payload: ["Payload size exceeds tenant limit"] } });
  }
  const topic = PREFIX + name;
  if (type === "application/octet-stream") {
    return {
      name,
      private: isPrivate,
      broadcast: new BytesBroadcast(topic, { event, encoding: "binary", payload }),
    };
  }
  if (type !== "application/json") {
    throw new Refusal(415, { message: "Send application/json or application/octet-stream." });
  }
  const json = JSON.stringify(parseJson(new TextDecoder().decode(payload)));
  return { name, private: isPrivate, broadcast: new JsonBroadcast(topic, broadcastPayload(event, json)) };
}

async function readJson(request: Request): Promise<unknown> {
  return parseJson(await request.text());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, { message: "The body must be JSON." });
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(400, { message: "The path is not encoded correctly." });
  }
}

function flag(value: unknown): boolean {
  return value === true || value === "true";
}
