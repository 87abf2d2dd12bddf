import {
  abandonMove,
  deadLettersKey,
  EventLog,
  LogClosedError,
  LogMovedError,
  Move,
  MoveActiveError,
  topologyKey,
} from '#libs/event-log';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { keysLike, SERVER } from '#libs/testing';
import { Jobs } from '../jobs/jobs.js';
import { projections } from '../projections/projections.js';
import { type MoveListener } from './repartition.js';
import { playerIn, SILENT, useRepartition } from './test-repartition.js';

describe('a repartition that is refused, fails, or is interrupted', () => {
  const current = useRepartition();
  const { save, score, job, move, projected, trail, openSameLog, erase } = current;

  it('refuses processes that use the old partitions, and deletes those', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const { topology } = await openSameLog();
    const frozen = new EventLog(current.test.redis, topology);
    await move({ scores: 8 });
    const late = frozen.append({
      type: 'ScoreSubmitted',
      data: { board: 'arena', player: 'bob', score: 2 },
      actor: SERVER,
    });
    await expect(late).rejects.toBeInstanceOf(LogClosedError);
    const read = new ScoreDocumentReader(current.test.redis, topology).find('ada');
    await expect(read).rejects.toBeInstanceOf(LogMovedError);
    const left = await keysLike(current.test.redis, `${current.test.prefix}:{s?}:*`);
    expect(left.map(key => key.replace(/^.*}:/, '')).filter(name => !/^(gate|live:)/.test(name))).toEqual([]);
    expect(await keysLike(current.test.redis, `${current.test.prefix}:{p?}:gate`)).toEqual([]);
  });

  it('is refused while there are dead letters or an active job, and changes nothing', async () => {
    await score('arena', 'ada', 1);
    const keys = current.test.topology.of('scores', 'arena');
    await current.test.redis.xadd(deadLettersKey(keys, 'scores'), '*', 'id', '1-1');
    await expect(move({ scores: 8 })).rejects.toThrow('there are 1 dead letters: retry or drop them first');
    await current.test.redis.unlink(deadLettersKey(keys, 'scores'));
    const [projection] = projections;
    const jobs = new Jobs(current.test.redis, current.test.topology);
    const active = await jobs.start(projection as never, { kind: 'verify' });
    await expect(move({ scores: 8 })).rejects.toThrow(`verify ${active.id} is running`);
    await jobs.cancel(active);
    await score('arena', 'ada', 2);
    expect(await move({ scores: 8 })).toMatchObject({ events: 6 });
  });

  it('changes nothing if it fails before the switch', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const before = await projected();
    const full = new Error('the disk is full');
    const onProgress = (phase: string) => {
      if (phase === 'build') throw full;
    };
    await expect(move({ scores: 8, players: 8 }, { ...SILENT, onProgress })).rejects.toBe(full);
    expect(current.test.topology.counts).toEqual({ scores: 4, players: 4 });
    expect(await keysLike(current.test.redis, `${current.test.prefix}:{*e*}:*`)).toEqual([]);
    await score('arena', 'ada', 1);
    await move({ scores: 8 });
    expect(Object.keys(await projected())).toEqual(expect.arrayContaining(Object.keys(before)));
  });

  it('is finished by the next one if its process died after the switch', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const { topology } = await openSameLog();
    const say = (message: string) => {
      if (message.startsWith('switched')) throw new Error('killed');
    };
    await expect(move({ scores: 8 }, { ...SILENT, say })).rejects.toThrow('run the command again');
    expect(current.test.topology.counts.scores).toBe(8);
    expect(await move({ scores: 8 })).toBeUndefined();
    const left = await keysLike(current.test.redis, `${current.test.prefix}:{s?}:*`);
    expect(left.map(key => key.replace(/^.*}:/, '')).filter(name => !/^(gate|live:)/.test(name))).toEqual([]);
    const read = new ScoreDocumentReader(current.test.redis, topology).find('ada');
    await expect(read).rejects.toBeInstanceOf(LogMovedError);
    await job('verify');
  });

  it('runs one at a time', async () => {
    const moves = await Promise.allSettled([move({ scores: 8 }), move({ scores: 8 })]);
    expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(moves.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(MoveActiveError),
    });
  });

  it('opens the log again if its process dies, which then can change nothing', async () => {
    const key = topologyKey(current.test.prefix);
    const dead = await Move.begin(current.test.redis, current.test.topology, 'dead', ['scores']);
    await dead.close();
    await expect(score('arena', 'ada', 1)).rejects.toBeInstanceOf(LogClosedError);
    expect(await abandonMove(current.test.redis, current.test.topology, 'dead')).toBe(false);
    await current.test.redis.hset(key, 'moving', 'dead 1');
    expect(await abandonMove(current.test.redis, current.test.topology, 'dead')).toBe(true);
    expect(await score('arena', 'ada', 1)).toMatchObject({ replayed: false });
    const end = { ms: 1, seq: 0 };
    expect(await dead.complete({ scores: 8, players: 4 }, { scores: end, players: end })).toBe(false);
    expect(await move({ scores: 8 })).toBeDefined();
  });

  it('starts over if a player is erased in the meantime', async () => {
    await save('zoe', 'auto', '{}');
    // Events up to the last event of every partition are copied at the end.
    for (let n = 0; n < 4; n++) await save(playerIn(current.test.topology, n), 'auto', '{}');
    let isErasing = false;
    let erased: Promise<unknown> | undefined;
    const said: string[] = [];
    const listener: MoveListener = {
      onProgress: phase => {
        if (phase !== 'build' || isErasing) return;
        isErasing = true;
        erased = current.test.log
          .append({ type: 'PlayerErased', data: { player: 'zoe' }, actor: SERVER })
          .then(erase);
      },
      say: message => said.push(message),
    };
    await move({ players: 6 }, listener);
    await erased;
    expect(said.join()).toMatch(/starting over/);
    expect(await trail(current.test.topology.all('players'), 'zoe')).toEqual([]);
    await job('verify');
  }, 60_000);
});
