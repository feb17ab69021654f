/**
 * Renders fixtures for the tests: reads jobs as JSON lines from standard input, writes the files each asks for, and
 * prints a line of JSON with what came of it and what it cost.
 */

import process from "node:process";
import {
  buildNewsletter,
  type NewsletterSource,
  type PageSize,
  type Paper,
  type Picture,
  finishEmail,
  prepareEmail,
  renderKeepsake,
  renderPage,
  renderPdf,
} from "../../../supabase/functions/_shared/render/mod.ts";
import { type Archive, renderArchive } from "../../../supabase/functions/_shared/render/archive.ts";
import { type Around, shown } from "../../../supabase/functions/_shared/render/page_around.ts";
import { derive, inspect } from "../../../supabase/functions/_shared/pictures/mod.ts";

interface Job {
  newsletter: NewsletterSource;
  theme?: unknown;
  /** Files, or addresses where they start with "https:", by the path that the newsletter names them with. */
  pictures?: { cover?: string | null; responses?: Record<string, string>; avatars?: Record<string, string> };
  /** Where the originals of responses' pictures are, by their paths. */
  originals?: string;
  links?: { page?: string; pdf?: string };
  unsubscribe?: { space: string; all: string };
  /** What to make, and where. */
  page?: string;
  /** What stands around the page; nothing unless given. */
  around?: Around;
  /** The page of all newsletters. */
  archive?: { page: string; given: Omit<Archive, "links"> };
  mail?: { html: string; text: string };
  pdf?: string;
  size?: PageSize;
  paper?: Paper;
  /** Make a keepsake of the newsletter's only response. */
  keepsake?: string;
  /** Whether the large typefaces are to be had; they are unless this says no. */
  typefaces?: boolean;
}

/** A picture as it is, or what is printed of it where a PDF does not hold it so. */
async function picture(source: string, printed: boolean): Promise<Picture> {
  if (source.startsWith("https:")) return { url: source };
  const bytes = Deno.readFileSync(source);
  if (!printed || source.endsWith(".jpg") || !inspect(bytes).transparent && source.endsWith(".png")) return { bytes };
  const { files, uses } = await derive(bytes);
  return { bytes: files.find(({ name }) => name === uses.print)!.bytes };
}

async function pictures(sources: Record<string, string> = {}, printed: boolean): Promise<Map<string, Picture>> {
  const found = new Map<string, Picture>();
  for (const [path, source] of Object.entries(sources)) found.set(path, await picture(source, printed));
  return found;
}

async function render(job: Job): Promise<Record<string, unknown>> {
  const printed = job.pdf !== undefined || job.keepsake !== undefined;
  const input = {
    newsletter: job.newsletter,
    theme: job.theme,
    links: job.links,
    pictures: {
      cover: job.pictures?.cover ? await picture(job.pictures.cover, printed) : null,
      responses: await pictures(job.pictures?.responses, printed),
      avatars: await pictures(job.pictures?.avatars, printed),
    },
  };
  for (const [path, found] of input.pictures.responses) {
    if (job.originals) found.original = `${job.originals}/${path}`;
  }
  const before = process.cpuUsage();
  const newsletter = buildNewsletter(input);
  const response: Record<string, unknown> = {};
  if (job.page !== undefined) {
    const page = renderPage(newsletter);
    const nothing = { previous: null, next: null, all: null, feed: null };
    Deno.writeFileSync(job.page, shown(page.bytes(), job.around ?? nothing, newsletter.words));
    Object.assign(response, { pageProblems: page.problems, policy: page.contentSecurityPolicy });
  }
  if (job.archive !== undefined) {
    const all = "https://letters.example/spaces/1";
    const links = { all, feed: `${all}/feed.atom`, newsletter: (id: string) => `https://letters.example/${id}` };
    Deno.writeTextFileSync(job.archive.page, renderArchive({ ...job.archive.given, links }).html);
  }
  if (job.mail !== undefined) {
    const prepared = prepareEmail(newsletter);
    const mail = finishEmail(prepared, {
      unsubscribeSpace: job.unsubscribe?.space,
      unsubscribeAll: job.unsubscribe?.all,
    });
    Deno.writeTextFileSync(job.mail.html, mail.html);
    Deno.writeTextFileSync(job.mail.text, mail.text);
    Object.assign(response, { subject: mail.subject, abridged: prepared.abridged });
  }
  if (job.pdf !== undefined) {
    const typefaces = job.typefaces === false ? () => Promise.resolve(null) : undefined;
    const pdf = await renderPdf(newsletter, { size: job.size, paper: job.paper, typefaces });
    Deno.writeFileSync(job.pdf, pdf.bytes);
    Object.assign(response, { pages: pdf.pages, pdfProblems: pdf.problems, unset: pdf.unset });
  }
  if (job.keepsake !== undefined) {
    const sheet = await renderKeepsake(newsletter);
    Deno.writeFileSync(job.keepsake, sheet.bytes);
    Object.assign(response, { pages: sheet.pages, pdfProblems: sheet.problems, unset: sheet.unset });
  }
  const { user, system } = process.cpuUsage(before);
  return { ...response, cpuSeconds: (user + system) / 1e6 };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const jobs = (rest + chunk).split("\n");
  rest = jobs.pop()!;
  for (const job of jobs) console.log(JSON.stringify(await render(JSON.parse(job))));
}
