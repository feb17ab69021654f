/**
 * Renders published newsletters as `deliver` does, for the tests: reads lines of JSON from standard input, the first with the
 * environment, the others with a newsletter's id each, and answers what came of it.
 */

import { renderNewsletter } from "../../../supabase/functions/_shared/newsletters/mod.ts";
import { Client, readEnvironment } from "../../../supabase/functions/_shared/platform/mod.ts";
import { finishMail } from "../../../supabase/functions/_shared/render/mail.ts";

let service: Client | null = null;
let project = "";

async function answer(line: string): Promise<unknown> {
  if (service === null) {
    const variables: Record<string, string> = JSON.parse(line);
    const environment = readEnvironment((name) => variables[name]);
    project = environment.url;
    service = Client.service(environment);
    return {};
  }
  try {
    const rendered = await renderNewsletter(service, JSON.parse(line), { project });
    const mail = finishMail(JSON.parse(JSON.stringify(rendered.mail)), {
      unsubscribeSpace: `${project}/functions/v1/unsubscribe?token=t&scope=space`,
      unsubscribeAll: `${project}/functions/v1/unsubscribe?token=t&scope=everything`,
    });
    return { ...rendered, mail };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const jobs = (rest + chunk).split("\n");
  rest = jobs.pop()!;
  for (const job of jobs) console.log(JSON.stringify(await answer(job)));
}
