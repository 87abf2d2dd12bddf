import { jest } from '@jest/globals';
import fc from 'fast-check';
import { BoardCatalog } from '#libs/event-log';
import type { BoardDefinition, NewEvent, RecordedEvent } from '#libs/events';
import { BoardInUseError, type PartitionKeys } from '#libs/redis';
import {
  anyDefinition,
  cut,
  deliver,
  openTestLog,
  pendingOf,
  repeated,
  SERVER,
  stateOf,
  type TestLog,
  work,
} from '#libs/testing';
import {
  type BoardEntry,
  type Job,
  JobActiveError,
  type JobOrder,
  JobRunner,
  Jobs,
  type LeaderboardEvent,
  type LeaderboardRules,
  leaderboards,
  Projector,
} from './index.js';

jest.setTimeout(120_000);

type Event = RecordedEvent<LeaderboardEvent>;

const PLAYERS = ['a', 'b', 'c'];
const REGIONS = ['eu', 'us'];
const MINUTE = 60_000;

const definition: fc.Arbitrary<BoardDefinition> = fc
  .record({
    base: anyDefinition,
    reset: fc.option(fc.constantFrom('* * * * *', '*/2 * * * *'), { nil: undefined }),
    keepPeriods: fc.nat({ max: 2 }),
    filter: fc.option(fc.constantFrom({ region: 'eu' }, { region: ['us', 'eu'] }), { nil: undefined }),
  })
  .map(({ base, reset, keepPeriods, filter }) => ({
    ...base,
    ...(reset && { reset, keepPeriods }),
    ...(filter && { filter }),
  }));

type Step =
  | {
      readonly kind: 'score';
      readonly board: string;
      readonly player: string;
      readonly score: number;
      readonly region: string | undefined;
    }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'revoke'; readonly board: string; readonly player: string }
  | { readonly kind: 'ban' | 'unban'; readonly player: string }
  | { readonly kind: 'define'; readonly board: string; readonly definition: BoardDefinition }
  | { readonly kind: 'remove'; readonly board: string };

const player = fc.constantFrom(...PLAYERS);

/** @param boards the first two have scores of their own; the others can have, or count the others' */
function steps(boards: string[]): fc.Arbitrary<Step[]> {
  const [plain, derived] = [boards.slice(0, 2), boards.slice(2)];
  const board = fc.constantFrom(...plain);
  const any = fc.constantFrom(...boards);
  const derive = fc
    .tuple(fc.constantFrom(...derived), definition, fc.option(board, { nil: undefined, freq: 4 }))
    .map(([name, base, source]) => ({ board: name, definition: { ...base, ...(source && { source }) } }));
  const kind = <K extends Step['kind']>(name: K, data: fc.Arbitrary<object>) =>
    data.map(rest => ({ kind: name, ...rest }) as Step);
  const score = fc.integer({ min: -2, max: 2 });
  const region = fc.option(fc.constantFrom(...REGIONS), { nil: undefined, freq: 4 });
  return fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: kind(
          'score',
          fc.record({ board: fc.oneof({ weight: 3, arbitrary: board }, any), player, score, region }),
        ),
      },
      { weight: 2, arbitrary: kind('wait', fc.record({ minutes: fc.integer({ min: 1, max: 2 }) })) },
      { weight: 2, arbitrary: kind('revoke', fc.record({ board, player })) },
      { weight: 1, arbitrary: kind('ban', fc.record({ player })) },
      { weight: 1, arbitrary: kind('unban', fc.record({ player })) },
      { weight: 1, arbitrary: kind('define', fc.record({ board, definition })) },
      { weight: 2, arbitrary: kind('define', derive) },
      { weight: 1, arbitrary: kind('remove', fc.record({ board: any })) },
    ),
    { minLength: 1, maxLength: 40 },
  );
}

/** Names of boards that are at home in the partitions of the scores, by turns. */
function boardsOf({ topology }: TestLog, count: number): string[] {
  const names = Array.from({ length: 100 }, (_, i) => `b${i}`);
  return Array.from({ length: count }, (_, n) => {
    const partition = n % topology.counts.scores;
    const own = names.filter(name => topology.of('scores', name).partition === partition);
    return own[Math.floor(n / topology.counts.scores)] ?? '';
  });
}

/** Appends what happens. */
class History {
  private readonly catalog: BoardCatalog;
  private ms = Date.now() + MINUTE;

  constructor(private readonly test: TestLog) {
    this.catalog = new BoardCatalog(test.redis, test.topology);
  }

  async append(step: Step): Promise<void> {
    const { test } = this;
    const envelope = { actor: SERVER };
    switch (step.kind) {
      case 'wait':
        // What is appended next is stamped with this time, which is ahead of the clock.
        this.ms += step.minutes * MINUTE;
        for (const { stream } of test.topology.all('scores'))
          if (await test.redis.exists(stream)) await test.redis.call('XSETID', stream, `${this.ms}-0`);
        break;
      case 'score': {
        const { board, player, score, region } = step;
        const data = { board, player, score, ...(region && { attributes: { region } }) };
        if ((await this.catalog.find(board)).definition.source === undefined)
          await test.log.append({ type: 'ScoreSubmitted', data, ...envelope });
        break;
      }
      case 'revoke':
        await test.log.append({
          type: 'EntryRevoked',
          data: { board: step.board, player: step.player },
          ...envelope,
        });
        break;
      case 'ban':
      case 'unban': {
        const type = step.kind === 'ban' ? 'PlayerBanned' : 'PlayerUnbanned';
        await test.log.append({ type, data: { player: step.player }, ...envelope } as NewEvent);
        break;
      }
      case 'define':
        await this.catalog.define(step.board, step.definition, envelope).catch(unlessInUse);
        break;
      case 'remove':
        await this.catalog.remove(step.board, envelope).catch(unlessInUse);
    }
  }
}

function unlessInUse(error: unknown): void {
  if (!(error instanceof BoardInUseError)) throw error;
}

/** Two workers, and what they do when a board must be built anew. */
class Cluster {
  private readonly jobs: Jobs;
  private readonly runner: JobRunner<BoardEntry, LeaderboardEvent, LeaderboardRules>;
  private wanted: JobOrder | undefined;

  constructor(private readonly test: TestLog) {
    this.jobs = new Jobs(test.redis, test.topology);
    const log = { log: () => {}, error: (text: string) => expect(text).toBeUndefined() };
    this.runner = new JobRunner(test.redis, test.topology, leaderboards, log);
  }

  async project(keys: PartitionKeys, shares: readonly Event[][][]): Promise<number> {
    const applied = await Promise.all(shares.map(share => this.work(keys, share)));
    return applied.reduce((sum, count) => sum + count, 0);
  }

  async run(order: JobOrder): Promise<Job | undefined> {
    const job = await this.jobs.start(leaderboards, order).catch(error => {
      if (!(error instanceof JobActiveError)) throw error;
    });
    if (!job) return undefined;
    await this.runner.run(job);
    return this.jobs.find(job.id);
  }

  private work(keys: PartitionKeys, batches: readonly Event[][]): Promise<number> {
    const projector = new Projector(this.test.redis, leaderboards, (board, partition, rules) => {
      this.wanted = { kind: 'rebuild', board, partition, rules };
    });
    return work(batches, async batch => {
      const settlement = await projector.apply(batch, { keys, group: leaderboards.name });
      const { wanted } = this;
      this.wanted = undefined;
      if (wanted) await this.run(wanted);
      return settlement;
    });
  }
}

describe('boards with periods, sources and filters', () => {
  const check = async (
    history: (boards: string[]) => fc.Arbitrary<Step[]>,
    shareOf: (any: fc.GeneratorValue, events: Event[]) => Event[][][],
  ) => {
    const property = fc.asyncProperty(fc.gen(), async any => {
      const test = await openTestLog({ scores: 2, players: 1 });
      try {
        const appended = new History(test);
        for (const step of any(history, boardsOf(test, 4))) await appended.append(step);
        const cluster = new Cluster(test);
        for (const keys of test.topology.all('scores')) {
          const events = await deliver<LeaderboardEvent>(test, keys, leaderboards.name);
          expect(await cluster.project(keys, shareOf(any, events))).toBe(events.length);
          expect(await pendingOf(test, keys, leaderboards.name)).toBe(0);
        }
        const live = await statesOf(test);
        const verified = await cluster.run({ kind: 'verify' });
        expect(verified).toMatchObject({ state: 'done', result: { differences: 0 } });
        expect(await cluster.run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
        expect(await statesOf(test)).toEqual(live);
      } finally {
        await test.close();
      }
    });
    await fc.assert(property, {
      numRuns: 100,
      endOnFailure: true,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    });
  };

  it('are what a rebuild makes of the log, when one worker lives it in order', () =>
    check(steps, (_, events) => [[events]]));

  it('are what a rebuild makes of the log, whatever two workers are given in which order and how often', () =>
    check(steps, (any, events) => {
      const share = () => any(cut, any(repeated, events));
      return [share(), share()];
    }));
});

const statesOf = (test: TestLog) => Promise.all(test.topology.all('scores').map(keys => stateOf(test, keys)));
