/** Where a projection is not what the log says. */
export interface Difference {
  readonly key: string;
  /** A field of a hash, a member of a sorted set. */
  readonly field?: string;
  /** What the log says; nothing when there should be nothing. */
  readonly expected?: string;
  /** What is there. */
  readonly actual?: string;
}
