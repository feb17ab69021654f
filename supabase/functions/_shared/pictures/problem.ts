/**
 * Why a picture is not shown. Kept in the database and told to the leader: see `pictures_refusal_known` in the
 * migrations.
 */
export type Refusal =
  /** No such object. */
  | "MISSING"
  /** Not a picture, or of a kind that nobody here knows. */
  | "UNKNOWN_FORMAT"
  /** AVIF or HEIC: decoding one takes more than a function has. */
  | "UNSUPPORTED_FORMAT"
  /** Nothing of it can be decoded. */
  | "DAMAGED"
  /** More pixels than a function can decode. */
  | "TOO_MANY_PIXELS"
  /** More bytes than a function can hold. */
  | "TOO_MANY_BYTES"
  /** Every worker that took it was ended by the platform, or failed otherwise. */
  | "TOO_HEAVY";

/** Thrown for bytes that do not become a picture, whoever tries and how often. */
export class PictureError extends Error {
  override name = "PictureError";
  constructor(message: string, readonly refusal: Refusal = "DAMAGED", options?: ErrorOptions) {
    super(message, options);
  }
}
