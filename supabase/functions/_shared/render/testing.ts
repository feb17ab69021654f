/** Small newsletters and their emails, for the tests beside this file. */

import { finishEmail, prepareEmail } from "./email.ts";
import type { NewsletterSource, RenderInput, SnapshotResponse } from "./input.ts";
import { buildNewsletter } from "./newsletter.ts";

/** A response; everything can be replaced. */
export function responseRow(changes: Partial<SnapshotResponse> = {}): SnapshotResponse {
  return {
    id: "00000000-0000-4000-8000-000000000001",
    author: {
      id: "00000000-0000-4000-8000-000000000002",
      display_name: "Ada Lindqvist",
      username: "ada",
      avatar_path: null,
    },
    content: "Middlemarch, again.",
    image_path: null,
    music: null,
    published_at: "2026-11-18T09:00:00+00:00",
    ...changes,
  };
}

/** A newsletter with one prompt for each list of responses. */
export function newsletterRow(
  responses: SnapshotResponse[][],
  changes: Partial<NewsletterSource> = {},
): NewsletterSource {
  return {
    title: "A fine week",
    intro: null,
    published_at: "2026-11-22T18:30:00+00:00",
    content: {
      space: {
        id: "00000000-0000-4000-8000-000000000003",
        name: "Book Club",
        description: null,
        cover_path: null,
      },
      week_number: 12,
      curator: { id: "00000000-0000-4000-8000-000000000004", display_name: "Boris" },
      prompts: responses.map((responses, index) => ({
        id: `00000000-0000-4000-8000-00000000001${index}`,
        order: index + 1,
        question: "What did you read?",
        responses: responses,
      })),
    },
    ...changes,
  };
}

/** What to render for one response. */
export function withResponse(
  changes: Partial<SnapshotResponse>,
  more: Omit<RenderInput, "newsletter"> = {},
): RenderInput {
  return { newsletter: newsletterRow([[responseRow(changes)]]), ...more };
}

export const LINKS = { page: "https://letters.example/12", pdf: "https://letters.example/12.pdf" };
export const PERSONAL = {
  unsubscribeSpace: "https://letters.example/u?a=1&b=2",
  unsubscribeAll: "https://letters.example/all",
};

export function email(input: RenderInput) {
  const prepared = prepareEmail(buildNewsletter(input));
  return { ...finishEmail(prepared, PERSONAL), abridged: prepared.abridged };
}

export function large(
  responses: number,
  characters: number,
  links: RenderInput["links"] = LINKS,
): RenderInput {
  const text = "Eleven words that say very little, over and over again, alas. ".repeat(200).slice(
    0,
    characters,
  );
  const list = Array.from({ length: responses }, (_, index) => responseRow({ content: `${index} ${text}` }));
  return { newsletter: newsletterRow([list.slice(0, responses / 2), list.slice(responses / 2)]), links };
}
