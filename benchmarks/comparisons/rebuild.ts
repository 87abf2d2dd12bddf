import { setTimeout as delay } from 'node:timers/promises';
import { leaderboards, scoreDocuments } from '#libs/leaderboards';
import { type AnyProjection, Jobs } from '#libs/maintenance';
import { ChildProgram } from '../child-program.js';
import type { Comparison, Figures, Size } from '../comparison.js';
import { Installation } from '../installation.js';
import { ReturningPlayers } from '../returning-players.js';
import { appendScores } from '../score-log.js';

interface Amount {
  readonly players: number;
  readonly events: number;
}

const AMOUNTS: Readonly<Record<Size, Amount>> = {
  full: { players: 100_000, events: 900_000 },
  short: { players: 20_000, events: 180_000 },
};

const UNIT = 'events/s';

/** How fast a worker rebuilds a projection from the whole log, without other load. */
export const rebuild: Comparison = {
  name: 'rebuild',
  title:
    'a rebuild of a million scores (100,000 players on 5 boards, one score of ten a new best), from its beginning until ' +
    'the new generation is live and the old one swept (the short form: 200,000 of 20,000)',
  targets: [
    {
      what: 'rebuild of ranking ÷ bare XRANGE loop',
      unit: 'ratio',
      value: of => of('ranking', UNIT) / of('XRANGE', UNIT),
      wanted: { atLeast: 0.6 },
    },
  ],
  open: async size => {
    const { players, events } = AMOUNTS[size];
    const installation = await Installation.open();
    const { redis, topology } = installation;
    const scores = new ReturningPlayers(players);
    const keys = topology.at('scores', 0);
    await appendScores(redis, keys, scores.firstScores());
    await appendScores(redis, keys, scores.laterScores(events));
    // Start the groups at the end of the log, so that the workers have nothing else to do.
    for (const { name } of [leaderboards, scoreDocuments])
      await redis.xgroup('CREATE', keys.stream, name, '$');
    await installation.start(['ranking-projector', 'scores']);
    return {
      contenders: {
        ranking: () => rebuildOf(leaderboards, installation),
        scores: () => rebuildOf(scoreDocuments, installation),
        XRANGE: async () => {
          const child = await ChildProgram.start('xrange-loop', [installation.redisUrl, keys.stream]);
          const rate = Number(child.message);
          await child.stop();
          return { [UNIT]: rate };
        },
      },
      close: () => installation.close(),
    };
  },
};

async function rebuildOf(projection: AnyProjection, { redis, topology }: Installation): Promise<Figures> {
  const jobs = new Jobs(redis, topology);
  const { id } = await jobs.start(projection, { kind: 'rebuild' });
  for (;;) {
    const job = await jobs.find(id);
    if (job?.state === 'done') return { [UNIT]: job.eventsPerSecond };
    if (job?.error) throw new Error(job.error);
    await delay(50);
  }
}
