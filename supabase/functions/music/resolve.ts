/** What an address of a piece of music stands for. It never fails: what cannot be found out is null. */

import { cleanLine } from "../_shared/render/text.ts";
import { providerOf } from "../_shared/music/providers.ts";

export interface Music {
  url: string;
  provider: string | null;
  title: string | null;
  artist: string | null;
}

export interface Options {
  fetch?: typeof fetch;
  /** How long a provider may take, in milliseconds. */
  timeoutMs?: number;
  /** For tests: a server on this machine that is asked in place of all providers. */
  insteadOfProviders?: string;
  /** Told what went wrong, for the log. */
  report?: (message: string) => void;
}

const TIMEOUT_MS = 3000;
const LARGEST_REPLY = 64 * 1024;
/** The database takes 4 KB for all together. */
const LONGEST_TEXT = 300;

/** Ask the provider of a link for the piece's name. */
export async function resolve(url: string, options: Options = {}): Promise<Music> {
  const music: Music = { url, provider: null, title: null, artist: null };
  const link = URL.parse(url);
  if (link === null || (link.protocol !== "https:" && link.protocol !== "http:")) return music;
  const provider = providerOf(link);
  if (provider === null) return music;
  music.provider = provider.name;
  const question = provider.question?.(link);
  if (!question || !provider.read) return music;
  try {
    const { title, artist } = provider.read(await ask(moved(question, options), options));
    music.title = words(title);
    music.artist = words(artist);
  } catch (error) {
    options.report?.(
      `${provider.name} gave no valid reply: ${error instanceof Error ? error.message : error}`,
    );
  }
  return music;
}

async function ask(question: URL, options: Options): Promise<Record<string, unknown>> {
  const reply = await (options.fetch ?? fetch)(question, {
    headers: { accept: "application/json" },
    // Elsewhere is nobody that we meant to ask.
    redirect: "error",
    signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
  });
  if (!reply.ok) {
    await reply.body?.cancel();
    throw new Error(`HTTP ${reply.status}`);
  }
  let text = "";
  for await (const chunk of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > LARGEST_REPLY) throw new Error("the reply is too long");
  }
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new Error("the reply is not a JSON object");
  return parsed as Record<string, unknown>;
}

function moved(question: URL, { insteadOfProviders }: Options): URL {
  if (!insteadOfProviders) return question;
  const server = new URL(insteadOfProviders);
  // What is meant for tests must be of no use for anything else.
  if (server.hostname !== "127.0.0.1") {
    throw new Error("only a server on this machine may stand in for providers");
  }
  return new URL(`/${question.hostname}${question.pathname}${question.search}`, server);
}

function words(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const clean = cleanLine(value);
  return clean === "" ? null : [...clean].slice(0, LONGEST_TEXT).join("");
}
