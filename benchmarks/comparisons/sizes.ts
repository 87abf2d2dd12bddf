import { setTimeout as delay } from 'node:timers/promises';
import { leaderboards, ranksKey, runsKey, scoreDocuments } from '#libs/leaderboards';
import { stateKeys } from '#libs/projections';
import type { Comparison, Figures, Size } from '../comparison.js';
import { type Installation, withInstallation } from '../installation.js';
import { countAcknowledged } from '../measure-rate.js';
import { random } from '../score-log.js';

/** Number of scores, each by a different player. */
const COUNTS: Readonly<Record<Size, number>> = { full: 100_000, short: 10_000 };
/** Scores per request. */
const BATCH_SCORES = 1_000;
const BOARD = 'weekly';

/** The memory of a score in Redis: in the log and on a board. */
export const sizes: Comparison = {
  name: 'sizes',
  title:
    'the memory of 100,000 scores by as many players (`player-123456`), sent in batches of 1,000 to a board without ' +
    'tie-break (the short form: 10,000)',
  targets: [
    {
      what: 'a score event in the log',
      unit: 'bytes',
      value: of => of('Questlog', 'bytes/event'),
      wanted: { atMost: 60 },
    },
    {
      what: 'a board entry: its rank, and the run that it is of',
      unit: 'bytes',
      value: of => of('Questlog', 'bytes/rank') + of('Questlog', 'bytes/run'),
      wanted: { atMost: 130 },
    },
  ],
  open: async size => ({
    contenders: {
      Questlog: () => withInstallation(installation => measure(installation, COUNTS[size])),
      'sorted set alone': () =>
        withInstallation(installation => measureSortedSet(installation, COUNTS[size])),
    },
    close: async () => {},
  }),
};

async function measure(installation: Installation, count: number): Promise<Figures> {
  const { redis, topology, admin } = installation;
  await installation.start();
  const path = `/v1/leaderboards/${BOARD}`;
  const { status } = await admin.send('PUT', path, { tieBreak: 'none' }, { Prefer: 'wait=10' });
  if (status !== 200) throw new Error(`the board cannot be defined: ${status}`);
  const next = random(1);
  for (let from = 0; from < count; from += BATCH_SCORES) {
    const scores = Array.from({ length: BATCH_SCORES }, (_, i) => scoreOf(from + i, next));
    await admin.send('POST', '/v1/scores', { scores });
  }
  const keys = topology.of('scores', BOARD);
  // Pending entries take memory too, so wait until there are none.
  for (const { name } of [leaderboards, scoreDocuments])
    while ((await countAcknowledged(redis, keys.stream, name)) < count) await delay(50);
  const state = stateKeys(keys, 1);
  const bytes = (key: string) => bytesPer(installation, key, count);
  return {
    'bytes/event': await bytes(keys.stream),
    'bytes/rank': await bytes(ranksKey(state, BOARD)),
    'bytes/run': await bytes(runsKey(state, BOARD)),
    'events in the log': await redis.xlen(keys.stream),
  };
}

async function measureSortedSet(installation: Installation, count: number): Promise<Figures> {
  const next = random(1);
  for (let from = 0; from < count; from += BATCH_SCORES) {
    const scores = Array.from({ length: BATCH_SCORES }, (_, i) => scoreOf(from + i, next));
    await installation.redis.zadd(BOARD, ...scores.flatMap(({ score, player }) => [score, player]));
  }
  return { 'bytes/rank': await bytesPer(installation, BOARD, count) };
}

const scoreOf = (i: number, next: () => number) => ({
  board: BOARD,
  player: `player-${100_000 + i}`,
  score: Math.floor(next() * 1_000_000),
});

async function bytesPer({ redis }: Installation, key: string, count: number): Promise<number> {
  return ((await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0) / count;
}
