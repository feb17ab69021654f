/**
 * Which changed rows which identities can see, by the tables' own select policies.
 *
 * Two questions are asked. Is the row, as it is now, visible under row level security? That is what the platform asks.
 * And do the policies allow the row as it was logged? Otherwise a draft would be shown to everybody when it is
 * published just before its insertion is looked at.
 */

import { isDatabaseError, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { identifier, literal, type Table } from "./catalog.ts";
import type { Identity } from "./identity.ts";
import type { Change } from "./pgoutput.ts";
import { jsonObject, type ShownRow } from "./rows.ts";
import { become, group, type Transaction } from "./transactions.ts";

/** `true` and `false`, or what to tell the client instead of the row. */
export type Verdict = boolean | string;

const POLICY_FAILED = "Error 500: Internal Server Error, RLS policy evaluation failed";

/** Why nobody of this role can be shown rows of the table; null where there is no such reason. */
export function refusal(table: Table, { operation }: Change): string | null {
  if (operation === "DELETE") return null;
  const key = table.columns.filter(({ primaryKey }) => primaryKey);
  if (key.length === 0) return "Error 400: Bad Request, no primary key";
  return key.every(({ selectable }) => selectable) ? null : "Error 401: Unauthorized";
}

interface Question {
  identity: Identity;
  table: Table;
  /** The changes, each with its row as a JSON object. */
  changes: Map<Change, string>;
  seen: Set<Change>;
  failed: boolean;
}

/** Collects what is to be asked, and asks one statement for each identity and table. */
export class Sight {
  readonly #questions = new Map<string, Question>();

  add(identity: Identity, change: Change, table: Table, shown: ShownRow): void {
    if (!table.rowSecurity || change.operation === "DELETE" || refusal(table, change)) return;
    const key = questionKey(identity, change);
    const question = this.#questions.get(key) ??
      { identity, table, changes: new Map(), seen: new Set(), failed: false };
    if (!question.changes.has(change)) question.changes.set(change, jsonObject(shown.row));
    this.#questions.set(key, question);
  }

  async look(transaction: Transaction): Promise<void> {
    await Promise.all(this.#questions.values().map((question) => ask(transaction, question)));
  }

  /** Whether a change that was asked for may be shown. */
  verdict(identity: Identity, change: Change, table: Table): Verdict {
    const refused = refusal(table, change);
    if (refused) return refused;
    // What is deleted has no row any more that a policy could judge.
    if (!table.rowSecurity || change.operation === "DELETE") return true;
    const question = this.#questions.get(questionKey(identity, change));
    return question?.failed ? POLICY_FAILED : question?.seen.has(change) ?? false;
  }
}

function questionKey(identity: Identity, { relation }: Change): string {
  return `${relation.id} ${identity.role} ${identity.claimsJson}`;
}

async function ask(transaction: Transaction, question: Question): Promise<void> {
  const { identity, table } = question;
  const changes = [...question.changes.keys()];
  const name = identifier(table.name);
  const fullName = `${identifier(table.schema)}.${name}`;
  const same = table.columns
    .filter((column) => column.primaryKey)
    .map(({ name, sqlType }) =>
      `current.${identifier(name)} = (logged.row ->> ${literal(name)})::${sqlType}`
    );
  // The alias is the table's own name, since that is how policies call their row.
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
      transaction.unsafe(query, [`[${[...question.changes.values()].join(",")}]`], { prepare: true }),
    );
    for (const { number } of rows) question.seen.add(changes[number - 1]);
  } catch (error) {
    if (!isDatabaseError(error) || isUnreachable(error)) throw error;
    log("realtime_policy_failed", describeError(error));
    question.failed = true;
  }
}
