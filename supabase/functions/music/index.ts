/** What an address of a piece of music stands for. See `handler.ts`. */

import { Client } from "../_shared/platform/client.ts";
import { readEnvironment } from "../_shared/platform/environment.ts";
import { safely } from "../_shared/platform/http.ts";
import { CORS, handle } from "./handler.ts";
import { resolve } from "./resolve.ts";

const environment = readEnvironment();

Deno.serve(safely((request) =>
  handle(request, {
    isPerson: async (token) => await Client.caller(environment, token).account() !== null,
    resolve: (url) =>
      resolve(url, {
        insteadOfProviders: Deno.env.get("MUSIC_PROVIDERS_FOR_TESTS"),
        report: (message) => console.warn(message),
      }),
  }), CORS));
