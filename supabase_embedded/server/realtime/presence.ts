/** The presences on a topic. Only state: methods return what changed, and the caller tells the clients. */

import { isObject } from "./frames.ts";

export type Meta = Record<string, unknown> & { phx_ref: string };
export type Presences = Record<string, { metas: Meta[] }>;

export interface PresenceDiff {
  joins: Presences;
  leaves: Presences;
}

interface Entry {
  key: string;
  payload: Record<string, unknown>;
  meta: Meta;
}

/** Each owner (a channel of one client) is present once; several owners may share a key. */
export class PresenceRoom<Owner> {
  readonly #entries = new Map<Owner, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Adds an owner, or changes its payload. Null if nothing changed. */
  track(owner: Owner, key: string, payload: Record<string, unknown>): PresenceDiff | null {
    const before = this.#entries.get(owner);
    if (before && sameValue(before.payload, payload)) return null;
    const meta: Meta = { ...payload, phx_ref: reference() };
    if (before) meta.phx_ref_prev = before.meta.phx_ref;
    this.#entries.set(owner, { key, payload, meta });
    return {
      joins: { [key]: { metas: [meta] } },
      leaves: before ? { [before.key]: { metas: [before.meta] } } : {},
    };
  }

  /** Removes an owner. Null if it was not present. */
  untrack(owner: Owner): PresenceDiff | null {
    const entry = this.#entries.get(owner);
    if (!entry) return null;
    this.#entries.delete(owner);
    return { joins: {}, leaves: { [entry.key]: { metas: [entry.meta] } } };
  }

  state(): Presences {
    const state: Presences = {};
    for (const { key, meta } of this.#entries.values()) {
      if (Object.hasOwn(state, key)) state[key].metas.push(meta);
      else Object.defineProperty(state, key, { value: { metas: [meta] }, enumerable: true });
    }
    return state;
  }
}

function reference(): string {
  return crypto.getRandomValues(new Uint8Array(9)).toBase64({ alphabet: "base64url" });
}

/** Whether two JSON values are equal, whatever the order of their keys. */
function sameValue(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((value, i) => sameValue(value, right[i]));
  }
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left);
    return keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]));
  }
  return left === right;
}
