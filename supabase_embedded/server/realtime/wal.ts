/**
 * Follows the write-ahead log: one connection for all clients, which reports what was committed, in the order of the
 * commits, and reconnects by itself after an outage of the database.
 *
 * LISTEN/NOTIFY would not do: notifications have a queue that refuses commits when it is full, a limit of 8000 bytes,
 * and no rows. The replication slot is temporary: it is dropped with its connection, so that no unused slot keeps the
 * log on disk.
 */

import postgres from "postgres";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { isUnreachable, poolOptions } from "../database.ts";
import { describeError, log } from "../log.ts";
import { type Change, Decoder } from "./pgoutput.ts";

export interface WalListener {
  /** A committed change. */
  change(change: Change): void;
  /** From now on every commit is reported. `again` means that earlier ones may have been missed. */
  connected(again: boolean): void;
}

/** How often the database is told how far the log was read, in milliseconds. */
const REPORT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;

export class WalReader {
  #running: Promise<void> | null = null;
  #wanted = false;
  #stopping = Promise.withResolvers<void>();
  #connected = false;
  #connectedBefore = false;
  #waiting: (() => void)[] = [];
  #publications: string[] = [];
  #stream: Duplex | null = null;

  /** `url` is that of a role with the right to replicate. */
  constructor(
    private readonly url: string,
    private readonly wanted: string[],
    private readonly listener: WalListener,
  ) {}

  /** Whether commits are being reported. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The publications that are read: those that existed when the connection was made. */
  get publications(): readonly string[] {
    return this.#publications;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#stopping = Promise.withResolvers();
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#stopping.resolve();
    await this.#running;
  }

  /** Reconnects, to read publications that were created meanwhile. */
  restart(): void {
    this.#stream?.destroy();
  }

  /** Pauses or resumes the log. */
  hold(held: boolean): void {
    if (held) this.#stream?.pause();
    else this.#stream?.resume();
  }

  /** Waits until commits are reported, at most for `ms`. Returns whether they are. */
  async ready(ms: number): Promise<boolean> {
    if (this.#connected) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.push(resolve);
    await promise;
    clearTimeout(timer);
    return this.#connected;
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (this.#wanted) {
      const stop = this.#stopping.promise;
      try {
        await this.#follow(stop);
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (!isUnreachable(error)) log("realtime_log_reader", describeError(error));
      }
      if (this.#connected) log("realtime_log_reader", { connected: false });
      this.#connected = false;
      this.#stream = null;
      await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, pause))]);
      pause = Math.min(pause * 2, MAX_PAUSE_MS);
    }
    this.#running = null;
    this.#connectedBefore = false;
  }

  /** Reads until the connection ends or `stop` resolves. */
  async #follow(stop: Promise<void>): Promise<void> {
    const lost = Promise.withResolvers<void>();
    const sql = postgres(this.url, {
      ...poolOptions(1),
      idle_timeout: undefined,
      max_lifetime: null,
      fetch_types: false,
      connection: {
        application_name: "supabase_embedded realtime",
        TimeZone: "UTC",
        replication: "database",
      },
      onclose: () => lost.resolve(),
    });
    let reports: ReturnType<typeof setInterval> | undefined;
    try {
      // A slot is created only when all transactions that are open now have ended, so this may take a while.
      const opening = this.#open(sql);
      // After a stop nothing waits for it any more, and it may still fail.
      opening.then((stream) => stream.on("error", () => lost.resolve()), () => lost.resolve());
      const stream = await Promise.race([opening, stop]);
      if (!stream) return;
      const reader = new LogStream(stream, this.listener);
      stream.on("close", () => lost.resolve());
      this.#stream = stream;
      reports = setInterval(() => reader.report(), REPORT_MS);
      this.#announce();
      const failed = await Promise.race([reader.failed, lost.promise, stop]);
      if (failed) throw failed;
    } finally {
      clearInterval(reports);
      this.#stream?.removeAllListeners("data").destroy();
      await sql.end({ timeout: 0 });
    }
  }

  async #open(sql: postgres.Sql): Promise<Duplex> {
    const names = this.wanted.map((name) => `'${name}'`).join(", ");
    const found = await sql.unsafe(
      `select pubname from pg_catalog.pg_publication where pubname in (${names}) order by pubname`,
    );
    this.#publications = found.map((row) => row.pubname);
    const slot = `embedded_realtime_${crypto.randomUUID().replaceAll("-", "")}`;
    const [{ consistent_point: start }] = await sql.unsafe(
      `CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
    );
    return await sql.unsafe(
      `START_REPLICATION SLOT ${slot} LOGICAL ${start} ` +
        `(proto_version '1', publication_names '${this.#publications.join(",")}')`,
    ).writable() as Duplex;
  }

  #announce(): void {
    const again = this.#connectedBefore;
    this.#connected = this.#connectedBefore = true;
    log("realtime_log_reader", { connected: true, publications: this.#publications.join(",") });
    this.listener.connected(again);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The stream of a replication connection: it receives changes and reports how far they were read. */
class LogStream {
  readonly failed: Promise<Error>;
  readonly #decoder = new Decoder();
  #position: Uint8Array | null = null;

  constructor(private readonly stream: Duplex, listener: WalListener) {
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.failed = promise;
    stream.on("data", (message: Uint8Array) => {
      try {
        this.#take(message, listener);
      } catch (error) {
        resolve(error as Error);
      }
    });
  }

  report(): void {
    if (!this.#position || !this.stream.writable) return;
    const report = new DataView(new ArrayBuffer(34));
    report.setUint8(0, 0x72); // r
    for (const offset of [1, 9, 17]) new Uint8Array(report.buffer).set(this.#position, offset);
    report.setBigInt64(25, BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n);
    this.stream.write(Buffer.from(report.buffer));
  }

  #take(message: Uint8Array, listener: WalListener): void {
    if (message[0] === 0x77) { // w: data of the log
      const change = this.#decoder.decode(message.subarray(25));
      this.#position = message.slice(1, 9);
      if (change) listener.change(change);
    } else if (message[0] === 0x6b) { // k: a keepalive message, which may ask for a report
      this.#position = message.slice(1, 9);
      if (message[17] === 1) this.report();
    }
  }
}
