/**
 * Rendering of a newsletter: `buildNewsletter` makes the tree, the others set it.
 *
 * Everything here is deterministic: the same input gives the same bytes.
 */

export {
  type Links,
  type NewsletterSource,
  type Picture,
  picturePaths,
  type Pictures,
  type RenderInput,
  type Snapshot,
  type SnapshotMusic,
  type SnapshotPrompt,
  type SnapshotResponse,
} from "./input.ts";
export { buildNewsletter, type Newsletter } from "./newsletter.ts";
export { type Email, finishEmail, type PersonalLinks, type PreparedEmail, prepareEmail } from "./email.ts";
export { type RenderedPage, renderPage } from "./page.ts";
export { type Colours, colours, type ThemeProblem } from "./palette.ts";
export { type PageSize, type Paper, type RenderedPdf, renderKeepsake, renderPdf } from "./pdf.ts";
export type { Problem } from "./problem.ts";
export { ENGLISH, type NewsletterWords, newsletterWords } from "./words.ts";
