/** Newsletters between database, Storage and renderer. `deliver` needs `renderNewsletter` and nothing else of it. */

export { BUCKET, findNewsletter, folderOf, isId, type NewsletterRow, pageAddress } from "./newsletters.ts";
export {
  type Addresses,
  makePdf,
  NothingToRenderError,
  pdfName,
  prepare,
  type RenderedNewsletter,
  renderNewsletter,
  storePdf,
} from "./render.ts";
