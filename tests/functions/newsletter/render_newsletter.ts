/**
 * Makes pictures ready as `pictures` does, and renders published newsletters as `deliver` does, for the tests: reads
 * lines of JSON from standard input, the first with the environment, the others with a newsletter's id each, and prints
 * what came of it.
 */

import { doPicture } from "../../../supabase/functions/_shared/pictures/jobs.ts";
import { renderNewsletter } from "../../../supabase/functions/_shared/newsletters/mod.ts";
import { Client, readEnvironment } from "../../../supabase/functions/_shared/platform/mod.ts";
import { finishEmail } from "../../../supabase/functions/_shared/render/email.ts";

let service: Client | null = null;
let project = "";
const notes: unknown[] = [];

async function reply(line: string): Promise<unknown> {
  if (service === null) {
    const variables: Record<string, string> = JSON.parse(line);
    const environment = readEnvironment((name) => variables[name]);
    project = environment.url;
    service = Client.service(environment);
    return {};
  }
  const log = (event: string, details: Record<string, unknown>) => void notes.push({ event, ...details });
  while ((await doPicture({ service, worker: "tests", log })).more);
  if (JSON.parse(line) === null) return { notes: notes.splice(0) };
  try {
    const rendered = await renderNewsletter(service, JSON.parse(line), { project });
    const email = finishEmail(JSON.parse(JSON.stringify(rendered.email)), {
      unsubscribeSpace: `${project}/functions/v1/unsubscribe?token=t&scope=space`,
      unsubscribeAll: `${project}/functions/v1/unsubscribe?token=t&scope=everything`,
    });
    return { ...rendered, mail: email, prepared: rendered.email };
  } catch (error) {
    return { error: (error as Error).name, message: (error as Error).message };
  }
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const jobs = (rest + chunk).split("\n");
  rest = jobs.pop()!;
  for (const job of jobs) console.log(JSON.stringify(await reply(job)));
}
