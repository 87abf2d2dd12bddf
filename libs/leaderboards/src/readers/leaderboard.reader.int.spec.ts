import { jest } from '@jest/globals';
import fc from 'fast-check';
import { InvalidCursorError } from '#libs/event-log';
import { type Attributes, type BoardDefinition, DEFAULT_DEFINITION, type RecordedEvent } from '#libs/events';
import { Projector } from '#libs/projections';
import {
  anyDefinition,
  anyScore,
  deliver,
  type EntryEvent,
  naiveBoard,
  openTestLog,
  runs,
  SERVER,
  type TestLog,
} from '#libs/testing';
import type { LeaderboardEvent } from '../definitions/rules-changes.js';
import { leaderboards } from '../ranking/leaderboard.store.js';
import { orderOf } from '../ranking/tie-break.js';
import type { BoardWindow, RankedEntry } from './board-reply.js';
import { LeaderboardReader } from './leaderboard.reader.js';

jest.setTimeout(30_000);

type Step = { player: string; score: number | null; attributes?: Attributes };

const PLAYERS = [
  'a',
  'A',
  'a-b',
  'a.b',
  'a:b',
  'a_b',
  'b',
  'B',
  'p1',
  'p10',
  'p2',
  '0',
  '9',
  'z',
  'x'.repeat(64),
];
/** Small enough that no sum of scores is infinite. */
const score = anyScore.filter(value => Math.abs(value) < 1e300);
const scores = fc.array(fc.record({ player: fc.constantFrom(...PLAYERS), score }), {
  minLength: 1,
  maxLength: 50,
});
/** An element without a score is a revocation. */
const history = fc.array(
  fc.record({ player: fc.constantFrom(...PLAYERS), score: fc.option(score, { freq: 12 }) }),
  { minLength: 1, maxLength: 50 },
);

const encode = (text: string) => Buffer.from(text).toString('base64url');

describe('LeaderboardReader', () => {
  let test: TestLog;
  let reader: LeaderboardReader;
  let boards = 0;
  beforeAll(async () => {
    test = await openTestLog();
    reader = new LeaderboardReader(test.redis, test.topology);
  });
  afterAll(() => test.close());

  /** Delivers and projects the events that were appended for a board. */
  async function project(board: string): Promise<RecordedEvent<LeaderboardEvent>[]> {
    const keys = test.topology.of('scores', board);
    const events = await deliver<LeaderboardEvent>(test, keys, leaderboards.name);
    await new Projector(test.redis, leaderboards).apply(events, { keys, group: leaderboards.name });
    return events;
  }

  /** Appends scores, or revocations where there is no score, and projects them. */
  async function submit(board: string, list: readonly Step[]): Promise<EntryEvent[]> {
    for (const { score, ...data } of list) {
      await (score === null
        ? test.log.append({ type: 'EntryRevoked', data: { board, ...data }, actor: SERVER })
        : test.log.append({ type: 'ScoreSubmitted', data: { board, score, ...data }, actor: SERVER }));
    }
    return (await project(board)).filter(
      event => event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked',
    );
  }

  async function newBoard(
    list: readonly Step[],
    rules = DEFAULT_DEFINITION,
  ): Promise<{ board: string; model: RankedEntry[] }> {
    const board = `board-${++boards}`;
    await test.log.append({ type: 'BoardDefined', data: { board, definition: rules }, actor: SERVER });
    return { board, model: naiveBoard(await submit(board, list), rules) };
  }

  /** Reads the board page by page from the top, and calls `between` after each page. */
  async function walk(
    board: string,
    limit: number,
    between?: () => Promise<unknown>,
  ): Promise<RankedEntry[]> {
    const entries: RankedEntry[] = [];
    let page: BoardWindow = await reader.read(board, { from: { offset: 0 }, length: limit });
    for (;;) {
      entries.push(...page.entries);
      if (page.next === undefined) return entries;
      await between?.();
      page = await reader.read(board, { from: { after: page.next }, length: limit });
    }
  }

  const onAnyBoard = (
    check: (board: string, model: RankedEntry[], rules: BoardDefinition) => Promise<void>,
  ) =>
    fc.assert(
      fc.asyncProperty(history, anyDefinition, async (list, rules) => {
        const { board, model } = await newBoard(list, rules);
        await check(board, model, rules);
      }),
      { numRuns: runs(40) },
    );

  it('returns the same as a naive board, for every offset and limit', () =>
    onAnyBoard(async (board, model, rules) => {
      const total = model.length;
      const windows = [1, 2, 3, 7, total, total + 1].flatMap(limit =>
        Array.from({ length: total + 2 }, (_, offset) => ({ offset, limit })),
      );
      await Promise.all(
        windows.map(async ({ offset, limit }) => {
          const { next, ...window } = await reader.read(board, { from: { offset: offset }, length: limit });
          expect(window).toEqual({
            definition: rules,
            period: 'current',
            total,
            entries: model.slice(offset, offset + limit),
          });
          expect(next !== undefined).toBe(offset + limit < total && offset < total);
        }),
      );
    }));

  it('returns each entry once when read by cursor, whatever the page size', () =>
    onAnyBoard(async (board, model) => {
      for (const limit of [1, 2, 5, 50]) expect(await walk(board, limit)).toEqual(model);
    }));

  it('returns a full window around every player, also at both ends of the board', () =>
    onAnyBoard(async (board, model, rules) => {
      const total = model.length;
      const cases = model.flatMap(({ player }, at) =>
        [0, 1, 2, 5, 20].map(radius => ({ player, at, radius })),
      );
      await Promise.all(
        cases.map(async ({ player, at, radius }) => {
          const length = Math.min(2 * radius + 1, total);
          const begin = Math.min(Math.max(at - radius, 0), total - length);
          const { next, ...window } = await reader.read(board, {
            from: { around: player },
            length: 2 * radius + 1,
          });
          expect(window).toEqual({
            definition: rules,
            period: 'current',
            total,
            entries: model.slice(begin, begin + length),
          });
          expect(window.entries.map(entry => entry.player)).toContain(player);
          expect(next !== undefined).toBe(begin + length < total);
        }),
      );
    }));

  it('ranks 1, 2, 2, 4, with the earlier of two equal scores first', async () => {
    const list = ['first', 'second', 'third', 'fourth'].map((player, i) => ({
      player,
      score: [9, 5, 5, 1][i] ?? 0,
    }));
    const { board } = await newBoard([...list.slice(1), ...list.slice(0, 1)]);
    const { entries } = await reader.read(board, { from: { offset: 0 }, length: 10 });
    expect(entries.map(({ rank, player }) => [rank, player])).toEqual(
      list.map(({ player }, i) => [[1, 2, 2, 4][i], player]),
    );
  });

  it('returns the attributes of the run that counts', async () => {
    const board = 'attributes';
    await submit(board, [
      { player: 'ada', score: 5, attributes: { region: 'e u' } },
      { player: 'ada', score: 4, attributes: { region: 'us' } },
      { player: 'bob', score: 1 },
    ]);
    const { entries } = await reader.read(board, { from: { offset: 0 }, length: 10 });
    expect(entries[0]?.attributes).toEqual({ region: 'e u' });
    expect(entries[1]).not.toHaveProperty('attributes');
  });

  it('returns no entries around a player who is not on the board, but the total', async () => {
    const { board } = await newBoard([{ player: 'ada', score: 1 }]);
    expect(await reader.read(board, { from: { around: 'nobody' }, length: 7 })).toEqual({
      definition: DEFAULT_DEFINITION,
      period: 'current',
      total: 1,
      entries: [],
    });
    expect(await reader.read(board, { from: { around: 'ad' }, length: 7 })).toEqual({
      definition: DEFAULT_DEFINITION,
      period: 'current',
      total: 1,
      entries: [],
    });
  });

  it('leaves banned players out of all ranks until they are unbanned', async () => {
    const { board, model } = await newBoard(['a', 'b', 'z'].map((player, i) => ({ player, score: i })));
    const shown = async () => (await reader.read(board, { from: { offset: 0 }, length: 10 })).entries;
    await test.log.append({ type: 'PlayerBanned', data: { player: 'b' }, actor: SERVER });
    await project(board);
    expect((await shown()).map(({ rank, player }) => [rank, player])).toEqual([
      [1, 'z'],
      [2, 'a'],
    ]);
    expect(await reader.read(board, { from: { around: 'b' }, length: 7 })).toMatchObject({
      total: 2,
      entries: [],
    });
    await test.log.append({ type: 'PlayerUnbanned', data: { player: 'b' }, actor: SERVER });
    await project(board);
    expect(await shown()).toEqual(model);
  });

  it('returns the definition of a board without scores', async () => {
    const rules = { ...DEFAULT_DEFINITION, order: 'asc', operator: 'sum' } as const;
    const { board } = await newBoard([], rules);
    expect(await reader.read(board, { from: { offset: 0 }, length: 10 })).toEqual({
      definition: rules,
      period: 'current',
      total: 0,
      entries: [],
    });
  });

  it('returns an empty window for a board without scores or definition', async () => {
    const empty = { period: 'current', total: 0, entries: [] };
    expect(await reader.read('no-such-board', { from: { offset: 0 }, length: 10 })).toEqual(empty);
    expect(await reader.read('no-such-board', { from: { offset: 5 }, length: 10 })).toEqual(empty);
    expect(await reader.read('no-such-board', { from: { around: 'ada' }, length: 7 })).toEqual(empty);
    expect(
      await reader.read('no-such-board', {
        from: { after: encode(`5 ${orderOf({ ms: 1, seq: 0 })}ada -`) },
        length: 3,
      }),
    ).toEqual(empty);
  });

  it('continues after the position of an entry that has moved up since', async () => {
    const { board, model } = await newBoard([5, 5, 5, 3, 3].map((score, i) => ({ player: `p${i}`, score })));
    const { entries, next = '' } = await reader.read(board, { from: { offset: 0 }, length: 2 });
    expect(entries).toEqual(model.slice(0, 2));
    await submit(board, [{ player: 'p1', score: 100 }]);
    const rest = (await reader.read(board, { from: { after: next }, length: 10 })).entries;
    expect(rest.map(({ rank, player }) => [rank, player])).toEqual([
      [2, 'p2'],
      [4, 'p3'],
      [4, 'p4'],
    ]);
  });

  it('returns each entry that does not move once and in order, while others move between the pages', () =>
    fc.assert(
      fc.asyncProperty(
        scores,
        fc.array(scores, { maxLength: 5 }),
        fc.integer({ min: 1, max: 4 }),
        async (list, moves, limit) => {
          const { board, model } = await newBoard(list);
          const rest = [...moves];
          const shown = await walk(board, limit, () => submit(board, rest.pop() ?? []));
          const final = new Set(
            (await reader.read(board, { from: { offset: 0 }, length: 100 })).entries.map(({ run }) =>
              orderOf(run),
            ),
          );
          const still = (entries: RankedEntry[]) =>
            entries.filter(({ run }) => final.has(orderOf(run))).map(({ player }) => player);
          const before = new Set(model.map(({ run }) => orderOf(run)));
          expect(still(shown.filter(({ run }) => before.has(orderOf(run))))).toEqual(still(model));
        },
      ),
      { numRuns: runs(40) },
    ));

  it.each([
    ['nothing', ''],
    ['no base64', '***'],
    ['random bytes', 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'],
    ['no space', encode('5')],
    ['no member', encode('5 ')],
    ['no score', encode(` ${orderOf({ ms: 1, seq: 0 })}ada`)],
    ['a word for a score', encode('five member')],
    ['a score that is no number', encode('NaN member')],
    ['a score that overflows', encode('1e999 member')],
    ['an infinite score', encode('-inf member')],
    ['a range for a score', encode('(5 member')],
    ['a score in binary', encode('0b101 member')],
    ['a line break behind the score', encode('5\n member')],
    ['a tab before the score', encode('\t5 member')],
    ['a zero byte in the score', encode('5\0 member')],
    ['control characters for a member', encode('5 \u0001\u0007\u007f')],
    ['a third word', encode('5 member more')],
  ])('refuses a cursor that is %s', async (_, cursor) => {
    const { board } = await newBoard([{ player: 'ada', score: 5 }]);
    await expect(async () => reader.read(board, { from: { after: cursor }, length: 10 })).rejects.toThrow(
      InvalidCursorError,
    );
  });
});
