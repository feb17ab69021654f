/** What a leader should know of a newsletter before it goes out: what will not look as it was written. */

import type { Client } from "../platform/mod.ts";
import { abridgeForPaper, cutsOf } from "../render/abridge.ts";
import { CLIPPED_BYTES, type Email, emailSize, finishEmail, layOutEmail } from "../render/email.ts";
import type { Newsletter } from "../render/newsletter.ts";
import type { NewsletterRow } from "./newsletters.ts";
import type { LeftOut } from "./pictures.ts";
import { type Prepared, readingMark } from "./render.ts";
import { typefacesOf } from "./typefaces.ts";

/**
 * Render the email of a newsletter, drafts included, as it goes out, and say what of it a leader should know. Its
 * pictures are in it: the addresses at which they are sent open for readers of the newsletter only.
 */
export async function previewEmail(row: NewsletterRow, prepared: Prepared): Promise<{
  mail: Email & { size: number };
  warnings: Warning[];
}> {
  const mark = readingMark(row);
  const { prepared: mail, cuts } = layOutEmail(prepared.forEmail(mark), 0, mark);
  const size = emailSize(mail);
  const warnings = cuts.map(({ author, characters: length, kept }): Warning => ({
    kind: author === null ? "INTRO_SHORTENED" : kept === null ? "RESPONSE_LEFT_OUT" : "RESPONSE_SHORTENED",
    author,
    length,
    kept: kept ?? 0,
  }));
  if (size > CLIPPED_BYTES) warnings.push({ kind: "EMAIL_CLIPPED", size });
  const { subject, html, text } = finishEmail(mail, {});
  return { mail: { subject, html: await prepared.withPicturesInside(html), text, size }, warnings };
}

/** Something of a newsletter that will not look as it was written. */
export interface Warning {
  kind:
    | "NO_TYPEFACE"
    | "TYPEFACE_MISSING"
    | "PICTURE_LEFT_OUT"
    | "INTRO_SHORTENED"
    | "RESPONSE_SHORTENED"
    | "RESPONSE_LEFT_OUT"
    | "EMAIL_CLIPPED"
    | "PDF_SHORTENED";
  /** What the PDF has boxes for. */
  characters?: string;
  /** The typeface that would show them. */
  typeface?: string | null;
  /** The path of a picture, and why it is not shown. */
  picture?: string;
  reason?: LeftOut["reason"];
  /** Whose response is cut in the email or in the PDF, how many characters it has, and how many are left. */
  author?: string | null;
  length?: number;
  kept?: number;
  /** How large the email is, in bytes. */
  size?: number;
}

/** Return what a leader should know before a newsletter goes out. */
export async function warningsOf(
  service: Client,
  newsletter: Newsletter,
  leftOut: readonly LeftOut[],
): Promise<Warning[]> {
  const { unsetIn } = await import("../render/pdf.ts");
  const unset = await unsetIn(newsletter, typefacesOf(service));
  return [
    ...leftOut.filter(({ reason }) => reason !== "PENDING").map(({ path, reason }) => ({
      kind: "PICTURE_LEFT_OUT" as const,
      picture: path,
      reason,
    })),
    ...unset.map(({ typeface, characters }) => ({
      kind: typeface === null ? "NO_TYPEFACE" as const : "TYPEFACE_MISSING" as const,
      characters,
      typeface,
    })),
    ...cutsOf(newsletter, abridgeForPaper(newsletter)).map(({ author, characters, kept }) => ({
      kind: "PDF_SHORTENED" as const,
      author,
      length: characters,
      kept: kept ?? 0,
    })),
  ];
}
