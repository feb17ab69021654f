/**
 * The colours of a newsletter: Monogram's own, or a theme's, brought to contrasts that people can read.
 *
 * Contrast is that of WCAG 2: 4.5 to 1 for text, 3 to 1 for large text and drawings.
 */

/** Colours as "#rrggbb", each for one use. */
export interface Palette {
  /** The background. */
  paper: string;
  /** The background of a card that lies on the paper. */
  card: string;
  /** Text. */
  ink: string;
  /** Text of less weight: captions, dates. At least 4.5 to 1 on paper and card. */
  muted: string;
  /** Large numerals, rules, the seal. At least 3 to 1 on paper. */
  accent: string;
  /** Small text in the accent's colour: links. At least 4.5 to 1 on paper and card. */
  link: string;
  /** Hairlines; for decoration only. */
  hairline: string;
  /** Lies under pictures that are partly transparent: light, since most of them are drawn on white. */
  mat: string;
}

/** Why a theme is not used. */
export type ThemeProblem = "not_colours" | "low_contrast";

export interface Colours {
  light: Palette;
  /** Equal to `light` where a theme has one set of colours only: its owner has chosen, whatever the device prefers. */
  dark: Palette;
  /** On white paper: a theme's with its accent, and with its ink where that is dark enough. */
  print: Palette;
  /** Whether the colours are a theme's. */
  themed: boolean;
  /** Why the theme that was given is not used; null if it is, or if none was given. */
  problem: ThemeProblem | null;
}

const TEXT = 4.5;
const LARGE = 3;

const LIGHT_MAT = "#fbf8f1";

const LIGHT = derive("#fbf8f1", "#221d18", "#a63d2a");
const DARK = derive("#191714", "#ebe4d8", "#e58e6d");

/** Monogram's own colours on paper that is printed on. */
export const PRINT: Palette = derive("#ffffff", "#221d18", "#a63d2a");

const OWN: Colours = { light: LIGHT, dark: DARK, print: PRINT, themed: false, problem: null };

/** The contrast to white of an ink that is printed; what is less is read on a screen. */
const PRINTED = 7;

/** Return the colours to use for a theme's metadata, or Monogram's own where it has none or they cannot be read. */
export function colours(theme: unknown): Colours {
  if (theme === null || theme === undefined) return OWN;
  const { dark, ...day } = theme as Record<string, unknown>;
  if (isColourless(day) && dark === undefined && typeof theme === "object" && !Array.isArray(theme)) {
    return OWN;
  }
  const light = paletteOf(day);
  if (typeof light === "string") return { ...OWN, problem: light };
  const night = dark === undefined ? light : paletteOf(dark);
  const ink = contrast("#ffffff", light.ink) >= PRINTED ? light.ink : PRINT.ink;
  const print = derive("#ffffff", ink, (day.accent as string).toLowerCase());
  return { light, dark: typeof night === "string" ? light : night, print, themed: true, problem: null };
}

/** Return true if a page looks alike by day and by night. */
export function isConstant({ light, dark }: Colours): boolean {
  return light === dark;
}

function isColourless({ paper, ink, accent }: Record<string, unknown>): boolean {
  return paper === undefined && ink === undefined && accent === undefined;
}

function paletteOf(given: unknown): Palette | ThemeProblem {
  const { paper, ink, accent } = (given ?? {}) as Record<string, unknown>;
  if (!isColour(paper) || !isColour(ink) || !isColour(accent)) return "not_colours";
  if (contrast(paper, ink) < TEXT) return "low_contrast";
  return derive(paper.toLowerCase(), ink.toLowerCase(), accent.toLowerCase());
}

/** Return true if the paper is darker than the ink. */
export function isDark(palette: Palette): boolean {
  return luminance(palette.paper) < luminance(palette.ink);
}

/** Return the contrast of two colours, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function derive(paper: string, ink: string, accent: string): Palette {
  // A card on which the ink would lose its contrast gets the paper's colour.
  const tint = mix(paper, ink, 0.045);
  const card = contrast(tint, ink) >= TEXT ? tint : paper;
  return {
    paper,
    card,
    ink,
    muted: towards(ink, mix(ink, paper, 0.42), TEXT, [paper, card]),
    accent: towards(ink, accent, LARGE, [paper]),
    link: towards(ink, accent, TEXT, [paper, card]),
    hairline: mix(paper, ink, 0.16),
    mat: luminance(paper) > luminance(ink) ? paper : LIGHT_MAT,
  };
}

/** Return the colour nearest to `wanted`, on the way to `ink`, that has the contrast on all `grounds`. */
function towards(ink: string, wanted: string, ratio: number, grounds: string[]): string {
  for (let step = 0; step < 20; step++) {
    const colour = mix(wanted, ink, step / 20);
    if (grounds.every((ground) => contrast(ground, colour) >= ratio)) return colour;
  }
  return ink;
}

function isColour(value: unknown): value is string {
  return typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value);
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
}

function mix(from: string, to: string, amount: number): string {
  const target = channels(to);
  return "#" + channels(from)
    .map((value, index) => Math.round(value + (target[index] - value) * amount).toString(16).padStart(2, "0"))
    .join("");
}

function luminance(colour: string): number {
  const [red, green, blue] = channels(colour)
    .map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
