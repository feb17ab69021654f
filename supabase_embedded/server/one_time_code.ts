/** One-time codes in emails: six digits for people, and the hash of address and digits for links and the database. */

export interface OneTimeCode {
  code: string;
  hash: string;
}

export async function oneTimeCode(email: string): Promise<OneTimeCode> {
  const code = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte % 10).join("");
  return { code, hash: await hashCode(email, code) };
}

/** The same hash as lite's, because lite looks it up. */
export async function hashCode(email: string, code: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(email.toLowerCase() + code),
  );
  return new Uint8Array(digest).toHex();
}
