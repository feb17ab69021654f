/** A picture that could not be shown; words stand in its place. For the log of whoever renders. */
export interface Problem {
  /** The picture's text alternative. */
  picture: string;
  reason: string;
}
