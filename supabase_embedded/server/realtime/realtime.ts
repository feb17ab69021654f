/**
 * Realtime: WebSockets at `/websocket` and broadcasts over HTTP at `/api/broadcast`.
 *
 *     socket.ts ── channel.ts ──┬── topics.ts         broadcasts and presence among clients
 *                               ├── authorization.ts  who may use a private channel
 *                               ├── replay.ts         past messages
 *                               └── subscription.ts ── changes.ts
 *                                                        ▲
 *     wal.ts ── visibility.ts ──┬── published tables ────┘
 *                               └── realtime.messages ──► topics.ts
 *
 * Rights on private channels are checked when a client joins, with every new token, and every two seconds
 * (`limits.recheckMs`) if anything was written to the database meanwhile. So somebody who was removed may receive
 * messages for up to two seconds more. Postgres Changes check the policies for every change.
 */

import type { Config } from "../config.ts";
import { type Database, isUnreachable, openPool } from "../database.ts";
import type { Exchange } from "../gateway.ts";
import { json } from "../http.ts";
import { type Keys, TokenError } from "../keys.ts";
import { describeError, log } from "../log.ts";
import { Authorization } from "./authorization.ts";
import { PUBLICATION } from "./binding_check.ts";
import { fromDatabase } from "./broadcast.ts";
import { Changes } from "./changes.ts";
import { parseVersion } from "./frames.ts";
import { HandshakeError, identifyConnection, policyHeaders } from "./handshake.ts";
import { handleBroadcast } from "./http_broadcast.ts";
import { fromToken, type Identity, IdentityError } from "./identity.ts";
import { type Limits, PRO_PLAN, Rate } from "./limits.ts";
import type { Change } from "./pgoutput.ts";
import { Replay } from "./replay.ts";
import type { Services } from "./services.ts";
import { CLOSE, Socket } from "./socket.ts";
import { PREFIX, Topics } from "./topics.ts";
import { VisibilityGate } from "./visibility.ts";
import { WalReader } from "./wal.ts";

export const ROOT = "/realtime/v1";

const MESSAGES_PUBLICATION = "supabase_realtime_messages_publication";
/** How long the log is still followed after the last socket was closed, in case a client comes back. */
const LOG_LINGER_MS = 60_000;
/** Rights are checked again after this time even if nothing was written, because policies may depend on the time. */
const FULL_RECHECK_MS = 60_000;

export class Realtime {
  readonly #services: Services;
  readonly #sockets = new Set<Socket>();
  readonly #database: Database;
  readonly #changesDatabase: Database;
  readonly #gateDatabase: Database;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #recheck: ReturnType<typeof setInterval> | undefined;
  #position: string | null = null;
  #recheckedAt = 0;

  constructor(config: Config, keys: Keys, private readonly limits: Limits = PRO_PLAN) {
    this.#database = openPool(config.databaseUrls.rest, 3);
    // Separate pools, so that joins do not wait for a queue of changes, and nothing waits for the gate.
    this.#changesDatabase = openPool(config.databaseUrls.rest, 2);
    this.#gateDatabase = openPool(config.databaseUrls.rest, 1);
    const gate = new VisibilityGate(this.#gateDatabase, (change) => this.#take(change));
    const wal = new WalReader(config.databaseUrls.catalog, [PUBLICATION, MESSAGES_PUBLICATION], {
      change: (change) => gate.take(change),
      connected: (again) => this.#logConnected(again),
    });
    this.#services = {
      keys,
      limits,
      rates: {
        joins: new Rate(limits.joinsPerSecond),
        messages: new Rate(limits.messagesPerSecond),
        presence: new Rate(limits.presencePerSecond),
      },
      topics: new Topics(),
      authorization: new Authorization(this.#database),
      replay: new Replay(this.#database),
      changes: new Changes(this.#changesDatabase, limits.changeBytes, (held) => wal.hold(held)),
      wal,
    };
  }

  async handle(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    const path = url.pathname.slice(ROOT.length);
    if (path === "/websocket") return await this.#open(request, url, exchange);
    if (path === "/api/broadcast" || path.startsWith("/api/broadcast/")) {
      return await this.#broadcast(request, path.slice("/api/broadcast".length), url, exchange);
    }
    return json(404, { error: `Realtime has nothing at ${path || "/"}.` });
  }

  /** Closes every socket, so that the server can stop. */
  disconnect(): void {
    for (const socket of [...this.#sockets]) socket.close(CLOSE.stopping, "The server is stopping");
  }

  async close(): Promise<void> {
    this.disconnect();
    clearTimeout(this.#linger);
    clearInterval(this.#recheck);
    await Promise.all([
      this.#services.wal.stop(),
      this.#database.close(),
      this.#changesDatabase.close(),
      this.#gateDatabase.close(),
    ]);
  }

  // Sockets

  async #open(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return json(426, { error: "This address is for WebSockets." }, { upgrade: "websocket" });
    }
    const version = parseVersion(url.searchParams.get("vsn"));
    if (version === null) return json(400, { error: "`vsn` must be 1.0.0 or 2.0.0." });
    let identity: Identity;
    try {
      identity = await identifyConnection(this.#services.keys, request, url);
    } catch (error) {
      if (error instanceof HandshakeError) return json(error.status, { error: error.message });
      throw error;
    }
    exchange.role = identity.role;
    if (this.#sockets.size >= this.limits.connections) {
      return json(429, { error: "Too many connected users" });
    }
    if (!this.#services.rates.joins.fits()) return json(429, { error: "Too many joins per second" });

    // After the upgrade the request cannot be read any more.
    const headers = policyHeaders(request);
    const { socket: webSocket, response } = Deno.upgradeWebSocket(request);
    const socket = new Socket(
      this.#services,
      webSocket,
      version,
      identity,
      headers,
      () => this.#ended(socket),
    );
    this.#sockets.add(socket);
    clearTimeout(this.#linger);
    this.#services.wal.start();
    this.#recheck ??= setInterval(() => void this.#recheckRights(), this.limits.recheckMs);
    return response;
  }

  #ended(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    clearInterval(this.#recheck);
    this.#recheck = undefined;
    this.#linger = setTimeout(() => void this.#services.wal.stop(), LOG_LINGER_MS);
  }

  *#channels() {
    for (const socket of this.#sockets) yield* socket.channels;
  }

  /** Checks the policies of all private channels again, if their results can have changed. */
  async #recheckRights(): Promise<void> {
    const channels = [...this.#channels()].filter((channel) => channel.isPrivate);
    if (channels.length === 0) return;
    try {
      const now = performance.now();
      const position = await this.#logPosition();
      if (position === this.#position && now - this.#recheckedAt < FULL_RECHECK_MS) return;
      await Promise.all(channels.map((channel) => channel.recheck()));
      // The checks write to the log, too.
      this.#position = await this.#logPosition();
      this.#recheckedAt = now;
    } catch (error) {
      if (!isUnreachable(error)) log("realtime_recheck", describeError(error));
    }
  }

  async #logPosition(): Promise<string> {
    const [{ position }] = await this
      .#database`select pg_catalog.pg_current_wal_insert_lsn()::text as position`;
    return position;
  }

  // Commits

  #take(change: Change): void {
    const { relation, operation } = change;
    if (relation.schema !== "realtime" || relation.table !== "messages") {
      return this.#services.changes.take(change);
    }
    if (operation !== "INSERT") return;
    const values = Object.fromEntries(relation.columns.map(({ name }, i) => [name, change.row?.[i] ?? null]));
    const { id, topic, event, extension, payload, binary_payload: binaryPayload } = values;
    if (id === null || topic === null || event === null || extension !== "broadcast") return;
    const members = this.#services.topics.find(topic, values.private === "t");
    if (!members) return;
    const message = fromDatabase(PREFIX + topic, { id, event, payload, binaryPayload });
    if (message) members.send(message);
  }

  #logConnected(again: boolean): void {
    for (const channel of this.#channels()) channel.logConnected(again);
    // After an outage it may be another database.
    if (again) {
      this.#position = null;
      void this.#recheckRights();
    }
  }

  // HTTP

  async #broadcast(request: Request, path: string, url: URL, exchange: Exchange): Promise<Response> {
    const { keys } = this.#services;
    let identity: Identity;
    try {
      identity = await identifyConnection(keys, request, url);
      const token = keys.userToken(request, url);
      if (token !== null) identity = await fromToken(keys, token);
    } catch (error) {
      if (error instanceof HandshakeError) return json(error.status, { message: error.message });
      if (error instanceof IdentityError || error instanceof TokenError) {
        return json(401, { message: error.message });
      }
      throw error;
    }
    exchange.role = identity.role;
    const headers = policyHeaders(request);
    return await handleBroadcast(this.#services, request, path, url, identity, headers);
  }
}
