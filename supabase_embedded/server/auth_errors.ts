/** Errors of `/auth/v1`, in GoTrue's format. */

import { json } from "./http.ts";

export class AuthError extends Error {
  override name = "AuthError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export function authErrorResponse({ status, code, message, extra = {} }: {
  status: number;
  code: string;
  message: string;
  extra?: Record<string, unknown>;
}): Response {
  return json(status, { code: status, error_code: code, msg: message, ...extra }, {
    "x-sb-error-code": code,
  });
}
