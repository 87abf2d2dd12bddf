import { setTimeout as delay } from 'node:timers/promises';
import { LogDamagedError, type PartitionKeys } from '#libs/event-log';
import { DEFAULT_DEFINITION, type NewEvent, type RecordedEvent } from '#libs/events';
import { BoardCatalog, leaderboards, ranksKey, runsKey, scoreDocuments, scoresKey } from '#libs/leaderboards';
import { Projector, stateKeys } from '#libs/projections';
import { documentKey } from '#libs/saves';
import {
  deliver,
  eventually,
  keysLike,
  openTestLog,
  QUIET,
  SERVER,
  stateOf,
  type TestLog,
} from '#libs/testing';
import { type AnyProjection, projections } from '../projections/projections.js';
import { saves } from '../projections/saves.projection.js';
import { BuildLostError, PartitionBuild } from '../rebuild/partition-build.js';
import { Rebuild } from '../rebuild/rebuild.js';
import { JobRunner } from './job-runner.js';
import { type Job, JobActiveError, type JobOrder, JobOverError, Jobs } from './jobs.js';

describe('jobs', () => {
  let test: TestLog;
  let jobs: Jobs;

  beforeEach(async () => {
    test = await openTestLog();
    jobs = new Jobs(test.redis, test.topology);
  });
  afterEach(() => test.close());

  const append = (type: NewEvent['type'], data: NewEvent['data']) =>
    test.log.append({ type, data, actor: SERVER } as NewEvent);

  const score = (player: string, value: number, board = 'arena') =>
    append('ScoreSubmitted', { board, player, score: value });

  /** Has every projection apply what it was not given yet. */
  const project = async () => {
    for (const projection of projections) {
      const projector = new Projector(test.redis, projection);
      for (const keys of test.topology.all(projection.stream)) {
        const events = await deliver(test, keys, projection.name);
        if (events.length > 0) await projector.apply(events, { keys, group: projection.name });
      }
    }
  };

  const run = async (projection: AnyProjection, order: JobOrder): Promise<Job> => {
    const job = await jobs.start(projection, order);
    expect(await new JobRunner(test.redis, test.topology, projection, QUIET).run(job)).toBe(true);
    return (await jobs.find(job.id)) as Job;
  };

  const rebuild = (projection: AnyProjection, order: Partial<JobOrder> = {}) =>
    run(projection, { kind: 'rebuild', ...order });

  const verify = async (projection: AnyProjection, board?: string) => {
    const { state, error, result } = await run(projection, { kind: 'verify', ...(board && { board }) });
    expect({ state, error }).toEqual({ state: 'done', error: undefined });
    return result?.examples ?? [];
  };

  /** All projected state of the scores' and the players' partitions, without the numbers of generations. */
  const everything = async () => {
    const parts = await Promise.all(
      [...test.topology.all('scores'), ...test.topology.all('players')].map(keys => stateOf(test, keys)),
    );
    for (const { hashes } of parts)
      for (const key of Object.keys(hashes)) if (key.includes(':live:')) delete hashes[key];
    return JSON.parse(JSON.stringify(parts).replaceAll(/@\d+/g, '@'));
  };

  const history = async () => {
    await append('BoardDefined', {
      board: 'total',
      definition: { ...DEFAULT_DEFINITION, order: 'desc', operator: 'sum' },
    });
    await append('BoardDefined', {
      board: 'golf',
      definition: { ...DEFAULT_DEFINITION, order: 'asc', operator: 'latest' },
    });
    for (let i = 0; i < 40; i++) {
      for (const board of ['arena', 'total', 'golf']) await score(`p${i % 7}`, ((i * 37) % 11) / 10, board);
      if (i % 9 === 0) await append('EntryRevoked', { board: 'total', player: `p${i % 7}` });
      if (i === 20) await append('PlayerBanned', { player: 'p3' });
      if (i === 30) await append('PlayerUnbanned', { player: 'p3' });
      if (i === 35) await append('PlayerBanned', { player: 'p4' });
      await append('SaveWritten', { player: `p${i % 7}`, slot: 'auto', document: `{"turn":${i}}` });
      if (i % 5 === 4) await append('SaveDeleted', { player: `p${i % 7}`, slot: 'auto' });
    }
  };

  describe('a rebuild', () => {
    it('makes of the log, byte for byte, what was projected live', async () => {
      await history();
      await project();
      const live = await everything();
      for (const projection of projections) {
        expect(await rebuild(projection)).toMatchObject({ state: 'done' });
        expect(await everything()).toEqual(live);
        expect(await verify(projection)).toEqual([]);
      }
    });

    it('writes more states than are put into writes at once', async () => {
      const players = 10_500;
      const values = Array.from({ length: players + 1_500 }, (_, i) => (i < players ? i : i + 0.5));
      for (let from = 0; from < values.length; from += 1_000)
        await test.log.appendAll(
          values.slice(from, from + 1_000).map((value, i) => ({
            event: {
              type: 'ScoreSubmitted',
              data: { board: 'arena', player: `p${(from + i) % players}`, score: value },
              actor: SERVER,
            },
          })),
        );
      expect(await rebuild(leaderboards)).toMatchObject({ state: 'done' });
      expect(await verify(leaderboards)).toEqual([]);
      const state = stateKeys(test.topology.of('scores', 'arena'), 2);
      expect(await test.redis.zcard(ranksKey(state, 'arena'))).toBe(players);
    });

    it('repairs what was damaged, and reports it before, if asked to', async () => {
      await history();
      await project();
      const live = await everything();
      const keys = test.topology.of('scores', 'total');
      await test.redis.zincrby(ranksKey(stateKeys(keys, 1), 'total'), 5, 'ghost');
      const { result } = await rebuild(leaderboards, { diff: true });
      expect(result).toMatchObject({
        differences: 1,
        examples: [{ key: ranksKey(stateKeys(keys, 1), 'total') }],
      });
      expect(await everything()).toEqual(live);
    });

    it('is exact when workers had events in hand, had not read others, and go on afterwards', async () => {
      await history();
      await project();
      for (let i = 0; i < 10; i++) await score('late', 1, 'total');
      const keys = test.topology.of('scores', 'total');
      const source = { keys, group: leaderboards.name };
      const inHand = await deliver(test, keys, leaderboards.name);
      expect(inHand).toHaveLength(10);
      for (let i = 0; i < 10; i++) await score('late', 1, 'total');
      const projector = new Projector(test.redis, leaderboards);
      await projector.apply(inHand.slice(0, 3) as RecordedEvent<'ScoreSubmitted'>[], source);
      await rebuild(leaderboards);
      // What was in hand is in the new generation already; what comes after it is not.
      for (let i = 0; i < 5; i++) await score('late', 1, 'total');
      await projector.apply(inHand as RecordedEvent<'ScoreSubmitted'>[], source);
      await project();
      const entry = await test.redis.hget(runsKey(stateKeys(keys, 2), 'total'), 'late');
      expect(entry).toMatch(/^\S{14}\.25 25$/);
      expect(await verify(leaderboards)).toEqual([]);
    });

    it('of one board leaves the others alone, and takes over what is pending of it', async () => {
      await history();
      await project();
      await score('late', 2, 'total');
      await score('late', 3, 'arena');
      const keys = test.topology.of('scores', 'total');
      await test.redis.del(ranksKey(stateKeys(keys, 1), 'total'));
      const { state } = await rebuild(leaderboards, { board: 'total' });
      expect(state).toBe('done');
      expect(await verify(leaderboards)).toEqual([]);
      await project();
      expect(await verify(leaderboards)).toEqual([]);
      expect(await test.redis.hget(runsKey(stateKeys(keys, 1), 'total'), 'late')).toMatch(/\.1 2$/);
    });

    it('under other rules ranks a board anew from its whole history, and acknowledges the redefinition', async () => {
      await history();
      await project();
      await append('BoardDefined', {
        board: 'arena',
        definition: { ...DEFAULT_DEFINITION, order: 'asc', operator: 'sum' },
      });
      const keys = test.topology.of('scores', 'arena');
      const source = { keys, group: leaderboards.name };
      const wanted: string[] = [];
      const projector = new Projector(test.redis, leaderboards, board => void wanted.push(board));
      const [redefinition] = await deliver(test, keys, leaderboards.name);
      const events = [redefinition as RecordedEvent<'BoardDefined'>];
      expect(await projector.apply(events, source)).toMatchObject({ applied: 0, deferred: [{}] });
      expect(wanted).toEqual(['arena']);
      expect(await rebuild(leaderboards, { board: 'arena' })).toMatchObject({ state: 'done' });
      expect(await projector.apply(events, source)).toMatchObject({ applied: 1, deferred: [] });
      expect(await test.redis.hget(stateKeys(keys, 1).rules(), 'b:arena')).toMatch(
        /here \{"order":"asc","operator":"sum"\}$/,
      );
      expect(await verify(leaderboards)).toEqual([]);
    });

    it('of a derived board counts its source in partitions whose workers have not read the definition', async () => {
      const catalog = new BoardCatalog(test.redis, test.topology);
      const define = (board: string, definition: object) =>
        catalog.define(board, { ...DEFAULT_DEFINITION, ...definition }, { actor: SERVER });
      await define('season', { shards: 2 });
      const players = Array.from({ length: 8 }, (_, i) => `p${i}`);
      for (const player of players) {
        const data = { board: 'season', player, score: 1 };
        await test.log.append({ type: 'ScoreSubmitted', data, actor: SERVER }, { shards: 2 });
      }
      await project();
      await define('total', { operator: 'sum', source: 'season' });
      expect(await rebuild(leaderboards, { board: 'total' })).toMatchObject({ state: 'done' });
      await project();
      for (const keys of test.topology.all('scores'))
        expect(await test.redis.hlen(runsKey(stateKeys(keys, 1), 'total'))).toBeGreaterThan(0);
      expect(await verify(leaderboards)).toEqual([]);
      expect(await verify(leaderboards, 'total')).toEqual([]);
    });

    it('goes on where a builder died, and the dead one, back again, does no harm', async () => {
      for (let i = 0; i < 5; i++) await history();
      await project();
      const live = await everything();
      const keys = test.topology.of('scores', 'total');
      const pages: number[] = [];
      const builder = (owner: string, onProgress: (processed: number) => Promise<void>) =>
        new Rebuild(test.redis, leaderboards, { job: 'job', owner, onProgress }).partition(keys);
      let proceed = () => {};
      const frozen = builder('frozen', async processed => {
        pages.push(processed);
        if (pages.length === 1) await new Promise<void>(resolve => (proceed = resolve));
      });
      await eventually(() => expect(pages).toHaveLength(1));
      await builder('successor', async processed => void pages.push(processed));
      expect(pages[1]).toBe(64);
      proceed();
      await expect(frozen).rejects.toThrow(BuildLostError);
      await rebuild(leaderboards);
      expect(await everything()).toEqual(live);
    });

    it('assumes of a board what the builder who died had assumed, which no worker knew', async () => {
      const keys = test.topology.of('scores', 'total');
      const resume = async () => {
        const options = { job: 'job', owner: 'builder' };
        const source = { keys, group: leaderboards.name };
        const build = await PartitionBuild.begin(test.redis, leaderboards, source, options, {}, false);
        const wasTrue = build.isTrue;
        await build.readTo(undefined, async () => {});
        const entry = await test.redis.hget(runsKey(build.state, 'total'), 'ada');
        return { wasTrue, isTrue: build.isTrue, entry };
      };
      const define = (operator: 'sum' | 'best') =>
        append('BoardDefined', { board: 'total', definition: { ...DEFAULT_DEFINITION, operator } });
      await define('sum');
      for (const value of [1, 2]) await score('ada', value, 'total');
      await resume();
      await score('ada', 3, 'total');
      const sum = expect.stringMatching(/\.3 6$/);
      expect(await resume()).toEqual({ wasTrue: true, isTrue: true, entry: sum });
      await define('best');
      expect(await resume()).toEqual({ wasTrue: true, isTrue: false, entry: sum });
      // The next one finds the definition and the sum, and must not take them for each other's.
      expect(await resume()).toEqual({ wasTrue: false, isTrue: false, entry: sum });
      expect(await rebuild(leaderboards)).toMatchObject({ state: 'done' });
      await project();
      expect(await verify(leaderboards)).toEqual([]);
    });

    it('is left to another process when its own loses the lease', async () => {
      const job = await jobs.start(scoreDocuments, { kind: 'rebuild' });
      await test.redis.set(`${test.prefix}:job-lease:scores`, 'other', 'PX', 300);
      const runner = new JobRunner(test.redis, test.topology, scoreDocuments, QUIET);
      expect(await runner.run(job)).toBe(false);
      await eventually(async () => expect(await runner.run(job)).toBe(true));
      expect(await jobs.find(job.id)).toMatchObject({ state: 'done' });
    });

    it('is one at a time for a projection', async () => {
      const job = await jobs.start(saves, { kind: 'rebuild' });
      await expect(jobs.start(saves, { kind: 'verify' })).rejects.toThrow(JobActiveError);
      await jobs.start(leaderboards, { kind: 'rebuild' });
      await jobs.cancel(job);
      expect(await jobs.find(job.id)).toMatchObject({ state: 'cancelled' });
      await jobs.start(saves, { kind: 'rebuild' });
      await expect(jobs.cancel((await jobs.find(job.id)) as Job)).rejects.toThrow(JobOverError);
    });

    it('makes room for the next one when whoever finished it died before that', async () => {
      await score('ada', 1);
      await project();
      const job = await jobs.start(leaderboards, { kind: 'rebuild' });
      await jobs.update(job, { state: 'done', finishedAt: Date.now() });
      await expect(jobs.start(leaderboards, { kind: 'rebuild' })).rejects.toThrow(JobActiveError);
      const found = await jobs.active(leaderboards.name);
      await new JobRunner(test.redis, test.topology, leaderboards, QUIET).run(found as Job);
      expect((await rebuild(leaderboards)).state).toBe('done');
    });

    it('is refused when events are missing from the log', async () => {
      await history();
      const keys = test.topology.of('scores', 'arena');
      await test.redis.xtrim(keys.stream, 'MAXLEN', 5);
      await expect(jobs.start(leaderboards, { kind: 'rebuild' })).rejects.toThrow(LogDamagedError);
      expect(await jobs.active(leaderboards.name)).toBeUndefined();
    });

    it('that is cancelled leaves the live generation as it was, and nothing of its own', async () => {
      await history();
      await project();
      const before = await keysLike(test.redis, `${test.prefix}:{*`);
      const job = await jobs.start(leaderboards, { kind: 'rebuild' });
      await jobs.update(job, { cancel: 1 });
      await new JobRunner(test.redis, test.topology, leaderboards, QUIET).run(job);
      expect(await jobs.find(job.id)).toMatchObject({ state: 'cancelled' });
      const left = await keysLike(test.redis, `${test.prefix}:{*`);
      const state = (keys: string[]) => keys.filter(key => key.includes('@')).sort();
      expect(state(left)).toEqual(state(before));
    });
  });

  describe('a comparison', () => {
    const damage: readonly [string, AnyProjection, (keys: PartitionKeys) => Promise<unknown>][] = [
      [
        'a rank',
        leaderboards,
        k => test.redis.zadd(ranksKey(stateKeys(k, 1), 'arena'), 99, `${'x'.repeat(14)}p1`),
      ],
      [
        'a run',
        leaderboards,
        k => test.redis.hset(runsKey(stateKeys(k, 1), 'arena'), 'p1', '0zzzzzzzzzzzzz 5'),
      ],
      ['a missing run', leaderboards, k => test.redis.hdel(runsKey(stateKeys(k, 1), 'arena'), 'p2')],
      ['a rule', leaderboards, k => test.redis.hset(stateKeys(k, 1).rules(), 'p:nobody', '1-0 banned')],
      ['a board too many', leaderboards, k => test.redis.zadd(ranksKey(stateKeys(k, 1), 'ghosts'), 1, 'boo')],
      ['a count', scoreDocuments, k => test.redis.hset(scoresKey(stateKeys(k, 1), 'p1'), 'arena', '1 {}')],
      [
        'a player too many',
        scoreDocuments,
        k => test.redis.hset(scoresKey(stateKeys(k, 1), 'boo'), 'arena', '1 {}'),
      ],
    ];

    it.each(damage)('finds %s that is not what the log says', async (_, projection, harm) => {
      await history();
      await project();
      expect(await verify(projection)).toEqual([]);
      await harm(test.topology.of('scores', 'arena'));
      expect((await verify(projection)).length).toBeGreaterThan(0);
    });

    it('of one board is not concerned with how other boards of the partition are defined', async () => {
      await history();
      await project();
      expect(test.topology.of('scores', 'golf')).toBe(test.topology.of('scores', 'arena'));
      for (const board of ['arena', 'golf', 'total']) expect(await verify(leaderboards, board)).toEqual([]);
      const state = stateKeys(test.topology.of('scores', 'arena'), 1);
      await test.redis.hset(runsKey(state, 'arena'), 'p1', '0zzzzzzzzzzzzz 5');
      expect(await verify(leaderboards, 'golf')).toEqual([]);
      expect(await verify(leaderboards, 'arena')).not.toEqual([]);
    });

    it('finds a document of which one byte is another', async () => {
      await history();
      await project();
      const keys = test.topology.of('players', 'p1');
      await test.redis.set(documentKey(stateKeys(keys, 1), 'p1', 'auto'), '{"turn":99}');
      expect(await verify(saves)).toMatchObject([{ key: documentKey(stateKeys(keys, 1), 'p1', 'auto') }]);
    });

    it('counts nothing as a difference that is only under way, while workers and writers go on', async () => {
      await history();
      await project();
      let writing = true;
      const writer = (async () => {
        for (let i = 0; writing; i++) {
          await score(`p${i % 7}`, i % 5, i % 2 ? 'total' : 'arena');
          await score(`new${i}`, i, 'total');
        }
      })();
      const worker = (async () => {
        while (writing) {
          await project();
          await delay(1);
        }
      })();
      try {
        for (let round = 0; round < 5; round++) {
          expect(await verify(leaderboards)).toEqual([]);
          expect(await verify(scoreDocuments)).toEqual([]);
          expect(await rebuild(leaderboards)).toMatchObject({ state: 'done' });
        }
      } finally {
        writing = false;
        await Promise.all([writer, worker]);
      }
      await project();
      expect(await verify(leaderboards)).toEqual([]);
    }, 60_000);

    it('leaves events out that a dead letter holds back', async () => {
      await score('p1', 5, 'total');
      const { ref } = await score('p2', 7, 'total');
      const keys = test.topology.of('scores', 'total');
      const events = await deliver(test, keys, leaderboards.name);
      const [first] = events;
      await new Projector(test.redis, leaderboards).apply([first as RecordedEvent<'ScoreSubmitted'>], {
        keys,
        group: leaderboards.name,
      });
      const id = `${ref.id.ms}-${ref.id.seq}`;
      await test.redis.hset(keys.skipped(leaderboards.name), id, 'dead 1-0');
      await test.redis.xack(keys.stream, leaderboards.name, id);
      expect(await verify(leaderboards)).toEqual([]);
      expect(await rebuild(leaderboards)).toMatchObject({ state: 'done' });
      expect(await test.redis.hkeys(runsKey(stateKeys(keys, 2), 'total'))).toEqual(['p1']);
      expect(await verify(leaderboards)).toEqual([]);
    });
  });
});
