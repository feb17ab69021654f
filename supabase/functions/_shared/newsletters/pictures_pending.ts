/** A newsletter must not go out while pictures of it are being made. */
export class PicturesPendingError extends Error {
  override name = "PicturesPendingError";
}
