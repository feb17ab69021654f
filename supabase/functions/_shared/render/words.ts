/** Monogram's own words in a newsletter, in one place, so that they can be said in another language. */

export interface Words {
  /** The BCP 47 tag of these words; becomes the language of the page, the mail and the PDF. */
  lang: string;
  week(number: number): string;
  /** A day, from its UTC parts; `month` counts from 1. */
  date(year: number, month: number, day: number): string;
  draft: string;
  questionsBy(name: string): string;
  /** Names somebody who has no name that can be shown. */
  someone: string;
  skipToLetter: string;
  questions: string;
  coverAlt(space: string): string;
  pictureBy(name: string, question: string): string;
  pictureCaption(name: string): string;
  pictureMissing(name: string): string;
  pictureOnTheWeb(name: string): string;
  music: string;
  listenOn(provider: string): string;
  untitledMusic: string;
  noAnswers: string;
  quietWeek: string;
  /** The line that mail programs show beside the subject. */
  preheader(names: string, week: number): string;
  and: string;
  others(count: number): string;
  continueOnTheWeb: string;
  abridged: string;
  moreAnswers(count: number): string;
  readOnTheWeb: string;
  downloadPdf: string;
  whyThisMail(space: string): string;
  unsubscribeSpace(space: string): string;
  unsubscribeAll: string;
  madeWith: string;
  /** The name of a page of the PDF, for its footer. */
  pageOf(page: number, pages: number): string;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

export const ENGLISH: Words = {
  lang: "en",
  week: (number) => `Week ${number}`,
  date: (year, month, day) => `${day} ${MONTHS[month - 1]} ${year}`,
  draft: "Draft",
  questionsBy: (name) => `Questions by ${name}`,
  someone: "Someone",
  skipToLetter: "Skip to the letter",
  questions: "The questions",
  coverAlt: (space) => `Cover picture of ${space}`,
  pictureBy: (name, question) => `Picture by ${name}, in answer to “${question}”`,
  pictureCaption: (name) => `Picture: ${name}`,
  pictureMissing: (name) => `A picture by ${name}, which could not be shown here.`,
  pictureOnTheWeb: (name) => `See the picture by ${name} on the web`,
  music: "Music",
  listenOn: (provider) => `Listen on ${provider}`,
  untitledMusic: "A piece of music",
  noAnswers: "No answer to this one in this letter.",
  quietWeek: "A quiet week: nobody answered, and that is an answer too. Until the next letter.",
  preheader: (names, week) => `${names} in week ${week}`,
  and: "and",
  others: (count) => count === 1 ? "one other" : `${count} others`,
  continueOnTheWeb: "Continue on the web",
  abridged: "This is a very long letter, so some answers are cut short here.",
  moreAnswers: (count) =>
    count === 1 ? "One more answer is on the web." : `${count} more answers are on the web.`,
  readOnTheWeb: "Read on the web",
  downloadPdf: "Download as PDF",
  whyThisMail: (space) => `You get this letter because you are a member of ${space}.`,
  unsubscribeSpace: (space) => `No more letters from ${space}`,
  unsubscribeAll: "No more email at all",
  madeWith: "Written together with Monogram",
  pageOf: (page, pages) => `${page} / ${pages}`,
};
