/** The newsletter on the web: page, PDF, pictures, preview. See `handler.ts`. */

import { readEnvironment } from "../_shared/platform/mod.ts";
import { handle } from "./handler.ts";

const deps = { environment: readEnvironment(), pageTemplate: Deno.env.get("NEWSLETTER_URL") };

Deno.serve((request) => handle(request, deps));
