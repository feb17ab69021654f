/** What all sockets and channels of the server share. */

import type { Keys } from "../keys.ts";
import type { Authorization } from "./authorization.ts";
import type { Changes } from "./changes.ts";
import type { Limits, Rate } from "./limits.ts";
import type { Replay } from "./replay.ts";
import type { Topics } from "./topics.ts";
import type { WalReader } from "./wal.ts";

export interface Services {
  keys: Keys;
  limits: Limits;
  rates: { joins: Rate; messages: Rate; presence: Rate };
  topics: Topics;
  authorization: Authorization;
  replay: Replay;
  changes: Changes;
  wal: WalReader;
}
