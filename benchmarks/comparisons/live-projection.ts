import { Queue } from 'bullmq';
import type { RedisClient } from '#libs/redis';
import { ChildProgram } from '../child-program.js';
import type { Comparison, Figures, Size } from '../comparison.js';
import { type Installation, withInstallation } from '../installation.js';
import { countAcknowledged, measureRate } from '../measure-rate.js';
import { ReturningPlayers } from '../returning-players.js';
import { appendScores } from '../score-log.js';

interface Amount {
  /** Each player has one score that is not measured, so that every player has a best score. */
  readonly players: number;
  readonly events: number;
  /** Jobs for BullMQ, which is slower. */
  readonly jobs: number;
}

const AMOUNTS: Readonly<Record<Size, Amount>> = {
  full: { players: 100_000, events: 400_000, jobs: 40_000 },
  short: { players: 10_000, events: 50_000, jobs: 4_000 },
};

const UNIT = 'events/s';

/** How fast workers process waiting events. */
export const liveProjection: Comparison = {
  name: 'live-projection',
  title:
    'one worker takes 400,000 scores that wait for it: 100,000 players on 5 boards, one score of ten a new best ' +
    '(the short form 50,000 and 10,000; BullMQ a tenth or less of the scores)',
  targets: [
    {
      what: 'ranking projector ÷ hand-written loop',
      unit: 'ratio',
      value: of => of('ranking projector', UNIT) / of('loop', UNIT),
      wanted: { atLeast: 0.8 },
    },
    {
      what: 'ranking projector ÷ BullMQ',
      unit: 'ratio',
      value: of => of('ranking projector', UNIT) / of('BullMQ', UNIT),
      wanted: { atLeast: 3 },
    },
    {
      what: 'scores worker ÷ hand-written loop',
      unit: 'ratio',
      value: of => of('scores worker', UNIT) / of('loop', UNIT),
      wanted: { atLeast: 0.5 },
    },
  ],
  open: async size => {
    const amount = AMOUNTS[size];
    const fresh = (measure: (installation: Installation, amount: Amount) => Promise<Figures>) => () =>
      withInstallation(installation => measure(installation, amount));
    return {
      contenders: {
        'ranking projector': fresh((...args) => service('ranking-projector', ...args)),
        'scores worker': fresh((...args) => service('scores', ...args)),
        loop: fresh(loop),
        BullMQ: fresh(bullmq),
      },
      close: async () => {},
    };
  },
};

async function service(name: string, installation: Installation, amount: Amount): Promise<Figures> {
  await fill(installation, amount);
  await installation.start([name]);
  return measureAcknowledged(installation, name, amount);
}

async function loop(installation: Installation, amount: Amount): Promise<Figures> {
  const { stream } = installation.topology.at('scores', 0);
  await fill(installation, amount);
  const child = await ChildProgram.start('score-loop', [installation.redisUrl, stream, 'loop']);
  try {
    return await measureAcknowledged(installation, 'loop', amount);
  } finally {
    await child.stop();
  }
}

async function fill({ redis, topology }: Installation, { players, events }: Amount): Promise<void> {
  const scores = new ReturningPlayers(players);
  await appendScores(redis, topology.at('scores', 0), scores.firstScores());
  await appendScores(redis, topology.at('scores', 0), scores.laterScores(events));
}

async function measureAcknowledged(
  { redis, topology }: Installation,
  group: string,
  { players, events }: Amount,
): Promise<Figures> {
  const { stream } = topology.at('scores', 0);
  const countDone = () => countAcknowledged(redis, stream, group);
  return { [UNIT]: await measureRate(countDone, players, players + events) };
}

/** Jobs are added in batches of this size. */
const BULK_JOBS = 1_000;

async function bullmq({ redisUrl: url, redis }: Installation, { players, jobs }: Amount): Promise<Figures> {
  const scores = new ReturningPlayers(players);
  await fillSortedSets(redis, scores);
  const queue = new Queue('scores', { connection: { url } });
  const warmUp = jobs / 4;
  const all = [...scores.laterScores(warmUp + jobs)].map(({ score }) => ({ name: 'score', data: score }));
  for (let i = 0; i < all.length; i += BULK_JOBS) await queue.addBulk(all.slice(i, i + BULK_JOBS));
  const child = await ChildProgram.start('bullmq-worker', [url, 'scores']);
  try {
    const countDone = async () => all.length - (await queue.getJobCountByTypes('wait', 'active'));
    return { [UNIT]: await measureRate(countDone, warmUp, all.length) };
  } finally {
    await child.stop();
    await queue.close();
  }
}

/** Adds the first score of every player. */
async function fillSortedSets(redis: RedisClient, scores: ReturningPlayers): Promise<void> {
  const places = redis.pipeline();
  for (const { score } of scores.firstScores())
    places.zadd(`bullmq:${score.board}`, score.score, score.player);
  await places.exec();
}
