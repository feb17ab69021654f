/** The environment variables that the platform gives a function. */

export interface Environment {
  /** The base URL of the project's API, without a slash at its end. */
  url: string;
  /** The key that acts as `anon`. */
  publishableKey: string;
  /** The key that this function itself uses; it bypasses all access rules. */
  secretKey: string;
  /** Every key that may call functions which are for the project's own programs. */
  secretKeys: string[];
}

/** A required variable is missing or damaged. */
export class EnvironmentError extends Error {
  override name = "EnvironmentError";
}

/**
 * Read the platform's variables. The present names hold keys by name, as JSON; the older ones a single key.
 *
 * @throws {EnvironmentError} One is missing or damaged. The message never repeats a value.
 */
export function readEnvironment(get: (name: string) => string | undefined = Deno.env.get): Environment {
  const url = get("SUPABASE_URL");
  if (!url) throw new EnvironmentError("SUPABASE_URL is not set. The platform sets it for every function.");
  const publishable = named(get, "SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_ANON_KEY");
  const secret = named(get, "SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY");
  return {
    url: url.replace(/\/+$/, ""),
    publishableKey: publishable[0],
    secretKey: secret[0],
    secretKeys: secret,
  };
}

/** All keys under the two names: that which is called "default" first, the older one last. */
function named(get: (name: string) => string | undefined, present: string, older: string): string[] {
  const keys: string[] = [];
  const text = get(present);
  if (text) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw new EnvironmentError(`${present} must hold a JSON object of keys by name.`);
    }
    const entries = Object.entries(parsed ?? {}).filter(([, key]) => typeof key === "string" && key !== "");
    entries.sort(([one], [other]) => Number(other === "default") - Number(one === "default"));
    keys.push(...entries.map(([, key]) => key as string));
  }
  const old = get(older);
  if (old) keys.push(old);
  if (keys.length === 0) throw new EnvironmentError(`Neither ${present} nor ${older} is set.`);
  return keys;
}
