import fc from 'fast-check';
import { AppliedWaiter, countSaves, VersionReader } from '#libs/event-log';
import { DEFAULT_DEFINITION, type NewEvent, unpackEvent } from '#libs/events';
import { BoardCatalog, partitionsOf } from '#libs/leaderboards';
import { prepareDocuments } from '#libs/search';
import { BoardHistory, boardIn, boardSteps, boardsOf, keysLike, PLAYERS, SERVER } from '#libs/testing';
import { projections } from '../projections/projections.js';
import { type MoveListener } from './repartition.js';
import { useRepartition } from './test-repartition.js';

describe('a repartition', () => {
  const current = useRepartition();
  const { all, tick, append, save, score, job, move, projected, beside, trail, erase, letIn, revoke } =
    current;

  it.each([1, 2])(
    'is what it was, in all that it keeps and answers (history %i)',
    async seed => {
      // As every process does at its start: from then on, a rebuild and a repartition use the same document store.
      await prepareDocuments(current.test.redis, current.test.topology);
      const boards = boardsOf(current.test, 6);
      const history = new BoardHistory(current.test);
      const steps = fc.sample(boardSteps(boards), { seed, numRuns: 4 }).flat();
      for (const step of steps) {
        await tick();
        await history.append(step.kind === 'wait' ? { kind: 'ban', player: 'nobody' } : step);
      }
      for (const player of [...PLAYERS, ...Array.from({ length: 12 }, (_, n) => `player-${n}`)]) {
        await save(player, 'auto', JSON.stringify({ player, text: 'ä "quoted" \u2028' }));
        await save(player, 'auto', '{"version":2}');
        await save(player, 'gone', '{}');
        await append({ type: 'SaveDeleted', data: { player, slot: 'gone' } });
        await append({
          type: 'ProfilePatched',
          data: { player, patch: { name: `Name of ${player}`, level: 1 } },
        });
      }
      await job('rebuild');
      /** A repartition does not copy the usage. It is counted again from the heads, and must be the same. */
      const count = async () => {
        for (const keys of current.test.topology.all('players'))
          for (const key of await keysLike(current.test.redis, keys.versions('*')))
            await countSaves(current.test.redis, keys, key.slice(keys.versions('').length));
      };
      const look = async () => ({
        projected: await projected(),
        beside: await count().then(() => beside(['versions:'])),
        boards: [...(await new BoardCatalog(current.test.redis, current.test.topology).all())].sort(),
        trails: await Promise.all(
          boards.map(board =>
            trail(current.test.topology.all('scores'), board).then(events => events.length),
          ),
        ),
        saves: await trail(current.test.topology.all('players'), 'player-3'),
        head: await new VersionReader(current.test.redis, current.test.topology).head(
          'players',
          'player-3',
          'gone',
        ),
      });
      const before = await look();
      expect(Object.keys(before.projected).length).toBeGreaterThan(60);
      for (const count of [8, 3, 5]) {
        expect(await move({ scores: count, players: count })).toMatchObject({ pause: expect.any(Number) });
        expect(current.test.topology.counts).toEqual({ scores: count, players: count });
        expect(await look()).toEqual(before);
        await job('verify');
      }
    },
    120_000,
  );

  it('preserves versions, definitions, idempotency keys, and derived boards', async () => {
    const catalog = new BoardCatalog(current.test.redis, current.test.topology);
    const [source, other] = [
      boardIn(current.test.topology, 0, 'source'),
      boardIn(current.test.topology, 1, 'other'),
    ];
    const definition = { ...DEFAULT_DEFINITION, minInterval: 3_600 };
    await catalog.define(source, definition, { actor: SERVER });
    const envelope = { actor: SERVER, idempotencyKey: 'define' };
    const derived = { ...DEFAULT_DEFINITION, source };
    const defined = await catalog.define('derived', derived, envelope);
    const scored = { type: 'ScoreSubmitted', data: { board: other, player: 'ada', score: 1 } } as const;
    const keyed = { ...scored, actor: SERVER, idempotencyKey: 'score' };
    const banned = {
      type: 'PlayerBanned',
      data: { player: 'bob' },
      actor: SERVER,
      idempotencyKey: 'ban',
    } as const;
    const first = await current.test.log.append(keyed);
    await current.test.log.append(banned);
    const progress = new AppliedWaiter(current.test.redis, current.test.topology, {
      scores: ['scores'],
      players: ['saves'],
    });
    const spaced = {
      type: 'ScoreSubmitted',
      data: { board: source, player: 'ada', score: 1 },
      actor: SERVER,
    } as const;
    await current.test.log.append(spaced, { minInterval: 3_600_000 });
    await save('ada', 'auto', '{}');
    await job('rebuild');
    for (const count of [8, 3, 5]) {
      await move({ scores: count, players: count });
      const lengths = () => Promise.all(all().map(({ stream }) => current.test.redis.xlen(stream)));
      const before = await lengths();
      const again = await current.test.log.append(keyed);
      expect(again).toMatchObject({ replayed: true, ref: { id: first.ref.id } });
      // Clients that got the id before refer to the old partition.
      expect(await progress.whenApplied(first.ref, 1_000)).toBe(true);
      expect(again.ref.partition).toBe(current.test.topology.of('scores', other).partition);
      expect((await current.test.log.append(banned)).replayed).toBe(true);
      const anew = new BoardCatalog(current.test.redis, current.test.topology);
      expect(await anew.define('derived', derived, envelope)).toMatchObject({ replayed: true });
      await expect(current.test.log.append(spaced, { minInterval: 3_600_000 })).rejects.toThrow('too soon');
      expect(await lengths()).toEqual(before);
      await expect(anew.remove(source, { actor: SERVER })).rejects.toThrow('another board counts its scores');
      expect(await partitionsOf(current.test.redis, current.test.topology, 'derived')).toEqual([
        current.test.topology.of('scores', source),
      ]);
    }
    expect(defined.replayed).toBe(false);
    expect((await save('ada', 'auto', '{}')).version).toBe(2);
    await job('verify');
  }, 60_000);

  it('preserves order and time where events of the same millisecond come together', async () => {
    const boards = Array.from({ length: 12 }, (_, n) => `board-${n}`);
    for (let value = 0; value < 20; value++) {
      for (const { stream } of current.test.topology.all('scores'))
        await current.test.redis
          .call('XSETID', stream, `${current.ms + 10 + Math.floor(value / 10)}-${value * 3}`)
          .catch(() => {});
      for (const board of boards)
        await current.test.log.append({
          type: 'ScoreSubmitted',
          data: { board, player: 'ada', score: value },
          actor: SERVER,
        });
    }
    await move({ scores: 3 });
    const scores = new Map<string, number[]>();
    for (const { stream } of current.test.topology.all('scores')) {
      for (const entry of await current.test.redis.xrange(stream, '-', '+')) {
        const { board, score: value } = unpackEvent(...entry).data as NewEvent<'ScoreSubmitted'>['data'];
        scores.set(board, [...(scores.get(board) ?? []), value]);
      }
    }
    for (const board of boards) expect(scores.get(board)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await job('verify');
  });

  it('leaves out dropped events, and has no trace of erased players', async () => {
    const dropped = await score('arena', 'cheater', 1_000);
    await score('arena', 'ada', 1);
    const gone = {
      type: 'PlayerErased',
      data: { player: 'zoe' },
      actor: SERVER,
      idempotencyKey: 'once',
    } as const;
    await save('zoe', 'auto', '{}');
    await current.test.log.append(gone);
    await erase();
    const keys = current.test.topology.of('scores', 'arena');
    const { id } = dropped.ref;
    for (const { name } of projections.filter(({ stream }) => stream === 'scores'))
      await current.test.redis.hset(keys.skipped(name), `${id.ms}-${id.seq}`, 'dropped');
    await job('rebuild');
    const before = await projected();
    expect(JSON.stringify(before)).not.toContain('cheater');
    for (const count of [8, 3, 5]) {
      await move({ scores: count, players: count });
      expect(await projected()).toEqual(before);
      expect((await current.test.log.append(gone)).replayed).toBe(true);
      await job('verify');
    }
    expect((await save('zoe', 'auto', '{}')).version).toBe(1);
  }, 60_000);

  it('copies credentials and sessions, also what is created or revoked in the meantime', async () => {
    const players = Array.from({ length: 10 }, (_, n) => `player-${n}`);
    for (const player of players) await letIn(player, 'secret');
    const listener: MoveListener = {
      onProgress: () => {},
      say: message => {
        // Redis executes commands in order, so this one runs before the log is closed.
        if (!message.startsWith('all but')) return;
        void letIn('late', 'secret');
        void revoke('player-3');
      },
    };
    const before = await beside(['credentials', 'sessions:', 'failed-logins:']);
    await move({ players: 7 }, listener);
    const {
      credentials,
      'sessions:late': late,
      ...others
    } = await beside(['credentials', 'sessions:', 'failed-logins:']);
    const { 'player-3': _, ...kept } = before.credentials as Record<string, string>;
    expect({ ...others, credentials }).toEqual({ ...before, credentials: { ...kept, late: 'secret' } });
    expect(late).toEqual(['token of late']);
  });
});
