/** What is made of a picture, and where that is. */

/** The bucket: `{bucket of the original}/{its name}/{file}`. See the migrations. */
export const DERIVED = "derived";

/** What a picture is shown as. */
export type Use =
  /** On the page: 1600 pixels, transparency kept. */
  | "page"
  /** On paper: the same on white. */
  | "print"
  /** In an email: 1120 pixels, on the colour of its paper. */
  | "mail"
  /** On page and paper where there are very many: 560 pixels. */
  | "small"
  /** On the page: the animation itself. */
  | "motion"
  /** Behind the one on the page: as large as it was uploaded, without metadata. */
  | "original"
  /** A person's: 192 pixels, a square. */
  | "face";
