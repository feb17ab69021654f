/** Makes PDFKit documents that are the same for the same newsletter. */

import { Buffer } from "node:buffer";
// @ts-types="./libraries.d.ts"
import { PDFDocument } from "./libraries.generated.js";
import type { Font, Image, PDFDocument as Base } from "./libraries.d.ts";
import type { ShapingFont } from "./shaping.ts";

/** A document, with what PDFKit's types lack. */
export interface Document extends Base {
  /** The current font. */
  _font: Font & ShapingFont;
}

export type { Image };

export const PAGE_SIZES = { A4: [595.28, 841.89], LETTER: [612, 792], A5: [419.53, 595.28] } as const;
export type PageSize = "A4" | "LETTER";

export interface Properties {
  title: string;
  author: string;
  subject: string;
  /** What programs look for in the file, or null. */
  mark?: string | null;
  lang: string;
  size: keyof typeof PAGE_SIZES;
  /**
   * ISO 8601, or null for a draft: the date is then 1970, since PDFKit requires one and the clock's would differ each
   * time.
   */
  createdAt: string | null;
}

/** Start a tagged document without pages. */
export function createDocument(
  { title, author, subject, mark, lang, size, createdAt }: Properties,
): Document {
  const info = { Title: title, Author: author, Subject: subject, Creator: "Monogram", Producer: "Monogram" };
  const options = {
    size: [...PAGE_SIZES[size]],
    margin: 0,
    autoFirstPage: false,
    bufferPages: true,
    pdfVersion: "1.7",
    subset: "PDF/UA",
    tagged: true,
    displayTitle: true,
    lang,
    // Without this PDFKit would open Helvetica from a file.
    font: null,
    info: { ...info, ...(mark ? { Keywords: mark } : {}), CreationDate: new Date(createdAt ?? 0) },
  };
  const document = new PDFDocument(options) as Document;
  gathered.set(document, gather(document));
  return document;
}

/** What writes the rest of the operators, by document. */
const gathered = new WeakMap<Document, () => void>();

/** How many operators are written at once: one by one they would fill the memory within a few pages. */
const OPERATORS_AT_ONCE = 1000;

/**
 * Have operators written many at a time. PDFKit makes an array of each, some tens of thousands in a newsletter, and
 * keeps them to the end. Returns what writes the rest.
 */
function gather(document: Document): () => void {
  let page = document.page;
  let operators: string[] = [];
  const flush = () => {
    if (operators.length > 0) page.write(operators.join("\n"));
    operators = [];
  };
  document.addContent = (text) => {
    if (document.page !== page || operators.length >= OPERATORS_AT_ONCE) flush();
    page = document.page;
    operators.push(text);
    return document;
  };
  return flush;
}

/** End the document and return its bytes. */
export function finish(document: Document): Promise<Uint8Array<ArrayBuffer>> {
  gathered.get(document)?.();
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    document.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    document.on("error", reject);
    document.on("end", () => resolve(Buffer.concat(chunks)));
    document.end();
  });
}
