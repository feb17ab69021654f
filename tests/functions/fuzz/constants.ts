/** The keys, identifiers and the time that the inputs and the backend agree on. */

export const SECRET_KEY = "sb_secret_for_fuzzing";
export const WEBHOOK = crypto.getRandomValues(new Uint8Array(24));
export const ENVIRONMENT = {
  url: "http://api.test",
  publishableKey: "sb_publishable_x",
  secretKey: SECRET_KEY,
  secretKeys: [SECRET_KEY],
};
export const NEWSLETTER = "00000000-0000-4000-8000-00000000000a";
export const SPACE = "00000000-0000-4000-8000-00000000000b";
export const RESPONSE = "00000000-0000-4000-8000-00000000000c";
export const TOKEN = "0123456789abcdef";
export const NOW = Date.UTC(2026, 10, 23);
export const PERSON = `x.${btoa(JSON.stringify({ sub: "1", role: "authenticated" }))}.x`;
