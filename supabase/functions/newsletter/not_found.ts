import { simplePage } from "../_shared/pages.ts";
import { markup } from "../_shared/render/html.ts";
import type { Words } from "../_shared/words/words.ts";

/**
 * For people who followed a link.
 *
 * @param isSignedOut Whether their browser sent what they signed in with once.
 */
export function notFoundPage(words: Words, isSignedOut = false): string {
  return simplePage(words, {
    title: words.say("page.none"),
    body: markup`<p>${words.say("page.noneWhy")}</p>${
      isSignedOut && markup`\n<p>${words.say("page.signedOut")}</p>`
    }`,
  });
}

/** For people who followed a link to a newsletter that everybody could read, before it was deleted. */
export function gonePage(words: Words): string {
  return simplePage(words, {
    title: words.say("page.gone"),
    body: markup`<p>${words.say("page.goneWhy")}</p>`,
  });
}
