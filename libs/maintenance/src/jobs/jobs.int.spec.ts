import { LogDamagedError } from '#libs/event-log';
import { DEFAULT_DEFINITION, type RecordedEvent } from '#libs/events';
import { BoardCatalog, leaderboards, ranksKey, runsKey, scoreDocuments } from '#libs/leaderboards';
import { Projector, stateKeys } from '#libs/projections';
import { deliver, eventually, keysLike, QUIET, SERVER } from '#libs/testing';
import { projections } from '../projections/projections.js';
import { saves } from '../projections/saves.projection.js';
import { BuildLostError, PartitionBuild } from '../rebuild/partition-build.js';
import { Rebuild } from '../rebuild/rebuild.js';
import { JobRunner } from './job-runner.js';
import { type Job, JobActiveError, JobOverError } from './jobs.js';
import { useJobs } from './test-jobs.js';

describe('jobs', () => {
  const current = useJobs();
  const { append, score, project, rebuild, verify, everything, history } = current;

  describe('a rebuild', () => {
    it('produces from the log, byte for byte, the state that was projected live', async () => {
      await history();
      await project();
      const live = await everything();
      for (const projection of projections) {
        expect(await rebuild(projection)).toMatchObject({ state: 'done' });
        expect(await everything()).toEqual(live);
        expect(await verify(projection)).toEqual([]);
      }
    });

    it('writes more states than fit into one write', async () => {
      const players = 10_500;
      const values = Array.from({ length: players + 1_500 }, (_, i) => (i < players ? i : i + 0.5));
      for (let from = 0; from < values.length; from += 1_000)
        await current.test.log.appendAll(
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
      const state = stateKeys(current.test.topology.of('scores', 'arena'), 2);
      expect(await current.test.redis.zcard(ranksKey(state, 'arena'))).toBe(players);
    });

    it('repairs damage, and reports it first if asked to', async () => {
      await history();
      await project();
      const live = await everything();
      const keys = current.test.topology.of('scores', 'total');
      await current.test.redis.zincrby(ranksKey(stateKeys(keys, 1), 'total'), 5, 'ghost');
      const { result } = await rebuild(leaderboards, { diff: true });
      expect(result).toMatchObject({
        differences: 1,
        examples: [{ key: ranksKey(stateKeys(keys, 1), 'total') }],
      });
      expect(await everything()).toEqual(live);
    });

    it('is exact while workers have pending and unread events, and continue afterwards', async () => {
      await history();
      await project();
      for (let i = 0; i < 10; i++) await score('late', 1, 'total');
      const keys = current.test.topology.of('scores', 'total');
      const source = { keys, group: leaderboards.name };
      const inHand = await deliver(current.test, keys, leaderboards.name);
      expect(inHand).toHaveLength(10);
      for (let i = 0; i < 10; i++) await score('late', 1, 'total');
      const projector = new Projector(current.test.redis, leaderboards);
      await projector.apply(inHand.slice(0, 3) as RecordedEvent<'ScoreSubmitted'>[], source);
      await rebuild(leaderboards);
      // What was in hand is in the new generation already; what comes after it is not.
      for (let i = 0; i < 5; i++) await score('late', 1, 'total');
      await projector.apply(inHand as RecordedEvent<'ScoreSubmitted'>[], source);
      await project();
      const entry = await current.test.redis.hget(runsKey(stateKeys(keys, 2), 'total'), 'late');
      expect(entry).toMatch(/^\S{14}\.25 25$/);
      expect(await verify(leaderboards)).toEqual([]);
    });

    it('of one board does not change other boards, and includes its pending events', async () => {
      await history();
      await project();
      await score('late', 2, 'total');
      await score('late', 3, 'arena');
      const keys = current.test.topology.of('scores', 'total');
      await current.test.redis.del(ranksKey(stateKeys(keys, 1), 'total'));
      const { state } = await rebuild(leaderboards, { board: 'total' });
      expect(state).toBe('done');
      expect(await verify(leaderboards)).toEqual([]);
      await project();
      expect(await verify(leaderboards)).toEqual([]);
      expect(await current.test.redis.hget(runsKey(stateKeys(keys, 1), 'total'), 'late')).toMatch(/\.1 2$/);
    });

    it('under new rules ranks a board from its whole history, and acknowledges the redefinition', async () => {
      await history();
      await project();
      await append('BoardDefined', {
        board: 'arena',
        definition: { ...DEFAULT_DEFINITION, order: 'asc', operator: 'sum' },
      });
      const keys = current.test.topology.of('scores', 'arena');
      const source = { keys, group: leaderboards.name };
      const wanted: string[] = [];
      const projector = new Projector(current.test.redis, leaderboards, board => void wanted.push(board));
      const [redefinition] = await deliver(current.test, keys, leaderboards.name);
      const events = [redefinition as RecordedEvent<'BoardDefined'>];
      expect(await projector.apply(events, source)).toMatchObject({ applied: 0, deferred: [{}] });
      expect(wanted).toEqual(['arena']);
      expect(await rebuild(leaderboards, { board: 'arena' })).toMatchObject({ state: 'done' });
      expect(await projector.apply(events, source)).toMatchObject({ applied: 1, deferred: [] });
      expect(await current.test.redis.hget(stateKeys(keys, 1).rules(), 'b:arena')).toMatch(
        /here \{"order":"asc","operator":"sum"\}$/,
      );
      expect(await verify(leaderboards)).toEqual([]);
    });

    it('of a derived board counts its source in partitions whose workers have not read the definition', async () => {
      const catalog = new BoardCatalog(current.test.redis, current.test.topology);
      const define = (board: string, definition: object) =>
        catalog.define(board, { ...DEFAULT_DEFINITION, ...definition }, { actor: SERVER });
      await define('season', { shards: 2 });
      const players = Array.from({ length: 8 }, (_, i) => `p${i}`);
      for (const player of players) {
        const data = { board: 'season', player, score: 1 };
        await current.test.log.append({ type: 'ScoreSubmitted', data, actor: SERVER }, { shards: 2 });
      }
      await project();
      await define('total', { operator: 'sum', source: 'season' });
      expect(await rebuild(leaderboards, { board: 'total' })).toMatchObject({ state: 'done' });
      await project();
      for (const keys of current.test.topology.all('scores'))
        expect(await current.test.redis.hlen(runsKey(stateKeys(keys, 1), 'total'))).toBeGreaterThan(0);
      expect(await verify(leaderboards)).toEqual([]);
      expect(await verify(leaderboards, 'total')).toEqual([]);
    });

    it('continues where a builder died, and does not let the old builder interfere if it comes back', async () => {
      for (let i = 0; i < 5; i++) await history();
      await project();
      const live = await everything();
      const keys = current.test.topology.of('scores', 'total');
      const pages: number[] = [];
      const builder = (owner: string, onProgress: (processed: number) => Promise<void>) =>
        new Rebuild(current.test.redis, leaderboards, { job: 'job', owner, onProgress }).partition(keys);
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

    it('keeps the assumptions of a builder that died, which no worker knew', async () => {
      const keys = current.test.topology.of('scores', 'total');
      const resume = async () => {
        const options = { job: 'job', owner: 'builder' };
        const source = { keys, group: leaderboards.name };
        const build = await PartitionBuild.begin(
          current.test.redis,
          leaderboards,
          source,
          options,
          {},
          false,
        );
        const wasTrue = build.isTrue;
        await build.readTo(undefined, async () => {});
        const entry = await current.test.redis.hget(runsKey(build.state, 'total'), 'ada');
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

    it('is left to another process when its process loses the lease', async () => {
      const job = await current.jobs.start(scoreDocuments, { kind: 'rebuild' });
      await current.test.redis.set(`${current.test.prefix}:job-lease:scores`, 'other', 'PX', 300);
      const runner = new JobRunner(current.test.redis, current.test.topology, scoreDocuments, QUIET);
      expect(await runner.run(job)).toBe(false);
      await eventually(async () => expect(await runner.run(job)).toBe(true));
      expect(await current.jobs.find(job.id)).toMatchObject({ state: 'done' });
    });

    it('runs one at a time per projection', async () => {
      const job = await current.jobs.start(saves, { kind: 'rebuild' });
      await expect(current.jobs.start(saves, { kind: 'verify' })).rejects.toThrow(JobActiveError);
      await current.jobs.start(leaderboards, { kind: 'rebuild' });
      await current.jobs.cancel(job);
      expect(await current.jobs.find(job.id)).toMatchObject({ state: 'cancelled' });
      await current.jobs.start(saves, { kind: 'rebuild' });
      await expect(current.jobs.cancel((await current.jobs.find(job.id)) as Job)).rejects.toThrow(
        JobOverError,
      );
    });

    it('does not block the next one if its process died just after finishing', async () => {
      await score('ada', 1);
      await project();
      const job = await current.jobs.start(leaderboards, { kind: 'rebuild' });
      await current.jobs.update(job, { state: 'done', finishedAt: Date.now() });
      await expect(current.jobs.start(leaderboards, { kind: 'rebuild' })).rejects.toThrow(JobActiveError);
      const found = await current.jobs.active(leaderboards.name);
      await new JobRunner(current.test.redis, current.test.topology, leaderboards, QUIET).run(found as Job);
      expect((await rebuild(leaderboards)).state).toBe('done');
    });

    it('is refused if events are missing from the log', async () => {
      await history();
      const keys = current.test.topology.of('scores', 'arena');
      await current.test.redis.xtrim(keys.stream, 'MAXLEN', 5);
      await expect(current.jobs.start(leaderboards, { kind: 'rebuild' })).rejects.toThrow(LogDamagedError);
      expect(await current.jobs.active(leaderboards.name)).toBeUndefined();
    });

    it('changes nothing and leaves nothing behind if it is cancelled', async () => {
      await history();
      await project();
      const before = await keysLike(current.test.redis, `${current.test.prefix}:{*`);
      const job = await current.jobs.start(leaderboards, { kind: 'rebuild' });
      await current.jobs.update(job, { cancel: 1 });
      await new JobRunner(current.test.redis, current.test.topology, leaderboards, QUIET).run(job);
      expect(await current.jobs.find(job.id)).toMatchObject({ state: 'cancelled' });
      const left = await keysLike(current.test.redis, `${current.test.prefix}:{*`);
      const state = (keys: string[]) => keys.filter(key => key.includes('@')).sort();
      expect(state(left)).toEqual(state(before));
    });
  });
});
