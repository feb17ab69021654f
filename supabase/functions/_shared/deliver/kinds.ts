/**
 * The kinds of notifications that the database has (`public.notification_kind`), and what becomes of each as an email.
 */

/**
 * `EMAIL`: an email of its own, whose words are in `notice.ts`. `DIGESTED`: a line of the day's digest. `NONE`: no
 * email; a published newsletter has one that is rendered from it.
 *
 * A test compares this with the database, and the compiler requires words for each kind that has an email or a line.
 */
export const NOTIFICATION_KINDS = {
  CURATOR_ASSIGNED: "EMAIL",
  PROMPTS_PUBLISHED: "EMAIL",
  RESPONSE_REMINDER: "EMAIL",
  NEWSLETTER_PUBLISHED: "NONE",
  BADGE_EARNED: "DIGESTED",
  GIFT_RECEIVED: "EMAIL",
  DIGEST: "EMAIL",
} as const;

export type NotificationKind = keyof typeof NOTIFICATION_KINDS;

type KindsThatAre<Fate> = {
  [Kind in NotificationKind]: (typeof NOTIFICATION_KINDS)[Kind] extends Fate ? Kind : never;
}[NotificationKind];

/** Those that `notice.ts` writes an email of. */
export type NoticeKind = KindsThatAre<"EMAIL">;

/** Those that a digest has entries of: gifts too, all of a day from one person but the first. */
export type DigestKind = KindsThatAre<"DIGESTED"> | "GIFT_RECEIVED";

/**
 * Return true if an email of this kind has words of its own: a newer database may have kinds that these functions do
 * not know.
 */
export function isNoticeKind(kind: string): kind is NoticeKind {
  return (NOTIFICATION_KINDS as Record<string, string>)[kind] === "EMAIL";
}
