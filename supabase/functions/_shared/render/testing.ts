/** Small newsletters for the tests beside this file. */

import type { Newsletter, RenderInput, SnapshotResponse } from "./input.ts";

/** A response; everything can be replaced. */
export function response(changes: Partial<SnapshotResponse> = {}): SnapshotResponse {
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
export function newsletter(responses: SnapshotResponse[][], changes: Partial<Newsletter> = {}): Newsletter {
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
      prompts: responses.map((answers, index) => ({
        id: `00000000-0000-4000-8000-00000000001${index}`,
        order: index + 1,
        question: "What did you read?",
        responses: answers,
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
  return { newsletter: newsletter([[response(changes)]]), ...more };
}
