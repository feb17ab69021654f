/** Transactions of Storage: as the caller, so that policies decide, or as Storage itself, if a token has decided. */

import type { TransactionSql } from "postgres";
import { type Database } from "../database.ts";
import type { Caller } from "../keys.ts";
import { asStorageError } from "./errors.ts";

export type Transaction = TransactionSql;

export class Sessions {
  constructor(private readonly database: Database) {}

  /** Runs in a transaction as Storage, which owns its tables and sees all rows. */
  async asStorage<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.database.begin(work) as T;
    } catch (error) {
      throw asStorageError(error);
    }
  }

  /** Runs in a transaction as the caller. Policies may read the operation with `storage.operation()`. */
  async asCaller<T>(
    caller: Caller,
    operation: string,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    return await this.asStorage(async (transaction) => {
      await become(transaction, caller, operation);
      return await work(transaction);
    });
  }
}

export async function become(transaction: Transaction, caller: Caller, operation: string): Promise<void> {
  await transaction`
    select
      set_config('role', ${caller.role}, true),
      set_config('request.jwt.claims', ${JSON.stringify({ ...caller.claims, role: caller.role })}, true),
      set_config('request.jwt.claim.sub', ${caller.userId ?? ""}, true),
      set_config('request.jwt.claim.role', ${caller.role}, true),
      set_config('storage.operation', ${`storage.${operation}`}, true),
      set_config('storage.allow_delete_query', 'true', true),
      set_config('search_path', 'storage, public, extensions', true)`;
}

/** Serialises changes of one object, so that each sees the version that the one before has stored. */
export async function lockObjects(transaction: Transaction, ...keys: string[]): Promise<void> {
  for (const key of keys.toSorted()) {
    await transaction`select pg_advisory_xact_lock(hashtextextended(${`storage:${key}`}, 0))`;
  }
}
