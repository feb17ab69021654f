/** The payload of `phx_join`: the options of a channel. */

import { isObject } from "./frames.ts";

export interface JoinRequest {
  private: boolean;
  /** Reply to each broadcast of the client. */
  ack: boolean;
  /** Send the client's broadcasts back to it. */
  self: boolean;
  /** Tell the client when the write-ahead log is followed. */
  replicationReady: boolean;
  /** Which messages to replay, as the client sent it; undefined if it did not ask for any. */
  replay: unknown;
  presence: { enabled: boolean; key: string };
  /** The bindings for Postgres Changes, each as the client sent it. */
  changes: Record<string, unknown>[];
  /** How long the reply may wait for the subscription to Postgres Changes; null if it must not wait. */
  changesWaitMs: number | null;
  /** A user's token; null if the connection's key counts. */
  accessToken: string | null;
}

const DEFAULT_WAIT_MS = 15_000;

/** Reads a join. Malformed options are ignored, as on the platform. */
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

/** A user's token; null for an API key or anything else. */
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
