/**
 * A pool of connections that replaces lost connections.
 *
 * Why: when postgres.js (3.4.9) writes to a lost connection, such as the `rollback` of the transaction in which it
 * was lost, the error cannot be caught and blocks that slot of its pool: every later query that gets the slot waits
 * until `connect_timeout`. Here each connection is a client of its own with a pool of one, which is not used again
 * after it has lost its connection.
 * Goes when: postgres.js writes nothing to a lost connection.
 */

import type { Sql } from "postgres";

export class Clients {
  readonly #all = new Set<Client>();
  readonly #free: Client[] = [];
  readonly #waiting: ((client: Client) => void)[] = [];

  /**
   * @param open Creates a client with one connection, which calls `onclose` when it loses the connection.
   * @param size The maximum number of clients.
   */
  constructor(private readonly open: (onclose: () => void) => Sql, private readonly size: number) {}

  async take(): Promise<Client> {
    return this.#next() ?? await new Promise<Client>((resolve) => this.#waiting.push(resolve));
  }

  release(client: Client): void {
    if (client.lost) this.#all.delete(client);
    else this.#free.push(client);
    if (this.#waiting.length === 0) return;
    const next = this.#next();
    if (next) this.#waiting.shift()!(next);
  }

  async lend<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.take();
    try {
      return await task(client.sql);
    } finally {
      this.release(client);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ sql }) => sql.end({ timeout: 1 })));
  }

  #next(): Client | null {
    while (this.#free.length > 0) {
      const client = this.#free.pop()!;
      if (!client.lost) return client;
      this.#all.delete(client);
    }
    if (this.#all.size >= this.size) return null;
    const client = new Client(this.open);
    this.#all.add(client);
    return client;
  }
}

export class Client {
  readonly sql: Sql;
  lost = false;

  constructor(open: (onclose: () => void) => Sql) {
    this.sql = open(() => this.lost = true);
  }
}
