/**
 * Print what is wrong with the email settings, one fault a line, and exit with 1 if anything is. The embedded stack
 * runs this before it starts: what is misspelt in `supabase/functions/.env` would otherwise be in the log of `deliver`
 * only.
 */

import { readPageTemplate } from "../newsletters/newsletters.ts";
import { EnvironmentError } from "../platform/mod.ts";
import { readEmailSettings } from "./settings.ts";

let isRight = true;
for (const read of [() => readEmailSettings("http://project.example"), () => readPageTemplate()]) {
  try {
    read();
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    console.log(error.message);
    isRight = false;
  }
}
Deno.exit(isRight ? 0 : 1);
