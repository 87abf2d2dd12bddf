/** A place in the order of a board. An entry can stand there, but need not. */
export interface Place {
  readonly score: number;
  readonly member: string;
}

export interface ShardEntry extends Place {
  /** The stored text of the run. */
  readonly run: string;
}

/** Entries of one shard around a place. */
export interface ShardWindow {
  /** The number of entries in the shard that are ahead of the place. */
  readonly ahead: number;
  /** The index, in the shard, of the first of `entries`. */
  readonly start: number;
  /** The entry before the first one, and how many entries of the shard have a better score than it. */
  readonly previous?: { readonly score: number; readonly better: number };
  readonly entries: readonly ShardEntry[];
}

export interface MergedEntry extends ShardEntry {
  /** How many entries of the whole board are ahead. */
  readonly index: number;
  /** How many entries of the whole board have a better score. */
  readonly better: number;
}

/** A place ahead of every entry. */
export const TOP: Place = { score: Number.POSITIVE_INFINITY, member: '' };
/** A place behind every entry. */
export const BOTTOM: Place = { score: Number.NEGATIVE_INFINITY, member: '' };
/** The place ahead of every entry with the score: no member begins with a byte as great as this one. */
export const aheadOfTies = (score: number): Place => ({ score, member: '\x7f' });

/** Negative if `a` ranks higher. Members are ASCII, so that comparing texts is comparing bytes, as Redis does. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.score !== b.score) return b.score > a.score ? 1 : -1;
  return a.member === b.member ? 0 : b.member > a.member ? 1 : -1;
}

/** How many entries of the whole board are ahead of the place. */
export const aheadOf = (windows: readonly ShardWindow[]) =>
  windows.reduce((sum, { ahead }) => sum + ahead, 0);

/**
 * The entries of the whole board from index `from` up to `to`, exclusively.
 *
 * @param windows one of each shard, at the same place, with enough entries on either side
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
 * How many entries of the whole board have a better score. Entries that were not read are ahead of all that were, and
 * `previous`, the last of them in each shard, tells how many of them have a better score.
 */
function betterThan(windows: readonly ShardWindow[], score: number): number {
  return windows.reduce((sum, { start, previous, entries }) => {
    const unread = previous === undefined ? 0 : previous.score > score ? start : previous.better;
    return sum + unread + entries.filter(entry => entry.score > score).length;
  }, 0);
}

/** Samples of the entries of one shard between two of its indices. */
export interface ShardSamples {
  readonly from: number;
  readonly to: number;
  readonly samples: readonly (Place & { readonly index: number })[];
}

/**
 * Narrows the range that contains the entry with a certain index of the whole board. Of all samples, `from` is the last one
 * that cannot be behind that entry, and `to` is the first one that must be behind it.
 *
 * The index of a sample on the whole board is known within bounds: of each other shard, the entries up to the last sample
 * ahead of it are ahead of it, and the entries from the next sample on are not.
 */
export function narrowRange(shards: readonly ShardSamples[], index: number): { from?: Place; to?: Place } {
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
