import { simplePage } from "../_shared/pages.ts";
import { markup } from "../_shared/render/html.ts";

/** For people who followed a link. */
export function notFoundPage(): string {
  return simplePage({
    title: "No letter here",
    body:
      markup`<p>There is no newsletter at this address, or it is for the members of its space only. If you are one of
them, open it where you are signed in.</p>`,
  });
}
