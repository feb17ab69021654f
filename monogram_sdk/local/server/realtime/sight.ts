/** Which changed rows which identities can see, by the tables' own policies. */

import { isDatabaseError, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { identifier, type Table } from "./catalog.ts";
import type { Identity } from "./identity.ts";
import type { Change } from "./pgoutput.ts";
import { newValues } from "./rows.ts";
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
  changes: Set<Change>;
  seen: Set<Change>;
  failed: boolean;
}

/** Collects what is to be asked, and asks one statement for each identity and table. */
export class Sight {
  readonly #questions = new Map<string, Question>();

  add(identity: Identity, change: Change, table: Table): void {
    if (!table.rowSecurity || change.operation === "DELETE" || refusal(table, change)) return;
    const key = questionKey(identity, change);
    const question = this.#questions.get(key) ??
      { identity, table, changes: new Set(), seen: new Set(), failed: false };
    question.changes.add(change);
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
  const changes = [...question.changes];
  const primaryKey = table.columns.filter((column) => column.primaryKey);
  const wanted = changes.map((change) => {
    const values = newValues(change);
    return primaryKey.map(({ name }) => values.get(name));
  });
  const same = primaryKey.map(({ name, sqlType }, i) =>
    `row.${identifier(name)} = (wanted.key ->> ${i})::${sqlType}`
  );
  const query = "select wanted.number::integer as number " +
    "from jsonb_array_elements($1::text::jsonb) with ordinality as wanted (key, number) " +
    `where exists (select from ${identifier(table.schema)}.${identifier(table.name)} as row ` +
    `where ${same.join(" and ")})`;
  try {
    const rows = await group(
      transaction,
      become(transaction, identity),
      transaction.unsafe(query, [JSON.stringify(wanted)], { prepare: true }),
    );
    for (const { number } of rows) question.seen.add(changes[number - 1]);
  } catch (error) {
    if (!isDatabaseError(error) || isUnreachable(error)) throw error;
    log("realtime_policy_failed", describeError(error));
    question.failed = true;
  }
}
