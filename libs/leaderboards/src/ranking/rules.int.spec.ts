import { jest } from '@jest/globals';
import fc from 'fast-check';
import type { NewEvent, RecordedEvent } from '#libs/events';
import { type Projection, Projector } from '#libs/projections';
import {
  anyDefinition,
  cut,
  deliver,
  naiveBoard,
  pendingOf,
  repeated,
  runs,
  SERVER,
  stateOf,
  Workers,
} from '#libs/testing';
import type { LeaderboardEvent } from '../definitions/rules-changes.js';
import { LeaderboardReader } from '../readers/leaderboard.reader.js';
import { scoreDocuments } from '../score-documents/score-document.store.js';
import { leaderboards } from './leaderboard.store.js';

jest.setTimeout(60_000);

type Event = RecordedEvent<LeaderboardEvent>;

/** All in the second of two partitions, since bans are appended to the first one before the others. */
const BOARDS = ['x', 'y', 'z'];
const PLAYERS = ['a', 'b', 'c'];
/** The generation of the reference worker, which applies events in the order of the log. */
const REFERENCE = 9;

/** Definitions of all boards, and then any events, except definitions that would need a rebuild. */
const history: fc.Arbitrary<NewEvent<LeaderboardEvent>[]> = fc
  .array(anyDefinition, { minLength: BOARDS.length, maxLength: BOARDS.length })
  .chain(rules => {
    const definitions = BOARDS.map((board, i) => ({ board, definition: rules[i] }));
    const board = fc.constantFrom(...BOARDS);
    const player = fc.constantFrom(...PLAYERS);
    const score = fc.integer({ min: -3, max: 3 }).map(value => value / 10);
    const kind = (type: LeaderboardEvent, data: fc.Arbitrary<unknown>) =>
      data.map(some => ({ type, data: some, actor: SERVER }) as NewEvent<LeaderboardEvent>);
    const any = fc.oneof(
      { weight: 8, arbitrary: kind('ScoreSubmitted', fc.record({ board, player, score })) },
      { weight: 2, arbitrary: kind('EntryRevoked', fc.record({ board, player })) },
      { weight: 1, arbitrary: kind('PlayerBanned', fc.record({ player })) },
      { weight: 1, arbitrary: kind('PlayerUnbanned', fc.record({ player })) },
      { weight: 1, arbitrary: kind('BoardDefined', fc.constantFrom(...definitions)) },
    );
    const all = fc.tuple(...definitions.map(data => kind('BoardDefined', fc.constant(data))));
    return fc.tuple(all, fc.array(any, { minLength: 1, maxLength: 40 })).map(parts => parts.flat());
  });

const boardOf = ({ data }: Event) => ('board' in data ? data.board : undefined);

/** The same events, with the definitions of each board before its other events. */
function definedFirst(events: readonly Event[]): Event[] {
  const isLate = ({ type }: Event) => Number(type !== 'BoardDefined');
  const queues = new Map(
    BOARDS.map(board => [
      board,
      events.filter(event => boardOf(event) === board).sort((a, b) => isLate(a) - isLate(b)),
    ]),
  );
  return events.map(event => queues.get(boardOf(event) ?? '')?.shift() ?? event);
}

async function eachOnNewLog(
  check: (workers: Workers, events: Event[], any: fc.GeneratorValue) => Promise<void>,
) {
  const property = fc.asyncProperty(history, fc.gen(), async (appended, any) => {
    const workers = await Workers.open({ scores: 2, players: 1 });
    try {
      for (const event of appended) await workers.test.log.append(event);
      const events = await deliver<LeaderboardEvent>(workers.test, workers.scores, 'reference');
      expect(events).toHaveLength(appended.length);
      await check(workers, events, any);
    } finally {
      await workers.close();
    }
  });
  await fc.assert(property, { numRuns: runs(40) });
}

/** The state after one worker has applied all events at once, in the order of the log. */
async function referenceOf<State, Rules>(
  { test, scores }: Workers,
  projection: Projection<State, LeaderboardEvent, Rules>,
  events: readonly Event[],
) {
  await test.redis.hset(scores.live('reference'), 'generation', REFERENCE);
  await new Projector(test.redis, projection).apply(events, { keys: scores, group: 'reference' });
  return stateOf(test, scores, REFERENCE);
}

describe.each([
  ['leaderboards', leaderboards],
  ['score documents', scoreDocuments],
] as [string, Projection<unknown, LeaderboardEvent, unknown>][])('a projector of %s', (_, projection) => {
  it('has the same result for one worker as for two that get the events in any order and repeatedly', () =>
    eachOnNewLog(async (workers, events, any) => {
      const { test, scores } = workers;
      await deliver(test, scores, projection.name);
      const share = () => any(cut, definedFirst(any(repeated, events)));
      expect(await workers.projectTogether(projection, [share(), share()])).toBe(events.length);
      const state = await stateOf(test, scores, 1);
      expect(state).toEqual(await referenceOf(workers, projection, events));
      expect(await pendingOf(test, scores, projection.name)).toBe(0);
    }));
});

describe('a projector of leaderboards', () => {
  it('ranks like a naive board, without players who are banned at the end', () =>
    eachOnNewLog(async (workers, events, any) => {
      const { test, scores } = workers;
      await deliver(test, scores, leaderboards.name);
      await workers.projectTogether(leaderboards, [any(cut, definedFirst(any(repeated, events))), []]);
      const banned = new Map<string, boolean>();
      for (const { type, data } of events)
        if (type === 'PlayerBanned' || type === 'PlayerUnbanned')
          banned.set(data.player, type === 'PlayerBanned');
      const reader = new LeaderboardReader(test.redis, test.topology);
      for (const event of events.slice(0, BOARDS.length)) {
        if (event.type !== 'BoardDefined') throw new Error('definitions come first');
        const { board, definition } = event.data;
        const counted = events
          .filter(other => other.type === 'ScoreSubmitted' || other.type === 'EntryRevoked')
          .filter(other => other.data.board === board && !banned.get(other.data.player));
        const entries = naiveBoard(counted, definition);
        expect(await reader.read(board, { from: { offset: 0 }, length: 10 })).toEqual({
          definition,
          period: 'current',
          total: entries.length,
          entries,
        });
      }
    }));
});
