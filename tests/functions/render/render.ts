/**
 * Renders fixtures for the tests: reads jobs as JSON lines from standard input, writes the files each asks for, and answers
 * a line of JSON with what came of it and what it cost.
 */

import process from "node:process";
import {
  buildLetter,
  type Newsletter,
  type PageSize,
  type Picture,
  finishMail,
  prepareMail,
  renderPage,
  renderPdf,
} from "../../../supabase/functions/_shared/render/mod.ts";

interface Job {
  newsletter: Newsletter;
  theme?: unknown;
  /** Files, or addresses where they start with "https:", by the path that the newsletter names them with. */
  pictures?: { cover?: string | null; responses?: Record<string, string>; avatars?: Record<string, string> };
  links?: { page?: string; pdf?: string };
  unsubscribe?: { space: string; all: string };
  /** What to make, and where. */
  page?: string;
  mail?: { html: string; text: string };
  pdf?: string;
  size?: PageSize;
}

function picture(source: string): Picture {
  return source.startsWith("https:") ? { url: source } : { bytes: Deno.readFileSync(source) };
}

function pictures(sources: Record<string, string> = {}): Map<string, Picture> {
  return new Map(Object.entries(sources).map(([path, source]) => [path, picture(source)]));
}

async function render(job: Job): Promise<Record<string, unknown>> {
  const input = {
    newsletter: job.newsletter,
    theme: job.theme,
    links: job.links,
    pictures: {
      cover: job.pictures?.cover ? picture(job.pictures.cover) : null,
      responses: pictures(job.pictures?.responses),
      avatars: pictures(job.pictures?.avatars),
    },
  };
  const before = process.cpuUsage();
  const letter = buildLetter(input);
  const answer: Record<string, unknown> = {};
  if (job.page !== undefined) {
    const page = renderPage(letter);
    Deno.writeTextFileSync(job.page, page.html);
    Object.assign(answer, { pageProblems: page.problems, policy: page.contentSecurityPolicy });
  }
  if (job.mail !== undefined) {
    const prepared = prepareMail(letter);
    const mail = finishMail(prepared, {
      unsubscribeSpace: job.unsubscribe?.space,
      unsubscribeAll: job.unsubscribe?.all,
    });
    Deno.writeTextFileSync(job.mail.html, mail.html);
    Deno.writeTextFileSync(job.mail.text, mail.text);
    Object.assign(answer, { subject: mail.subject, abridged: prepared.abridged });
  }
  if (job.pdf !== undefined) {
    const pdf = await renderPdf(letter, { size: job.size });
    Deno.writeFileSync(job.pdf, pdf.bytes);
    Object.assign(answer, { pages: pdf.pages, pdfProblems: pdf.problems });
  }
  const { user, system } = process.cpuUsage(before);
  return { ...answer, cpuSeconds: (user + system) / 1e6 };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const jobs = (rest + chunk).split("\n");
  rest = jobs.pop()!;
  for (const job of jobs) console.log(JSON.stringify(await render(JSON.parse(job))));
}
