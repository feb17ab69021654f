/**
 * The part of the bundled libraries that this renderer uses. PDFKit's lengths are points, from the top left of the
 * page.
 */

/** An object of the file. */
export interface Reference {
  readonly id: number;
  // deno-lint-ignore no-explicit-any
  data: any;
  write(chunk: string | Uint8Array): void;
  end(chunk?: string | Uint8Array): void;
}

/** An embedded font. */
export interface Font {
  readonly id: string;
  /** Fontkit's own. */
  readonly font: {
    glyphForCodePoint(codePoint: number): { id: number; advanceWidth: number };
    getGlyph(id: number): {
      advanceWidth: number;
      path: { commands: { command: string; args: number[] }[] };
    };
  };
  /** The glyphs of the font that the file gets, by their index in it. */
  readonly subset: { glyphs: number[]; includeGlyph(id: number): number };
  /** The text of each of them, as code points. */
  readonly unicode: number[][];
  /** Their widths, in thousandths of an em. */
  readonly widths: number[];
  /** From units of the font to thousandths of an em. */
  readonly scale: number;
  widthOfString(text: string, size: number): number;
  ref(): Reference;
}

/** An element of the structure of a tagged file. */
export interface Element {
  add(child: Element | Content): Element;
  end(): void;
}

export interface Content {
  readonly content: never;
}

export interface Page {
  readonly width: number;
  readonly height: number;
  /** The fonts that the page names, by the name. */
  readonly fonts: Record<string, Reference>;
  write(operators: string): void;
}

/** A picture that PDFKit has read. */
export interface Image {
  readonly width: number;
  readonly height: number;
}

interface TextOptions {
  lineBreak: boolean;
  baseline: "alphabetic";
  textWidth?: number;
  wordCount?: number;
}

export class PDFDocument {
  constructor(options: Record<string, unknown>);
  readonly page: Page;
  readonly outline: { addItem(title: string): unknown };
  addContent(operators: string): this;
  addNamedDestination(name: string, fit: "XYZ", x: number, y: number, zoom: null): void;
  addPage(): this;
  addStructure(element: Element): this;
  circle(x: number, y: number, radius: number): this;
  clip(): this;
  ellipse(x: number, y: number, horizontal: number, vertical: number): this;
  end(): void;
  endMarkedContent(): this;
  fill(colour: string): this;
  fillAndStroke(fill: string, stroke: string): this;
  fillColor(colour: string): this;
  font(name: string): this;
  goTo(
    x: number,
    y: number,
    width: number,
    height: number,
    destination: string,
    options: Record<string, unknown>,
  ): this;
  fontSize(size: number): this;
  image(
    image: Image,
    x: number,
    y: number,
    options?: {
      width?: number;
      height?: number;
      cover?: [number, number];
      align?: "center";
      valign?: "center";
    },
  ): this;
  lineCap(cap: "round"): this;
  lineWidth(width: number): this;
  link(
    x: number,
    y: number,
    width: number,
    height: number,
    address: string,
    options: Record<string, unknown>,
  ): this;
  markContent(tag: string, options?: Record<string, unknown>): this;
  markStructureContent(tag: string): Content;
  on(event: "data", listener: (chunk: Uint8Array) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "end", listener: () => void): this;
  /** Read a JPEG or PNG, to be drawn as often as wanted and kept once. */
  openImage(bytes: Uint8Array): Image;
  path(path: string): this;
  rect(x: number, y: number, width: number, height: number): this;
  ref(data: Record<string, unknown>): Reference;
  registerFont(name: string, bytes: Uint8Array): this;
  restore(): this;
  roundedRect(x: number, y: number, width: number, height: number, radius: number): this;
  save(): this;
  scale(factor: number): this;
  stroke(colour: string): this;
  struct(type: string, options?: Record<string, unknown>): Element;
  switchToPage(index: number): unknown;
  text(text: string, x: number, y: number, options: TextOptions): this;
  translate(x: number, y: number): this;
  widthOfString(text: string): number;
}

/** Breaks by the Unicode line breaking rules (UAX 14). */
export class LineBreaker {
  constructor(text: string);
  nextBreak(): { position: number; required: boolean } | null;
}

/** The Unicode bidirectional algorithm (UAX 9). */
export function bidi(): {
  getMirroredCharacter(character: string): string | null;
  getEmbeddingLevels(text: string, direction: "ltr" | "rtl"): { levels: Uint8Array };
};
