/**
 * Filling outlines on a picture, with smooth edges: for the share card, which is made where there is nothing that
 * draws.
 */

import type { Pixels } from "../pictures/pixels.ts";

/** A part of an outline, in pixels from the top left. */
export type Step =
  | { kind: "move" | "line"; to: [number, number] }
  | { kind: "quadratic"; by: [number, number]; to: [number, number] }
  | { kind: "cubic"; by: [number, number]; and: [number, number]; to: [number, number] }
  | { kind: "close" };

/** So many shades lie between two colours: few enough that the picture of a card has a palette. */
const SHADES = 31;

/** A picture of one colour, to draw on. */
export class Canvas {
  readonly pixels: Pixels;

  constructor(readonly width: number, readonly height: number, ground: string) {
    const rgba = new Uint8Array(width * height * 4);
    const [pixel] = new Uint32Array(Uint8Array.of(...channels(ground), 255).buffer);
    new Uint32Array(rgba.buffer).fill(pixel);
    this.pixels = { width, height, rgba };
  }

  /** Fill what an outline goes around; what it goes around twice in opposite directions stays empty. */
  fill(outline: readonly Step[], colour: string, opacity = 1): void {
    const edges = flattened(outline);
    const xs = edges.flatMap(([x0, , x1]) => [x0, x1]);
    const ys = edges.flatMap(([, y0, , y1]) => [y0, y1]);
    const left = Math.max(0, Math.floor(least(xs)));
    const top = Math.max(0, Math.floor(least(ys)));
    const right = Math.min(this.width, Math.ceil(-least(xs.map((x) => -x))) + 1);
    const bottom = Math.min(this.height, Math.ceil(-least(ys.map((y) => -y))) + 1);
    if (right <= left || bottom <= top) return;
    const area = new Area(right - left, bottom - top);
    for (const [x0, y0, x1, y1] of edges) area.edge(x0 - left, y0 - top, x1 - left, y1 - top);
    const ink = channels(colour);
    const { rgba } = this.pixels;
    area.cover((x, y, covered) => {
      const share = Math.round(covered * SHADES) / SHADES * opacity;
      if (share === 0) return;
      const at = ((y + top) * this.width + x + left) * 4;
      for (let channel = 0; channel < 3; channel++) {
        rgba[at + channel] = Math.round(rgba[at + channel] + (ink[channel] - rgba[at + channel]) * share);
      }
    });
  }

  /** A ring, by the middle of its line. */
  ring(x: number, y: number, radius: number, thickness: number, colour: string): void {
    const outer = circle(x, y, radius + thickness / 2, 1);
    this.fill([...outer, ...circle(x, y, radius - thickness / 2, -1)], colour);
  }
}

/** The parts of pixels that lie to the right of edges, added up: what is inside is what they come to. */
class Area {
  readonly #sums: Float32Array;

  constructor(readonly width: number, readonly height: number) {
    this.#sums = new Float32Array((width + 1) * height + 1);
  }

  edge(x0: number, y0: number, x1: number, y1: number): void {
    if (y0 === y1) return;
    const direction = y0 < y1 ? 1 : -1;
    if (direction < 0) [x0, y0, x1, y1] = [x1, y1, x0, y0];
    const slope = (x1 - x0) / (y1 - y0);
    let x = y0 < 0 ? x0 - y0 * slope : x0;
    const last = Math.min(this.height, Math.ceil(y1));
    for (let row = Math.max(0, Math.floor(y0)); row < last; row++) {
      const height = Math.min(row + 1, y1) - Math.max(row, y0);
      const next = x + slope * height;
      this.#row(row, Math.min(x, next), Math.max(x, next), height * direction);
      x = next;
    }
  }

  /** Give each pixel that is covered, and how much of it. */
  cover(give: (x: number, y: number, covered: number) => void): void {
    const stride = this.width + 1;
    for (let y = 0; y < this.height; y++) {
      let sum = 0;
      for (let x = 0; x < this.width; x++) {
        sum += this.#sums[y * stride + x];
        const covered = Math.min(1, Math.abs(sum));
        if (covered > 0.001) give(x, y, covered);
      }
    }
  }

  /**
   * An edge within one row of pixels, from `left` to `right`; `height` is that of the edge, negative where it goes up.
   */
  #row(row: number, left: number, right: number, height: number): void {
    const clamp = (x: number) => Math.min(Math.max(x, 0), this.width);
    [left, right] = [clamp(left), clamp(right)];
    const at = row * (this.width + 1);
    const first = Math.floor(left);
    const end = Math.max(Math.ceil(right), first + 1);
    let before = 0;
    for (let x = first; x < end; x++) {
      // How much of the pixel's area lies to the right of the edge, and of all of it so far.
      const [from, to] = [Math.max(left, x), Math.min(right, x + 1)];
      const share = right > left ? (to - from) / (right - left) : 1;
      const middle = (from + to) / 2 - x;
      const here = height * share;
      this.#sums[at + x] += here * (1 - middle) + before;
      before = here * middle;
    }
    this.#sums[at + end] += before;
  }
}

/** Edges that stand for an outline: curves as short lines, and open parts closed. */
function flattened(outline: readonly Step[]): [number, number, number, number][] {
  const edges: [number, number, number, number][] = [];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  const line = (toX: number, toY: number) => {
    edges.push([x, y, toX, toY]);
    [x, y] = [toX, toY];
  };
  for (const step of outline) {
    if (step.kind === "close") line(startX, startY);
    else if (step.kind === "move") {
      if (x !== startX || y !== startY) line(startX, startY);
      [x, y] = [startX, startY] = step.to;
    } else if (step.kind === "line") line(...step.to);
    else {
      const [by, and] = handles(step, [x, y]);
      const [x0, y0] = [x, y];
      const length = Math.hypot(by[0] - x0, by[1] - y0) + Math.hypot(and[0] - by[0], and[1] - by[1]) +
        Math.hypot(step.to[0] - and[0], step.to[1] - and[1]);
      const pieces = Math.max(2, Math.min(64, Math.ceil(Math.sqrt(length) * 1.5)));
      for (let piece = 1; piece <= pieces; piece++) {
        const t = piece / pieces;
        const [a, b, c, d] = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
        line(
          a * x0 + b * by[0] + c * and[0] + d * step.to[0],
          a * y0 + b * by[1] + c * and[1] + d * step.to[1],
        );
      }
    }
  }
  if (x !== startX || y !== startY) line(startX, startY);
  return edges;
}

/** The two handles of a curve; one of the second degree is one of the third as well. */
function handles(step: Step, from: [number, number]): [[number, number], [number, number]] {
  switch (step.kind) {
    case "cubic":
      return [step.by, step.and];
    case "quadratic":
      return [toward(from, step.by, 2 / 3), toward(step.to, step.by, 2 / 3)];
    case "close":
      return [from, from];
    default:
      return [from, step.to];
  }
}

function toward([x, y]: [number, number], [toX, toY]: [number, number], share: number): [number, number] {
  return [x + (toX - x) * share, y + (toY - y) * share];
}

/** How far the handles of a quarter of a circle reach. */
const QUARTER = 0.5523;

function circle(x: number, y: number, radius: number, direction: 1 | -1): Step[] {
  const [r, k, d] = [radius, radius * QUARTER, direction];
  const at = (dx: number, dy: number): [number, number] => [x + dx, y + dy * d];
  return [
    { kind: "move", to: at(r, 0) },
    { kind: "cubic", by: at(r, k), and: at(k, r), to: at(0, r) },
    { kind: "cubic", by: at(-k, r), and: at(-r, k), to: at(-r, 0) },
    { kind: "cubic", by: at(-r, -k), and: at(-k, -r), to: at(0, -r) },
    { kind: "cubic", by: at(k, -r), and: at(r, -k), to: at(r, 0) },
    { kind: "close" },
  ];
}

function least(values: readonly number[]): number {
  return values.reduce((one, other) => Math.min(one, other), Infinity);
}

function channels(colour: string): [number, number, number] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];
}
