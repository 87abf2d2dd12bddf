import { IdempotencyConflictError, VersionConflictError } from '#libs/redis';
import { openTestLog, SERVER, type TestLog } from '#libs/testing';
import { PartitionCountError, Topology } from './topology.js';

describe('the event log', () => {
  let test: TestLog;
  beforeAll(async () => {
    test = await openTestLog();
  });
  afterAll(() => test.close());

  const score = (player: string, value: number, idempotencyKey?: string) =>
    test.log.append({
      type: 'ScoreSubmitted',
      data: { board: 'b', player, score: value },
      actor: SERVER,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });

  it('appends an event with the same idempotency key once, and answers alike', async () => {
    const before = await test.redis.xlen(test.topology.of('scores', 'b').stream);
    const first = await score('ada', 5, 'key-1');
    const again = await score('ada', 5, 'key-1');
    expect(again).toEqual({ ...first, replayed: true });
    expect(await test.redis.xlen(test.topology.of('scores', 'b').stream)).toBe(before + 1);
  });

  it('refuses an idempotency key that comes back with another event', async () => {
    await score('ada', 5, 'key-2');
    await expect(score('ada', 6, 'key-2')).rejects.toThrow(IdempotencyConflictError);
  });

  it('opens once, and refuses another number of partitions', async () => {
    await expect(Topology.open(test.redis, test.prefix, { scores: 3, players: 2 })).rejects.toThrow(
      PartitionCountError,
    );
    await expect(Topology.open(test.redis, test.prefix, { scores: 3, players: 2 })).rejects.toThrow(
      /SCORES_PARTITIONS=2/,
    );
  });

  it('decides versions when it appends', async () => {
    const save = (expected?: number | 'existing') =>
      test.log.append(
        { type: 'SaveWritten', data: { player: 'ada', slot: 'auto', document: '{}' }, actor: SERVER },
        expected,
      );
    await expect(save('existing')).rejects.toThrow(VersionConflictError);
    expect((await save(0)).version).toBe(1);
    expect((await save(1)).version).toBe(2);
    expect((await save()).version).toBe(3);
    expect((await save('existing')).version).toBe(4);
    await expect(save(0)).rejects.toMatchObject({ head: 4 });
    await expect(save(3)).rejects.toMatchObject({ head: 4 });
  });
});
