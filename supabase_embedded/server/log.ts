/**
 * The log: one JSON object a line on standard output.
 *
 * A line never contains a key, a token, a password, a query string, a row's values or the text of an email. That is
 * why an error is logged with its name and SQLSTATE, not with its message: Postgres quotes values in messages.
 *
 * A line that cannot be written, because the disk is full or the reader has gone, is lost, and the request goes on.
 */

const encoder = new TextEncoder();

export type LogFields = Record<string, string | number | boolean | null | undefined>;

export function log(event: string, fields: LogFields = {}): void {
  const line = encoder.encode(JSON.stringify({ event, at: new Date().toISOString(), ...fields }) + "\n");
  try {
    for (let written = 0; written < line.length;) written += Deno.stdout.writeSync(line.subarray(written));
  } catch {
    // There is nowhere else to report it.
  }
}

/** The parts of an error that may be logged: its class, its code and where it was thrown. */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code, routine } = error as { code?: unknown; routine?: unknown };
  return {
    error: error.name,
    code: typeof code === "string" ? code : undefined,
    routine: typeof routine === "string" ? routine : undefined,
    where: error.stack?.split("\n").find((line) => line.trimStart().startsWith("at "))?.trim(),
  };
}
