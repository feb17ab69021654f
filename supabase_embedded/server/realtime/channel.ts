/**
 * A channel: one topic, joined by one socket.
 *
 * What the client sends is worked off in its order, each message after the one before it. What the client receives
 * is sent at once, except while it is joining: then it waits, so that nothing is lost between the replay of old
 * messages and the first new one.
 */

import { isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { AuthorizationError, type Extension, type Rights } from "./authorization.ts";
import { BindingError } from "./bindings.ts";
import { type Broadcast, type Data, fromDatabase, fromUser, JsonBroadcast } from "./broadcast.ts";
import { encodeText, type Frame, isObject, UserBroadcast, type Version } from "./frames.ts";
import { fromToken, type Identity, IdentityError, requireCurrent } from "./identity.ts";
import { type JoinRequest, token } from "./join.ts";
import { CallWindow } from "./limits.ts";
import { ReplayError } from "./replay.ts";
import type { Services } from "./services.ts";
import { Subscription, type SubscriptionListener } from "./subscription.ts";
import type { Member, Topic } from "./topics.ts";

/** What a channel needs of its socket. */
export interface Connection {
  readonly version: Version;
  readonly identity: Identity;
  /** The headers of the handshake, as JSON. */
  readonly headers: string;
  send(data: Data): void;
  /** Forgets a channel that has ended. */
  forget(channel: Channel): void;
}

export const PREFIX = "realtime:";

/** How long a join waits for the write-ahead log, so that it misses nothing that is committed after its answer. */
const LOG_PATIENCE_MS = 3_000;
/** Messages of the client that may wait for their turn. */
const MOST_TURNS = 1_000;
/** A token is looked at again at the latest after this time; timers cannot hold much longer ones. */
const LONGEST_TIMER_MS = 3_600_000;
const TOO_LARGE = { error: "payload_size_exceeded" };

/** A join is refused for the reason given: a code and a text, both the platform's. */
class JoinRefusal extends Error {
  override name = "JoinRefusal";
  constructor(code: string, text: string) {
    super(`${code}: ${text}`);
  }
}

export class Channel implements Member, SubscriptionListener {
  /** The topic without its prefix. */
  readonly name: string;
  identity: Identity;

  readonly #subscription: Subscription;
  readonly #presenceCalls: CallWindow;
  #state: "joining" | "joined" | "closed" = "joining";
  /** The end of the queue of what the client sent. */
  #lastTurn: Promise<void> = Promise.resolve();
  #turns = 0;
  #topic: Topic | null = null;
  #mayRead: Rights = { broadcast: true, presence: true };
  /** Whether the client may send, as far as that was asked. */
  #mayWrite: Partial<Rights> = {};
  /** What came for the client while it was joining. */
  #early: (() => void)[] | null = [];
  #replayed = new Set<string>();
  #presenceEnabled: boolean;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  /** Runs while the client waits to hear that the write-ahead log is followed. */
  #readyTimer: ReturnType<typeof setTimeout> | undefined;

  /** `topic` has its prefix, as in frames. */
  constructor(
    private readonly services: Services,
    private readonly connection: Connection,
    readonly topic: string,
    readonly joinRef: string | null,
    private readonly request: JoinRequest,
  ) {
    this.name = topic.slice(PREFIX.length);
    this.identity = connection.identity;
    this.#subscription = new Subscription(services, this, request.changes);
    this.#presenceCalls = new CallWindow(services.limits.presenceCalls, services.limits.presenceWindowMs);
    this.#presenceEnabled = request.presence.enabled;
  }

  get isPrivate(): boolean {
    return this.request.private;
  }

  // What the client sends

  /** Joins the topic and answers the message with this reference. */
  join(ref: string | null): void {
    this.#inTurn(() => this.#join(ref));
  }

  receive(frame: Frame): void {
    this.#inTurn(() => this.#handle(frame));
  }

  #inTurn(task: () => Promise<void>): void {
    if (++this.#turns > MOST_TURNS) return this.#shutDown("Too many messages per second");
    const turn = async () => {
      try {
        if (this.#state !== "closed") await task();
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#turns--;
      }
    };
    // Without others before it, it begins at once.
    this.#lastTurn = this.#turns === 1 ? turn() : this.#lastTurn.then(turn);
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.event) {
      case "broadcast":
        return await this.#handleBroadcast(frame);
      case "presence":
        return await this.#handlePresence(frame);
      case "access_token":
        return await this.#handleToken(frame);
      case "phx_leave":
        this.#reply(frame.ref, "ok");
        return this.close();
    }
  }

  // Joining

  async #join(ref: string | null): Promise<void> {
    let replay: Broadcast[];
    try {
      replay = await this.#admit();
    } catch (error) {
      this.end();
      return this.#reply(ref, "error", { reason: refusalReason(error) });
    }
    if (this.#state === "closed") return;
    this.#state = "joined";
    this.#reply(ref, "ok", { postgres_changes: this.#subscription.confirmed() });
    if (this.#presenceEnabled) this.#pushPresences();
    for (const message of replay) this.#send(message);
    const early = this.#early ?? [];
    this.#early = null;
    for (const deliver of early) deliver();
    this.#watchExpiry();
    if (!this.#subscription.empty) {
      if (this.request.changesWaitMs !== null) this.subscribed();
      else this.#subscription.start();
    }
    if (this.request.replicationReady) this.#awaitLog();
  }

  #awaitLog(): void {
    if (this.services.wal.connected) return this.logConnected(false);
    this.#readyTimer = setTimeout(
      () => this.#shutDown("Replication connection was not established in time"),
      this.services.limits.replicationReadyMs,
    );
  }

  /** Lets the client onto the topic, if it may, and returns the messages to repeat. */
  async #admit(): Promise<Broadcast[]> {
    const { services, request } = this;
    if (request.accessToken !== null) this.identity = await fromToken(services.keys, request.accessToken);
    requireCurrent(this.identity);
    await services.wal.ready(LOG_PATIENCE_MS);
    if (this.#state === "closed") return [];
    // It listens first, so that there is no gap between the old messages and the new ones.
    this.#topic = services.topics.join(this.name, this.isPrivate, this);
    if (this.isPrivate) {
      this.#mayRead = await services.authorization.mayRead(this.#subject());
      if (!this.#mayRead.broadcast && !this.#mayRead.presence) throw this.#unauthorized();
    }
    const replay = request.replay === undefined ? [] : await this.#replay();
    if (request.changesWaitMs !== null && !this.#subscription.empty) {
      await this.#subscribeWithin(request.changesWaitMs);
    }
    return replay;
  }

  async #replay(): Promise<Broadcast[]> {
    if (!this.isPrivate) throw new ReplayError("Replay is not allowed for public channels");
    if (!this.#mayRead.broadcast) throw this.#unauthorized();
    const rows = await this.services.replay.messages(this.name, this.request.replay);
    this.#replayed = new Set(rows.map(({ id }) => id));
    return rows.map((row) => fromDatabase(this.topic, row, true)).filter((message) => message !== null);
  }

  async #subscribeWithin(ms: number): Promise<void> {
    const giveUp = performance.now() + ms;
    while (performance.now() < giveUp && this.#state !== "closed") {
      try {
        if (await this.#subscription.once()) return;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new JoinRefusal(
      "PostgresChangesSubscribeTimeout",
      `Timed out after ${ms}ms waiting for the postgres_changes subscription`,
    );
  }

  #unauthorized(): JoinRefusal {
    return new JoinRefusal("Unauthorized", noPermission(this.name));
  }

  #subject() {
    return { identity: this.identity, topic: this.name, headers: this.connection.headers };
  }

  // Broadcasts

  async #handleBroadcast({ payload, ref }: Frame): Promise<void> {
    const { services, request } = this;
    if (this.isPrivate && !await this.#maySend("broadcast")) return;
    if (!services.rates.messages.take()) return this.#shutDown("Too many messages per second");
    const message = this.#toBroadcast(payload);
    if (message) this.#topic?.send(message, request.self ? undefined : this);
    if (request.ack) this.#reply(ref, message ? "ok" : "error", message ? {} : TOO_LARGE);
  }

  /** Null where it is too large. */
  #toBroadcast(payload: unknown): Broadcast | null {
    const most = this.services.limits.payloadBytes;
    if (payload instanceof UserBroadcast) {
      return payload.payload.length > most ? null : fromUser(this.topic, payload);
    }
    const json = JSON.stringify(payload);
    return byteLength(json) > most ? null : new JsonBroadcast(this.topic, json);
  }

  /** Whether the client may send. The policies are asked once, and again after a while or with a new token. */
  async #maySend(extension: Extension): Promise<boolean> {
    const known = this.#mayWrite[extension];
    if (known !== undefined) return known;
    try {
      const allowed = await this.services.authorization.mayWrite(this.#subject(), extension);
      this.#mayWrite[extension] = allowed;
      return allowed;
    } catch (error) {
      if (error instanceof AuthorizationError) return false;
      throw error;
    }
  }

  // Presence

  async #handlePresence({ payload, ref }: Frame): Promise<void> {
    if (!isObject(payload) || typeof payload.event !== "string") return this.#reply(ref, "ok");
    if (!this.#presenceCalls.take()) return this.#shutDown("Client presence rate limit exceeded");
    const event = payload.event.toLowerCase();
    if (event === "track") return await this.#track(ref, payload.payload ?? {});
    if (event !== "untrack") return this.#reply(ref, "error");
    this.#reply(ref, "ok");
    this.#topic?.untrack(this);
  }

  async #track(ref: string | null, payload: unknown): Promise<void> {
    const { limits, rates } = this.services;
    if (this.isPrivate && !await this.#maySend("presence")) return this.#reply(ref, "error");
    if (!isObject(payload)) {
      return this.#reply(ref, "error", { reason: "Presence track payload must be a map" });
    }
    if (byteLength(JSON.stringify(payload)) > limits.payloadBytes) {
      return this.#shutDown("Track message size exceeded");
    }
    if (!rates.presence.take()) return this.#shutDown("Too many presence messages per second");
    this.#reply(ref, "ok");
    if (!this.#presenceEnabled) {
      this.#presenceEnabled = true;
      this.#pushPresences();
    }
    this.#topic?.track(this, this.request.presence.key, payload);
  }

  #pushPresences(): void {
    if (this.#mayRead.presence) this.#push("presence_state", this.#topic?.presences() ?? {});
  }

  // Tokens and rights

  async #handleToken({ payload }: Frame): Promise<void> {
    const fresh = isObject(payload) ? token(payload.access_token) : null;
    if (fresh === null || fresh === this.identity.token) return;
    try {
      this.identity = await fromToken(this.services.keys, fresh);
      this.#mayWrite = {};
      if (this.isPrivate && !this.#takeRights(await this.services.authorization.mayRead(this.#subject()))) {
        return;
      }
    } catch (error) {
      if (error instanceof IdentityError || error instanceof AuthorizationError) {
        return this.#shutDown(error.message);
      }
      throw error;
    }
    this.#watchExpiry();
    if (!this.#subscription.empty) this.#subscription.start();
  }

  /** Asks the policies again, and ends the channel where they now refuse what they allowed. */
  async recheck(): Promise<void> {
    if (!this.isPrivate || this.#state !== "joined") return;
    const { identity } = this;
    try {
      const rights = await this.services.authorization.mayRead(this.#subject());
      if (this.#state !== "joined" || identity !== this.identity) return;
      if (this.#takeRights(rights)) this.#mayWrite = {};
    } catch (error) {
      // Without the database nothing comes that the client should not see. The next time will tell.
      if (!(error instanceof AuthorizationError)) throw error;
    }
  }

  /** Notes what the client may receive. False where the channel had to end for it. */
  #takeRights(rights: Rights): boolean {
    const before = this.#mayRead;
    const lost = (before.broadcast && !rights.broadcast) || (before.presence && !rights.presence);
    if (lost) {
      this.#shutDown(`You no longer have permission to read from this Channel topic: ${this.name}`);
      return false;
    }
    this.#mayRead = rights;
    return true;
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const { expiresAt } = this.identity;
    if (expiresAt === null || this.#state === "closed") return;
    const remaining = Math.max(0, expiresAt * 1000 - Date.now());
    this.#expiry = setTimeout(() => {
      try {
        requireCurrent(this.identity);
        this.#watchExpiry();
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error;
        this.#shutDown(error.message);
      }
    }, Math.min(remaining, LONGEST_TIMER_MS));
  }

  // What the client receives

  broadcast(message: Broadcast): void {
    this.#deliver(() => {
      const repeated = message.id !== null && this.#replayed.has(message.id);
      if (this.#mayRead.broadcast && !repeated) this.#send(message);
    });
  }

  presenceDiff(diff: string): void {
    this.#deliver(() => {
      // On a public channel everybody hears of it.
      if (this.#mayRead.presence && (this.#presenceEnabled || !this.isPrivate)) {
        this.#pushJson("presence_diff", diff, null);
      }
    });
  }

  change(ids: number[], data: string): void {
    const payload = `{"ids":${JSON.stringify(ids)},"data":${data}}`;
    this.#deliver(() => this.#pushJson("postgres_changes", payload, null));
  }

  subscribed(): void {
    this.#pushSystem("postgres_changes", "ok", "Subscribed to PostgreSQL");
  }

  subscriptionFailed(reason: string): void {
    this.#pushSystem("postgres_changes", "error", reason);
  }

  /** The write-ahead log is followed; `again` where commits before may have been missed. */
  logConnected(again: boolean): void {
    if (this.#state !== "joined") return;
    clearTimeout(this.#readyTimer);
    if (this.request.replicationReady) this.#pushSystem("system", "ok", "Replication connection established");
    if (again && !this.#subscription.empty) this.#subscription.start();
  }

  #deliver(task: () => void): void {
    if (this.#early) this.#early.push(task);
    else if (this.#state === "joined") task();
  }

  #send(message: Broadcast): void {
    const data = message.encode(this.connection.version);
    if (data !== null) this.connection.send(data);
  }

  #reply(ref: string | null, status: "ok" | "error", response: unknown = {}): void {
    if (ref === null) return;
    this.#pushJson("phx_reply", JSON.stringify({ status, response }), this.joinRef, ref);
  }

  #push(event: string, payload: unknown, joinRef = this.joinRef): void {
    this.#pushJson(event, JSON.stringify(payload), joinRef);
  }

  #pushSystem(extension: string, status: "ok" | "error", message: string): void {
    this.#push("system", { extension, status, message, channel: this.name });
  }

  #pushJson(event: string, payload: string, joinRef: string | null, ref: string | null = null): void {
    const { version } = this.connection;
    this.connection.send(encodeText(version, { topic: this.topic, event, payload, ref, joinRef }));
  }

  // The end

  /** Ends the channel and tells the client, which then does not come back by itself. */
  close(): void {
    if (this.#state === "closed") return;
    this.end();
    this.#pushJson("phx_close", "{}", this.joinRef, this.joinRef);
  }

  /** Ends the channel without a word. */
  end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#early = null;
    clearTimeout(this.#expiry);
    clearTimeout(this.#readyTimer);
    this.#subscription.stop();
    this.services.topics.leave(this.name, this.isPrivate, this);
    this.connection.forget(this);
  }

  #shutDown(reason: string): void {
    if (this.#state === "closed") return;
    this.#pushSystem("system", "error", reason);
    this.close();
  }

  /** Something went wrong on our side: the client may join again. */
  #fail(error: unknown): void {
    log("realtime_channel", describeError(error));
    if (this.#state === "closed") return;
    this.end();
    this.#pushJson("phx_error", "{}", this.joinRef, this.joinRef);
  }
}

function noPermission(name: string): string {
  return `You do not have permissions to read from this Channel topic: ${name}`;
}

function refusalReason(error: unknown): string {
  if (error instanceof JoinRefusal) return error.message;
  if (error instanceof IdentityError || error instanceof AuthorizationError) {
    return `${error.code}: ${error.message}`;
  }
  if (error instanceof BindingError) return `RealtimeDisabledForConfiguration: ${error.message}`;
  if (error instanceof ReplayError) return `UnableToReplayMessages: ${error.message}`;
  if (isUnreachable(error)) {
    return "UnableToConnectToProject: Realtime was unable to connect to the project database";
  }
  log("realtime_join", describeError(error));
  return "Unknown Error on Channel";
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}
