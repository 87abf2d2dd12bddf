/** A difference between a projection and the fold of the log. */
export interface Difference {
  readonly key: string;
  /** A field of a hash, or a member of a sorted set. */
  readonly field?: string;
  /** The value according to the log; undefined if there should be none. */
  readonly expected?: string;
  /** The stored value. */
  readonly actual?: string;
}
