/** What is used of the bundled library. */

export class IntlMessageFormat {
  constructor(message: string, locale: string);
  format(values: Record<string, string | number>): string;
}
