/**
 * Decides who may receive and send on a private channel, by the policies of `realtime.messages`.
 *
 * The select policies are checked with probe rows that have only a topic and an extension, the insert policies by
 * inserting such a row. Both run under the caller's role and claims, in a transaction that is rolled back. Checks that
 * are requested together share one transaction, because after a restart all clients come back at once.
 */

import { type Database, isDatabaseError, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import type { Identity } from "./identity.ts";
import { become, group, type Transaction, withRollback } from "./transactions.ts";

export interface Subject {
  identity: Identity;
  /** The topic without its prefix. */
  topic: string;
  /** The headers of the connection, as JSON. */
  headers: string;
}

/** Whether each extension is allowed. */
export interface Rights {
  broadcast: boolean;
  presence: boolean;
}

export type Extension = keyof Rights;

/** The check could not be made. `code` and message are the platform's. */
export class AuthorizationError extends Error {
  override name = "AuthorizationError";
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Checks in one transaction. */
const BATCH = 200;
const NOTHING: Rights = { broadcast: false, presence: false };

export class Authorization {
  readonly #reads: Batcher<Subject, Rights>;
  readonly #writes: Batcher<Subject & { extension: Extension }, boolean>;

  /** `database` logs in as a role that may become `service_role` and the callers' roles, and nothing else. */
  constructor(private readonly database: Database) {
    this.#reads = new Batcher((subjects) => this.#check((transaction) => readRights(transaction, subjects)));
    this.#writes = new Batcher((subjects) =>
      this.#check((transaction) => writeRights(transaction, subjects))
    );
  }

  /** Checks what a caller may receive. */
  mayRead(subject: Subject): Promise<Rights> {
    return this.#reads.request(subject);
  }

  /** Checks whether a caller may send. */
  mayWrite(subject: Subject, extension: Extension): Promise<boolean> {
    return this.#writes.request({ ...subject, extension });
  }

  async #check<T>(task: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await withRollback(this.database, task);
    } catch (error) {
      throw explain(error);
    }
  }
}

async function readRights(transaction: Transaction, subjects: Subject[]): Promise<Rights[]> {
  const probes = new Map<string, { broadcast: string; presence: string }>();
  for (const { topic } of subjects) {
    if (!probes.has(topic)) {
      probes.set(topic, { broadcast: crypto.randomUUID(), presence: crypto.randomUUID() });
    }
  }
  const rows = [...probes].flatMap(([topic, ids]) => [
    { id: ids.broadcast, topic, extension: "broadcast" },
    { id: ids.presence, topic, extension: "presence" },
  ]);
  await transaction`select set_config('role', 'service_role', true)`;
  await transaction`
    insert into realtime.messages (id, topic, extension, inserted_at, updated_at)
    select row.id, row.topic, row.extension, now() at time zone 'utc', now() at time zone 'utc'
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (id uuid, topic text, extension text)
  `;
  // Several windows of one person need one check.
  const checks = new Map<string, Promise<Rights>>();
  const check = async (subject: Subject) => {
    const { broadcast, presence } = probes.get(subject.topic)!;
    const visible = await orNull(group(
      transaction,
      become(transaction, subject.identity, subject.topic, subject.headers),
      transaction`select id from realtime.messages where id in (${broadcast}::uuid, ${presence}::uuid)`,
    ));
    if (visible === null) return NOTHING;
    const ids = new Set(visible.map((row) => row.id));
    return { broadcast: ids.has(broadcast), presence: ids.has(presence) };
  };
  return await Promise.all(subjects.map((subject) => {
    const { identity: { role, claimsJson }, topic, headers } = subject;
    const key = JSON.stringify([role, claimsJson, topic, headers]);
    const pending = checks.get(key) ?? check(subject);
    checks.set(key, pending);
    return pending;
  }));
}

async function writeRights(
  transaction: Transaction,
  subjects: (Subject & { extension: Extension })[],
): Promise<boolean[]> {
  return await Promise.all(subjects.map(async (subject) => {
    const inserted = await orNull(group(
      transaction,
      become(transaction, subject.identity, subject.topic, subject.headers),
      transaction`
        insert into realtime.messages (topic, extension, inserted_at, updated_at)
        values (${subject.topic}, ${subject.extension}, now() at time zone 'utc', now() at time zone 'utc')
      `,
    ));
    return inserted !== null;
  }));
}

/** The result of a statement; null if the policies refused it or failed, which counts as a refusal. */
async function orNull<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (!isDatabaseError(error) || isUnreachable(error) || isMissingPartition(error) || isCanceled(error)) {
      throw error;
    }
    if (error.code !== "42501") log("realtime_policy_failed", describeError(error));
    return null;
  }
}

function isMissingPartition(error: unknown): boolean {
  return isDatabaseError(error) && error.code === "23514" && !error.constraint_name;
}

function isCanceled(error: unknown): boolean {
  return isDatabaseError(error) && error.code === "57014";
}

function explain(error: unknown): Error {
  if (isMissingPartition(error)) {
    return new AuthorizationError(
      "MissingPartition",
      "Realtime was unable to find the expected messages partition",
    );
  }
  if (isCanceled(error)) {
    return new AuthorizationError("QueryCanceled", "Query was cancelled, please try again");
  }
  if (!isUnreachable(error)) log("realtime_authorization_failed", describeError(error));
  return new AuthorizationError(
    "UnableToConnectToProject",
    "Realtime was unable to connect to the project database",
  );
}

/** Collects checks while the previous ones run, and runs them together. */
class Batcher<Check, Result> {
  #waiting: { check: Check; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  #busy = false;

  constructor(private readonly run: (checks: Check[]) => Promise<Result[]>) {}

  request(check: Check): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ check, resolve, reject });
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    await Promise.resolve(); // Checks that are requested in the same turn of the event loop join the batch.
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const results = await this.run(batch.map(({ check }) => check));
        batch.forEach(({ resolve }, i) => resolve(results[i]));
      } catch (error) {
        batch.forEach(({ reject }) => reject(error));
      }
    }
    this.#busy = false;
  }
}
