/**
 * Where music plays, and whom to ask for a piece's name. Most providers offer oEmbed (https://oembed.com), without a
 * key.
 *
 * Only addresses in this list are ever asked for anything: what people paste is a parameter of the question, never the
 * place that it is sent to.
 */

export interface Provider {
  /** As it is stored and shown. */
  name: string;
  /** Hosts of its links; a leading dot stands for all hosts below. */
  hosts: string[];
  /** The question about a link, or null where the link names no piece. Absent where nobody can be asked. */
  question?(link: URL): URL | null;
  read?(reply: Record<string, unknown>): Found;
}

export interface Found {
  title?: unknown;
  artist?: unknown;
}

function oEmbed(endpoint: string): Pick<Provider, "question" | "read"> {
  return {
    question(link) {
      const question = new URL(endpoint);
      question.searchParams.set("format", "json");
      question.searchParams.set("url", link.href);
      return question;
    },
    read: ({ title, author_name: artist }) => ({ title, artist }),
  };
}

export const PROVIDERS: Provider[] = [
  {
    name: "Spotify",
    hosts: ["open.spotify.com"],
    ...oEmbed("https://open.spotify.com/oembed"),
  },
  {
    name: "YouTube Music",
    hosts: ["music.youtube.com"],
    ...oEmbed("https://www.youtube.com/oembed"),
    // Channels that YouTube makes for music are called "<artist> - Topic".
    read: ({ title, author_name: artist }) => ({ title, artist: withoutEnd(artist, " - Topic") }),
  },
  {
    name: "YouTube",
    hosts: ["youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"],
    ...oEmbed("https://www.youtube.com/oembed"),
    read: ({ title, author_name: artist }) => ({ title, artist: withoutEnd(artist, " - Topic") }),
  },
  {
    name: "SoundCloud",
    hosts: ["soundcloud.com", "www.soundcloud.com", "m.soundcloud.com", "on.soundcloud.com"],
    ...oEmbed("https://soundcloud.com/oembed"),
    // The title ends in " by <artist>".
    read: ({ title, author_name: artist }) => ({ title: withoutEnd(title, ` by ${artist}`), artist }),
  },
  {
    name: "Deezer",
    hosts: ["deezer.com", "www.deezer.com"],
    ...oEmbed("https://api.deezer.com/oembed"),
  },
  {
    name: "Apple Music",
    hosts: ["music.apple.com"],
    // No oEmbed, but a catalogue that is looked up by number.
    question(link) {
      const id = link.searchParams.get("i") ?? link.pathname.match(/\/(\d+)\/?$/)?.[1];
      if (!id || !/^\d{1,15}$/.test(id)) return null;
      const country = link.pathname.match(/^\/([a-z]{2})\//)?.[1] ?? "us";
      return new URL(`https://itunes.apple.com/lookup?id=${id}&country=${country}`);
    },
    read({ results }) {
      const [first] = Array.isArray(results) ? results : [];
      return { title: first?.trackName ?? first?.collectionName, artist: first?.artistName };
    },
  },
  { name: "Bandcamp", hosts: ["bandcamp.com", ".bandcamp.com"] },
  { name: "TIDAL", hosts: ["tidal.com", "listen.tidal.com"] },
];

export function providerOf({ hostname }: URL): Provider | null {
  const fits = (host: string) => host.startsWith(".") ? hostname.endsWith(host) : hostname === host;
  return PROVIDERS.find(({ hosts }) => hosts.some(fits)) ?? null;
}

function withoutEnd(text: unknown, end: string): unknown {
  return typeof text === "string" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}
