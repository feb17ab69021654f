/** Which characters a font file is for. */

/** Read a CSS `unicode-range` ("U+0000-00FF,U+0131") into pairs of first and last code point. */
export function parseRanges(ranges: string): [number, number][] {
  return ranges.split(",").map((range) => {
    const [first, last = first] = range.trim().slice(2).split("-").map((digits) =>
      Number.parseInt(digits, 16)
    );
    return [first, last];
  });
}

export function covers(ranges: readonly [number, number][], codePoint: number): boolean {
  return ranges.some(([first, last]) => codePoint >= first && codePoint <= last);
}
