/** What is used of franc. */

/** Return languages (ISO 639-3) and how likely each is, from 1 down; the most likely first, "und" where nothing can be told. */
export function francAll(text: string, options: { only: readonly string[] }): [string, number][];
