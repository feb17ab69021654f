/** Monogram's own words in a newsletter, from the catalogues, as whoever sets a newsletter asks for them. */

import { type Words, wordsIn } from "../words/words.ts";
import { withinQuotes } from "./typography.ts";

export interface NewsletterWords {
  /** The BCP 47 tag of these words; becomes the language of the page, the email and the PDF. */
  lang: string;
  direction: "ltr" | "rtl";
  week(number: number): string;
  /** What a newsletter is called that nobody gave a title. */
  title(space: string, week: number): string;
  /** A day, as it was in UTC. */
  date(date: Date): string;
  draft: string;
  questionsBy(name: string): string;
  /** Names somebody who has no name that can be shown. */
  someone: string;
  /** Names somebody who was taken out of the newsletter. */
  somebodyWhoLeft: string;
  skipToLetter: string;
  questions: string;
  coverAlt(space: string): string;
  pictureBy(name: string, question: string): string;
  pictureMissing(name: string): string;
  picturePending(name: string): string;
  pictureOnTheWeb(name: string): string;
  music: string;
  listenOn(provider: string): string;
  untitledMusic: string;
  noAnswers: string;
  /** Stands for a response that cannot be set. */
  answerMissing: string;
  /** Stands for a response whose author was taken out of the newsletter. */
  answerTakenOut: string;
  quietWeek: string;
  /** The subject of an email where the title does not name the space. */
  subject(title: string, space: string): string;
  /** The line that mail programs show beside the subject: the first of what somebody wrote. */
  preheader(name: string, line: string): string;
  /** The same where nobody wrote and there are pictures or music alone; `others` have responded besides. */
  preheaderOfNames(names: readonly string[], others: number, week: number): string;
  continueOnTheWeb: string;
  abridged: string;
  moreAnswers(count: number): string;
  readOnTheWeb: string;
  downloadPdf: string;
  /** Of the page, as one file. */
  saveLetter: string;
  /** What a sheet with one response is called, in the name of its file. */
  keepsake: string;
  /** Lead to the newsletters before and after one, and to all of them. */
  previousLetter: string;
  nextLetter: string;
  allLetters: string;
  /** The name of these links together. */
  otherLetters: string;
  /** Says what the page of all newsletters, and the feed, are. */
  lettersOf(space: string): string;
  noLetters: string;
  followByFeed: string;
  /** What stands before an address in plain text. */
  labelled(label: string): string;
  whyThisMail(space: string): string;
  unsubscribeSpace(space: string): string;
  unsubscribeAll: string;
  madeWith: string;
  /** The last line of page and PDF. */
  code(code: string): string;
  /** The name of a page of the PDF, for its footer. */
  pageOf(page: number, pages: number): string;
  /** Stands above a page of the PDF on which somebody's response goes on. */
  continued(name: string): string;
  /** What a picture of the PDF leads to. */
  originalSize: string;
}

/** The words of a newsletter, in the first of these languages that has them. */
export function newsletterWords(languages: readonly (string | null | undefined)[]): NewsletterWords {
  const words = wordsIn(languages);
  return {
    lang: words.lang,
    direction: words.direction,
    week: (number) => words.say("letter.week", { number }),
    title: (space, number) => words.say("letter.title", { space, number }),
    date: (date) => words.day(date),
    draft: words.say("letter.draft"),
    questionsBy: (name) => words.say("letter.questionsBy", { name }),
    someone: words.say("letter.someone"),
    somebodyWhoLeft: words.say("letter.somebodyWhoLeft"),
    skipToLetter: words.say("letter.skipToLetter"),
    questions: words.say("letter.questions"),
    coverAlt: (space) => words.say("letter.coverAlt", { space }),
    pictureBy: (name, question) => words.say("letter.pictureBy", { name, question: withinQuotes(question) }),
    pictureMissing: (name) => words.say("letter.pictureMissing", { name }),
    picturePending: (name) => words.say("letter.picturePending", { name }),
    pictureOnTheWeb: (name) => words.say("letter.pictureOnTheWeb", { name }),
    music: words.say("letter.music"),
    listenOn: (provider) => words.say("letter.listenOn", { provider }),
    untitledMusic: words.say("letter.untitledMusic"),
    noAnswers: words.say("letter.noAnswers"),
    answerMissing: words.say("letter.answerMissing"),
    answerTakenOut: words.say("letter.answerTakenOut"),
    quietWeek: words.say("letter.quietWeek"),
    subject: (title, space) => words.say("mail.subject", { title, space }),
    preheader: (name, line) => words.say("mail.preheader", { name, line: withinQuotes(line) }),
    preheaderOfNames: (names, others, week) =>
      words.say("mail.preheaderOfNames", { names: namesOf(words, names, others), week }),
    continueOnTheWeb: words.say("letter.continueOnTheWeb"),
    abridged: words.say("letter.abridged"),
    moreAnswers: (count) => words.say("letter.moreAnswers", { count }),
    readOnTheWeb: words.say("letter.readOnTheWeb"),
    downloadPdf: words.say("letter.downloadPdf"),
    saveLetter: words.say("letter.saveLetter"),
    keepsake: words.say("letter.keepsake"),
    previousLetter: words.say("letter.previousLetter"),
    nextLetter: words.say("letter.nextLetter"),
    allLetters: words.say("letter.allLetters"),
    otherLetters: words.say("letter.otherLetters"),
    lettersOf: (space) => words.say("letter.lettersOf", { space }),
    noLetters: words.say("letter.noLetters"),
    followByFeed: words.say("letter.followByFeed"),
    labelled: (label) => words.say("mail.labelled", { label }),
    whyThisMail: (space) => words.say("mail.whyThisMail", { space }),
    unsubscribeSpace: (space) => words.say("mail.unsubscribeSpace", { space }),
    unsubscribeAll: words.say("mail.unsubscribeAll"),
    madeWith: words.say("letter.madeWith"),
    code: (code) => words.say("letter.code", { code }),
    pageOf: (page, pages) => words.say("letter.pageOf", { page, pages }),
    continued: (name) => words.say("letter.continued", { name }),
    originalSize: words.say("letter.originalSize"),
  };
}

function namesOf(words: Words, names: readonly string[], others: number): string {
  return words.list(others === 0 ? names : [...names, words.say("mail.others", { count: others })]);
}

export const ENGLISH: NewsletterWords = newsletterWords(["en"]);
