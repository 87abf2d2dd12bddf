import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS, type FaultKind } from './plan.js';

/** What a Questlog may be too young for. Without one of these, a run leaves it out, and checks the rest. */
export const FEATURES = [
  'definitions',
  'redefinitions',
  'revocations',
  'bans',
  'erasures',
  'rebuilds',
  'verify',
] as const;
export type Feature = (typeof FEATURES)[number];

export interface ChaosOptions {
  /** Decides which faults and which writes there are. */
  readonly seed: number;
  /** For how long there are faults. */
  readonly seconds: number;
  readonly clients: number;
  readonly players: number;
  /** Seconds between two faults, on average. */
  readonly every: number;
  readonly faults: readonly FaultKind[];
  readonly features: ReadonlySet<Feature>;
  /** The built Questlog that is put to the test. */
  readonly dist: string;
}

export const USAGE = `npm run chaos -- [options]

  --seed N           decides faults and writes; printed at the beginning (default: another one each time)
  --seconds S        for how long there are faults (default: 60)
  --clients N        that write at the same time (default: 8)
  --players N        that they write for (default: 200)
  --every S          seconds between two faults, on average (default: 1.5)
  --faults a,b       only these of ${FAULTS.join(', ')}
  --without a,b      leave out what the tested Questlog cannot: ${FEATURES.join(', ')}
  --skip-verify      the same as --without verify
  --dist FOLDER      the built Questlog to test (default: CHAOS_DIST, or dist)
`;

/** A command line that makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @returns nothing when only help was asked for */
export function parseOptions(args: readonly string[]): ChaosOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const without = list('--without', values.without, FEATURES);
  if (values['skip-verify']) without.push('verify');
  return chaosOptions({
    ...(values.seed !== undefined && { seed: number('--seed', values.seed) }),
    ...(values.seconds !== undefined && { seconds: number('--seconds', values.seconds) }),
    ...(values.clients !== undefined && { clients: number('--clients', values.clients) }),
    ...(values.players !== undefined && { players: number('--players', values.players) }),
    ...(values.every !== undefined && { every: number('--every', values.every) }),
    ...(values.faults !== undefined && { faults: list('--faults', values.faults, FAULTS) }),
    ...(values.dist !== undefined && { dist: values.dist }),
    features: new Set(FEATURES.filter(feature => !without.includes(feature))),
  });
}

/** Fills in what is not given. */
export function chaosOptions(given: Partial<ChaosOptions> = {}): ChaosOptions {
  return {
    seed: Date.now() % 2 ** 32,
    seconds: 60,
    clients: 8,
    players: 200,
    every: 1.5,
    faults: FAULTS,
    features: new Set(FEATURES),
    ...given,
    dist: resolve(given.dist ?? process.env.CHAOS_DIST ?? 'dist'),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: text,
        seconds: text,
        clients: text,
        players: text,
        every: text,
        faults: text,
        without: text,
        dist: text,
        'skip-verify': flag,
        help: { ...flag, short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function number(option: string, value: string): number {
  const parsed = Number(value);
  if (value.trim() === '' || !(parsed >= 0)) throw new UsageError(`${option} ${value}: expected a number`);
  return parsed;
}

function list<T extends string>(option: string, text: string | undefined, known: readonly T[]): T[] {
  return (text ?? '')
    .split(',')
    .filter(word => word !== '')
    .map(word => {
      const found = known.find(name => name === word);
      if (!found) throw new UsageError(`${option} ${word}: expected some of ${known.join(', ')}`);
      return found;
    });
}
