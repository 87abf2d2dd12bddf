/** A place on a board, by what entries are ranked by. */
export interface Place {
  readonly score: number;
  readonly member: string;
}

/** An entry of a shard. */
export interface ShardEntry extends Place {
  /** The run that counts, as text. */
  readonly run: string;
}

/** Entries of one shard ahead of a place, and from there on. */
export interface ShardWindow {
  /** Entries in the shard that are ahead of the place. */
  readonly ahead: number;
  /** The index in the shard of the first entry that is here. */
  readonly start: number;
  /** The entry before that, and how many have a better score than that one. */
  readonly lead?: { readonly score: number; readonly better: number };
  readonly entries: readonly ShardEntry[];
}

/** An entry of the whole board. */
export interface MergedEntry extends ShardEntry {
  /** How many are ahead of it. */
  readonly index: number;
  /** How many have a better score. */
  readonly better: number;
}

/** Ahead of every entry. */
export const TOP: Place = { score: Number.POSITIVE_INFINITY, member: '' };
/** Behind every entry. */
export const BOTTOM: Place = { score: Number.NEGATIVE_INFINITY, member: '' };
/** Ahead of every entry with the score: no member begins with so great a byte. */
export const aheadOfTies = (score: number): Place => ({ score, member: '\x7f' });

/** Negative when the first of two stands higher. Members are ASCII: their order as texts is that of their bytes. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.score !== b.score) return b.score > a.score ? 1 : -1;
  return a.member === b.member ? 0 : b.member > a.member ? 1 : -1;
}

/** Entries on the whole board that are ahead of the place. */
export const aheadOf = (windows: readonly ShardWindow[]) =>
  windows.reduce((sum, { ahead }) => sum + ahead, 0);

/**
 * The entries of the whole board from one index to another.
 *
 * @param windows of all shards, at the same place, with as many entries on either side of it as are wanted here
 */
export function mergeWindows(windows: readonly ShardWindow[], from: number, to: number): MergedEntry[] {
  const known = windows.flatMap(({ entries }) => entries).sort(comparePlaces);
  const knownAhead = windows.reduce((sum, { ahead, start }) => sum + ahead - start, 0);
  const first = aheadOf(windows) - knownAhead;
  const shown = known.slice(Math.max(0, from - first), Math.max(0, to - first));
  let better = shown[0] ? betterThan(windows, shown[0].score) : 0;
  return shown.map((entry, i) => {
    const index = Math.max(from, first) + i;
    if (i > 0 && entry.score !== shown[i - 1]?.score) better = index;
    return { ...entry, index, better };
  });
}

/**
 * How many entries of the whole board have a better score. What is not here is ahead of what is: of each shard, the last of it
 * says how many of them have the same score.
 */
function betterThan(windows: readonly ShardWindow[], score: number): number {
  return windows.reduce((sum, { start, lead, entries }) => {
    const unknown = lead === undefined ? 0 : lead.score > score ? start : lead.better;
    return sum + unknown + entries.filter(entry => entry.score > score).length;
  }, 0);
}

/** Some entries of one shard, from one index of it up to another. */
export interface ShardSamples {
  readonly from: number;
  readonly to: number;
  readonly samples: readonly (Place & { readonly index: number })[];
}

/**
 * Narrows down where the entry with an index is on the whole board: of the samples, the last one that cannot be behind it, and
 * the first one that must be.
 *
 * A sample's index on the whole board is known within bounds: of every other shard, all up to the last sample ahead of it
 * are ahead of it, and none from the next one on.
 */
export function narrow(shards: readonly ShardSamples[], index: number): { from?: Place; to?: Place } {
  const sorted = shards
    .flatMap(({ samples }, shard) => samples.map((sample, n) => ({ sample, shard, n })))
    .sort((a, b) => comparePlaces(a.sample, b.sample));
  const least = shards.map(({ from }) => from);
  const most = shards.map(({ to, samples }) => samples[0]?.index ?? to);
  let from: Place | undefined;
  for (const { sample, shard, n } of sorted) {
    least[shard] = sample.index;
    most[shard] = sample.index;
    if (sum(least) > index) return { ...(from && { from }), to: sample };
    if (sum(most) <= index) from = sample;
    least[shard] = sample.index + 1;
    const { samples, to } = shards[shard] as ShardSamples;
    most[shard] = samples[n + 1]?.index ?? to;
  }
  return { ...(from && { from }) };
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
