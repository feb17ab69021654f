/**
 * Answers database errors with the HTTP status and body of PostgREST.
 *
 * Why: lite knows the common SQLSTATEs only; `raise exception` with a code of one's own is a 500 without code,
 * details or hint, and so are a statement timeout and a lost connection; hints get lost in others.
 * How: lite lets a function answer anything by raising SQLSTATE `PGRST` with the response in message and detail;
 * the error is dressed up as that. Some codes stay: lite knows who the caller is, which decides the status of
 * 42501, and puts PostgREST's wording into the messages about unknown columns and operators.
 * Goes when: lite's table of codes is PostgREST's.
 */

import { isDatabaseError, isTooMuch, isUnreachable } from "../database.ts";
import type { ConnectionInternals } from "./lite_internals.ts";

const LITE_KNOWS = /^(42501|42703|42883|PT\d\d\d|PGRST)$/;

/** What PostgREST says when the database is away. */
export const DATABASE_CLIENT_ERROR = {
  code: "PGRST001",
  message: "Database client error. Retrying the connection.",
};

export function answerErrorsAsPostgrest(connection: ConnectionInternals): void {
  connection.normalizeDbError = (error) => {
    if (isUnreachable(error)) {
      return new DressedError((error as { code: string }).code, 503, {
        ...DATABASE_CLIENT_ERROR,
        details: null,
        hint: null,
      });
    }
    if (isTooMuch(error)) return tooMuch();
    if (!isDatabaseError(error) || LITE_KNOWS.test(error.code)) return error;
    return new DressedError(error.code, statusOf(error.code, error.message), {
      code: error.code,
      message: error.message,
      details: error.detail ?? null,
      hint: error.hint ?? null,
    });
  };
}

/** An error that looks to lite as if a function had raised SQLSTATE `PGRST` with the whole answer in it. */
export class DressedError extends Error {
  override name = "DressedError";
  readonly code = "PGRST";
  readonly detail: string;

  constructor(readonly sqlstate: string, status: number, body: Record<string, unknown>) {
    super(JSON.stringify(body));
    this.detail = JSON.stringify({ status, headers: {} });
  }
}

/** PostgREST has no such limit, because it gives lists as one value. */
function tooMuch(): DressedError {
  return new DressedError("54023", 413, {
    code: "54023",
    message: "The request has more values than a statement takes at once",
    details: null,
    hint: "Send fewer rows or values at once. Rows that all have the same keys may be as many as you like.",
  });
}

/** Statuses of single codes, then of classes of codes; all others are the client's mistake. */
const BY_CODE: Record<string, number> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42P01": 404,
  "42P17": 500,
  "53400": 500,
  P0001: 400,
};
const BY_CLASS: Record<string, number> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

export function statusOf(code: string, message: string): number {
  if (code === "21000") return message.endsWith("requires a WHERE clause") ? 400 : 500;
  if (code === "22023" && /^role .* does not exist$/.test(message)) return 401;
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 400;
}
