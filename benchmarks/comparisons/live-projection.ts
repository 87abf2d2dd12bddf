import { Queue } from 'bullmq';
import type { RedisClient } from '#libs/redis';
import { ChildProgram } from '../child-program.js';
import type { Comparison, Figures, Size } from '../comparison.js';
import { type Installation, withInstallation } from '../installation.js';
import { appendScores } from '../score-log.js';
import { SeasonedScores } from '../seasoned-scores.js';
import { countAcknowledged, workingRate } from '../working-rate.js';

interface Amount {
  /** Each has one score that is not measured: so everybody is warm, and has a best. */
  readonly players: number;
  readonly events: number;
  /** For BullMQ, which takes longer for each. */
  readonly jobs: number;
}

const AMOUNTS: Readonly<Record<Size, Amount>> = {
  full: { players: 100_000, events: 400_000, jobs: 40_000 },
  short: { players: 10_000, events: 50_000, jobs: 4_000 },
};

const UNIT = 'events/s';

/** How fast workers take what waits for them. */
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
  return acknowledging(installation, name, amount);
}

async function loop(installation: Installation, amount: Amount): Promise<Figures> {
  const { stream } = installation.topology.at('scores', 0);
  await fill(installation, amount);
  const child = await ChildProgram.start('score-loop', [installation.redisUrl, stream, 'loop']);
  try {
    return await acknowledging(installation, 'loop', amount);
  } finally {
    await child.stop();
  }
}

async function fill({ redis, topology }: Installation, { players, events }: Amount): Promise<void> {
  const scores = new SeasonedScores(players);
  await appendScores(redis, topology.at('scores', 0), scores.history());
  await appendScores(redis, topology.at('scores', 0), scores.later(events));
}

async function acknowledging(
  { redis, topology }: Installation,
  group: string,
  { players, events }: Amount,
): Promise<Figures> {
  const { stream } = topology.at('scores', 0);
  const countDone = () => countAcknowledged(redis, stream, group);
  return { [UNIT]: await workingRate(countDone, players, players + events) };
}

/** Jobs are added in this many at once. */
const BULK = 1_000;

async function bullmq({ redisUrl: url, redis }: Installation, { players, jobs }: Amount): Promise<Figures> {
  const scores = new SeasonedScores(players);
  await rank(redis, scores);
  const queue = new Queue('scores', { connection: { url } });
  const warmUp = jobs / 4;
  const all = [...scores.later(warmUp + jobs)].map(({ score }) => ({ name: 'score', data: score }));
  for (let i = 0; i < all.length; i += BULK) await queue.addBulk(all.slice(i, i + BULK));
  const child = await ChildProgram.start('bullmq-worker', [url, 'scores']);
  try {
    const countDone = async () => all.length - (await queue.getJobCountByTypes('wait', 'active'));
    return { [UNIT]: await workingRate(countDone, warmUp, all.length) };
  } finally {
    await child.stop();
    await queue.close();
  }
}

/** What everybody has before. */
async function rank(redis: RedisClient, scores: SeasonedScores): Promise<void> {
  const places = redis.pipeline();
  for (const { score } of scores.history()) places.zadd(`bullmq:${score.board}`, score.score, score.player);
  await places.exec();
}
