/** The files that are made from a picture, and where they are. */

/** The bucket: `{bucket of the original}/{its name}/{file}`. See the migrations. */
export const DERIVED = "derived";

/** The use of a file for emails, as names of stored files have it. */
export const EMAIL = "mail";

/** What a file is for, as names of stored files have it. */
export const USES = [
  /** On the page: 1600 pixels, transparency kept. */
  "page",
  /** On paper: the same on white. */
  "print",
  /** In an email: 1120 pixels, on the colour of its paper. */
  EMAIL,
  /** On page and paper of newsletters with very many pictures: 560 pixels. */
  "small",
  /** On the page: the animation itself. */
  "motion",
  /** Linked from the page: as large as it was uploaded, without metadata. */
  "original",
  /** A person's own picture: 192 pixels, a square. */
  "face",
] as const;

export type Use = (typeof USES)[number];
