/** What is used of franc. */

/** A language (ISO 639-3; "und" where nothing can be told), and how likely it is, from 1 down. */
export type Guess = [string, number];

/** Return languages, the most likely first. */
export function francAll(text: string, options: { only: readonly string[] }): Guess[];
