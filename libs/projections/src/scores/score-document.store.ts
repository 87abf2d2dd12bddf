import { formatEventId, parseEventId } from '#libs/events';
import type { Projection } from '../projection.js';
import { type PackedSum, pack, unpack } from './exact-sum.js';
import { type BoardScores, evolveScores } from './score-document.fold.js';

interface StoredScores {
  readonly best: number;
  readonly sum: PackedSum;
  readonly firstAt: number;
  readonly recent: readonly (readonly [id: string, score: number])[];
}

/**
 * Score documents: for each player and partition a hash of boards.
 *
 * A board is kept as `<count> <JSON>`: every event counts, so the count is the revision.
 */
export const scoreDocuments: Projection<BoardScores, 'ScoreSubmitted'> = {
  name: 'scores',
  stream: 'scores',
  handles: ['ScoreSubmitted'],
  address: ({ data }, keys) => ({ key: keys.scores(data.player), field: data.board }),
  evolve: evolveScores,
  format: ({ count, best, sum, firstAt, recent }) => {
    const stored: StoredScores = {
      best,
      sum: pack(sum),
      firstAt,
      recent: recent.map(({ id, score }) => [formatEventId(id), score]),
    };
    return `${count} ${JSON.stringify(stored)}`;
  },
  parse: parseScores,
};

export function parseScores(text: string): BoardScores {
  const end = text.indexOf(' ');
  const { best, sum, firstAt, recent } = JSON.parse(text.slice(end)) as StoredScores;
  return {
    count: Number(text.slice(0, end)),
    best,
    sum: unpack(sum),
    firstAt,
    recent: recent.map(([id, score]) => ({ id: parseEventId(id), score })),
  };
}
