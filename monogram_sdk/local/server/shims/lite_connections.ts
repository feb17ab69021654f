/**
 * Gives lite connections that fail when they are lost, instead of hanging.
 *
 * Why: lite (through kysely) takes each connection with postgres.js' `reserve()`. When the database goes away while
 * one is reserved or waited for, that never returns, and the slot in the pool is gone for good (porsager/postgres
 * issues 1195 and 1199). Here each connection is a client of its own with room for one, which is never used again
 * once it has lost its connection.
 * Goes when: those issues are closed.
 */

import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import postgres, { type PostgresType } from "postgres";
import { type Database, poolOptions } from "../database.ts";

type Types = Record<string, PostgresType>;
type Settings = Record<string, string | boolean>;

/** A connection of lite, with so many sessions at most. Its `close()` ends them all. */
export function openLite(
  url: string,
  size: number,
  types: Types,
  settings: Settings = {},
): PostgresConnection {
  const connection = createPostgresConnection({ url, postgresOptions: poolOptions(1) });
  const sessions = new Sessions(url, size, types, settings);
  Object.defineProperty(connection.driver, "reserve", { value: () => sessions.reserve() });
  connection.close = () => sessions.close();
  return connection;
}

/** What kysely uses of a reserved connection. */
interface Reserved {
  unsafe(text: string, parameters: unknown[]): Promise<unknown>;
  release(): void;
}

class Sessions {
  readonly #all = new Set<Session>();
  readonly #free: Session[] = [];
  readonly #waiting: ((session: Session) => void)[] = [];

  constructor(
    private readonly url: string,
    private readonly size: number,
    private readonly types: Types,
    private readonly settings: Settings,
  ) {}

  async reserve(): Promise<Reserved> {
    const session = this.#take() ?? await new Promise<Session>((resolve) => this.#waiting.push(resolve));
    return {
      unsafe: (text, parameters) => session.run(text, parameters),
      release: () => this.#release(session),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((session) => session.end()));
  }

  #take(): Session | null {
    while (this.#free.length > 0) {
      const session = this.#free.pop()!;
      if (!session.lost) return session;
      this.#all.delete(session);
    }
    if (this.#all.size >= this.size) return null;
    const session = new Session(this.url, this.types, this.settings);
    this.#all.add(session);
    return session;
  }

  #release(session: Session): void {
    if (session.lost) this.#all.delete(session);
    else this.#free.push(session);
    if (this.#waiting.length === 0) return;
    const next = this.#take();
    if (next) this.#waiting.shift()!(next);
  }
}

class Session {
  readonly #client: Database;
  lost = false;

  constructor(url: string, types: Types, settings: Settings) {
    const options = poolOptions(1);
    this.#client = postgres(url, {
      ...options,
      connection: { ...options.connection, TimeZone: "UTC", ...settings },
      types,
      onclose: () => this.lost = true,
    });
  }

  async run(text: string, parameters: unknown[]): Promise<unknown> {
    // A new connection would be outside of the transaction that the old one was in.
    if (this.lost) throw Object.assign(new Error("The connection was lost."), { code: "CONNECTION_CLOSED" });
    try {
      // What comes again and again is prepared once.
      return await this.#client.unsafe(text, parameters as never[], { prepare: parameters.length > 0 });
    } catch (error) {
      if (isLoss(error)) this.lost = true;
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#client.end({ timeout: 1 });
  }
}

function isLoss(error: unknown): boolean {
  return error instanceof Error &&
    !("severity" in error && (error as { severity?: unknown }).severity === "ERROR");
}
