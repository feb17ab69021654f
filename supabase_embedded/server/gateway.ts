/** The one port: which service answers which path, who may knock, and what is logged. */

import { allowOrigin, isPreflight, preflight } from "./cors.ts";
import { isUnreachable } from "./database.ts";
import { json } from "./http.ts";
import { ApiKeyError, type Caller, type Keys, TokenError } from "./keys.ts";
import { describeError, log } from "./log.ts";

/** Answers the requests below one prefix. */
export interface Service {
  prefix: string;
  /** Pages of any origin may call it. */
  crossOrigin: boolean;
  handle(request: Request, url: URL, exchange: Exchange): Promise<Response> | Response;
  /** Says what it did not foresee in the form of its errors; without it, in the gateway's. */
  fail?(failure: Failure): Response;
}

/** Why a request could not be answered: 503, the database is away, or 500, whatever else. */
export interface Failure {
  status: 500 | 503;
  message: string;
}

/** What is noted about a request while it is answered. */
export interface Exchange {
  role: string | null;
}

/** The service is down for the moment; the client may try again. */
export const DATABASE_AWAY = {
  code: "database_unavailable",
  message: "The database is not reachable at the moment. Try again shortly.",
};

const UNFORESEEN = {
  code: "unexpected_failure",
  message: "The server failed to answer this request. Its log has the details.",
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
    const response = await this.#answer(request, url, exchange);
    log("request", {
      method: request.method,
      path: url.pathname,
      status: response.status,
      ms: Math.round((performance.now() - started) * 10) / 10,
      role: exchange.role,
    });
    return response;
  }

  async #answer(request: Request, url: URL, exchange: Exchange): Promise<Response> {
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
    // 101: the connection is a WebSocket from here on, and only this very response makes it one.
    return service.crossOrigin && response.status !== 101 ? allowOrigin(response) : response;
  }
}

/** Who knocks without a key is turned away by the platform's gateway, whichever service it was for. */
function refused(error: unknown): Response | null {
  if (!(error instanceof ApiKeyError)) return null;
  return json(401, { message: error.message, hint: error.hint }, { "sb-error-code": error.errorCode });
}

function failed(service: Service, error: unknown): Response {
  const isAway = isUnreachable(error);
  if (!isAway) log("failure", describeError(error));
  const status = isAway ? 503 : 500;
  const body = isAway ? DATABASE_AWAY : UNFORESEEN;
  return service.fail?.({ status, message: body.message }) ?? json(status, body);
}

/** The caller, by API key and, where the service knows users, by the user's token. */
export async function identify(keys: Keys, request: Request, url: URL, exchange: Exchange): Promise<Caller> {
  const byKey = await keys.requireKey(request, url);
  exchange.role = byKey.role;
  const token = keys.userToken(request, url);
  if (token === null) return byKey;
  const byToken = await keys.tokenCaller(token);
  exchange.role = byToken.role;
  return byToken;
}

/** PostgREST's answer to a user token that it does not accept. */
export function tokenRefused(error: TokenError): Response {
  return json(401, {
    code: error.reason === "expired" ? "PGRST303" : "PGRST301",
    details: error.reason === "invalid" ? "None of the keys was able to decode the JWT" : null,
    hint: null,
    message: error.message,
  }, { "www-authenticate": 'Bearer error="invalid_token"' });
}
