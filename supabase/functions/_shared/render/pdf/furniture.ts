/** What is drawn beside the words: the seal, numerals, ornaments, faces, and the sign of music. */

import { type Design, ORNAMENTS } from "../design.ts";

import { characters } from "../text.ts";
import type { Document } from "./document.ts";
import type { Plate } from "./pictures.ts";
import type { Direction } from "./lines.ts";
import { BASELINE, type Column, type Sheets, type Type } from "./sheets.ts";

const SEAL: Type = { style: "regular", size: 17, leading: 20, colour: "link" };
const INITIALS: Type = { style: "regular", size: 7.6, leading: 11, colour: "ink" };

const NUMERAL: Type = { style: "regular", size: 36, leading: 40, colour: "accent" };
const NUMERALS: Readonly<Record<Exclude<Design["numerals"], "ringed">, Type>> = {
  lining: NUMERAL,
  oldstyle: { ...NUMERAL, style: "italic" },
  roman: { ...NUMERAL, size: 25 },
};
const RINGED: Type = { ...NUMERAL, size: 15.6, colour: "link" };
const RING = 15.8;

/** Draw the number of a question at the beginning of a column. */
export function drawNumeral(
  sheets: Sheets,
  numeral: string,
  numerals: Design["numerals"],
  column: Column,
  baseline: number,
): void {
  if (numerals !== "ringed") {
    const type = NUMERALS[numerals];
    sheets.decorate(numeral, type, column, baseline - type.leading * BASELINE);
    return;
  }
  const x = sheets.at("start", column, 2 * RING) + RING;
  const y = baseline - RINGED.size * CENTRE;
  sheets.ornament((document) =>
    document.lineWidth(1.1).circle(x, y, RING - 0.55).stroke(sheets.palette.accent)
  );
  centre(sheets, numeral, RINGED, x, y, RING * 1.5);
}

/** How long the line between two responses is, and how high other ornaments are. */
const SEPARATOR = 30;
const ORNAMENT = 9.6;

/** Draw what stands between two responses, around a height. */
export function drawOrnament(
  sheets: Sheets,
  ornament: Design["ornament"],
  column: Column,
  y: number,
  runs: Direction,
): void {
  if (ornament === "none") return;
  const drawn = ORNAMENTS[ornament];
  if (drawn === null) {
    sheets.rule(sheets.at("start", column, SEPARATOR, runs), SEPARATOR, y);
    return;
  }
  const scale = ORNAMENT / 16;
  const x = sheets.at("start", column, drawn.width * scale, runs);
  sheets.ornament((document) => {
    document.save().translate(x, y - ORNAMENT / 2).scale(scale);
    for (const [, tag, attributes] of drawn.drawing.matchAll(/<(circle|path)\b([^>]*)>/g)) {
      const given = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      document.save();
      const [left, top] = given("transform").match(/[-\d.]+/g) ?? [0, 0];
      document.translate(Number(left), Number(top));
      if (tag === "circle") document.circle(Number(given("cx")), Number(given("cy")), Number(given("r")));
      else document.path(given("d"));
      if (given("fill") === "none") {
        document.lineWidth(Number(given("stroke-width"))).lineCap("round").stroke(sheets.palette.accent);
      } else document.fill(sheets.palette.accent);
      document.restore();
    }
    document.restore();
  });
}

/** Draw the seal of a space around a point. */
export function drawSeal(sheets: Sheets, initials: string, x: number, y: number, radius: number): void {
  const { palette } = sheets;
  const weight = radius / 25;
  sheets.ornament((document) => {
    // Where it lies on a picture it stays readable.
    document.circle(x, y, radius + 5.5 * weight).fill(palette.paper);
    document.lineWidth(0.9 * weight).circle(x, y, radius).stroke(palette.accent);
    document.lineWidth(0.5 * weight).circle(x, y, radius + 2.2 * weight).stroke(palette.accent);
  });
  const size = weight * (characters(initials).length > 2 ? 13 : SEAL.size);
  centre(sheets, initials, { ...SEAL, size }, x, y, radius * 1.6);
}

/** Draw a face in a disc around a point, or the initials of its person. */
export function drawFace(
  sheets: Sheets,
  plate: Plate | null,
  initials: string,
  x: number,
  y: number,
  radius: number,
): void {
  const { palette } = sheets;
  if (plate === null) {
    sheets.ornament((document) =>
      document.lineWidth(0.6).circle(x, y, radius).fillAndStroke(palette.card, palette.hairline)
    );
    if (initials !== "") centre(sheets, initials, INITIALS, x, y, radius * 1.6);
    return;
  }
  sheets.ornament((document) => {
    document.save().circle(x, y, radius).clip();
    document.image(plate.image, x - radius, y - radius, {
      cover: [radius * 2, radius * 2],
      align: "center",
      valign: "center",
    });
    document.restore();
  });
}

/** Draw a note on a record, around a point. */
export function drawRecord(document: Document, x: number, y: number, colour: string): void {
  document.save().translate(x - 15, y - 15).scale(0.75);
  document.lineWidth(1.3).circle(20, 20, 18.5).path("M16 26.5V13l10-2.5v13.5").stroke(colour);
  document.ellipse(13.6, 26.7, 2.6, 2.1).ellipse(23.6, 24.2, 2.6, 2.1).stroke(colour);
  document.restore();
}

/** The middle of capitals and digits above their baseline, in ems. */
const CENTRE = 0.35;

/** Set initials with the middle of their capitals at a point, smaller where they would be wider than `width`. */
function centre(sheets: Sheets, text: string, type: Type, x: number, y: number, width: number): void {
  const column = { x: x - 50, width: 100 };
  const [line] = sheets.lines([{ kind: "text", text }], type, column);
  const size = type.size * Math.min(1, width / line.width);
  sheets.decorate(text, { ...type, size }, column, y + size * CENTRE - type.leading * BASELINE, true);
}
