/** The structure of a tagged PDF: which part of a page belongs to which element, and what is mere decoration. */

import type { Han } from "../fonts/fallbacks.ts";
import { languageOf } from "../language.ts";
import type { Document } from "./document.ts";
import type { Content, Element } from "./libraries.d.ts";

export type { Element };

/** Keeps one piece of marked content open at a time. */
export class Tags {
  #open: { element: Element; content: Content } | null = null;

  /**
   * @param lang The language of the document.
   * @param han What Chinese characters in it are; see `hanAround`.
   */
  constructor(readonly document: Document, readonly lang: string, readonly han: Han | null) {}

  /** Make the root of the structure. */
  root(): Element {
    const root = this.document.struct("Document");
    this.document.addStructure(root);
    return root;
  }

  /** Make an element at the end of another. */
  element(parent: Element, type: string, options: Record<string, unknown> = {}): Element {
    this.close();
    const element = this.document.struct(type, options);
    parent.add(element);
    return element;
  }

  /** Make an element for a text, which says its language where it is not that of the document. */
  textElement(parent: Element, type: string, text: string): Element {
    const lang = languageOf(text, this.lang, this.han);
    return this.element(parent, type, lang === null ? {} : { lang });
  }

  /** Draw something that belongs to an element. Calls in a row for one element make one piece of content. */
  content(element: Element, type: string, draw: () => void): void {
    if (this.#open?.element !== element) {
      this.close();
      const content = this.document.markStructureContent(type);
      this.#open = { element, content };
    }
    draw();
  }

  /** Draw something that says nothing: rules, backgrounds, page numbers. */
  artifact(draw: () => void, type: "Layout" | "Pagination" = "Layout"): void {
    this.close();
    this.document.markContent("Artifact", { type });
    draw();
    this.document.endMarkedContent();
  }

  /** End the open content: before a page ends, and at the end. */
  close(): void {
    if (this.#open === null) return;
    const { element, content } = this.#open;
    this.#open = null;
    this.document.endMarkedContent();
    element.add(content);
  }
}
