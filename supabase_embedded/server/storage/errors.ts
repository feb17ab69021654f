/**
 * The errors of `/storage/v1`, in the platform's words.
 *
 * The HTTP status of nearly all of them is 400; the actual status is in the body as `statusCode`.
 */

import { isDatabaseError } from "../database.ts";
import { json } from "../http.ts";

export class StorageError extends Error {
  override name = "StorageError";
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string,
    /** The older name of the code, for older clients. */
    readonly error: string = code,
  ) {
    super(message);
  }
}

export const refusals = {
  accessDenied: (message = "Access denied") => new StorageError(403, "AccessDenied", message, "Unauthorized"),
  bucketExists: () =>
    new StorageError(409, "BucketAlreadyExists", "The resource already exists", "Duplicate"),
  bucketNotEmpty: () =>
    new StorageError(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty"),
  invalidBucketName: () => new StorageError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input"),
  invalidBody: (message: string) => new StorageError(400, "InvalidRequest", message),
  invalidJwt: (message: string) => new StorageError(400, "InvalidJWT", message),
  invalidKey: (key: string) => new StorageError(400, "InvalidKey", `Invalid key: ${key}`),
  invalidMimeType: (type: string) =>
    new StorageError(415, "InvalidMimeType", `mime type ${type} is not supported`, "invalid_mime_type"),
  invalidRange: () => new StorageError(416, "InvalidRange", "invalid range provided", "invalid_range"),
  invalidSignature: () => new StorageError(400, "InvalidSignature", "Invalid signature"),
  missingParameter: (name: string) =>
    new StorageError(400, "MissingParameter", `Missing Required Parameter ${name}`),
  noSuchBucket: () => new StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found"),
  noSuchKey: () => new StorageError(404, "NoSuchKey", "Object not found", "not_found"),
  noSuchRoute: (method: string, path: string) =>
    new StorageError(404, "NotFound", `Route ${method}:${path} not found`, "Not Found"),
  notEnabled: (feature: string) =>
    new StorageError(409, "FeatureNotEnabled", `The feature ${feature} is not enabled for this resource`),
  objectExists: () => new StorageError(409, "KeyAlreadyExists", "The resource already exists", "Duplicate"),
  relatedNotFound: () => new StorageError(404, "InvalidRequest", "The related resource does not exist"),
  tooLarge: () =>
    new StorageError(
      413,
      "EntityTooLarge",
      "The object exceeded the maximum allowed size",
      "Payload too large",
    ),
  unstorableText: () =>
    new StorageError(400, "InvalidRequest", "Text must be valid Unicode without NUL characters."),
  unauthorized: (message: string) => new StorageError(401, "AccessDenied", message, "Unauthorized"),
};

/** The storage error for an error of the database, or the error itself. */
export function asStorageError(error: unknown): unknown {
  if (!isDatabaseError(error)) return error;
  switch (error.code) {
    case "42501":
      return refusals.accessDenied("new row violates row-level security policy");
    case "23505":
      return error.constraint_name?.startsWith("buckets") ? refusals.bucketExists() : refusals.objectExists();
    case "23503":
      return refusals.relatedNotFound();
    default:
      // A value that Postgres does not accept.
      if (error.code.startsWith("22")) return refusals.invalidBody(error.message);
      // A policy or a trigger of the application failed. Its message comes from the developer.
      return error.code.startsWith("57") ? error : new StorageError(500, "DatabaseError", error.message);
  }
}

export function storageErrorResponse(error: StorageError): Response {
  const status = error.statusCode >= 500 || error.statusCode === 401 ? error.statusCode : 400;
  return json(status, {
    statusCode: String(error.statusCode),
    code: error.code,
    error: error.error,
    message: error.message,
  });
}
