import type { Projection } from '#libs/projections';
import { LEADERBOARD_EVENTS, type LeaderboardEvent } from '../definitions/rules-changes.js';
import { scoresKey } from '../keys.js';
import { type PackedSum, pack, unpack } from '../ranking/exact-sum.js';
import { evolveScores, type ScoresState } from './score-document.fold.js';

/** The fields of the stored JSON before `recent`. */
interface StoredScores {
  readonly highest: number;
  readonly lowest: number;
  readonly sum: PackedSum;
  readonly firstAt: number;
}

/**
 * Score documents: for each player and partition, a hash of boards.
 *
 * A board is stored as `<count>[~<epoch>] <JSON>`. The epoch is the number of revocations. Count and epoch together are the
 * revision, because each score raises the count. If all scores were revoked, only `~<epoch>` is stored.
 */
export const scoreDocuments: Projection<ScoresState, LeaderboardEvent> = {
  name: 'scores',
  title: 'scores',
  stream: 'scores',
  handles: LEADERBOARD_EVENTS,
  kinds: ['scores'],
  removalFor: (event, keys) =>
    event.type === 'ScoresErased' ? { hashes: [scoresKey(keys, event.data.player)] } : undefined,
  waitsForAllEarlier: ({ type }) => type === 'ScoresErased',
  targets: (event, keys) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked'
      ? [{ address: { key: scoresKey(keys, event.data.player), field: event.data.board } }]
      : [],
  evolve: (state, event) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked' ? evolveScores(state, event) : state,
  format: ({ epoch, scores }) => {
    const suffix = epoch > 0 ? `~${epoch}` : '';
    if (!scores) return suffix || '~0';
    const { count, highest, lowest, sum, firstAt, recent } = scores;
    const stored: StoredScores = { highest, lowest, sum: pack(sum), firstAt };
    return `${count}${suffix} ${JSON.stringify(stored).slice(0, -1)}${BEFORE_RECENT}${recent}}`;
  },
  parse: parseScores,
};

const BEFORE_RECENT = ',"recent":';

/** The text before the JSON. */
const REVISION = /^(\d*)(?:~(\d+))?$/;

export function parseScores(text: string): ScoresState {
  const end = text.indexOf(' ');
  const [, count, epoch = '0'] = REVISION.exec(end < 0 ? text : text.slice(0, end)) ?? [];
  if (end < 0) return { epoch: Number(epoch) };
  const middle = text.indexOf(BEFORE_RECENT, end);
  const { highest, lowest, sum, firstAt } = JSON.parse(`${text.slice(end + 1, middle)}}`) as StoredScores;
  const recent = text.slice(middle + BEFORE_RECENT.length, -1);
  return {
    epoch: Number(epoch),
    scores: { count: Number(count), highest, lowest, sum: unpack(sum), firstAt, recent },
  };
}
