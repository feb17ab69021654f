/**
 * The newsletter as a tree: sections, answers, passages, pictures, music. It is built once, from the snapshot, and page,
 * mail and PDF only set it.
 *
 * Building it is pure: no clock, no chance, no network. All text in it is clean (see `text.ts`) but not escaped, and every
 * address is http(s).
 */

import type { Picture, RenderInput, SnapshotMusic, SnapshotPrompt, SnapshotResponse } from "./input.ts";
import { type Colours, colours } from "./palette.ts";
import { cleanLine, direction, initials, type Passage, passages, plain, webAddress } from "./text.ts";
import { ENGLISH, type Words } from "./words.ts";

export interface Letter {
  words: Words;
  colours: Colours;
  space: { name: string; description: string; initials: string };
  /** The newsletter's title in full: for a subject or a document's title. */
  title: string;
  /** What stands largest on the page: the title, or the space's name where the title says no more than space and week. */
  headline: string;
  week: number;
  /** "Week 12". */
  weekLabel: string;
  /** Null for a draft. */
  date: { iso: string; label: string } | null;
  /** "Questions by Ada", or null. */
  byline: string | null;
  cover: PictureBlock | null;
  intro: Passage[];
  sections: Section[];
  /** Whether there is no answer at all. */
  quiet: boolean;
  /** The names of those whose answers are in it, each once, in reading order. */
  authors: string[];
  links: { page: string | null; pdf: string | null };
}

/** A prompt and the answers to it. */
export interface Section {
  /** An identifier of its own within the letter: "q1". */
  id: string;
  number: number;
  question: string;
  direction: "ltr" | "rtl";
  answers: Answer[];
}

export interface Answer {
  /** "q1a2". */
  id: string;
  author: Author;
  /** A line or two of text and no more: worth setting larger. */
  brief: boolean;
  text: Passage[];
  picture: PictureBlock | null;
  music: MusicBlock | null;
}

export interface Author {
  name: string;
  /** Without the "@"; null if there is none. */
  username: string | null;
  initials: string;
  avatar: Picture | null;
}

export interface PictureBlock {
  alt: string;
  caption: string | null;
  /** Said in the picture's place where it cannot be shown. */
  missing: string;
  /** Said where the picture is on the web only. */
  elsewhere: string;
  /** Null if whoever called had no such picture. */
  picture: Picture | null;
}

export interface MusicBlock {
  title: string;
  artist: string | null;
  /** Where to listen: "Listen on Bandcamp". */
  invitation: string;
  /** Null if the address was none of the web. */
  href: string | null;
}

const BRIEF_LENGTH = 140;

/** Build the tree of a newsletter. */
export function buildLetter(input: RenderInput): Letter {
  const { newsletter, pictures = {}, links = {}, words = ENGLISH } = input;
  const { space, week_number: week, curator, prompts } = newsletter.content;
  const name = cleanLine(space.name, words.someone);
  const title = cleanLine(newsletter.title, `${name}, ${words.week(week)}`);
  const sayNoMore = title.toLowerCase() === `${name}, ${words.week(week)}`.toLowerCase();
  const sections = [...prompts]
    .sort((one, other) => one.order - other.order)
    .map((prompt, index) => section(prompt, index + 1, pictures, words));
  const answers = sections.flatMap((section) => section.answers);
  return {
    words,
    colours: colours(input.theme),
    space: { name, description: cleanLine(space.description), initials: initials(name, 3) },
    title,
    headline: sayNoMore ? name : title,
    week,
    weekLabel: words.week(week),
    date: newsletter.published_at === null ? null : day(newsletter.published_at, words),
    byline: curator === null ? null : words.questionsBy(cleanLine(curator.display_name, words.someone)),
    cover: pictures.cover && space.cover_path !== null ? coverBlock(pictures.cover, name, words) : null,
    intro: passages(newsletter.intro),
    sections,
    quiet: answers.length === 0,
    authors: [...new Set(answers.map((answer) => answer.author.name))],
    links: { page: webAddress(links.page), pdf: webAddress(links.pdf) },
  };
}

function section(
  prompt: SnapshotPrompt,
  number: number,
  pictures: NonNullable<RenderInput["pictures"]>,
  words: Words,
): Section {
  const question = cleanLine(prompt.question, `${number}`);
  return {
    id: `q${number}`,
    number,
    question,
    direction: direction(question),
    answers: prompt.responses.map((response, index) => ({
      ...answer(response, question, pictures, words),
      id: `q${number}a${index + 1}`,
    })),
  };
}

function answer(
  response: SnapshotResponse,
  question: string,
  pictures: NonNullable<RenderInput["pictures"]>,
  words: Words,
): Omit<Answer, "id"> {
  const name = cleanLine(response.author.display_name, words.someone);
  const text = passages(response.content);
  const { image_path: imagePath, music } = response;
  const { username, avatar_path: avatarPath } = response.author;
  return {
    author: {
      name,
      username: cleanLine(username) || null,
      initials: initials(name),
      avatar: (avatarPath && pictures.avatars?.get(avatarPath)) || null,
    },
    brief: text.length === 1 && text[0].lines.length <= 2 && plain(text[0]).length <= BRIEF_LENGTH &&
      imagePath === null,
    text,
    picture: imagePath === null ? null : {
      alt: words.pictureBy(name, question),
      caption: words.pictureCaption(name),
      missing: words.pictureMissing(name),
      elsewhere: words.pictureOnTheWeb(name),
      picture: pictures.responses?.get(imagePath) ?? null,
    },
    music: music === null ? null : musicBlock(music, words),
  };
}

function coverBlock(picture: Picture, space: string, words: Words): PictureBlock {
  const alt = words.coverAlt(space);
  return { alt, caption: null, missing: alt, elsewhere: alt, picture };
}

function musicBlock(music: SnapshotMusic, words: Words): MusicBlock {
  const href = webAddress(music.url);
  const host = href === null ? "" : new URL(href).hostname.replace(/^www\./, "");
  return {
    title: cleanLine(music.title, words.untitledMusic),
    artist: cleanLine(music.artist) || null,
    invitation: href === null ? words.music : words.listenOn(cleanLine(music.provider, host)),
    href,
  };
}

function day(at: string, words: Words): { iso: string; label: string } {
  const date = new Date(at);
  return {
    iso: date.toISOString(),
    label: words.date(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()),
  };
}
