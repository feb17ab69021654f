/** Reads past messages of a private channel, for a client that joins. */

import type { Database } from "../database.ts";
import { isObject } from "./frames.ts";
import type { StoredMessage } from "./broadcast.ts";
import { withRollback } from "./transactions.ts";

/** The replay that the client asked for is malformed or not allowed. The message is the platform's. */
export class ReplayError extends Error {
  override name = "ReplayError";
}

const MAX_MESSAGES = 25;

export class Replay {
  constructor(private readonly database: Database) {}

  /** The newest messages since a time, oldest first. `params` is `{since, limit}` as the client sent it. */
  async messages(topic: string, params: unknown): Promise<StoredMessage[]> {
    const { since, limit = MAX_MESSAGES } = isObject(params) ? params : {};
    if (!Number.isInteger(since) || !Number.isInteger(limit) || Math.abs(since as number) > 8.64e15) {
      throw new ReplayError("Replay params are not valid");
    }
    const rows = await withRollback(this.database, async (transaction) => {
      await transaction`select set_config('role', 'service_role', true)`;
      return await transaction`
        select id, event, payload::text as payload, binary_payload::text as binary_payload
        from realtime.messages
        where topic = ${topic}
          and private
          and extension = 'broadcast'
          and event is not null
          and inserted_at >= ${new Date(since as number).toISOString()}::text::timestamp
          and inserted_at < (now() at time zone 'utc') + interval '1 minute'
        order by inserted_at desc
        limit ${Math.min(Math.max(limit as number, 1), MAX_MESSAGES)}::integer
      `;
    });
    return rows.reverse().map(({ id, event, payload, binary_payload: binaryPayload }) => ({
      id,
      event,
      payload,
      binaryPayload,
    }));
  }
}
