/**
 * Prints what the functions know of the database, as JSON: the kinds of notifications with what becomes of each, and
 * what is wrong with the snapshots that come in as a JSON list.
 */

import { NOTIFICATION_KINDS } from "../../supabase/functions/_shared/deliver/kinds.ts";
import { problemsOf } from "../../supabase/functions/_shared/render/snapshot_shape.ts";

const snapshots: unknown[] = await new Response(Deno.stdin.readable).json();
console.log(JSON.stringify({ kinds: NOTIFICATION_KINDS, problems: snapshots.map(problemsOf) }));
