/**
 * Replaces the console output of libraries by log lines without content.
 *
 * Why: lite prints whole error objects, and Postgres quotes rows and parameters in them.
 * Goes when: lite takes a logger.
 */

import { isDatabaseError } from "../database.ts";
import { describeError, log } from "../log.ts";
import { PostgrestError } from "./postgrest_errors.ts";

export function quietConsole(): void {
  const report = (level: string) => (...parts: unknown[]) => {
    const error = parts.find((part) => part instanceof Error);
    if (error instanceof PostgrestError) log("refused", { sqlstate: error.sqlstate });
    else if (isDatabaseError(error)) log("refused", { sqlstate: error.code });
    else log("library", { level, ...(error ? describeError(error) : {}) });
  };
  console.error = report("error");
  console.warn = report("warning");
  console.info = console.log = console.debug = report("info");
}
