/**
 * Rendering of a newsletter: `buildLetter` makes the tree, the others set it.
 *
 * Everything here is deterministic: the same input gives the same bytes.
 */

export {
  type Links,
  type Newsletter,
  type Picture,
  picturePaths,
  type Pictures,
  type RenderInput,
  type Snapshot,
  type SnapshotMusic,
  type SnapshotPrompt,
  type SnapshotResponse,
} from "./input.ts";
export { buildLetter, type Letter } from "./letter.ts";
export { finishMail, type Mail, type PersonalLinks, type PreparedMail, prepareMail } from "./mail.ts";
export { type RenderedPage, renderPage } from "./page.ts";
export { type Colours, colours, type ThemeProblem } from "./palette.ts";
export { type PageSize, type Paper, type RenderedPdf, renderKeepsake, renderPdf } from "./pdf.ts";
export type { Problem } from "./problem.ts";
export { ENGLISH, type LetterWords, letterWords } from "./words.ts";
