/** How many files are fetched or copied at a time. */
const AT_A_TIME = 6;

/** Work on all items, a few at a time. */
export async function inGroups<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_A_TIME) {
    await Promise.all(items.slice(start, start + AT_A_TIME).map(work));
  }
}
