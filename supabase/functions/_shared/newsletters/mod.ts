/** Newsletters between database, Storage and renderer. `deliver` needs `renderNewsletter` and nothing else of it. */

export { findArchive, findAround, findGivenAround } from "./around.ts";
export {
  BUCKET,
  cardName,
  findNewsletter,
  folderOf,
  isId,
  isListed,
  type NewsletterRow,
  pageAddress,
  readPageTemplate,
  withReading,
} from "./newsletters.ts";
export { isOpen, isShown, type LeftOut } from "./pictures.ts";
export { PicturesPendingError } from "./pictures_pending.ts";
export {
  type Addresses,
  makeCard,
  makeKeepsake,
  makePdf,
  NothingToRenderError,
  pageName,
  type Part,
  pdfName,
  prepare,
  promptOf,
  renderBareEmail,
  type RenderedNewsletter,
  renderNewsletter,
  type Sheet,
  storePage,
  storePdf,
  wasChanged,
} from "./render.ts";
export { previewEmail, type Warning, warningsOf } from "./warnings.ts";
