/** Checks email addresses: the auth service accepts those that a browser accepts in a form, as GoTrue does. */

import { AuthError } from "./auth_errors.ts";

/** https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address: no quotes, and domains in ASCII. */
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const EMAIL = new RegExp(`^[a-z0-9.!#$%&'*+/=?^_\`{|}~-]+@${LABEL}(?:\\.${LABEL})*$`, "i");
const MAX_LENGTH = 255;

/** Calls that check an address. A sign-in with a password does not: it only looks the address up. */
const CALLS = /^\/(signup|otp|magiclink|recover|resend|verify|user|invite|admin\/.*)$/;

export function refuseMalformedAddress(path: string, body: Record<string, unknown> | null): void {
  if (!CALLS.test(path)) return;
  for (const address of [body?.email, body?.new_email]) {
    if (typeof address !== "string" || address === "") continue;
    if (address.length > MAX_LENGTH) {
      throw new AuthError(400, "validation_failed", "An email address is too long");
    }
    if (!EMAIL.test(address)) {
      throw path === "/verify"
        ? new AuthError(422, "validation_failed", "Invalid email format")
        : new AuthError(400, "validation_failed", "Unable to validate email address: invalid format");
    }
  }
}
