/** The structure of a tagged PDF: which part of a page belongs to which element, and what is mere decoration. */

import type { Document } from "./document.ts";

export type Element = ReturnType<Document["struct"]>;

/** Keeps one piece of marked content open at a time. */
export class Tags {
  #open: { element: Element; content: ReturnType<Document["markStructureContent"]> } | null = null;

  constructor(readonly document: Document) {}

  /** Make the root of the structure. */
  root(): Element {
    const root = this.document.struct("Document");
    this.document.addStructure(root);
    return root;
  }

  /** Make an element at the end of another. */
  element(parent: Element, type: string, options: Parameters<Document["struct"]>[1] = {}): Element {
    this.close();
    const element = this.document.struct(type as Parameters<Document["struct"]>[0], options);
    parent.add(element);
    return element;
  }

  /** Draw something that belongs to an element. Calls in a row for one element make one piece of content. */
  content(element: Element, type: string, draw: () => void): void {
    if (this.#open?.element !== element) {
      this.close();
      const content = this.document.markStructureContent(type as Parameters<Document["struct"]>[0]);
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
