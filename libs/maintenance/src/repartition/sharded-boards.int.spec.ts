import fc from 'fast-check';
import { BoardScoredError, shardsOf } from '#libs/event-log';
import {
  type BoardDefinition,
  DEFAULT_DEFINITION,
  formatEventId,
  type NewEvent,
  packEvent,
} from '#libs/events';
import {
  BoardCatalog,
  definitionIdOf,
  LeaderboardReader,
  leaderboards,
  ScoreDocumentReader,
} from '#libs/leaderboards';
import { stateKeys } from '#libs/projections';
import {
  BoardHistory,
  boardIn,
  boardSteps,
  boardsOf,
  moveLogClock,
  openTestLog,
  PLAYERS,
  QUIET,
  SERVER,
  type TestLog,
} from '#libs/testing';
import { JobRunner } from '../jobs/job-runner.js';
import { Jobs } from '../jobs/jobs.js';
import { projections } from '../projections/projections.js';
import { type MoveListener, Repartition } from './repartition.js';

const SILENT: MoveListener = { onProgress: () => {}, say: () => {} };
/** Milliseconds from one step to the next, so that periods begin and end. */
const STEP = 20_000;

describe('a sharded board after a repartition', () => {
  let test: TestLog;
  let twin: TestLog;
  let ms: number;
  beforeEach(async () => {
    test = await openTestLog({ scores: 4, players: 1 });
    twin = await openTestLog({ scores: 4, players: 1 });
    ms = Date.now() + 60_000;
    for (const { redis, topology } of [test, twin]) await moveLogClock(redis, topology, [0, 1, 2, 3], ms);
  });
  afterEach(() => Promise.all([test.close(), twin.close()]));

  /** Advances the clock of both logs. */
  const tick = async () => {
    ms += STEP;
    for (const { redis, topology } of [test, twin])
      for (const { stream } of topology.all('scores'))
        if (await redis.exists(stream)) await redis.call('XSETID', stream, `${ms}-0`);
  };

  const move = (scores: number, listener = SILENT) =>
    new Repartition(test.redis, test.topology, { scores, players: 1 }, listener, 50).run();

  const job = async (kind: 'rebuild' | 'verify', { redis, topology } = test) => {
    const jobs = new Jobs(redis, topology);
    for (const projection of projections.filter(({ stream }) => stream === 'scores')) {
      const { id } = await jobs.start(projection, { kind });
      await new JobRunner(redis, topology, projection, QUIET).run({ id });
      expect((await jobs.find(id))?.result?.examples ?? []).toEqual([]);
    }
  };

  /** The periods in which a board has scores, in any partition. */
  const periodsOf = async ({ redis, topology }: TestLog, board: string) => {
    const found = await Promise.all(
      topology.all('scores').map(async keys => {
        const generation = Number((await redis.hget(keys.live(leaderboards.name), 'generation')) ?? 1);
        return redis.hget(stateKeys(keys, generation).rules(), `q:${board}`);
      }),
    );
    return [...new Set(found.flatMap(text => text?.split(' ') ?? []))].filter(period => period !== '-');
  };

  /** The content of all boards. */
  const shown = async (log: TestLog, boards: readonly string[], periods: ReadonlyMap<string, string[]>) => {
    const reader = new LeaderboardReader(log.redis, log.topology);
    const pageOf = async (board: string, period: string) => {
      const { entries, ...window } = await reader.read(board, { from: { offset: 0 }, length: 50, period });
      return { ...window, entries: entries.map(({ run, ...entry }) => ({ ...entry, at: run.ms })) };
    };
    const pages: Record<string, unknown> = {};
    // A board without a definition has no periods any more.
    for (const board of boards)
      for (const period of ['current', ...(periods.get(board) ?? [])])
        pages[`${board}/${period}`] = await pageOf(board, period).catch(error => (error as Error).name);
    return pages;
  };

  const documents = (players = PLAYERS) =>
    Promise.all(players.map(player => new ScoreDocumentReader(test.redis, test.topology).find(player)));

  /** The latest definitions of boards in all partitions. */
  const definitions = async () => {
    const all = await new BoardCatalog(test.redis, test.topology).all();
    const places = await Promise.all(
      [...all].map(async ([board, { definition }]) => {
        const source = definition.source ?? board;
        const spread = shardsOf(test.topology, source, all.get(source)?.definition.shards);
        const texts = await Promise.all(spread.map(keys => test.redis.hget(keys.definitions(), board)));
        return texts.map(text => text?.split(' ', 1)[0]);
      }),
    );
    for (const [i, [, known]] of [...all].entries())
      expect(new Set(places[i])).toEqual(new Set([definitionIdOf(known)]));
    return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  };

  it.each([1, 2])(
    'is what it was, and goes on as one that was never moved (history %i)',
    async seed => {
      const boards = boardsOf(test, 4);
      const histories = [new BoardHistory(test), new BoardHistory(twin)];
      const steps = fc.sample(boardSteps(boards, 6), { seed, numRuns: 8 }).flat();
      const counts = [8, 3, 1, 6];
      const length = Math.ceil(steps.length / counts.length);
      for (const [n, count] of counts.entries()) {
        for (const step of steps.slice(n * length, (n + 1) * length)) {
          await tick();
          if (step.kind !== 'wait') for (const history of histories) await history.append(step);
        }
        // The log's clock decides the current period. It shows the time of the last event, because all events are in the future.
        ms += STEP;
        for (const { redis, topology } of [test, twin])
          await moveLogClock(redis, topology, [...topology.all('scores').keys()], ms);
        await job('rebuild');
        await job('rebuild', twin);
        const periods = new Map<string, string[]>();
        for (const board of boards) periods.set(board, await periodsOf(twin, board));
        const look = async () => ({
          shown: await shown(test, boards, periods),
          documents: await documents(),
          definitions: await definitions(),
        });
        const before = await look();
        expect(before.shown).toEqual(await shown(twin, boards, periods));
        await move(count);
        expect(await look()).toEqual(before);
        await job('verify');
      }
    },
    120_000,
  );

  it('keeps the mark if it has scores and no definition', async () => {
    const board = boardIn(test.topology, 1, 'played');
    const scored = { type: 'ScoreSubmitted', data: { board, player: 'ada', score: 1 } } as const;
    await test.log.append({ ...scored, actor: SERVER }, { definedBy: '' });
    for (const count of [3, 8]) {
      await move(count);
      const spread = new BoardCatalog(test.redis, test.topology).define(
        board,
        { ...DEFAULT_DEFINITION, shards: 2 },
        { actor: SERVER },
      );
      await expect(spread).rejects.toBeInstanceOf(BoardScoredError);
    }
  });

  it('keeps the mark if its scores were erased', async () => {
    const board = boardIn(test.topology, 1, 'played');
    await test.redis.hset(test.topology.of('scores', board).definitions(), board, ' scored');
    await move(3);
    expect(await test.redis.hget(test.topology.of('scores', board).definitions(), board)).toBe(' scored');
  });

  it('recognizes idempotency keys from all shards', async () => {
    const catalog = new BoardCatalog(test.redis, test.topology);
    const [board, counting] = [boardIn(test.topology, 1, 'spread'), boardIn(test.topology, 2, 'counting')];
    const envelope = { actor: SERVER, idempotencyKey: 'once' };
    const spread = { ...DEFAULT_DEFINITION, shards: 3 };
    const derived = { ...DEFAULT_DEFINITION, source: board };
    await catalog.define(board, spread, envelope);
    await catalog.define(counting, derived, envelope);
    const players = ['ada', 'bob', 'max'];
    const submit = async (player: string) => {
      const definition = await catalog.find(board);
      const score = { type: 'ScoreSubmitted', data: { board, player, score: 1 }, actor: SERVER } as const;
      return test.log.append(
        { ...score, idempotencyKey: player },
        { shards: 3, definedBy: definitionIdOf(definition) },
      );
    };
    for (const player of players) await submit(player);
    for (const count of [2, 8, 1]) {
      await move(count);
      const lengths = () =>
        Promise.all(test.topology.all('scores').map(({ stream }) => test.redis.xlen(stream)));
      const before = await lengths();
      expect(await catalog.define(board, spread, envelope)).toMatchObject({ replayed: true });
      expect(await catalog.define(counting, derived, envelope)).toMatchObject({ replayed: true });
      for (const player of players) expect(await submit(player)).toMatchObject({ replayed: true });
      expect(await lengths()).toEqual(before);
    }
  });

  describe('whose copies arrived at different times', () => {
    const [home, shard] = [0, 1];
    /** Two players, one in each of the two shards. */
    const [near, far] = ['bob', 'max'];
    let board: string;
    let other: string;
    let raw: TestLog;
    let begin: number;
    beforeEach(async () => {
      raw = test;
      board = boardIn(raw.topology, home, 'board');
      other = boardIn(raw.topology, 3, 'other');
      begin = ms + 1_000;
    });

    const idOf = (time: number, seq = 0) => ({ ms: begin + time, seq });
    /** An entry as the append script could have written it. */
    const put = async (
      partition: number,
      id: { ms: number; seq: number },
      event: object,
      version?: number,
    ) => {
      const packed = packEvent({ ...event, actor: SERVER } as NewEvent);
      const fields = Object.entries({ ...packed, ...(version !== undefined && { v: String(version) }) });
      const keys = raw.topology.at('scores', partition);
      const { type, data } = event as NewEvent<'EntryRevoked'>;
      if (type === 'EntryRevoked')
        void raw.redis.hset(keys.versions(board), data.player, `${version} ${formatEventId(id)}`);
      await raw.redis.xadd(keys.stream, formatEventId(id), ...fields.flat());
    };
    const defined = (definition: Partial<BoardDefinition>, more = {}, name = board) => ({
      type: 'BoardDefined',
      data: { board: name, definition: { ...DEFAULT_DEFINITION, ...definition }, ...more },
    });
    const removed = (more = {}) => ({ type: 'BoardRemoved', data: { board, ...more } });
    const scored = (player: string, score = 1) => ({
      type: 'ScoreSubmitted',
      data: { board, player, score },
    });
    const revoked = (player: string) => ({ type: 'EntryRevoked', data: { board, player } });

    /** The players on a board. */
    const entries = async (name = board) => {
      const reader = new LeaderboardReader(raw.redis, raw.topology);
      const { entries } = await reader.read(name, { from: { offset: 0 }, length: 9 });
      return entries.map(({ player, score }) => `${player} ${score}`).sort();
    };
    /** Repartitions several times, and expects the same board each time. */
    const holds = async (expected: readonly string[], name = board) => {
      for (const count of [3, 1, 8]) {
        await move(count);
        expect(await entries(name)).toEqual(expected);
        await job('verify');
      }
    };

    it('has the scores that a shard accepted in the millisecond of its definition', async () => {
      const first = idOf(0, 5);
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(0, 0), defined({ shards: 2 }, { first, born: first }));
      await put(shard, idOf(0, 1), scored(far, 1));
      await put(shard, idOf(0, 2), scored(far, 2));
      await put(home, idOf(0, 6), scored(near, 3));
      await holds([`${near} 3`, `${far} 2`].sort());
    });

    it('has no scores from before its creation, although their ids are later', async () => {
      const [first, gone, again] = [idOf(0), idOf(2), idOf(3)];
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(1), defined({ shards: 2 }, { first, born: first }));
      await put(home, gone, removed());
      await put(home, again, defined({ shards: 3 }));
      await put(shard, idOf(4), scored(far, 9));
      await put(shard, idOf(5), removed({ first: gone }));
      await put(shard, idOf(6), defined({ shards: 3 }, { first: again, born: again }));
      await put(2, idOf(6), defined({ shards: 3 }, { first: again, born: again }));
      await put(home, idOf(7), scored('kim', 1));
      await put(2, idOf(8), scored('bob', 2));
      await holds(['bob 2', 'kim 1']);
      expect(await documents([far])).toMatchObject([{ [board]: { best: 9, count: 1 } }]);
    });

    it('has no scores from before its removal, although their ids are later', async () => {
      const [first, gone] = [idOf(0), idOf(2)];
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(1), defined({ shards: 2 }, { first, born: first }));
      await put(home, gone, removed());
      await put(shard, idOf(3), scored(far, 9));
      await put(shard, idOf(4), removed({ first: gone }));
      await put(home, idOf(5), scored(far, 1));
      await holds([`${far} 1`]);
    });

    it('is counted in all shards by a derived board with an earlier id', async () => {
      const [first, counting] = [idOf(2), idOf(1)];
      await put(3, counting, defined({ source: board }, {}, other));
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(3), defined({ shards: 2 }, { first, born: first }));
      for (const partition of [home, shard])
        await put(partition, idOf(4), defined({ source: board, shards: 2 }, { first: counting }, other));
      await put(home, idOf(5), scored(near, 3));
      await put(shard, idOf(6), scored(far, 2));
      await holds([`${near} 3`, `${far} 2`].sort(), other);
    });

    it('keeps revocations if partitions from before and after a removal are joined and split', async () => {
      const [first, gone] = [idOf(5), idOf(4)];
      await put(home, idOf(0), scored(far, 7));
      await put(home, idOf(1), revoked(far), 1);
      await put(home, idOf(2), revoked(far), 2);
      await put(home, idOf(3), scored(far, 8), 2);
      await put(home, gone, removed());
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(6), defined({ shards: 2 }, { first, born: first }));
      await put(shard, idOf(7), scored(far, 4));
      await put(shard, idOf(8), revoked(far), 1);
      await put(shard, idOf(9), scored(far, 3), 1);
      await job('rebuild');
      const before = await documents([far]);
      expect(before).toMatchObject([{ [board]: { best: 8, count: 2, last: 3 } }]);
      for (const count of [8, 1, 3]) {
        await move(count);
        expect(await entries()).toEqual([`${far} 3`]);
        expect(await documents([far])).toEqual(before);
      }
      const known = { shards: 2, definedBy: formatEventId(first) };
      const append = (event: object) => raw.log.append({ ...event, actor: SERVER } as NewEvent, known);
      await append(revoked(far));
      await append(scored(far, 1));
      await job('rebuild');
      expect(await entries()).toEqual([`${far} 1`]);
      await append(scored(far, 2));
      await append(revoked(far));
      await job('rebuild');
      expect(await entries()).toEqual([]);
    });

    it('makes the repartition start over if an entry is revoked and the board removed in the meantime', async () => {
      const first = idOf(0);
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(0), defined({ shards: 2 }, { first, born: first }));
      const said: string[] = [];
      // Events up to the last event of every partition are copied at the end.
      await moveLogClock(raw.redis, raw.topology, [0, 1, 2, 3], begin + 10);
      const change = () =>
        Promise.all([
          put(shard, idOf(11), revoked(far), 1),
          put(home, idOf(12), removed()),
          put(shard, idOf(13), removed({ first: idOf(12) })),
        ]);
      let changed: Promise<unknown> | undefined;
      const onProgress = (phase: string) => {
        if (phase === 'build') changed ??= change();
      };
      await move(3, { onProgress, say: message => said.push(message) });
      await changed;
      expect(said.join()).toMatch(/starting over: an entry of .* was revoked/);
      expect(await entries()).toEqual([]);
    });

    it('is refused if clocks differed, because scores would no longer count', async () => {
      const first = idOf(50);
      await put(home, first, defined({ shards: 2 }));
      await put(shard, idOf(10), defined({ shards: 2 }, { first, born: first }));
      await put(shard, idOf(11), scored(far, 1));
      await expect(move(3)).rejects.toThrow('the clocks of the Redis servers differed');
      expect(raw.topology.counts.scores).toBe(4);
    });
  });
});
