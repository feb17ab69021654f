/**
 * What stands around a newsletter: those before and after it, and all of its space. Each reader sees those that they
 * may read.
 */

import type { Client } from "../platform/mod.ts";
import { setLine } from "../render/text.ts";
import type { Around, Neighbour } from "../render/page_around.ts";
import type { Archive, ArchivedNewsletter } from "../render/archive.ts";
import { hanIn, titleOf } from "../render/newsletter.ts";
import { newsletterWords } from "../render/words.ts";
import type { Addresses } from "./render.ts";
import {
  archiveAddress,
  feedAddress,
  findNewsletter,
  isId,
  type NewsletterRow,
  pageAddress,
} from "./newsletters.ts";

/** A space, as far as its newsletters are shown. */
type Space = Archive["space"] & { is_public: boolean };

/** As many newsletters as a page of all of them and a feed have: some twenty years, and a few months. */
const MOST = 1000;
const MOST_IN_FEED = 30;

/** @param reader A client with the rights of whoever reads. */
export async function findAround(reader: Client, row: NewsletterRow, addresses: Addresses): Promise<Around> {
  const { space_id, content } = row;
  const { project, pageTemplate } = addresses;
  const words = newsletterWords([content.space.language]);
  const [previous, next, space] = await Promise.all([
    findNeighbour(reader, row, addresses, "desc"),
    findNeighbour(reader, row, addresses, "asc"),
    findSpace(reader, space_id),
  ]);
  return {
    previous,
    next,
    all: space === null ? null : archiveAddress(project, space_id, pageTemplate),
    feed: space?.is_public
      ? { address: feedAddress(project, space_id), title: words.lettersOf(space.name) }
      : null,
    han: hanIn(row),
  };
}

/** The longest title, with what is set around its signs. */
const LONGEST_TITLE = 250;

/** A newsletter beside another one, as a copy names it, and what that says of it. */
interface Given {
  id: string | null;
  week: number;
  title: string | null;
}

/**
 * Return what stood around a newsletter for somebody once; without newsletters that are elsewhere. Of one that there is
 * not, or not any more, it has what is given, if that is a week on its side and a title. A feed has to be called by the
 * name that the space has now, or had in one of its newsletters.
 */
export async function findGivenAround(
  service: Client,
  row: NewsletterRow,
  addresses: Addresses,
  given: { previous: Given; next: Given; all: boolean; feed: string | null },
): Promise<Around> {
  const { project, pageTemplate } = addresses;
  const neighbour = async ({ id, week, title }: Given, order: "asc" | "desc"): Promise<Neighbour | null> => {
    if (id === null || !isId(id)) return null;
    const found = await findNeighbour(service, row, addresses, order, id);
    if (found !== null || title === null || title.length > LONGEST_TITLE || /\p{Cc}/u.test(title)) {
      return found;
    }
    const isThere = order === "desc" ? week > 0 && week < row.week_number : week > row.week_number;
    if (!Number.isSafeInteger(week) || !isThere || await findNewsletter(service, id) !== null) return null;
    return { address: pageAddress(project, id, pageTemplate), week, title };
  };
  const words = newsletterWords([row.content.space.language]);
  const [previous, next, names] = await Promise.all([
    neighbour(given.previous, "desc"),
    neighbour(given.next, "asc"),
    given.feed === null ? [] : namesOf(service, row.space_id),
  ]);
  const feed = names.map((name) => words.lettersOf(name)).find((title) => title === given.feed);
  return {
    previous,
    next,
    all: given.all ? archiveAddress(project, row.space_id, pageTemplate) : null,
    feed: feed === undefined ? null : { address: feedAddress(project, row.space_id), title: feed },
    han: hanIn(row),
  };
}

/** Return the names that a space has, and had in its newsletters. */
async function namesOf(service: Client, spaceId: string): Promise<string[]> {
  const [space, newsletters] = await Promise.all([
    findSpace(service, spaceId),
    service.select<{ name: string }>("newsletters", {
      select: "name:content->space->>name",
      space_id: `eq.${spaceId}`,
      is_published: "is.true",
      order: "week_number.desc",
      limit: String(MOST),
    }),
  ]);
  return [...(space === null ? [] : [space.name]), ...newsletters.map(({ name }) => name)];
}

/** Find the published newsletter nearest before ("desc") or after ("asc") a newsletter, or the one of this id. */
async function findNeighbour(
  reader: Client,
  { space_id, week_number, content }: NewsletterRow,
  { project, pageTemplate }: Addresses,
  order: "asc" | "desc",
  id?: string,
): Promise<Neighbour | null> {
  const words = newsletterWords([content.space.language]);
  const [row] = await reader.select<Pick<ArchivedNewsletter, "id" | "title" | "week_number" | "name">>(
    "newsletters",
    {
      select: "id,title,week_number,name:content->space->>name",
      space_id: `eq.${space_id}`,
      is_published: "is.true",
      week_number: `${order === "asc" ? "gt" : "lt"}.${week_number}`,
      order: `week_number.${order}`,
      limit: "1",
      ...(id === undefined ? {} : { id: `eq.${id}` }),
    },
  );
  return row === undefined ? null : {
    address: pageAddress(project, row.id, pageTemplate),
    week: row.week_number,
    title: setLine(titleOf(row.title, row.name ?? content.space.name, row.week_number, words), words.lang),
  };
}

/**
 * Find the newsletters of a space that its reader may see; null where they do not see the space.
 *
 * @param kind A feed is only there for a public space, and has what everybody reads.
 */
export async function findArchive(
  reader: Client,
  spaceId: string,
  kind: "archive" | "feed",
  { project, pageTemplate }: Addresses,
): Promise<{ archive: Archive; isPublic: boolean } | null> {
  const space = await findSpace(reader, spaceId);
  if (space === null || (kind === "feed" && !space.is_public)) return null;
  const newest = { space_id: `eq.${spaceId}`, is_published: "is.true", order: "week_number.desc" };
  const [newsletters, [latest]] = await Promise.all([
    reader.select<ArchivedNewsletter>("newsletters", {
      ...newest,
      select: "id,title,intro,week_number,published_at,redacted_at,name:content->space->>name",
      ...(kind === "feed" ? { visibility: "eq.PUBLIC" } : {}),
      limit: String(kind === "feed" ? MOST_IN_FEED : MOST),
    }),
    kind === "feed"
      ? []
      : reader.select<{ theme: unknown }>("newsletters", { ...newest, select: "theme", limit: "1" }),
  ]);
  return {
    isPublic: space.is_public,
    archive: {
      space,
      newsletters,
      theme: latest?.theme,
      links: {
        all: archiveAddress(project, spaceId, pageTemplate),
        feed: space.is_public ? feedAddress(project, spaceId) : null,
        newsletter: (id) => pageAddress(project, id, pageTemplate),
      },
    },
  };
}

async function findSpace(reader: Client, id: string): Promise<Space | null> {
  if (!isId(id)) return null;
  const [space] = await reader.select<Space>("spaces", {
    select: "id,name,description,language,is_public,created_at",
    id: `eq.${id}`,
  });
  return space ?? null;
}
