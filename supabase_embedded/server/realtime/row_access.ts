/**
 * Checks which identities may see which changed rows, by the tables' own select policies.
 *
 * Two conditions must hold. The current row must be visible under row level security, as on the platform. And the
 * policies must allow the row as it was logged: otherwise everybody would get a draft that is published just before
 * its insertion is handled.
 */

import { isDatabaseError, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { identifier, literal, type Table } from "./catalog.ts";
import type { Identity } from "./identity.ts";
import type { Change } from "./pgoutput.ts";
import { jsonObject, type ShownRow } from "./rows.ts";
import { become, group, type Transaction } from "./transactions.ts";

/** Whether the row may be sent, or the error to send in its place. */
export type Access = boolean | string;

const POLICY_FAILED = "Error 500: Internal Server Error, RLS policy evaluation failed";

/** The error for a role that may not see any row of the table; null if it may. */
export function tableError(table: Table, { operation }: Change): string | null {
  if (operation === "DELETE") return null;
  const key = table.columns.filter(({ primaryKey }) => primaryKey);
  if (key.length === 0) return "Error 400: Bad Request, no primary key";
  return key.every(({ selectable }) => selectable) ? null : "Error 401: Unauthorized";
}

interface Check {
  identity: Identity;
  table: Table;
  /** The changes, each with its row as JSON. */
  changes: Map<Change, string>;
  visible: Set<Change>;
  failed: boolean;
}

/** Collects checks, and runs one statement for each identity and table. */
export class RowAccess {
  readonly #checks = new Map<string, Check>();

  add(identity: Identity, change: Change, table: Table, shown: ShownRow): void {
    if (!table.rowSecurity || change.operation === "DELETE" || tableError(table, change)) return;
    const key = checkKey(identity, change);
    const check = this.#checks.get(key) ??
      { identity, table, changes: new Map(), visible: new Set(), failed: false };
    if (!check.changes.has(change)) check.changes.set(change, jsonObject(shown.row));
    this.#checks.set(key, check);
  }

  async check(transaction: Transaction): Promise<void> {
    await Promise.all(this.#checks.values().map((check) => run(transaction, check)));
  }

  /** The result for a change that was added. */
  result(identity: Identity, change: Change, table: Table): Access {
    const error = tableError(table, change);
    if (error) return error;
    // Policies cannot be checked for a deleted row.
    if (!table.rowSecurity || change.operation === "DELETE") return true;
    const check = this.#checks.get(checkKey(identity, change));
    return check?.failed ? POLICY_FAILED : check?.visible.has(change) ?? false;
  }
}

function checkKey(identity: Identity, { relation }: Change): string {
  return `${relation.id} ${identity.role} ${identity.claimsJson}`;
}

async function run(transaction: Transaction, check: Check): Promise<void> {
  const { identity, table } = check;
  const changes = [...check.changes.keys()];
  const name = identifier(table.name);
  const fullName = `${identifier(table.schema)}.${name}`;
  const same = table.columns
    .filter((column) => column.primaryKey)
    .map(({ name, sqlType }) =>
      `current.${identifier(name)} = (logged.row ->> ${literal(name)})::${sqlType}`
    );
  // The alias is the table's own name, because policies refer to the row by it.
  const allowed = table.policy === null
    ? "true"
    : `(select ${table.policy} from jsonb_populate_record(null::${fullName}, logged.row) as ${name})`;
  const query = "select logged.number::integer as number " +
    "from jsonb_array_elements($1::text::jsonb) with ordinality as logged (row, number) " +
    `where exists (select from ${fullName} as current where ${same.join(" and ")}) and ${allowed}`;
  try {
    const rows = await group(
      transaction,
      become(transaction, identity),
      transaction.unsafe(query, [`[${[...check.changes.values()].join(",")}]`], { prepare: true }),
    );
    for (const { number } of rows) check.visible.add(changes[number - 1]);
  } catch (error) {
    if (!isDatabaseError(error) || isUnreachable(error)) throw error;
    log("realtime_policy_failed", describeError(error));
    check.failed = true;
  }
}
