import type { ShardedBoard, ShardReply } from './shard-calls.js';
import type { MergedEntry, ShardSamples, ShardWindow } from './shard-merge.js';
/** The combined answer of all shards. */
export interface ShardedAnswer {
  readonly rules: string;
  readonly definition: string;
  /** The kept periods with scores, oldest first. */
  readonly periods: readonly string[];
  readonly clock: number;
  readonly total: number;
  /** Whether there are more entries after these. */
  readonly more: boolean;
  readonly entries: readonly MergedEntry[];
}

export type ShardWindowText = [
  ahead: number,
  start: number,
  lead: string,
  better: number,
  members: string[],
  scores: string[],
  runs: (string | null)[],
];
export type ShardSamplesText = [
  from: number,
  to: number,
  indices: number[],
  members: string[],
  scores: string[],
];

/** Combines what the shards report about the board. */
export function combineReplies(
  { known }: ShardedBoard,
  replies: readonly ShardReply<unknown>[],
): Omit<ShardedAnswer, 'more' | 'entries'> {
  const [home] = replies as [ShardReply<unknown>];
  const { rules, definition } = home;
  const entries = replies.reduce((sum, { total }) => sum + total, 0);
  return {
    rules,
    definition,
    periods: [...new Set(replies.flatMap(({ periods }) => periods))].sort(),
    clock: Math.max(...replies.map(({ clock }) => clock)),
    total: Math.min(entries, known.definition.maxEntries ?? entries),
  };
}

export function toShardWindow([
  ahead,
  start,
  lead,
  better,
  members,
  scores,
  runs,
]: ShardWindowText): ShardWindow {
  return {
    ahead,
    start,
    ...(lead !== '' && { previous: { score: Number(lead), better } }),
    entries: members.map((member, i) => ({ member, score: Number(scores[i]), run: runs[i] ?? '' })),
  };
}

export function toShardSamples([from, to, indices, members, scores]: ShardSamplesText): ShardSamples {
  const samples = members.map((member, i) => ({ member, score: Number(scores[i]), index: indices[i] ?? 0 }));
  return { from, to, samples };
}
