/**
 * Postgres Changes: which committed changes which client hears of, and what it sees of them.
 *
 * A change goes to a subscription when its event and table fit, its filters pass, and, for inserts and updates of a
 * table with row level security, the row is visible under the subscriber's role and claims when the change is looked
 * at. A deleted row can be shown to nobody any more, so a delete goes to every subscriber, with the primary key only.
 *
 * Changes that arrive while others are being looked at are looked at together: each subscriber costs one statement a
 * batch and table, not one a change.
 */

import { type Database, isUnreachable } from "../database.ts";
import { describeError, log } from "../log.ts";
import { checkBinding } from "./binding_check.ts";
import { type Binding, concerns } from "./bindings.ts";
import { type Table, type TableColumn, Tables } from "./catalog.ts";
import type { Identity } from "./identity.ts";
import type { Change } from "./pgoutput.ts";
import { fits, jsonObject, type ShownRow, showRow } from "./rows.ts";
import { refusal, Sight } from "./sight.ts";
import { lookOnly, type Transaction } from "./transactions.ts";

/** Somebody who hears of changes. */
export interface Subscriber {
  readonly identity: Identity;
  /** Takes a change: the ids of the bindings that it fits, and the change as JSON. */
  change(ids: number[], data: string): void;
}

/** A change, and who wants to hear of it as far as event and table say. */
interface Candidate {
  change: Change;
  targets: { subscriber: Subscriber; binding: Binding }[];
}

interface Delivery {
  subscriber: Subscriber;
  ids: number[];
  data: string;
}

/** Changes that wait before the log is held back, and those with which it goes on. */
const MANY = 5_000;
const FEW = 500;
/** Changes in one batch. */
const BATCH = 500;
/** How long a batch is tried again while the database is away. */
const PATIENCE_MS = 10_000;
/** The characters that a value may have to be shown of a row that is too large. */
const SHORT_VALUE = 64;

export class Changes {
  readonly #subscriptions = new Map<Subscriber, Binding[]>();
  readonly #tables = new Tables();
  #queue: Candidate[] = [];
  #working = false;
  #held = false;

  /** `hold` is called to hold the log back and to let it go on. */
  constructor(
    private readonly database: Database,
    private readonly maxBytes: number,
    private readonly hold: (held: boolean) => void,
  ) {}

  /**
   * Delivers changes to a subscriber from now on.
   *
   * @throws BindingError A binding can never work.
   */
  async subscribe(subscriber: Subscriber, bindings: Binding[]): Promise<void> {
    const { role } = subscriber.identity;
    await lookOnly(this.database, async (transaction) => {
      for (const binding of bindings) await checkBinding(transaction, binding, role);
    });
    this.#subscriptions.set(subscriber, bindings);
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#subscriptions.delete(subscriber);
  }

  /** Takes a change from the log. */
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
    if (this.#queue.length >= MANY && !this.#held) this.hold(this.#held = true);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      try {
        for (const { subscriber, ids, data } of await this.#judgePatiently(batch)) {
          if (this.#subscriptions.has(subscriber)) subscriber.change(ids, data);
        }
      } catch (error) {
        log("realtime_changes_dropped", { count: batch.length, ...describeError(error) });
      }
      if (this.#held && this.#queue.length <= FEW) this.hold(this.#held = false);
    }
    this.#working = false;
  }

  async #judgePatiently(batch: Candidate[]): Promise<Delivery[]> {
    const giveUp = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await lookOnly(this.database, (transaction) => this.#judge(transaction, batch));
      } catch (error) {
        if (!isUnreachable(error) || performance.now() > giveUp) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #judge(transaction: Transaction, batch: Candidate[]): Promise<Delivery[]> {
    const tables = this.#tables;
    // Not awaited: what follows is sent right behind it.
    const asService = transaction`select set_config('role', 'service_role', true)`.execute();
    await tables.describe(
      transaction,
      batch.flatMap(({ change: { relation }, targets }) =>
        targets.map(({ subscriber }) => ({ relation, role: subscriber.identity.role }))
      ),
    );
    const sight = new Sight();
    const judged = await Promise.all(batch.map(async ({ change, targets }) => {
      const shown = await showRow(transaction, tables, change);
      const wanting = await Promise.all(targets.map(async ({ subscriber, binding }) => {
        const table = tables.seenBy(subscriber.identity.role, change.relation);
        if (!table) return [];
        // Who may see nothing of the table is told so, whatever the filter.
        if (!refusal(table, change) && !await fits(transaction, tables, change, binding.filters)) return [];
        sight.add(subscriber.identity, change, table, shown);
        return [{ subscriber, binding, table }];
      }));
      return { change, shown, wanting: wanting.flat() };
    }));
    await Promise.all([asService, sight.look(transaction)]);
    return judged.flatMap(({ change, shown, wanting }) => this.#deliveries(change, shown, wanting, sight));
  }

  /** One delivery for each subscriber and each form in which it sees the change. */
  #deliveries(
    change: Change,
    shown: ShownRow,
    wanting: { subscriber: Subscriber; binding: Binding; table: Table }[],
    sight: Sight,
  ): Delivery[] {
    const forms = new Map<string, string>();
    const deliveries = new Map<Subscriber, Map<string, Delivery>>();
    for (const { subscriber, binding, table } of wanting) {
      const verdict = sight.verdict(subscriber.identity, change, table);
      if (verdict === false) continue;
      const form = JSON.stringify([subscriber.identity.role, verdict, binding.select]);
      const data = forms.get(form) ??
        (verdict === true ? this.#data(change, table, shown, binding.select) : errorData(change, verdict));
      forms.set(form, data);
      const ofSubscriber = deliveries.get(subscriber) ?? new Map<string, Delivery>();
      const delivery = ofSubscriber.get(form) ?? { subscriber, ids: [], data };
      delivery.ids.push(binding.id);
      deliveries.set(subscriber, ofSubscriber.set(form, delivery));
    }
    return [...deliveries.values()].flatMap((ofSubscriber) => [...ofSubscriber.values()]);
  }

  /** A change as a role sees it. */
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
      // Nobody can say who could see a deleted row, so of a protected one only the key is told.
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

/** A change of which nothing may be shown. */
function errorData(change: Change, error: string): string {
  const record = change.operation === "INSERT" ? [] : ['"old_record":{}'];
  return `{${
    [...commonData(change), '"columns":[]', `"errors":[${JSON.stringify(error)}]`, '"record":{}', ...record]
      .join(",")
  }}`;
}
