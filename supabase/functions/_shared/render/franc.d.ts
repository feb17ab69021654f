/** The part of franc that is used. */

/** A language (ISO 639-3; "und" if it cannot tell), and how likely it is, from 1 down. */
export type Guess = [string, number];

/** Return languages, the most likely first. */
export function francAll(text: string, options: { only: readonly string[] }): Guess[];
