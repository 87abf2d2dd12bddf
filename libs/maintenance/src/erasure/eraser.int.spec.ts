import { jest } from '@jest/globals';
import fc from 'fast-check';
import { acceptLoss, BeingErasedError, checkLog, deadLettersKey, type PartitionKeys } from '#libs/event-log';
import { formatEventId } from '#libs/events';
import {
  LeaderboardReader,
  leaderboards,
  ScoreDocumentReader,
  scoreDocuments,
  scoresKey,
} from '#libs/leaderboards';
import { Projector } from '#libs/projections';
import {
  type BoardEvent,
  BoardHistory,
  boardSteps,
  boardsOf,
  deliver,
  eventually,
  keysLike,
  mortal,
  openTestLog,
  PLAYERS,
  runs,
  SERVER,
  type Step,
  scriptNamed,
  type TestLog,
} from '#libs/testing';
import { EraserReplacedError } from '../errors.js';
import { eraserEpochKey, eraserLeaseKey } from '../jobs/job-keys.js';
import { Jobs } from '../jobs/jobs.js';
import { projections } from '../projections/projections.js';
import { saves } from '../projections/saves.projection.js';
import { BuildLostError, PartitionBuild } from '../rebuild/partition-build.js';
import { Eraser } from './eraser.js';
import { ErasingPlayers } from './erasing-players.js';
import { Purge } from './purge.js';
import { erase, eraseAll, LOG, Shadow, statesOf, Workers } from './test-erasure.js';

jest.setTimeout(300_000);

describe('erasing players', () => {
  it('changes nothing on boards, documents, and saves without the erased players', async () => {
    type Erasing = { kind: 'erase'; player: string };
    const history = (boards: string[]) =>
      fc.array(
        fc.oneof(
          { weight: 5, arbitrary: boardSteps(boards) },
          {
            weight: 2,
            arbitrary: fc.constantFrom(...PLAYERS).map((player): Erasing[] => [{ kind: 'erase', player }]),
          },
        ),
        { minLength: 1, maxLength: 5 },
      ) as fc.Arbitrary<(Step | Erasing)[][]>;
    const property = fc.asyncProperty(fc.gen(), async any => {
      const test = await openTestLog({ scores: 2, players: 1 });
      const other = await openTestLog({ scores: 2, players: 1 });
      try {
        const workers = new Workers(test, any);
        const shadow = new Shadow(test);
        const appended = new BoardHistory(test);
        for (const step of any(history, boardsOf(test, 4)).flat()) {
          if (step.kind === 'erase') {
            await test.log.append({
              type: 'SaveWritten',
              data: { player: step.player, slot: 'auto', document: '{}' },
              actor: SERVER,
            });
            await shadow.follow();
            await erase(test, step.player);
            await workers.project();
            await eraseAll(test, workers);
            await shadow.follow();
            shadow.forget(step.player);
          } else {
            await appended.append(step);
          }
        }
        await workers.project();
        await shadow.follow();
        expect(await workers.verify()).toEqual([]);
        await shadow.copyTo(other);
        await new Workers(other).project();
        expect(await statesOf(test)).toEqual(await statesOf(other));
      } finally {
        await test.close();
        await other.close();
      }
    });
    await fc.assert(property, {
      numRuns: runs(60),
      endOnFailure: true,
      // Fewer runs fail: a slow machine must not pass with one.
      interruptAfterTimeLimit: 240_000,
      markInterruptAsFailure: true,
    });
  });

  describe('step by step', () => {
    let test: TestLog;
    let workers: Workers;
    beforeEach(async () => {
      test = await openTestLog({ scores: 2, players: 2 });
      workers = new Workers(test);
    });
    afterEach(() => test.close());

    const submit = (player: string, score: number, board = 'arena') =>
      test.log.append({ type: 'ScoreSubmitted', data: { board, player, score }, actor: SERVER });
    const save = (player: string, slot = 'auto') =>
      test.log.append({ type: 'SaveWritten', data: { player, slot, document: '{"a":1}' }, actor: SERVER });
    const rename = (player: string, name: string) =>
      test.log.append({ type: 'ProfilePatched', data: { player, patch: { name } }, actor: SERVER });

    /** Keys that name the player, and keys that hold the name. */
    const tracesOf = async (player: string) => {
      const found: string[] = [];
      for (const key of await keysLike(test.redis, `${test.prefix}:*`)) {
        // What a stream has deleted, it only hides.
        const isStream = (await test.redis.type(key)) === 'stream';
        const held = isStream
          ? JSON.stringify(await test.redis.xrange(key, '-', '+'))
          : await test.redis.dumpBuffer(key);
        if (key.includes(player) || held?.includes(player)) found.push(key);
      }
      return found;
    };

    it('leaves no trace of the player, who can begin again as a new one', async () => {
      await submit('zoe-who-goes', 5);
      await submit('ada', 3);
      await save('zoe-who-goes');
      await save('zoe-who-goes', 'manual');
      await rename('zoe-who-goes', 'Zoe');
      await test.log.append({
        type: 'EntryRevoked',
        data: { board: 'arena', player: 'zoe-who-goes' },
        actor: SERVER,
      });
      await test.log.append({ type: 'PlayerBanned', data: { player: 'zoe-who-goes' }, actor: SERVER });
      await submit('zoe-who-goes', 9, 'alone');
      await workers.project();
      expect(await tracesOf('zoe-who-goes')).not.toEqual([]);
      await erase(test, 'zoe-who-goes');
      await workers.project();
      await eraseAll(test, workers);
      expect(await tracesOf('zoe-who-goes')).toEqual([]);
      expect(await workers.verify()).toEqual([]);
      expect((await save('zoe-who-goes')).version).toBe(1);
      await submit('zoe-who-goes', 1);
      await workers.project();
      expect(await workers.verify()).toEqual([]);
      const { ref } = await submit('ada', 4);
      const [entry] = await test.redis.xrange(
        test.topology.at('scores', Number(ref.partition)).stream,
        '-',
        '+',
      );
      expect(entry?.[1]).not.toContain('v');
    });

    it('continues after its process has died at any point', async () => {
      await submit('ada', 3);
      for (const board of ['arena', 'alone']) await submit('zoe-who-goes', 5, board);
      await save('zoe-who-goes');
      await workers.project();
      await erase(test, 'zoe-who-goes');
      await workers.project();
      let deaths = 0;
      for (let isAnybody = true; isAnybody; deaths++) {
        // A little further each time: what was done before is not done again.
        const eraser = new Eraser(
          mortal(test.redis, 20 + 2 * deaths).client,
          test.topology,
          projections,
          LOG,
        );
        isAnybody = await eraser.run().catch(error => {
          expect(error.message).toBe('killed');
          return true;
        });
        await test.redis.unlink(eraserLeaseKey(test.prefix));
        await workers.project();
      }
      expect(deaths).toBeGreaterThan(10);
      expect(await tracesOf('zoe-who-goes')).toEqual([]);
      expect(await workers.verify()).toEqual([]);
      expect((await new LeaderboardReader(test.redis, test.topology).find('alone'))?.board).toBeUndefined();
    });

    it('reports once that a partition has lost events, and continues when the loss is accepted', async () => {
      await submit('ada', 3);
      const keys = test.topology.of('scores', 'arena');
      const names = Array.from({ length: 20 }, (_, n) => `alone-${n}`);
      // A board that is to be built anew, beside the score that will be lost.
      await submit('zoe', 5, names.find(name => test.topology.of('scores', name) === keys) ?? '');
      await workers.project();
      await checkLog(test.redis, keys);
      await erase(test, 'zoe');
      await workers.project();
      const [first] = await test.redis.xrange(keys.stream, '-', '+', 'COUNT', 1);
      await test.redis.xdel(keys.stream, first?.[0] ?? '');
      const errors: string[] = [];
      const log = { log: () => {}, error: (text: string) => void errors.push(text) };
      const eraser = new Eraser(test.redis, test.topology, projections, log);
      const run = jest.spyOn(eraser, 'run');
      eraser.start();
      const following = setInterval(() => void workers.project().catch(() => {}), 100);
      try {
        await eventually(() => expect(errors).toHaveLength(1), 20_000);
        const before = run.mock.calls.length;
        await eventually(() => expect(run.mock.calls.length - before).toBeGreaterThan(2), 30_000);
        expect(errors).toEqual([expect.stringMatching(/has lost events.*accept-loss/)]);
        await acceptLoss(test.redis, keys);
        await eventually(async () => expect(await test.redis.exists(keys.erasing())).toBe(0), 30_000);
        expect(errors).toHaveLength(1);
      } finally {
        clearInterval(following);
        await eraser.stop();
      }
    });

    it('erases nothing of a player who began again, if a frozen eraser wakes up', async () => {
      await erase(test, 'zoe');
      const groups = { scores: [leaderboards.name, scoreDocuments.name], players: [saves.name] };
      const epoch = await test.redis.incr(eraserEpochKey(test.prefix));
      const zombie = new ErasingPlayers(test.redis, test.topology, groups, epoch);
      await workers.project();
      expect(await zombie.advance()).toMatchObject([{ player: 'zoe', isGone: false }]);
      await eraseAll(test, workers);
      await submit('zoe', 1);
      await expect(zombie.advance()).rejects.toThrow(EraserReplacedError);
      const left = new Purge(test.redis, test.topology.of('scores', 'arena'), {
        epoch,
        players: new Map([['zoe', '99999999999999-0']]),
        groups: groups.scores,
        onPage: async () => {},
      });
      await expect(left.run()).rejects.toThrow(EraserReplacedError);
      await workers.project();
      expect((await new ScoreDocumentReader(test.redis, test.topology).find('zoe')).arena?.count).toBe(1);
    });

    /** Makes a pending event a dead letter of the leaderboards. */
    const bury = (keys: PartitionKeys, id: string, entry: string) =>
      scriptNamed<number>('dead-letter').run(
        test.redis,
        [keys.stream, deadLettersKey(keys, leaderboards.name), keys.skipped(leaderboards.name)],
        [leaderboards.name, id, 'id', id, 'entry', entry],
      );
    /** Retries the first dead letter. */
    const retry = async (keys: PartitionKeys) => {
      const group = leaderboards.name;
      const [letter] = await test.redis.xrange(deadLettersKey(keys, group), '-', '+');
      return scriptNamed<unknown>('retry-dead-letter').run(
        test.redis,
        [keys.stream, deadLettersKey(keys, group), keys.skipped(group), keys.live(group), keys.erasing()],
        [group, letter?.[0] ?? '', 'retry'],
      );
    };

    /** Gives the first dead letter up. */
    const drop = async (keys: PartitionKeys) => {
      const group = leaderboards.name;
      const [letter] = await test.redis.xrange(deadLettersKey(keys, group), '-', '+');
      const touched = [deadLettersKey(keys, group), keys.skipped(group), keys.erasing()];
      return scriptNamed<unknown>('drop-dead-letter').run(test.redis, touched, [letter?.[0] ?? '']);
    };

    it('waits while the erasing event is a dead letter, and continues when it is retried', async () => {
      await submit('zoe', 1);
      await workers.project();
      await erase(test, 'zoe');
      const eraser = new Eraser(test.redis, test.topology, projections, LOG);
      await eraser.run();
      const keys = test.topology.of('scores', 'arena');
      const [event] = (await deliver(test, keys, leaderboards.name)) as BoardEvent[];
      await bury(keys, event ? formatEventId(event.id) : '', '');
      await workers.project();
      for (let round = 0; round < 3; round++) expect(await eraser.run()).toBe(true);
      expect((await test.redis.xrange(keys.stream, '-', '+')).length).toBe(2);
      await expect(drop(keys)).rejects.toThrow('retry it');
      await retry(keys);
      const source = { keys, group: leaderboards.name };
      await new Projector(test.redis, leaderboards).apply(event ? [event] : [], source);
      expect(await eraser.run()).toBe(false);
      expect(await workers.verify()).toEqual([]);
    });

    it('drops dead letters of the player, and refuses retries during the erasure', async () => {
      await submit('zoe-who-goes', 1);
      const keys = test.topology.of('scores', 'arena');
      const [event] = (await deliver(test, keys, leaderboards.name)) as BoardEvent[];
      const id = event ? formatEventId(event.id) : '';
      await bury(keys, id, 'zoe-who-goes');
      await erase(test, 'zoe-who-goes');
      await new Eraser(test.redis, test.topology, projections, LOG).run();
      await expect(retry(keys)).rejects.toThrow(BeingErasedError);
      await test.redis.unlink(eraserLeaseKey(test.prefix));
      await workers.project();
      await eraseAll(test, workers);
      expect(await tracesOf('zoe-who-goes')).toEqual([]);
      expect(await workers.verify()).toEqual([]);
    });

    it('makes a rebuild that began in the meantime start over, and leaves nothing of its build', async () => {
      await submit('zoe-who-goes', 5);
      await workers.project();
      const keys = test.topology.of('scores', 'arena');
      const source = { keys, group: scoreDocuments.name };
      const options = { job: 'job', owner: 'builder' };
      const build = await PartitionBuild.begin(test.redis, scoreDocuments, source, options, {}, false);
      await build.readTo(undefined, async () => {});
      const traces = await tracesOf('zoe-who-goes');
      expect(traces).toContain(scoresKey(build.state, 'zoe-who-goes'));
      await erase(test, 'zoe-who-goes');
      await workers.project();
      await eraseAll(test, workers);
      expect(await tracesOf('zoe-who-goes')).toEqual([]);
      await submit('ada', 1);
      await expect(build.readTo(undefined, async () => {})).rejects.toThrow(BuildLostError);
    });

    it('deletes no events until a running job ends, and makes a verification wait', async () => {
      await submit('zoe', 5);
      await workers.project();
      await erase(test, 'zoe');
      await workers.project();
      const eraser = new Eraser(test.redis, test.topology, projections, LOG);
      const jobs = new Jobs(test.redis, test.topology);
      const job = await jobs.start(scoreDocuments, { kind: 'verify' });
      for (let round = 0; round < 3; round++) {
        expect(await eraser.run()).toBe(true);
        await workers.project();
      }
      const score = test.topology.of('scores', 'arena').stream;
      expect(await test.redis.xlen(score)).toBe(2);
      expect(await new ScoreDocumentReader(test.redis, test.topology).find('zoe')).toEqual({});
      await jobs.cancel(job);
      expect(await eraser.run()).toBe(false);
      expect(await test.redis.xlen(score)).toBe(0);
      expect(await workers.verify()).toEqual([]);
    });

    it('makes the log refuse events of the player, and accept the rest of a batch', async () => {
      await submit('zoe', 5);
      const { ref } = await erase(test, 'zoe');
      await expect(save('zoe')).rejects.toThrow(BeingErasedError);
      expect((await erase(test, 'zoe')).ref).toEqual(ref);
      await eraseAll(test, workers);
      // It was announced by now.
      await save('zoe');
      await erase(test, 'zoe');
      await new Eraser(test.redis, test.topology, projections, LOG).run();
      const score = (player: string) =>
        ({
          event: { type: 'ScoreSubmitted', data: { board: 'arena', player, score: 1 }, actor: SERVER },
        }) as const;
      const answers = await test.log.appendAll([score('zoe'), score('ada')]);
      expect(answers).toEqual([expect.any(BeingErasedError), expect.objectContaining({ replayed: false })]);
    });
  });
});
