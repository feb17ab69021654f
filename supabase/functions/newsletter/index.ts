/** The newsletter on the web: page, PDF, pictures, preview. See `handler.ts`. */

import { readPageTemplate } from "../_shared/newsletters/mod.ts";
import { readEnvironment, safely } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

/** Where the application shows newsletters. What is wrong with it keeps nobody from reading them here. */
function pageTemplate(): string | undefined {
  try {
    return readPageTemplate();
  } catch (error) {
    console.error(JSON.stringify({ event: "misconfigured", reason: (error as Error).message }));
    return undefined;
  }
}

const deps = { environment: readEnvironment(), pageTemplate: pageTemplate() };

Deno.serve(safely((request) => handle(request, deps), { "access-control-allow-origin": "*" }));
