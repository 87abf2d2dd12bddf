import { setTimeout as delay } from 'node:timers/promises';
import { type PartitionKeys } from '#libs/event-log';
import { type RecordedEvent } from '#libs/events';
import { leaderboards, ranksKey, runsKey, scoreDocuments, scoresKey } from '#libs/leaderboards';
import { Projector, stateKeys } from '#libs/projections';
import { documentKey } from '#libs/saves';
import { deliver } from '#libs/testing';
import { useJobs } from '../jobs/test-jobs.js';
import { type AnyProjection } from '../projections/projections.js';
import { saves } from '../projections/saves.projection.js';

describe('a verification', () => {
  const current = useJobs();
  const { score, project, rebuild, verify, history } = current;

  const damage: readonly [string, AnyProjection, (keys: PartitionKeys) => Promise<unknown>][] = [
    [
      'a rank',
      leaderboards,
      k => current.test.redis.zadd(ranksKey(stateKeys(k, 1), 'arena'), 99, `${'x'.repeat(14)}p1`),
    ],
    [
      'a run',
      leaderboards,
      k => current.test.redis.hset(runsKey(stateKeys(k, 1), 'arena'), 'p1', '0zzzzzzzzzzzzz 5'),
    ],
    ['a missing run', leaderboards, k => current.test.redis.hdel(runsKey(stateKeys(k, 1), 'arena'), 'p2')],
    ['a rule', leaderboards, k => current.test.redis.hset(stateKeys(k, 1).rules(), 'p:nobody', '1-0 banned')],
    [
      'an extra board',
      leaderboards,
      k => current.test.redis.zadd(ranksKey(stateKeys(k, 1), 'ghosts'), 1, 'boo'),
    ],
    [
      'a count',
      scoreDocuments,
      k => current.test.redis.hset(scoresKey(stateKeys(k, 1), 'p1'), 'arena', '1 {}'),
    ],
    [
      'an extra player',
      scoreDocuments,
      k => current.test.redis.hset(scoresKey(stateKeys(k, 1), 'boo'), 'arena', '1 {}'),
    ],
  ];

  it.each(damage)('finds %s that differs from the log', async (_, projection, harm) => {
    await history();
    await project();
    expect(await verify(projection)).toEqual([]);
    await harm(current.test.topology.of('scores', 'arena'));
    expect((await verify(projection)).length).toBeGreaterThan(0);
  });

  it('of one board ignores the definitions of other boards', async () => {
    await history();
    await project();
    expect(current.test.topology.of('scores', 'golf')).toBe(current.test.topology.of('scores', 'arena'));
    for (const board of ['arena', 'golf', 'total']) expect(await verify(leaderboards, board)).toEqual([]);
    const state = stateKeys(current.test.topology.of('scores', 'arena'), 1);
    await current.test.redis.hset(runsKey(state, 'arena'), 'p1', '0zzzzzzzzzzzzz 5');
    expect(await verify(leaderboards, 'golf')).toEqual([]);
    expect(await verify(leaderboards, 'arena')).not.toEqual([]);
  });

  it('finds a document that differs in one byte', async () => {
    await history();
    await project();
    const keys = current.test.topology.of('players', 'p1');
    await current.test.redis.set(documentKey(stateKeys(keys, 1), 'p1', 'auto'), '{"turn":99}');
    expect(await verify(saves)).toMatchObject([{ key: documentKey(stateKeys(keys, 1), 'p1', 'auto') }]);
  });

  it('reports no differences for events in progress, while workers and writers continue', async () => {
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

  it('leaves out events that a dead letter holds back', async () => {
    await score('p1', 5, 'total');
    const { ref } = await score('p2', 7, 'total');
    const keys = current.test.topology.of('scores', 'total');
    const events = await deliver(current.test, keys, leaderboards.name);
    const [first] = events;
    await new Projector(current.test.redis, leaderboards).apply([first as RecordedEvent<'ScoreSubmitted'>], {
      keys,
      group: leaderboards.name,
    });
    const id = `${ref.id.ms}-${ref.id.seq}`;
    await current.test.redis.hset(keys.skipped(leaderboards.name), id, 'dead 1-0');
    await current.test.redis.xack(keys.stream, leaderboards.name, id);
    expect(await verify(leaderboards)).toEqual([]);
    expect(await rebuild(leaderboards)).toMatchObject({ state: 'done' });
    expect(await current.test.redis.hkeys(runsKey(stateKeys(keys, 2), 'total'))).toEqual(['p1']);
    expect(await verify(leaderboards)).toEqual([]);
  });
});
