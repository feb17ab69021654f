/**
 * Postgres Changes: delivers committed changes to the clients that may see them.
 *
 * A change goes to a subscription if the event and the table match, the filters pass, and, for inserts and updates of a
 * table with row level security, the row is visible under the subscriber's role and claims when the change is handled.
 * The policies cannot be checked for a deleted row, so a delete goes to every subscriber, with the primary key only.
 *
 * Changes that arrive meanwhile form the next batch: each subscriber costs one statement for each batch and table, not
 * one for each change.
 */

import { type Database, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { checkBinding } from "./binding_check.ts";
import { type Binding, concerns } from "./bindings.ts";
import { type Table, type TableColumn, Tables } from "./catalog.ts";
import type { Identity } from "./identity.ts";
import type { Change } from "./pgoutput.ts";
import { jsonObject, passesAll, type ShownRow, showRow } from "./rows.ts";
import { RowAccess, tableError } from "./row_access.ts";
import { type Transaction, withRollback } from "./transactions.ts";

/** A channel that subscribes to changes. */
export interface Subscriber {
  readonly identity: Identity;
  /** Delivers a change: the ids of the matching bindings, and the change as JSON. */
  change(ids: number[], data: string): void;
}

/** A change, with the subscribers whose event and table match. */
interface Candidate {
  change: Change;
  targets: { subscriber: Subscriber; binding: Binding }[];
}

interface Delivery {
  subscriber: Subscriber;
  ids: number[];
  data: string;
}

/** The number of waiting changes at which the log is paused, and at which it is resumed. */
const PAUSE_AT = 5_000;
const RESUME_AT = 500;
/** Changes in one batch. */
const BATCH = 500;
/** How long a batch is retried while the database is unreachable. */
const RETRY_MS = 10_000;
/** The maximum length of the values that are sent of a row that is too large. */
const SHORT_VALUE = 64;

export class Changes {
  readonly #subscriptions = new Map<Subscriber, Binding[]>();
  readonly #tables = new Tables();
  #queue: Candidate[] = [];
  #working = false;
  #held = false;

  /** `hold` is called to pause and to resume the log. */
  constructor(
    private readonly database: Database,
    private readonly maxBytes: number,
    private readonly hold: (held: boolean) => void,
  ) {}

  /**
   * Delivers changes to a subscriber from now on.
   *
   * @throws BindingError A binding can never work on this database.
   */
  async subscribe(subscriber: Subscriber, bindings: Binding[]): Promise<void> {
    const { role } = subscriber.identity;
    await withRollback(this.database, async (transaction) => {
      for (const binding of bindings) await checkBinding(transaction, binding, role);
    });
    this.#subscriptions.set(subscriber, bindings);
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#subscriptions.delete(subscriber);
  }

  /** Accepts a change from the log. */
  take(change: Change): void {
    const { schema, table } = change.relation;
    const targets: Candidate["targets"] = [];
    for (const [subscriber, bindings] of this.#subscriptions) {
      for (const binding of bindings) {
        if (concerns(binding, change.operation, schema, table)) targets.push({ subscriber, binding });
      }
    }
    if (targets.length === 0) return;
    this.#queue.push({ change, targets });
    if (this.#queue.length >= PAUSE_AT && !this.#held) this.hold(this.#held = true);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      try {
        for (const { subscriber, ids, data } of await this.#evaluateWithRetries(batch)) {
          if (this.#subscriptions.has(subscriber)) subscriber.change(ids, data);
        }
      } catch (error) {
        log("realtime_changes_dropped", { count: batch.length, ...describeError(error) });
      }
      if (this.#held && this.#queue.length <= RESUME_AT) this.hold(this.#held = false);
    }
    this.#working = false;
  }

  async #evaluateWithRetries(batch: Candidate[]): Promise<Delivery[]> {
    const deadline = performance.now() + RETRY_MS;
    for (;;) {
      try {
        return await withRollback(this.database, (transaction) => this.#evaluate(transaction, batch));
      } catch (error) {
        if (!isUnreachable(error) || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #evaluate(transaction: Transaction, batch: Candidate[]): Promise<Delivery[]> {
    const tables = this.#tables;
    // Not awaited, so that the next statements are sent with it.
    const asService = transaction`select set_config('role', 'service_role', true)`.execute();
    await tables.describe(
      transaction,
      batch.flatMap(({ change: { relation }, targets }) =>
        targets.map(({ subscriber }) => ({ relation, role: subscriber.identity.role }))
      ),
    );
    const access = new RowAccess();
    const evaluated = await Promise.all(batch.map(async ({ change, targets }) => {
      const shown = await showRow(transaction, tables, change);
      const recipients = await Promise.all(targets.map(async ({ subscriber, binding }) => {
        const table = tables.forRole(subscriber.identity.role, change.relation);
        if (!table) return [];
        // A subscriber that may see nothing of the table gets an error, whatever its filters are.
        if (!tableError(table, change) && !await passesAll(transaction, tables, change, binding.filters)) {
          return [];
        }
        access.add(subscriber.identity, change, table, shown);
        return [{ subscriber, binding, table }];
      }));
      return { change, shown, recipients: recipients.flat() };
    }));
    await Promise.all([asService, access.check(transaction)]);
    return evaluated.flatMap(({ change, shown, recipients }) =>
      this.#deliveries(change, shown, recipients, access)
    );
  }

  /** One delivery for each subscriber and each form of the change that it gets. */
  #deliveries(
    change: Change,
    shown: ShownRow,
    recipients: { subscriber: Subscriber; binding: Binding; table: Table }[],
    access: RowAccess,
  ): Delivery[] {
    const forms = new Map<string, string>();
    const deliveries = new Map<Subscriber, Map<string, Delivery>>();
    for (const { subscriber, binding, table } of recipients) {
      const result = access.result(subscriber.identity, change, table);
      if (result === false) continue;
      const form = JSON.stringify([subscriber.identity.role, result, binding.select]);
      const data = forms.get(form) ??
        (result === true ? this.#data(change, table, shown, binding.select) : errorData(change, result));
      forms.set(form, data);
      const ofSubscriber = deliveries.get(subscriber) ?? new Map<string, Delivery>();
      const delivery = ofSubscriber.get(form) ?? { subscriber, ids: [], data };
      delivery.ids.push(binding.id);
      deliveries.set(subscriber, ofSubscriber.set(form, delivery));
    }
    return [...deliveries.values()].flatMap((ofSubscriber) => [...ofSubscriber.values()]);
  }

  /** A change with the columns that a role may select. */
  #data(change: Change, table: Table, shown: ShownRow, select: string[] | null): string {
    const { operation } = change;
    const tooLarge = shown.size > this.maxBytes;
    const columns = table.columns.filter(({ name, primaryKey, selectable }) =>
      selectable && (select === null || primaryKey || select.includes(name))
    );
    const record = (values: Map<string, string>, allowed: TableColumn[]) => {
      return jsonObject(allowed.flatMap(({ name }) => {
        const value = values.get(name);
        return value === undefined || (tooLarge && value.length > SHORT_VALUE)
          ? []
          : [[name, value] as const];
      }));
    };
    const parts = [
      ...commonData(change),
      `"columns":${JSON.stringify(columns.map(({ name, type }) => ({ name, type })))}`,
      `"errors":${tooLarge ? '["Error 413: Payload Too Large"]' : "null"}`,
    ];
    if (operation !== "DELETE") parts.push(`"record":${record(shown.row, columns)}`);
    if (operation !== "INSERT") {
      // Who could see a deleted row is unknown, so of a protected one only the key is sent.
      const hidden = operation === "DELETE" && table.rowSecurity;
      parts.push(
        `"old_record":${record(shown.old, columns.filter(({ primaryKey }) => primaryKey || !hidden))}`,
      );
    }
    return `{${parts.join(",")}}`;
  }
}

function commonData({ relation, operation, committedAt }: Change): string[] {
  return [
    `"schema":${JSON.stringify(relation.schema)}`,
    `"table":${JSON.stringify(relation.table)}`,
    `"type":"${operation}"`,
    `"commit_timestamp":"${committedAt.toISOString()}"`,
  ];
}

/** An error in place of a change whose row must not be sent. */
function errorData(change: Change, error: string): string {
  const record = change.operation === "INSERT" ? [] : ['"old_record":{}'];
  return `{${
    [...commonData(change), '"columns":[]', `"errors":[${JSON.stringify(error)}]`, '"record":{}', ...record]
      .join(",")
  }}`;
}
