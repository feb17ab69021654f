/**
 * Derives pictures for the tests: reads jobs as JSON lines from standard input, writes the files of each into its
 * folder, and prints a line of JSON with what came of it and what it cost.
 */

import process from "node:process";
import { derive, PictureError } from "../../../supabase/functions/_shared/pictures/mod.ts";

interface Job {
  file: string;
  folder: string;
  face?: boolean;
}

async function work({ file, folder, face }: Job): Promise<Record<string, unknown>> {
  const bytes = await Deno.readFile(file);
  const before = process.cpuUsage();
  try {
    const { files, ...made } = await derive(bytes, face);
    const { user, system } = process.cpuUsage(before);
    await Deno.mkdir(folder, { recursive: true });
    for (const { name, bytes } of files) await Deno.writeFile(`${folder}/${name}`, bytes);
    const sizes = files.map(({ name, width, height, bytes }) => [name, [width, height, bytes.length]]);
    return { ...made, files: Object.fromEntries(sizes), cpuSeconds: (user + system) / 1e6 };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { refusal: error.refusal, message: error.message };
  }
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const jobs = (rest + chunk).split("\n");
  rest = jobs.pop()!;
  for (const job of jobs) console.log(JSON.stringify(await work(JSON.parse(job))));
}
