import { ChildProgram } from '../child-program.js';
import type { Comparison, Figures, Size } from '../comparison.js';
import { type Installation, withInstallation } from '../installation.js';
import { countAcknowledged, measureRate } from '../measure-rate.js';
import { appendSaves } from '../save-log.js';

interface Amount {
  readonly players: number;
  /** Events before the measurement starts. */
  readonly warmUp: number;
  readonly saves: number;
}

const AMOUNTS: Readonly<Record<Size, Amount>> = {
  full: { players: 20_000, warmUp: 20_000, saves: 100_000 },
  short: { players: 5_000, warmUp: 5_000, saves: 15_000 },
};

const UNIT = 'events/s';

/** How fast the saves worker processes waiting events. */
export const savesWorker: Comparison = {
  name: 'saves-worker',
  title:
    'one worker takes 100,000 saves that wait for it, of about a kilobyte each (20,000 players with 3 slots; the short ' +
    'form 15,000 of 5,000)',
  targets: [
    {
      what: 'saves worker ÷ hand-written loop',
      unit: 'ratio',
      value: of => of('saves worker', UNIT) / of('loop', UNIT),
      wanted: { atLeast: 0.5 },
    },
  ],
  open: async size => {
    const amount = AMOUNTS[size];
    return {
      contenders: {
        'saves worker': () =>
          withInstallation(async installation => {
            await fill(installation, amount);
            await installation.start(['saves']);
            return measureAcknowledged(installation, 'saves', amount);
          }),
        loop: () => withInstallation(installation => loop(installation, amount)),
      },
      close: async () => {},
    };
  },
};

async function loop(installation: Installation, amount: Amount): Promise<Figures> {
  await fill(installation, amount);
  const { stream } = installation.topology.at('players', 0);
  const child = await ChildProgram.start('save-loop', [installation.redisUrl, stream, 'loop']);
  try {
    return await measureAcknowledged(installation, 'loop', amount);
  } finally {
    await child.stop();
  }
}

function fill({ redis, topology }: Installation, { players, warmUp, saves }: Amount): Promise<void> {
  return appendSaves(redis, topology.at('players', 0), players, warmUp + saves);
}

async function measureAcknowledged(
  { redis, topology }: Installation,
  group: string,
  { warmUp, saves }: Amount,
): Promise<Figures> {
  const { stream } = topology.at('players', 0);
  const countDone = () => countAcknowledged(redis, stream, group);
  return { [UNIT]: await measureRate(countDone, warmUp, warmUp + saves) };
}
