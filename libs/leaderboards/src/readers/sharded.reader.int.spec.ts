import { jest } from '@jest/globals';
import fc from 'fast-check';
import { shardOf, shardsOf } from '#libs/event-log';
import { type BoardDefinition, DEFAULT_DEFINITION, type RecordedEvent } from '#libs/events';
import {
  anyDefinition,
  BoardWorkers,
  deliver,
  type EntryEvent,
  moveLogClock,
  naiveBoard,
  openTestLog,
  runs,
  SERVER,
  type TestLog,
} from '#libs/testing';
import { BoardCatalog } from '../definitions/board-catalog.js';
import type { LeaderboardEvent } from '../definitions/rules-changes.js';
import { ShardsDisagreeError } from '../errors.js';
import { leaderboards } from '../ranking/leaderboard.store.js';
import type { BoardWindow, RankedEntry } from './board-reply.js';
import { LeaderboardReader } from './leaderboard.reader.js';

jest.setTimeout(60_000);

const PARTITIONS = 4;
const PLAYERS = Array.from({ length: 24 }, (_, i) => `p${i}`);

/** An element without a score is a revocation. */
type Step = { player: string; score: number | null };

const shards = fc.integer({ min: 2, max: PARTITIONS });
const definition: fc.Arbitrary<BoardDefinition> = fc
  .tuple(anyDefinition, shards)
  .filter(([{ ranking }]) => ranking !== 'dense')
  .map(([base, count]) => ({ ...base, shards: count }));
const history = fc.array(
  fc.record({
    player: fc.constantFrom(...PLAYERS),
    score: fc.option(fc.integer({ min: -2, max: 2 }), { freq: 12 }),
  }),
  { minLength: 1, maxLength: 60 },
);

describe('LeaderboardReader, for a board with shards,', () => {
  let test: TestLog;
  let reader: LeaderboardReader;
  let catalog: BoardCatalog;
  let workers: BoardWorkers;
  let boards = 0;
  beforeAll(async () => {
    test = await openTestLog({ scores: PARTITIONS, players: 1 });
    reader = new LeaderboardReader(test.redis, test.topology);
    catalog = new BoardCatalog(test.redis, test.topology);
    workers = new BoardWorkers(test);
  });
  afterAll(() => test.close());

  async function project(partitions = test.topology.all('scores')): Promise<EntryEvent[]> {
    const all: RecordedEvent<LeaderboardEvent>[] = [];
    for (const keys of partitions) {
      const events = await deliver<LeaderboardEvent>(test, keys, leaderboards.name);
      await workers.project(keys, [[events]]);
      all.push(...events);
    }
    return all.filter(event => event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked');
  }

  async function submit(board: string, steps: readonly Step[], count: number): Promise<EntryEvent[]> {
    for (const { score, player } of steps) {
      await (score === null
        ? test.log.append({ type: 'EntryRevoked', data: { board, player }, actor: SERVER }, { shards: count })
        : test.log.append(
            { type: 'ScoreSubmitted', data: { board, score, player }, actor: SERVER },
            { shards: count },
          ));
    }
    return project();
  }

  async function newBoard(steps: readonly Step[], rules: BoardDefinition) {
    const board = `board-${++boards}`;
    await catalog.define(board, rules, { actor: SERVER });
    const model: RankedEntry[] = naiveBoard(await submit(board, steps, rules.shards ?? 1), rules);
    return { board, model };
  }

  const page = async (board: string, offset: number, length: number) =>
    (await reader.read(board, { from: { offset }, length })).entries;

  async function walk(board: string, limit: number): Promise<RankedEntry[]> {
    const entries: RankedEntry[] = [];
    let window: BoardWindow = await reader.read(board, { from: { offset: 0 }, length: limit });
    for (;;) {
      entries.push(...window.entries);
      if (window.next === undefined) return entries;
      window = await reader.read(board, { from: { after: window.next }, length: limit });
    }
  }

  const centred = (model: RankedEntry[], index: number, length: number) => {
    const start = Math.max(0, Math.min(index - Math.floor(length / 2), model.length - length));
    return model.slice(start, start + length);
  };

  it('returns the same as a naive board for every kind of query', () =>
    fc.assert(
      fc.asyncProperty(
        history,
        definition,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom(10, 34, 50, 99, 100),
        async (steps, rules, length, topPercent) => {
          const { board, model } = await newBoard(steps, rules);
          expect(await walk(board, length)).toEqual(model);
          for (const [index, { player }] of model.entries()) {
            const around = await reader.read(board, { from: { around: player }, length });
            expect(around).toMatchObject({
              total: model.length,
              entries: centred(model, index, length),
            });
            expect(await page(board, index, length)).toEqual(model.slice(index, index + length));
          }
          const asked = PLAYERS.filter((_, i) => i % 3 > 0);
          expect((await reader.lookup(board, [...asked, 'nobody'])).entries).toEqual(
            model.filter(({ player }) => asked.includes(player)),
          );
          const top = Math.ceil((model.length * topPercent) / 100);
          const tops = await reader.read(board, { from: { offset: 0 }, length: 100, topPercent });
          expect(tops.entries).toEqual(model.slice(0, top));
          for (const score of [-3, -1, 0, 2.5]) {
            const above = model.filter(e => (rules.order === 'desc' ? e.score > score : e.score < score));
            expect((await reader.read(board, { from: { score }, length })).entries).toEqual(
              centred(model, above.length, length),
            );
          }
        },
      ),
      { numRuns: runs(40) },
    ));

  it('applies maxEntries to the whole board and not to each shard', async () => {
    const steps = PLAYERS.map((player, i) => ({ player, score: i % 5 }));
    const rules = { ...DEFAULT_DEFINITION, shards: 3, maxEntries: 7 };
    const { board, model } = await newBoard(steps, rules);
    const shown = model.slice(0, 7);
    expect(await reader.read(board, { from: { offset: 5 }, length: 9 })).toMatchObject({
      total: 7,
      entries: shown.slice(5),
    });
    expect((await reader.lookup(board, PLAYERS)).entries).toEqual(shown);
    const { player } = model[7] as RankedEntry;
    expect((await reader.read(board, { from: { around: player }, length: 3 })).entries).toEqual([]);
  });

  it('finds a page far from the top in few rounds, however many ties there are', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => `m${i}`);
    const rules = { ...DEFAULT_DEFINITION, shards: 4, tieBreak: 'none' as const };
    const { board } = await newBoard([], rules);
    const events = many.map((player, i) => ({
      event: {
        type: 'ScoreSubmitted' as const,
        data: { board, player, score: i % 3 === 0 ? 7 : i },
        actor: SERVER,
      },
      options: { shards: 4 },
    }));
    await test.log.appendAll(events);
    const model: RankedEntry[] = naiveFast(await project());
    const looks = jest.spyOn(test.redis, 'evalsha');
    for (const offset of [300, 1_000, 3_333, 4_500, 5_995, 7_000]) {
      looks.mockClear();
      expect(await page(board, offset, 10)).toEqual(model.slice(offset, offset + 10));
      expect(looks.mock.calls.length).toBeLessThanOrEqual(4 * 6);
    }
    looks.mockRestore();
  });

  it('reads only one partition if the board has no shards', async () => {
    const { board } = await newBoard([{ player: 'ada', score: 1 }], DEFAULT_DEFINITION);
    await page(board, 0, 10);
    const looks = jest.spyOn(test.redis, 'evalsha');
    await page(board, 0, 10);
    expect(looks).toHaveBeenCalledTimes(1);
    looks.mockRestore();
  });

  it('keeps the newest periods of all shards together', async () => {
    const rules = { ...DEFAULT_DEFINITION, shards: 2, reset: '* * * * *', timezone: 'UTC', keepPeriods: 1 };
    const { board } = await newBoard([], rules);
    const [own, other] = shardsOf(test.topology, board, 2);
    const playerIn = (keys: typeof own) =>
      PLAYERS.find(player => shardOf(test.topology, board, player, 2) === keys) ?? '';
    const minute = Math.ceil(Date.now() / 60_000 + 60) * 60_000;
    const period = (n: number) => `${new Date(minute + n * 60_000).toISOString().slice(0, 16)}Z`;
    const [early, late] = [playerIn(own), playerIn(other)];
    const moments = [early, early, late, late];
    for (const [n, player] of moments.entries()) {
      const partitions = [...test.topology.all('scores').keys()];
      await moveLogClock(test.redis, test.topology, partitions, minute + n * 60_000);
      await submit(board, [{ player, score: n }], 2);
    }
    const read = (n: number) => reader.read(board, { from: { offset: 0 }, length: 5, period: period(n) });
    expect((await read(3)).entries).toMatchObject([{ player: late }]);
    expect((await read(2)).entries).toMatchObject([{ player: late }]);
    await expect(read(1)).rejects.toMatchObject({ code: 'PERIOD_EXPIRED' });
    await expect(read(0)).rejects.toMatchObject({ code: 'PERIOD_EXPIRED' });
    expect(await reader.find(board)).toMatchObject({ period: period(3), total: 1 });
  });

  it('reads a board that is derived from one with shards', async () => {
    const { board } = await newBoard([], { ...DEFAULT_DEFINITION, shards: 3 });
    const derived = `derived-${board}`;
    const rules = { ...DEFAULT_DEFINITION, order: 'asc', operator: 'sum', source: board } as const;
    await catalog.define(derived, rules, { actor: SERVER });
    const steps = PLAYERS.flatMap((player, i) => [
      { player, score: i % 5 },
      { player, score: i % 3 },
    ]);
    const model: RankedEntry[] = naiveBoard(await submit(board, steps, 3), rules);
    expect(await walk(derived, 5)).toEqual(model);
    expect(await reader.find(derived)).toMatchObject({ total: PLAYERS.length, definition: rules });
    expect((await reader.find(derived))?.definition).not.toHaveProperty('shards');
    const [entry] = await reader.entriesOf('p7', [board, derived]);
    expect(entry).toMatchObject({ board, total: PLAYERS.length });
  });

  it.each([2, 3])(
    'reads only new scores after the board was removed and defined again with %d shards',
    async count => {
      const { board } = await newBoard(
        PLAYERS.map((player, i) => ({ player, score: i % 3 })),
        { ...DEFAULT_DEFINITION, shards: 2 },
      );
      await catalog.remove(board, { actor: SERVER });
      const rules = { ...DEFAULT_DEFINITION, shards: count };
      await catalog.define(board, rules, { actor: SERVER });
      const later = PLAYERS.slice(0, 9).map((player, score) => ({ player, score }));
      const model: RankedEntry[] = naiveBoard(await submit(board, later, count), rules);
      expect(await walk(board, 4)).toEqual(model);
    },
  );

  it('notices that the cached definition of a board is out of date', async () => {
    const rules = { ...DEFAULT_DEFINITION, shards: 2 } as const;
    const { board } = await newBoard(
      PLAYERS.map((player, i) => ({ player, score: i % 3 })),
      rules,
    );
    const [, other] = shardsOf(test.topology, board, 2);
    const player =
      PLAYERS.find((name, i) => i % 3 > 1 && shardOf(test.topology, board, name, 2) === other) ?? '';
    const standing = async () => (await reader.lookup(board, [player])).entries[0]?.rank;
    const before = await standing();
    await catalog.define(board, { ...rules, order: 'asc', operator: 'latest' }, { actor: SERVER });
    await project();
    const after = await standing();
    expect((await page(board, 0, 100)).find(entry => entry.player === player)?.rank).toBe(after);
    expect(after).not.toBe(before);
  });

  it('does not mix entries of shards that have different definitions', async () => {
    const { board } = await newBoard([{ player: 'p1', score: 1 }], { ...DEFAULT_DEFINITION, shards: 2 });
    const [own, other] = shardsOf(test.topology, board, 2);
    expect((await reader.find(board))?.total).toBe(1);
    // Another maximum does not change entries, so one shard may have applied it before the other.
    await catalog.define(board, { ...DEFAULT_DEFINITION, shards: 2, max: 9 }, { actor: SERVER });
    await project([own as NonNullable<typeof own>]);
    expect(await reader.find(board)).toMatchObject({ total: 1, definition: { max: 9 } });
    await project([other as NonNullable<typeof other>]);
    expect(await reader.find(board)).toMatchObject({ total: 1, definition: { max: 9 } });
    const later = await catalog.define(
      `empty-${board}`,
      { ...DEFAULT_DEFINITION, shards: 2 },
      { actor: SERVER },
    );
    expect(later.ref.partition).toBe('all');
    const [home] = shardsOf(test.topology, `empty-${board}`, 2);
    await project([home as NonNullable<typeof home>]);
    await expect(reader.find(`empty-${board}`)).rejects.toBeInstanceOf(ShardsDisagreeError);
    const soon = reader.find(`empty-${board}`);
    await project();
    expect(await soon).toMatchObject({ total: 0 });
  });
});

/** A faster `naiveBoard`, for one score per player, without the tie-break by time. */
function naiveFast(events: readonly EntryEvent[]): RankedEntry[] {
  const scores = events.filter(event => event.type === 'ScoreSubmitted');
  const sorted = scores.sort(
    (a, b) => b.data.score - a.data.score || (a.data.player < b.data.player ? 1 : -1),
  );
  let better = 0;
  return sorted.map(({ data: { player, score }, id }, i) => {
    if (i > 0 && sorted[i - 1]?.data.score !== score) better = i;
    return { rank: better + 1, better, player, score, run: id };
  });
}
