/**
 * Signed URLs. The rights are checked when a URL is created; then anybody may use it until it expires.
 *
 * The signing key is derived from the JWT secret but differs from it: a user's token does not open a URL, and the token
 * of a URL is not a user's token.
 */

import { errors, jwtVerify, SignJWT } from "jose";
import { refusals } from "./errors.ts";

export interface DownloadGrant {
  kind: "download";
  url: string;
}

export interface UploadGrant {
  kind: "upload";
  url: string;
  owner: string | null;
  upsert: boolean;
}

export class Signer {
  readonly #key: Promise<Uint8Array>;

  constructor(jwtSecret: string) {
    const text = new TextEncoder().encode(`storage-urls:${jwtSecret}`);
    this.#key = crypto.subtle.digest("SHA-256", text).then((digest) => new Uint8Array(digest));
  }

  async sign(grant: DownloadGrant | UploadGrant, seconds: number): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return await new SignJWT({ ...grant })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(await this.#key);
  }

  async verify(kind: "download", token: string | null, url: string): Promise<DownloadGrant>;
  async verify(kind: "upload", token: string | null, url: string): Promise<UploadGrant>;
  async verify(kind: string, token: string | null, url: string): Promise<DownloadGrant | UploadGrant> {
    if (!token) throw refusals.missingParameter("token");
    let grant: DownloadGrant | UploadGrant;
    try {
      grant =
        (await jwtVerify<DownloadGrant | UploadGrant>(token, await this.#key, { algorithms: ["HS256"] }))
          .payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw refusals.invalidJwt(error.message);
      throw error;
    }
    if (grant.kind !== kind || grant.url !== url) throw refusals.invalidSignature();
    return grant;
  }
}
