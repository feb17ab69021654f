/**
 * The newsletter as a tree: sections, responses, passages, pictures, music. It is built once, from the snapshot, and
 * page, email and PDF only set it.
 *
 * Building it is pure: no clock, no chance, no network. All text in it is clean (see `text.ts`) but not escaped, and
 * every address is http(s).
 */

import type { Picture, RenderInput, SnapshotMusic, SnapshotPrompt, SnapshotResponse } from "./input.ts";
import { providerOf } from "../music/providers.ts";
import { type Design, designOf, numeralOf } from "./design.ts";
import { type Han, hanAround } from "./fonts/fallbacks.ts";
import { type Colours, colours } from "./palette.ts";
import {
  cleanLine,
  direction,
  initials,
  type Passage,
  passages,
  plain,
  setLine,
  webAddress,
} from "./text.ts";
import { withoutIsolates } from "./numbers.ts";
import { type NewsletterWords, newsletterWords } from "./words.ts";

/** Of the share card, in pixels: what the programs that show it ask for. */
export const CARD_SIZE = { width: 1200, height: 630 };

export interface Newsletter {
  words: NewsletterWords;
  /**
   * The language of the space: what people wrote is in it, where nothing tells another one. Our own words are in the
   * reader's.
   */
  lang: string;
  /** What Chinese characters in it are, where nothing beside them tells; see `hanAround`. */
  han: Han | null;
  colours: Colours;
  design: Design;
  space: { name: string; description: string; initials: string };
  /** The newsletter's title in full: for a subject or a document's title. */
  title: string;
  /**
   * What stands largest on the page: the title, or the space's name where the title says no more than space and week.
   */
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
  /** Whether there is no response at all. */
  quiet: boolean;
  /** The names of those whose responses are in it, each once, in reading order. */
  authors: string[];
  links: { page: string | null; pdf: string | null; file: string | null; card: string | null };
  /** What identifies a copy for comparison with the database; null for a draft, and while pictures are being made. */
  proof: Proof | null;
}

export interface Proof {
  /** To be read and typed by people: "7QK2M-0ZV4C-9T3XR-B8WNE". */
  code: string;
  /**
   * For programs: "monogram:{id}:{code}:{root}", in a keepsake also ":{response}"; stored in the file and not shown.
   */
  mark: string;
}

/** A prompt and the responses to it. */
export interface Section {
  /** An identifier of its own within the newsletter: "q1". */
  id: string;
  number: number;
  /** The same as it is written: "4" or "IV". */
  numeral: string;
  question: string;
  direction: "ltr" | "rtl";
  responses: ResponseBlock[];
}

export interface ResponseBlock {
  /** "q1a2". */
  id: string;
  author: Author;
  /** Whether it is only a line or two of text, which is set larger. */
  brief: boolean;
  /** Whether its text was replaced by ours: it was redacted, or cannot be rendered. */
  isReplaced: boolean;
  text: Passage[];
  picture: PictureBlock | null;
  music: MusicBlock | null;
}

export interface Author {
  name: string;
  /** Without the "@"; null for a person without a username. */
  username: string | null;
  /** Empty for somebody whose name is not known. */
  initials: string;
  avatar: Picture | null;
}

export interface PictureBlock {
  /** The caption, or else whose picture it is. */
  alt: string;
  /** The author's own; null where they gave none. */
  caption: string | null;
  /** Shown in place of a picture that cannot be shown. */
  missing: string;
  /** Shown where the picture is on the web only, or will be. */
  elsewhere: string;
  /** Null if the caller had no such picture. */
  picture: Picture | null;
}

export interface MusicBlock {
  title: string;
  artist: string | null;
  /** Where to listen: "Listen on Bandcamp". */
  invitation: string;
  /** Null if the address is not of the web. */
  href: string | null;
}

const BRIEF_LENGTH = 140;

/** Build the tree of a newsletter. */
export function buildNewsletter(input: RenderInput): Newsletter {
  const { newsletter, pictures = {}, links = {} } = input;
  const { space, week_number: week, curator, prompts } = newsletter.content;
  const own = newsletterWords([space.language]);
  const { words = own } = input;
  const { lang } = own;
  const han = hanIn(newsletter);
  const said = { words, lang, han, page: webAddress(links.page) };
  const name = cleanLine(space.name, words.someone);
  const design = designOf(input.theme);
  const title = titleOf(newsletter.title, name, week, words);
  const isDefaultTitle = withoutMarks(title) === withoutMarks(words.title(name, week));
  const sections = [...prompts]
    .sort((one, other) => one.order - other.order)
    .map((prompt, index) => section(prompt, index + 1, design, pictures, said));
  const responses = sections.flatMap((section) => section.responses);
  return {
    words,
    lang,
    han,
    colours: colours(input.theme),
    design,
    space: {
      name,
      description: setLine(cleanLine(space.description), lang, han),
      initials: initials(name, 3),
    },
    title: setLine(title, lang, han),
    headline: isDefaultTitle || withoutMarks(title) === withoutMarks(name) ? name : setLine(title, lang, han),
    week,
    weekLabel: words.week(week),
    date: newsletter.published_at === null ? null : dayOf(newsletter.published_at, words),
    byline: curator === null || prompts.length === 0 ? null : words.questionsBy(nameOf(curator, words)),
    cover: pictures.cover && space.cover_path !== null ? coverBlock(pictures.cover, name, words) : null,
    intro: passages(newsletter.intro, lang, han),
    sections,
    quiet: responses.length === 0,
    authors: [...new Set(responses.filter(({ isReplaced }) => !isReplaced).map(({ author }) => author.name))],
    links: {
      page: webAddress(links.page),
      pdf: webAddress(links.pdf),
      file: links.file ?? null,
      card: webAddress(links.card),
    },
    proof: pictures.pending?.size ? null : proof(newsletter),
  };
}

/** What Chinese characters in a newsletter are, by its language, and else by what people wrote and are called. */
export function hanIn({ title, intro, content }: RenderInput["newsletter"]): Han | null {
  return hanAround(content.space.language, textsOf({ title, intro, content }));
}

/** Return all the texts in a value; those that throw are left out, and replaced when they are rendered. */
export function textsOf(given: unknown): string[] {
  const texts: string[] = [];
  const walk = (value: unknown) => {
    if (typeof value === "string") texts.push(value);
    else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
      for (const key of Object.keys(value)) {
        try {
          walk((value as Record<string, unknown>)[key]);
        } catch {
          // `setOrReplace` has a line for it.
        }
      }
    }
  };
  walk(given);
  return texts;
}

function proof({ id, code, ledger_root: root }: RenderInput["newsletter"]): Proof | null {
  if (!code) return null;
  return { code: cleanLine(code), mark: cleanLine(["monogram", id ?? "", code, root ?? ""].join(":")) };
}

/** The words and the language around a response. */
interface Said extends Pick<Newsletter, "words" | "lang" | "han"> {
  page: string | null;
}

function section(
  prompt: SnapshotPrompt,
  number: number,
  design: Design,
  pictures: NonNullable<RenderInput["pictures"]>,
  said: Said,
): Section {
  const question = setLine(cleanLine(prompt.question, `${number}`), said.lang, said.han);
  return {
    id: `q${number}`,
    number,
    numeral: numeralOf(number, design),
    question,
    direction: direction(question, said.words.direction),
    responses: prompt.responses.map((response, index) => {
      const id = `q${number}a${index + 1}`;
      try {
        return { ...responseBlock(response, question, pictures, said), id };
      } catch {
        return missingResponse(id, said.words.someone, said);
      }
    }),
  };
}

/**
 * Return the replacement of a response that cannot be rendered: a line, with a link to it on the web. The rest of the
 * newsletter is not affected.
 */
function missingResponse(id: string, name: string, said: Said): ResponseBlock {
  const { words, page } = said;
  const link = page === null ? "" : ` ${page}#${id}`;
  return {
    id,
    author: { name, username: null, initials: initialsOf(name, words), avatar: null },
    brief: false,
    isReplaced: true,
    text: ours(words.answerMissing + link, said),
    picture: null,
    music: null,
  };
}

/** Render a response, or its replacement if rendering it fails. */
export function setOrReplace<T>(
  response: ResponseBlock,
  { words, lang, han, links }: Pick<Newsletter, "words" | "lang" | "han" | "links">,
  set: (response: ResponseBlock) => T,
): T {
  const replaced = () =>
    set(missingResponse(response.id, response.author.name, { words, lang, han, page: links.page }));
  try {
    const result = set(response);
    return result instanceof Promise ? result.catch(replaced) as T : result;
  } catch {
    return replaced();
  }
}

function responseBlock(
  response: SnapshotResponse,
  question: string,
  pictures: NonNullable<RenderInput["pictures"]>,
  said: Said,
): Omit<ResponseBlock, "id"> {
  const { words, lang, han } = said;
  const name = nameOf(response.author, words);
  const isReplaced = response.author.id === null;
  const text = isReplaced ? ours(words.answerTakenOut, said) : passages(response.content, lang, han);
  const { image_path: imagePath, music } = response;
  const caption = setLine(cleanLine(response.image_caption), lang, han) || null;
  const { username, avatar_path: avatarPath } = response.author;
  return {
    author: {
      name,
      username: cleanLine(username) || null,
      initials: initialsOf(name, words),
      avatar: (avatarPath && pictures.avatars?.get(avatarPath)) || null,
    },
    isReplaced,
    brief: !isReplaced && text.length === 1 && text[0].kind !== "list" && text[0].lines.length <= 2 &&
      plain(text[0]).length <= BRIEF_LENGTH && imagePath === null,
    text,
    picture: imagePath === null ? null : {
      alt: caption ?? words.pictureBy(name, question),
      caption,
      ...(pictures.pending?.has(imagePath)
        ? { missing: words.picturePending(name), elsewhere: words.picturePending(name) }
        : { missing: words.pictureMissing(name), elsewhere: words.pictureOnTheWeb(name) }),
      picture: pictures.responses?.get(imagePath) ?? null,
    },
    music: music === null ? null : musicBlock(music, words),
  };
}

/** Return the name of somebody in a snapshot; a redacted person has none. */
function nameOf(
  { id, display_name: name }: { id: string | null; display_name: string },
  words: NewsletterWords,
): string {
  return id === null ? words.somebodyWhoLeft : cleanLine(name, words.someone);
}

/** Return the initials of a name; empty for the words that stand for a missing name. */
function initialsOf(name: string, words: NewsletterWords): string {
  return name === words.someone || name === words.somebodyWhoLeft ? "" : initials(name);
}

/** A line of ours in the place of somebody's words. */
function ours(line: string, { words, lang }: Said): Passage[] {
  return passages(line, words.lang).map((passage) => ({
    ...passage,
    language: words.lang === lang ? null : words.lang,
    isTold: true,
  }));
}

function coverBlock(picture: Picture, space: string, words: NewsletterWords): PictureBlock {
  const alt = words.coverAlt(space);
  return { alt, caption: null, missing: alt, elsewhere: alt, picture };
}

/** Return a piece of music. The provider is told by its address alone: anybody may write any name beside it. */
function musicBlock(music: SnapshotMusic, words: NewsletterWords): MusicBlock {
  const href = webAddress(music.url);
  const place = href === null ? null : new URL(href);
  return {
    title: cleanLine(music.title, words.untitledMusic),
    artist: cleanLine(music.artist) || null,
    invitation: place === null
      ? words.music
      : words.listenOn(providerOf(place)?.name ?? place.hostname.replace(/^www\./, "")),
    href,
  };
}

/** Return the title of a newsletter; one without a title of its own has an English default in the database. */
export function titleOf(title: string | null, space: string, week: number, words: NewsletterWords): string {
  const given = cleanLine(title);
  return ["", `${space}, week ${week}`].includes(given) ? words.title(space, week) : given;
}

/** Return true if a title has the name of its space in it, however the quotes and dashes of both are set. */
export function names(title: string, space: string): boolean {
  const name = withoutMarks(space);
  return name === "" ? title.includes(space) : withoutMarks(title).includes(name);
}

function withoutMarks(text: string): string {
  return withoutIsolates(text).normalize("NFKC").toLowerCase().replace(/[\p{P}\p{Z}′″]+/gu, " ").trim();
}

/** A day, for programs and for people. */
export function dayOf(at: string, words: NewsletterWords): { iso: string; label: string } {
  const date = new Date(at);
  return { iso: date.toISOString(), label: words.date(date) };
}
