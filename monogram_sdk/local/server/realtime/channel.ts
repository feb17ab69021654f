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
import { type Binding, BindingError, bindingId, parseBinding } from "./bindings.ts";
import { PUBLICATION } from "./binding_check.ts";
import { type Broadcast, type Data, fromDatabase, fromUser, JsonBroadcast } from "./broadcast.ts";
import type { Subscriber } from "./changes.ts";
import { encodeText, type Frame, isObject, UserBroadcast, type Version } from "./frames.ts";
import { fromToken, type Identity, IdentityError, requireCurrent } from "./identity.ts";
import { type JoinRequest, token } from "./join.ts";
import { CallWindow } from "./limits.ts";
import type { PresenceDiff } from "./presence.ts";
import { ReplayError } from "./replay.ts";
import type { Services } from "./services.ts";
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
/** How often a subscription to Postgres Changes is tried again while the database is away. */
const RETRY_MS = 500;
/** The longest time that a timer can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const EVERYTHING: Rights = { broadcast: true, presence: true };
const LARGE = { error: "payload_size_exceeded" };

export class Channel implements Member, Subscriber {
  /** The topic without its prefix. */
  readonly name: string;
  identity: Identity;

  #state: "joining" | "joined" | "closed" = "joining";
  #tail: Promise<void> | null = null;
  #topic: Topic | null = null;
  #read: Rights = EVERYTHING;
  /** Whether the client may send, as far as it was asked. */
  #write: Partial<Rights> = {};
  /** What came while the channel was joining. */
  #waiting: (() => void)[] | null = [];
  #replayed = new Set<string>();
  #bindings: Binding[] = [];
  #subscribing = 0;
  #presenceEnabled: boolean;
  #expiry: number | undefined;
  readonly #presenceCalls: CallWindow;

  constructor(
    private readonly services: Services,
    private readonly connection: Connection,
    /** The topic with its prefix, as frames have it. */
    readonly topic: string,
    readonly joinRef: string | null,
    private readonly request: JoinRequest,
  ) {
    this.name = topic.slice(PREFIX.length);
    this.identity = connection.identity;
    this.#presenceEnabled = request.presence.enabled;
    const { presenceCalls, presenceWindowMs } = services.limits;
    this.#presenceCalls = new CallWindow(presenceCalls, presenceWindowMs);
  }

  get isPrivate(): boolean {
    return this.request.private;
  }

  get joined(): boolean {
    return this.#state === "joined";
  }

  // From the client

  /** Joins the topic and answers; `ref` is that of the client's message. */
  join(ref: string | null): void {
    this.#inTurn(() => this.#join(ref));
  }

  receive(frame: Frame): void {
    this.#inTurn(() => this.#handle(frame));
  }

  /** Ends the channel and says so. */
  close(): void {
    if (this.#state === "closed") return;
    this.end();
    this.connection.send(encodeText(this.connection.version, {
      topic: this.topic,
      event: "phx_close",
      payload: "{}",
      ref: this.joinRef,
      joinRef: this.joinRef,
    }));
  }

  /** Ends the channel without a word. */
  end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#expiry);
    this.services.changes.unsubscribe(this);
    this.services.topics.leave(this.name, this.isPrivate, this);
    this.connection.forget(this);
  }

  // From others

  broadcast(message: Broadcast): void {
    if (!this.#read.broadcast) return;
    this.#deliver(() => {
      if (message.id !== null && this.#replayed.has(message.id)) return;
      const data = message.encode(this.connection.version);
      if (data !== null) this.connection.send(data);
    });
  }

  presenceDiff(diff: PresenceDiff): void {
    // On a public channel everybody hears of it.
    if (!this.#read.presence || (this.isPrivate && !this.#presenceEnabled)) return;
    this.#deliver(() => this.#fastPush("presence_diff", diff));
  }

  change(ids: number[], data: string): void {
    this.#deliver(() =>
      this.connection.send(encodeText(this.connection.version, {
        topic: this.topic,
        event: "postgres_changes",
        payload: `{"ids":${JSON.stringify(ids)},"data":${data}}`,
      }))
    );
  }

  /** The connection to the write-ahead log stands again; what was committed meanwhile may not have been told. */
  logConnected(): void {
    if (!this.joined) return;
    if (this.request.replicationReady) this.#system("system", "ok", "Replication connection established");
    if (this.#bindings.length > 0) void this.#subscribe();
  }

  /** Looks again whether the client may still receive, and ends the channel where it may not. */
  async recheck(): Promise<void> {
    if (!this.joined || !this.isPrivate) return;
    const { identity } = this;
    let read: Rights;
    try {
      read = await this.services.authorization.mayRead(this.#subject());
    } catch (error) {
      if (error instanceof AuthorizationError) return; // The next time will tell.
      throw error;
    }
    if (!this.joined || identity !== this.identity) return;
    if (this.#loses(read)) return this.#shutDown(this.#noLonger());
    this.#read = read;
    this.#write = {};
  }

  // Joining

  async #join(ref: string | null): Promise<void> {
    const { services, request, topic } = this;
    try {
      if (request.accessToken !== null) this.identity = await fromToken(services.keys, request.accessToken);
      requireCurrent(this.identity);
      await services.wal.ready(LOG_PATIENCE_MS);
      if (this.#state === "closed") return;
      // First of all it listens, so that the replay and what comes after it meet without a gap.
      this.#topic = services.topics.join(this.name, this.isPrivate, this);
      if (this.isPrivate) this.#read = await this.#readRights();
      const replay = await this.#replay();
      this.#bindings = request.changesWaitMs === null
        ? []
        : await this.#subscribeWithin(request.changesWaitMs);
      if (this.joinRefused()) return;
      const bindings = request.changes.map((params) => ({ ...params, id: bindingId(params) }));
      this.#state = "joined";
      this.reply(ref, "ok", { postgres_changes: bindings });
      if (this.#presenceEnabled) this.#pushPresence();
      for (const message of replay) {
        const data = message.encode(this.connection.version);
        if (data !== null) this.connection.send(data);
      }
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      for (const deliver of waiting) deliver();
      this.#watchExpiry();
      if (this.#bindings.length > 0) this.#system("postgres_changes", "ok", "Subscribed to PostgreSQL");
      else if (request.changes.length > 0) void this.#subscribe();
      if (request.replicationReady) {
        if (services.wal.connected) this.#system("system", "ok", "Replication connection established");
      }
    } catch (error) {
      this.end();
      this.reply(ref, "error", { reason: joinError(error) });
    }
    void topic;
  }
}
