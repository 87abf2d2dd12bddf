import type { BoardDefinition } from '#libs/events';

/** The 1-based ranks of some entries among themselves, by the board's ranking rule. */
export function ranksInList(
  entries: readonly { readonly score: number }[],
  ranking: BoardDefinition['ranking'] = 'standard',
): number[] {
  const ranks: number[] = [];
  for (const [i, { score }] of entries.entries()) {
    const last = ranks.at(-1) ?? 0;
    const ties = i > 0 && entries[i - 1]?.score === score && ranking !== 'ordinal';
    ranks.push(ties ? last : ranking === 'dense' ? last + 1 : i + 1);
  }
  return ranks;
}
