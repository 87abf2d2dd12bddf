import fc from 'fast-check';
import { BoardInUseError, BoardScoredError } from '#libs/event-log';
import type { BoardDefinition, NewEvent } from '#libs/events';
import { BoardCatalog, DenseShardsError, definitionIdOf, ShardsFixedError } from '#libs/leaderboards';
import { anyDefinition } from './arbitraries.js';
import { SERVER } from './events.js';
import { moveLogClock } from './log-clock.js';
import type { TestLog } from './test-log.js';

/** Who plays in random histories. */
export const PLAYERS = ['a', 'b', 'c'];
const REGIONS = ['eu', 'us'];
const MINUTE = 60_000;

const definitionWith = (mostShards: number): fc.Arbitrary<BoardDefinition> =>
  fc
    .record({
      base: anyDefinition,
      shards: fc.option(fc.integer({ min: 2, max: mostShards }), { nil: undefined, freq: 2 }),
      reset: fc.option(fc.constantFrom('* * * * *', '*/2 * * * *'), { nil: undefined }),
      keepPeriods: fc.nat({ max: 2 }),
      filter: fc.option(fc.constantFrom({ region: 'eu' }, { region: ['us', 'eu'] }), { nil: undefined }),
    })
    .map(({ base, shards, reset, keepPeriods, filter }) => ({
      ...base,
      ...(shards && base.ranking !== 'dense' && { shards }),
      ...(reset && { reset, keepPeriods }),
      ...(filter && { filter }),
    }));

export type Step =
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

/**
 * What can happen to boards.
 *
 * @param boards the first two have scores of their own; the others can have, or count the others'
 */
export function boardSteps(boards: string[], mostShards = 2): fc.Arbitrary<Step[]> {
  const definition = definitionWith(mostShards);
  const [plain, derived] = [boards.slice(0, 2), boards.slice(2)];
  const board = fc.constantFrom(...plain);
  const any = fc.constantFrom(...boards);
  const derive = fc
    .tuple(fc.constantFrom(...derived), definition, fc.option(board, { nil: undefined, freq: 4 }))
    .map(([name, { shards, ...base }, source]) => ({
      board: name,
      definition: { ...base, ...(source ? { source } : shards && { shards }) },
    }));
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
export function boardsOf({ topology }: TestLog, count: number): string[] {
  const names = Array.from({ length: 100 }, (_, i) => `b${i}`);
  return Array.from({ length: count }, (_, n) => {
    const partition = n % topology.counts.scores;
    const own = names.filter(name => topology.of('scores', name).partition === partition);
    return own[Math.floor(n / topology.counts.scores)] ?? '';
  });
}

/** Appends what happens. */
export class BoardHistory {
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
        await moveLogClock(test.redis, test.topology, [...test.topology.all('scores').keys()], this.ms);
        break;
      case 'score': {
        const { board, player, score, region } = step;
        const data = { board, player, score, ...(region && { attributes: { region } }) };
        const known = await this.catalog.find(board);
        const { source, shards = 1 } = known.definition;
        if (source === undefined)
          await test.log.append(
            { type: 'ScoreSubmitted', data, ...envelope },
            { shards, definedBy: definitionIdOf(known) },
          );
        break;
      }
      case 'revoke': {
        const { board, player } = step;
        const { shards = 1 } = (await this.catalog.find(board)).definition;
        await test.log.append({ type: 'EntryRevoked', data: { board, player }, ...envelope }, { shards });
        break;
      }
      case 'ban':
      case 'unban': {
        const type = step.kind === 'ban' ? 'PlayerBanned' : 'PlayerUnbanned';
        await test.log.append({ type, data: { player: step.player }, ...envelope } as NewEvent);
        break;
      }
      case 'define':
        await this.catalog.define(step.board, step.definition, envelope).catch(unlessRefused);
        break;
      case 'remove':
        await this.catalog.remove(step.board, envelope).catch(unlessRefused);
    }
  }
}

const REFUSALS = [BoardInUseError, BoardScoredError, ShardsFixedError, DenseShardsError];

function unlessRefused(error: unknown): void {
  if (!REFUSALS.some(type => error instanceof type)) throw error;
}
