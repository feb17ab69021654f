/** Transactions that are always rolled back, and groups of statements in them. */

import type { PendingQuery, Row, TransactionSql } from "postgres";
import type { Database } from "../database.ts";

export type Transaction = TransactionSql;
// deno-lint-ignore no-explicit-any -- the rows of the statements of a group differ
export type Statement = PendingQuery<any>;

class RollBack extends Error {}

/** Runs `task` in a transaction that is always rolled back, and returns its result. */
export async function withRollback<T>(
  database: Database,
  task: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  try {
    await database.begin(async (transaction) => {
      result = { value: await task(transaction) };
      throw new RollBack();
    });
  } catch (error) {
    if (!(error instanceof RollBack)) throw error;
  }
  return result!.value;
}

/**
 * Runs statements after a savepoint, rolls back to it, and returns the rows of the last statement. Their changes,
 * settings included, are undone, and an error does not abort the transaction.
 *
 * All statements are sent at once. So several groups may be pending, one after the other, and together they take
 * little more than one round trip to the database.
 */
export async function group(transaction: Transaction, ...statements: Statement[]): Promise<Row[]> {
  const sent = [
    transaction.unsafe("savepoint probe"),
    ...statements,
    transaction.unsafe("rollback to savepoint probe; release savepoint probe"),
  ].map((statement) => statement.execute());
  const results = await Promise.allSettled(sent);
  // The first error is the cause; the others say that the transaction is aborted.
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return (results[results.length - 2] as PromiseFulfilledResult<Row[]>).value;
}

/** The role and the claims that a statement runs with. */
export interface Actor {
  role: string;
  claims: Record<string, unknown>;
  claimsJson: string;
}

/** Sets the role and the claims, as PostgREST does at the start of a request. */
export function become(transaction: Transaction, actor: Actor, topic = "", headers = "{}"): Statement {
  const { sub } = actor.claims;
  return transaction`
    select
      set_config('role', ${actor.role}, true),
      set_config('realtime.topic', ${topic}, true),
      set_config('request.jwt.claims', ${actor.claimsJson}, true),
      set_config('request.jwt.claim.sub', ${typeof sub === "string" ? sub : ""}, true),
      set_config('request.jwt.claim.role', ${actor.role}, true),
      set_config('request.headers', ${headers}, true)
  `;
}
