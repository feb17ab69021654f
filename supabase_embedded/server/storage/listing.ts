/** Lists objects: one level of folders at a time, or page by page with a cursor. Policies decide what is visible. */

import type { Caller } from "../keys.ts";
import { refusals } from "./errors.ts";
import type { Sessions } from "./session.ts";

const SORT_COLUMNS = ["name", "updated_at", "created_at", "last_accessed_at"];

/** The entries of one folder: its objects, and its subfolders, which have only a name. */
export async function listFolder(
  sessions: Sessions,
  caller: Caller,
  bucketId: string,
  body: Record<string, unknown>,
): Promise<unknown[]> {
  const given = text(body, "prefix");
  const prefix = given === "" || given.endsWith("/") ? given : `${given}/`;
  const start = prefix + text(body, "search");
  const limit = whole(body, "limit", 100);
  const offset = whole(body, "offset", 0);
  const { column, descending } = sorting(body);
  const level = prefix.split("/").length;
  return await sessions.asCaller(caller, "object.list", async (transaction) => {
    const direction = descending ? transaction`desc` : transaction`asc`;
    return [
      ...await transaction`
        with found as (
          select
            split_part(name, '/', ${level}) as entry,
            position('/' in substr(name, ${prefix.length + 1})) > 0 as is_folder,
            o.*
          from storage.objects o
          where bucket_id = ${bucketId} and starts_with(lower(name), lower(${start}))
        ), entries as (
          select entry as name, null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
            null::timestamptz as last_accessed_at, null::jsonb as metadata, true as is_folder
          from found where is_folder group by entry
          union all
          select entry, id, updated_at, created_at, last_accessed_at, metadata, false
          from found where not is_folder
        )
        select name, id, updated_at, created_at, last_accessed_at, metadata from entries
        order by is_folder desc, ${transaction(column)} ${direction}, name
        limit ${limit} offset ${offset}`,
    ];
  });
}

/** A page of objects, grouped into folders on request, and the cursor of the next page. */
export async function listPage(
  sessions: Sessions,
  caller: Caller,
  bucketId: string,
  body: Record<string, unknown>,
): Promise<unknown> {
  const prefix = text(body, "prefix");
  const limit = Math.min(whole(body, "limit", 1000), 1000);
  const inFolders = body.with_delimiter === true;
  const { column, descending } = sorting(body);
  const cursor = body.cursor === undefined || body.cursor === null ? null : readCursor(text(body, "cursor"));
  const rows = await sessions.asCaller(caller, "object.list_v2", async (transaction) => {
    const direction = descending ? transaction`desc` : transaction`asc`;
    const after = descending ? transaction`<` : transaction`>`;
    // Sorted as text in byte order, whatever the column is, so that it can be compared with a cursor.
    const rank = column === "name"
      ? transaction`key`
      : transaction`to_char(${transaction(column)} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')`;
    return [
      ...await transaction<Listed[]>`
        with found as (
          select o.*, position('/' in substr(name, ${prefix.length + 1})) as slash
          from storage.objects o
          where bucket_id = ${bucketId} and starts_with(name, ${prefix})
        ), entries as (
          select name as key, id, metadata, created_at, updated_at, last_accessed_at, false as is_folder
          from found where not ${inFolders} or slash = 0
          union all
          select left(name, ${prefix.length} + slash), null, null, min(created_at), max(updated_at),
            max(last_accessed_at), true
          from found where ${inFolders} and slash > 0
          group by 1
        ), ranked as (
          select *, (${rank}) collate "C" as rank from entries
        )
        select * from ranked
        ${
        cursor
          ? transaction`where (rank, key collate "C") ${after} (${cursor.rank} collate "C", ${cursor.key} collate "C")`
          : transaction``
      }
        order by rank ${direction}, key collate "C" ${direction}
        limit ${limit + 1}`,
    ];
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasNext = rows.length > limit && last !== undefined;
  return {
    hasNext,
    ...(hasNext ? { nextCursor: btoa(JSON.stringify([last.rank, last.key])) } : {}),
    folders: page.filter(({ is_folder }) => is_folder).map(({ key, created_at, updated_at }) => ({
      key,
      name: key,
      created_at,
      updated_at,
    })),
    objects: page.filter(({ is_folder }) => !is_folder).map((object) => ({
      id: object.id,
      key: object.key,
      name: object.key,
      updated_at: object.updated_at,
      created_at: object.created_at,
      last_accessed_at: object.last_accessed_at,
      metadata: object.metadata,
    })),
  };
}

interface Listed {
  key: string;
  rank: string;
  is_folder: boolean;
  id: string | null;
  metadata: unknown;
  created_at: string;
  updated_at: string;
  last_accessed_at: string;
}

function readCursor(cursor: string): { rank: string; key: string } {
  try {
    const [rank, key] = JSON.parse(atob(cursor)) as unknown[];
    if (typeof rank === "string" && typeof key === "string") return { rank, key };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof DOMException)) throw error;
  }
  throw refusals.invalidBody("`cursor` must be the `nextCursor` of an earlier page.");
}

function sorting(body: Record<string, unknown>): { column: string; descending: boolean } {
  const { column = "name", order = "asc" } = (body.sortBy ?? {}) as { column?: unknown; order?: unknown };
  if (typeof column !== "string" || !SORT_COLUMNS.includes(column)) {
    throw refusals.invalidBody(`\`sortBy.column\` must be one of ${SORT_COLUMNS.join(", ")}.`);
  }
  if (order !== "asc" && order !== "desc") throw refusals.invalidBody("`sortBy.order` must be asc or desc.");
  return { column, descending: order === "desc" };
}

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name] ?? "";
  if (typeof value !== "string") throw refusals.invalidBody(`\`${name}\` must be a string.`);
  return value;
}

function whole(body: Record<string, unknown>, name: string, standard: number): number {
  const value = body[name] ?? standard;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 2_147_483_646) {
    throw refusals.invalidBody(`\`${name}\` must be a whole number that is not negative.`);
  }
  return value;
}
