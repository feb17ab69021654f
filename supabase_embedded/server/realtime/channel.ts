/**
 * A channel: one topic, joined by one socket.
 *
 * Messages of the client are handled in order, one after the other. Messages to the client are sent at once, except
 * while it is joining: then the outbox holds them, so that nothing is lost between the replay of old messages and the
 * first new one.
 */

import { describeError, log } from "../log.ts";
import { AuthorizationError, type Subject } from "./authorization.ts";
import { type Broadcast, fromClient, fromDatabase } from "./broadcast.ts";
import { ChannelRights } from "./channel_rights.ts";
import { type Frame, isObject } from "./frames.ts";
import { ExpiryTimer, fromToken, type Identity, IdentityError, requireCurrent } from "./identity.ts";
import { type JoinRequest, token } from "./join.ts";
import { joinErrorReason, subscriptionTimeout, unauthorized } from "./join_errors.ts";
import { byteLength, CallWindow } from "./limits.ts";
import { Outbox, type Transport } from "./outbox.ts";
import { ReplayError } from "./replay.ts";
import type { Services } from "./services.ts";
import { Subscription, type SubscriptionListener } from "./subscription.ts";
import { type Member, PREFIX, type Topic } from "./topics.ts";

/** The socket, as far as a channel needs it. */
export interface Connection extends Transport {
  readonly identity: Identity;
  /** The headers of the handshake, as JSON. */
  readonly headers: string;
  /** Forgets a channel that has ended. */
  forget(channel: Channel): void;
}

/** How long a join waits for the write-ahead log, so that it misses nothing that is committed after its reply. */
const LOG_TIMEOUT_MS = 3_000;
/** Messages of the client that may wait for their turn. */
const MAX_QUEUED = 1_000;
const TOO_LARGE = { error: "payload_size_exceeded" };

export class Channel implements Member, SubscriptionListener {
  /** The topic without its prefix. */
  readonly name: string;
  identity: Identity;

  readonly #outbox: Outbox;
  readonly #rights: ChannelRights;
  readonly #subscription: Subscription;
  readonly #presenceCalls: CallWindow;
  readonly #expiry = new ExpiryTimer(() => this.identity, (error) => this.#shutDown(error.message));
  #state: "joining" | "joined" | "closed" = "joining";
  /** Settles when the last message of the client has been handled. */
  #lastTask: Promise<void> = Promise.resolve();
  #queued = 0;
  #topic: Topic | null = null;
  #replayed = new Set<string>();
  #presenceEnabled: boolean;
  /** Runs while the client waits for the message that the write-ahead log is followed. */
  #readyTimer: ReturnType<typeof setTimeout> | undefined;

  /** `topic` includes its prefix, as in frames. */
  constructor(
    private readonly services: Services,
    private readonly connection: Connection,
    readonly topic: string,
    readonly joinRef: string | null,
    private readonly request: JoinRequest,
  ) {
    this.name = topic.slice(PREFIX.length);
    this.identity = connection.identity;
    this.#outbox = new Outbox(connection, topic, joinRef);
    this.#rights = new ChannelRights(services.authorization, request.private, () => this.#subject());
    this.#subscription = new Subscription(services, this, request.changes);
    this.#presenceCalls = new CallWindow(services.limits.presenceCalls, services.limits.presenceWindowMs);
    this.#presenceEnabled = request.presence.enabled;
  }

  get isPrivate(): boolean {
    return this.request.private;
  }

  #subject(): Subject {
    return { identity: this.identity, topic: this.name, headers: this.connection.headers };
  }

  // Messages of the client

  /** Joins the topic, and replies to the message with this reference. */
  join(ref: string | null): void {
    this.#enqueue(() => this.#join(ref));
  }

  receive(frame: Frame): void {
    this.#enqueue(() => this.#handle(frame));
  }

  #enqueue(task: () => Promise<void>): void {
    if (++this.#queued > MAX_QUEUED) return this.#shutDown("Too many messages per second");
    const run = async () => {
      try {
        if (this.#state !== "closed") await task();
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#queued--;
      }
    };
    // If no other message is waiting, it is handled at once.
    this.#lastTask = this.#queued === 1 ? run() : this.#lastTask.then(run);
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
        this.#outbox.reply(frame.ref, "ok");
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
      return this.#outbox.reply(ref, "error", { reason: joinErrorReason(error) });
    }
    if (this.#state === "closed") return;
    this.#state = "joined";
    this.#outbox.reply(ref, "ok", { postgres_changes: this.#subscription.confirmed() });
    if (this.#presenceEnabled) this.#pushPresences();
    for (const message of replay) this.#outbox.send(message);
    this.#outbox.open();
    this.#watchExpiry();
    if (!this.#subscription.empty) {
      if (this.request.changesWaitMs !== null) this.subscribed();
      else this.#subscription.start();
    }
    if (this.request.replicationReady) this.#awaitLog();
  }

  /** Adds the client to the topic if it may receive there, and returns the messages to replay. */
  async #admit(): Promise<Broadcast[]> {
    const { services, request } = this;
    if (request.accessToken !== null) this.identity = await fromToken(services.keys, request.accessToken);
    requireCurrent(this.identity);
    await services.wal.ready(LOG_TIMEOUT_MS);
    if (this.#state === "closed") return [];
    // Listen first, so that no message is lost between the old ones and the new ones.
    this.#topic = services.topics.join(this.name, this.isPrivate, this);
    if (this.isPrivate) {
      const { broadcast, presence } = this.#rights.mayRead = await this.#rights.query();
      if (!broadcast && !presence) throw unauthorized(this.name);
    }
    const replay = request.replay === undefined ? [] : await this.#replay();
    if (request.changesWaitMs !== null && !this.#subscription.empty) {
      const isSubscribed = await this.#subscription.within(request.changesWaitMs);
      if (!isSubscribed) throw subscriptionTimeout(request.changesWaitMs);
    }
    return replay;
  }

  async #replay(): Promise<Broadcast[]> {
    if (!this.isPrivate) throw new ReplayError("Replay is not allowed for public channels");
    if (!this.#rights.mayRead.broadcast) throw unauthorized(this.name);
    const rows = await this.services.replay.messages(this.name, this.request.replay);
    this.#replayed = new Set(rows.map(({ id }) => id));
    return rows.map((row) => fromDatabase(this.topic, row, true)).filter((message) => message !== null);
  }

  #awaitLog(): void {
    if (this.services.wal.connected) return this.logConnected(false);
    this.#readyTimer = setTimeout(
      () => this.#shutDown("Replication connection was not established in time"),
      this.services.limits.replicationReadyMs,
    );
  }

  // Broadcasts and presence of the client

  async #handleBroadcast({ payload, ref }: Frame): Promise<void> {
    const { services, request } = this;
    if (!await this.#rights.maySend("broadcast")) return;
    if (!services.rates.messages.take()) return this.#shutDown("Too many messages per second");
    const message = fromClient(this.topic, payload, services.limits.payloadBytes);
    if (message) this.#topic?.send(message, request.self ? undefined : this);
    if (request.ack) this.#outbox.reply(ref, message ? "ok" : "error", message ? {} : TOO_LARGE);
  }

  async #handlePresence({ payload, ref }: Frame): Promise<void> {
    if (!isObject(payload) || typeof payload.event !== "string") return this.#outbox.reply(ref, "ok");
    if (!this.#presenceCalls.take()) return this.#shutDown("Client presence rate limit exceeded");
    const event = payload.event.toLowerCase();
    if (event === "track") return await this.#track(ref, payload.payload ?? {});
    if (event !== "untrack") return this.#outbox.reply(ref, "error");
    this.#outbox.reply(ref, "ok");
    this.#topic?.untrack(this);
  }

  async #track(ref: string | null, payload: unknown): Promise<void> {
    const { limits, rates } = this.services;
    if (!await this.#rights.maySend("presence")) return this.#outbox.reply(ref, "error");
    if (!isObject(payload)) {
      return this.#outbox.reply(ref, "error", { reason: "Presence track payload must be a map" });
    }
    if (byteLength(JSON.stringify(payload)) > limits.payloadBytes) {
      return this.#shutDown("Track message size exceeded");
    }
    if (!rates.presence.take()) return this.#shutDown("Too many presence messages per second");
    this.#outbox.reply(ref, "ok");
    if (!this.#presenceEnabled) {
      this.#presenceEnabled = true;
      this.#pushPresences();
    }
    this.#topic?.track(this, this.request.presence.key, payload);
  }

  #pushPresences(): void {
    if (this.#rights.mayRead.presence) this.#outbox.push("presence_state", this.#topic?.presences() ?? {});
  }

  // Tokens and rights

  async #handleToken({ payload }: Frame): Promise<void> {
    const fresh = isObject(payload) ? token(payload.access_token) : null;
    if (fresh === null || fresh === this.identity.token) return;
    try {
      this.identity = await fromToken(this.services.keys, fresh);
      this.#rights.forgetWrites();
      if (this.isPrivate && !this.#rights.replace(await this.#rights.query())) return this.#loseRights();
    } catch (error) {
      if (error instanceof IdentityError || error instanceof AuthorizationError) {
        return this.#shutDown(error.message);
      }
      throw error;
    }
    this.#watchExpiry();
    if (!this.#subscription.empty) this.#subscription.start();
  }

  /** Checks the policies again, and ends the channel if they now refuse what they allowed before. */
  async recheck(): Promise<void> {
    if (!this.isPrivate || this.#state !== "joined") return;
    const { identity } = this;
    try {
      const rights = await this.#rights.query();
      if (this.#state !== "joined" || identity !== this.identity) return;
      if (!this.#rights.replace(rights)) return this.#loseRights();
      this.#rights.forgetWrites();
    } catch (error) {
      // While the database is unreachable it sends nothing that the client must not see. The next check decides.
      if (!(error instanceof AuthorizationError)) throw error;
    }
  }

  #loseRights(): void {
    this.#shutDown(`You no longer have permission to read from this Channel topic: ${this.name}`);
  }

  #watchExpiry(): void {
    if (this.#state !== "closed") this.#expiry.watch();
  }

  // Messages to the client

  broadcast(message: Broadcast): void {
    this.#outbox.deliver(() => {
      const isReplayed = message.id !== null && this.#replayed.has(message.id);
      if (this.#rights.mayRead.broadcast && !isReplayed) this.#outbox.send(message);
    });
  }

  presenceDiff(diff: string): void {
    this.#outbox.deliver(() => {
      // On a public channel everybody receives it.
      if (this.#rights.mayRead.presence && (this.#presenceEnabled || !this.isPrivate)) {
        this.#outbox.event("presence_diff", diff);
      }
    });
  }

  change(ids: number[], data: string): void {
    const payload = `{"ids":${JSON.stringify(ids)},"data":${data}}`;
    this.#outbox.deliver(() => this.#outbox.event("postgres_changes", payload));
  }

  subscribed(): void {
    this.#outbox.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
  }

  subscriptionFailed(reason: string): void {
    this.#outbox.system("postgres_changes", "error", reason);
  }

  /** Reacts when the write-ahead log is followed. `again` means that earlier commits may have been missed. */
  logConnected(again: boolean): void {
    if (this.#state !== "joined") return;
    clearTimeout(this.#readyTimer);
    if (this.request.replicationReady) {
      this.#outbox.system("system", "ok", "Replication connection established");
    }
    if (again && !this.#subscription.empty) this.#subscription.start();
  }

  // Ending

  /** Ends the channel and tells the client, which then does not join again by itself. */
  close(): void {
    if (this.#state === "closed") return;
    this.end();
    this.#outbox.end("phx_close");
  }

  /** Ends the channel without telling the client. */
  end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#outbox.close();
    this.#expiry.stop();
    clearTimeout(this.#readyTimer);
    this.#subscription.stop();
    this.services.topics.leave(this.name, this.isPrivate, this);
    this.connection.forget(this);
  }

  #shutDown(reason: string): void {
    if (this.#state === "closed") return;
    this.#outbox.system("system", "error", reason);
    this.close();
  }

  /** Ends the channel after an error of the server. The client may join again. */
  #fail(error: unknown): void {
    log("realtime_channel", describeError(error));
    if (this.#state === "closed") return;
    this.end();
    this.#outbox.end("phx_error");
  }
}
