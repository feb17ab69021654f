/** The payload of `phx_join`: what a client wants of a channel. */

import { isObject } from "./frames.ts";

export interface JoinRequest {
  private: boolean;
  /** Answer each broadcast of the client. */
  ack: boolean;
  /** Send the client's broadcasts back to it. */
  self: boolean;
  /** Say when the connection to the write-ahead log stands. */
  replicationReady: boolean;
  /** Messages to repeat, as the client asked for them; undefined where it did not. */
  replay: unknown;
  presence: { enabled: boolean; key: string };
  /** The bindings for Postgres Changes, each as the client sent it. */
  changes: Record<string, unknown>[];
  /** How long the answer may wait until Postgres Changes are subscribed; null where it shall not wait. */
  changesWaitMs: number | null;
  /** A user's token, or null where the connection's key decides. */
  accessToken: string | null;
}

const DEFAULT_WAIT_MS = 15_000;

/** Reads a join. What has the wrong form counts as not given, as on the platform. */
export function parseJoin(payload: unknown): JoinRequest {
  const join = object(payload);
  const config = object(join.config);
  const broadcast = object(config.broadcast);
  const presence = object(config.presence);
  const options = object(config.postgres_changes_options);
  return {
    private: flag(config.private),
    ack: flag(broadcast.ack),
    self: flag(broadcast.self),
    replicationReady: flag(broadcast.replication_ready),
    replay: broadcast.replay ?? undefined,
    presence: {
      enabled: flag(presence.enabled),
      key: typeof presence.key === "string" && presence.key !== "" ? presence.key : crypto.randomUUID(),
    },
    changes: Array.isArray(config.postgres_changes) ? config.postgres_changes.filter(isObject) : [],
    changesWaitMs: flag(options.wait) ? positive(options.timeout) ?? DEFAULT_WAIT_MS : null,
    accessToken: token(join.user_token) ?? token(join.access_token),
  };
}

/** A token that says more than the connection's key does. */
export function token(value: unknown): string | null {
  return typeof value === "string" && !value.startsWith("sb_") ? value : null;
}

function object(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** Some clients send booleans as text. */
function flag(value: unknown): boolean {
  return value === true || (typeof value === "string" && value.toLowerCase() === "true");
}

function positive(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : null;
}
