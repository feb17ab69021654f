/**
 * Reports database errors with the HTTP status and body of PostgREST.
 *
 * Why: lite knows the common SQLSTATEs only; `raise exception` with another code becomes a 500 without code, details or
 * hint, and so do a statement timeout and a lost connection; other errors lose their hint.
 * How: in lite a function determines the reply by raising SQLSTATE `PGRST` with the reply in message and detail; other
 * errors are rewritten to look like that. Some codes are left to lite: it knows who the caller is, which decides the
 * status of 42501, and it has PostgREST's messages for unknown columns and operators.
 * Goes when: lite's table of codes is PostgREST's.
 */

import { hasTooManyParameters, isDatabaseError, isUnreachable } from "../database.ts";
import type { ConnectionInternals } from "./lite_internals.ts";

const LITE_KNOWS = /^(42501|42703|42883|PT\d\d\d|PGRST)$/;

/** PostgREST's error if the database is unreachable. */
export const DATABASE_CLIENT_ERROR = {
  code: "PGRST001",
  message: "Database client error. Retrying the connection.",
};

export function reportErrorsAsPostgrest(connection: ConnectionInternals): void {
  connection.normalizeDbError = (error) => {
    if (isUnreachable(error)) {
      return new PostgrestError((error as { code: string }).code, 503, {
        ...DATABASE_CLIENT_ERROR,
        details: null,
        hint: null,
      });
    }
    if (hasTooManyParameters(error)) return tooManyParameters();
    if (!isDatabaseError(error) || LITE_KNOWS.test(error.code)) return error;
    return new PostgrestError(error.code, statusOf(error.code, error.message), {
      code: error.code,
      message: error.message,
      details: error.detail ?? null,
      hint: error.hint ?? null,
    });
  };
}

/** An error that looks to lite as if a function had raised SQLSTATE `PGRST` with the whole reply. */
export class PostgrestError extends Error {
  override name = "PostgrestError";
  readonly code = "PGRST";
  readonly detail: string;

  constructor(readonly sqlstate: string, status: number, body: Record<string, unknown>) {
    super(JSON.stringify(body));
    this.detail = JSON.stringify({ status, headers: {} });
  }
}

/** PostgREST does not have this limit, because it passes lists as one value. */
function tooManyParameters(): PostgrestError {
  return new PostgrestError("54023", 413, {
    code: "54023",
    message: "The request has more values than one statement can have",
    details: null,
    hint:
      "Send fewer rows or values at once. The number of rows is not limited if all of them have the same keys.",
  });
}

/** The statuses of single codes, then of classes of codes. Other errors are the client's: 400. */
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
