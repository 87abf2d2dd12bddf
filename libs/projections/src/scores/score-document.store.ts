import { formatEventId, parseEventId } from '#libs/events';
import { type PackedSum, pack, unpack } from '../exact-sum.js';
import { LEADERBOARD_EVENTS, type LeaderboardEvent } from '../leaderboards/index.js';
import { erasing, NO_RULES, type Projection } from '../projection.js';
import { evolveScores, type ScoresState } from './score-document.fold.js';

interface StoredScores {
  readonly highest: number;
  readonly lowest: number;
  readonly sum: PackedSum;
  readonly firstAt: number;
  readonly recent: readonly (readonly [id: string, score: number])[];
}

/**
 * Score documents: for each player and partition a hash of boards.
 *
 * A board is kept as `<count>[~<epoch>] <JSON>`: every score counts, so the count is the revision, together with
 * the number of revocations. What remains of revoked scores is `~<epoch>`.
 */
export const scoreDocuments: Projection<ScoresState, LeaderboardEvent> = {
  name: 'scores',
  title: 'scores',
  stream: 'scores',
  handles: LEADERBOARD_EVENTS,
  kinds: ['scores'],
  rulebook: {
    ...NO_RULES,
    rule: (_rules, event, _targets, keys) =>
      event.type === 'ScoresErased' ? erasing({ drops: [keys.scores(event.data.player)] }) : undefined,
  },
  comesLast: ({ type }) => type === 'ScoresErased',
  targets: (event, _rules, keys) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked'
      ? [{ address: { key: keys.scores(event.data.player), field: event.data.board } }]
      : [],
  evolve: (state, event) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked' ? evolveScores(state, event) : state,
  format: ({ epoch, scores }) => {
    const suffix = epoch > 0 ? `~${epoch}` : '';
    if (!scores) return suffix || '~0';
    const { count, highest, lowest, sum, firstAt, recent } = scores;
    const stored: StoredScores = {
      highest,
      lowest,
      sum: pack(sum),
      firstAt,
      recent: recent.map(({ id, score }) => [formatEventId(id), score]),
    };
    return `${count}${suffix} ${JSON.stringify(stored)}`;
  },
  parse: parseScores,
};

export function parseScores(text: string): ScoresState {
  const [, count, epoch = '0', json] = /^(\d*)(?:~(\d+))?(?: (.*))?$/.exec(text) ?? [];
  if (!json) return { epoch: Number(epoch) };
  const { highest, lowest, sum, firstAt, recent } = JSON.parse(json) as StoredScores;
  const scores = {
    count: Number(count),
    highest,
    lowest,
    sum: unpack(sum),
    firstAt,
    recent: recent.map(([id, score]) => ({ id: parseEventId(id), score })),
  };
  return { epoch: Number(epoch), scores };
}
