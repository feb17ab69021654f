/** The gateway behind the one port: it routes requests to services, checks API keys and writes the log. */

import { allowOrigin, isPreflight, preflight } from "./cors.ts";
import { isUnreachable } from "./database.ts";
import { json } from "./http.ts";
import { ApiKeyError, type Caller, type Keys, TokenError } from "./keys.ts";
import { describeError, log } from "./log.ts";

/** Handles the requests below one prefix. */
export interface Service {
  prefix: string;
  /** Whether pages of any origin may call it. */
  crossOrigin: boolean;
  handle(request: Request, url: URL, exchange: Exchange): Promise<Response> | Response;
  /** Formats an unexpected error as the service does; without this, the gateway formats it. */
  fail?(failure: Failure): Response;
}

/** Why a request failed: 503 if the database is unreachable, 500 otherwise. */
export interface Failure {
  status: 500 | 503;
  message: string;
}

/** Facts about a request that services collect for the log. */
export interface Exchange {
  role: string | null;
}

/** The database is unreachable; the client may try again. */
export const DATABASE_UNAVAILABLE = {
  code: "database_unavailable",
  message: "The database is not reachable at the moment. Try again shortly.",
};

const UNEXPECTED = {
  code: "unexpected_failure",
  message: "The server failed to handle this request. Its log has the details.",
};

export class Gateway {
  readonly #services: Service[];

  constructor(services: Service[]) {
    // The longest prefix wins.
    this.#services = services.toSorted((a, b) => b.prefix.length - a.prefix.length);
  }

  async handle(request: Request): Promise<Response> {
    const started = performance.now();
    const url = new URL(request.url);
    const exchange: Exchange = { role: null };
    const response = await this.#respond(request, url, exchange);
    log("request", {
      method: request.method,
      path: url.pathname,
      status: response.status,
      ms: Math.round((performance.now() - started) * 10) / 10,
      role: exchange.role,
    });
    return response;
  }

  async #respond(request: Request, url: URL, exchange: Exchange): Promise<Response> {
    const service = this.#services.find(({ prefix }) =>
      url.pathname === prefix || url.pathname.startsWith(prefix.endsWith("/") ? prefix : prefix + "/")
    );
    if (!service) {
      return json(404, { code: "not_found", message: `Nothing is served at ${url.pathname}.` });
    }
    if (service.crossOrigin && isPreflight(request)) return preflight(request);
    let response: Response;
    try {
      response = await service.handle(request, url, exchange);
    } catch (error) {
      response = refused(error) ?? failed(service, error);
    }
    // A reply with status 101 must not be copied: only the original one turns the connection into a WebSocket.
    return service.crossOrigin && response.status !== 101 ? allowOrigin(response) : response;
  }
}

/** The reply to a request without a valid API key, whichever service it was for; null for other errors. */
function refused(error: unknown): Response | null {
  if (!(error instanceof ApiKeyError)) return null;
  return json(401, { message: error.message, hint: error.hint }, { "sb-error-code": error.errorCode });
}

function failed(service: Service, error: unknown): Response {
  const isDown = isUnreachable(error);
  if (!isDown) log("failure", describeError(error));
  const status = isDown ? 503 : 500;
  const body = isDown ? DATABASE_UNAVAILABLE : UNEXPECTED;
  return service.fail?.({ status, message: body.message }) ?? json(status, body);
}

/** Identifies the caller by the API key and, if there is one, by the user's token. */
export async function identify(keys: Keys, request: Request, url: URL, exchange: Exchange): Promise<Caller> {
  const byKey = await keys.requireKey(request, url);
  exchange.role = byKey.role;
  const token = keys.userToken(request, url);
  if (token === null) return byKey;
  const byToken = await keys.tokenCaller(token);
  exchange.role = byToken.role;
  return byToken;
}

/** PostgREST's reply to a user token that it does not accept. */
export function tokenRefused(error: TokenError): Response {
  return json(401, {
    code: error.reason === "expired" ? "PGRST303" : "PGRST301",
    details: error.reason === "invalid" ? "None of the keys was able to decode the JWT" : null,
    hint: null,
    message: error.message,
  }, { "www-authenticate": 'Bearer error="invalid_token"' });
}
