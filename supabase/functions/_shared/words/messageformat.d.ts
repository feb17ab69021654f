/** What is used of the bundled library. */

/** What is put into a message, by name. */
export type Values = Record<string, string | number>;

export class IntlMessageFormat {
  constructor(message: string, locale: string);
  format(values: Values): string;
}
