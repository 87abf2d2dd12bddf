import type { Place } from './shard-merge.js';

/** Which entries to read. Scores are rank scores: greater is better on every board. */
export interface BoardQuery {
  readonly from:
    | { readonly offset: number }
    | { readonly after: Place }
    | { readonly around: string }
    | { readonly score: number }
    | { readonly players: readonly string[] };
  readonly length: number;
  /** Only the best entries, up to this percentage of the board, are considered. */
  readonly topPercent: number;
}
