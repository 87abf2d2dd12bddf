import { jest } from '@jest/globals';
import { DEFAULT_DEFINITION, formatEventId, type NewEvent, unpackEvent } from '#libs/events';
import { createClient, isRedisUnavailable } from '#libs/redis';
import { eventually, openTestLog, SERVER, type TestLog } from '#libs/testing';
import {
  DefinitionChangedError,
  IdempotencyConflictError,
  NotReplayedError,
  TooSoonError,
  VersionConflictError,
} from '../errors.js';
import { PartitionCountError, Topology } from '../partitions/topology.js';
import { VersionReader } from '../reading/version-reader.js';
import { EventLog } from './event-log.js';

describe('the event log', () => {
  let test: TestLog;
  beforeAll(async () => {
    test = await openTestLog();
  });
  afterAll(() => test.close());

  const scored = (player: string, value: number): NewEvent<'ScoreSubmitted'> => ({
    type: 'ScoreSubmitted',
    data: { board: 'b', player, score: value },
    actor: SERVER,
  });
  const score = (player: string, value: number, idempotencyKey?: string) =>
    test.log.append({
      ...scored(player, value),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });

  it('appends an event with the same idempotency key once, and returns the same answer', async () => {
    const before = await test.redis.xlen(test.topology.of('scores', 'b').stream);
    const first = await score('ada', 5, 'key-1');
    const again = await score('ada', 5, 'key-1');
    expect(again).toEqual({ ...first, replayed: true });
    expect(await test.redis.xlen(test.topology.of('scores', 'b').stream)).toBe(before + 1);
  });

  it('stores the event with its actor, trace and idempotency key', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { ref } = await test.log.append({ ...scored('ada', 7), trace, idempotencyKey: 'traced' });
    const id = formatEventId(ref.id);
    const [entry] = await test.redis.xrange(test.topology.of('scores', 'b').stream, id, id);
    expect(entry?.[1]).toEqual([
      ...['e', expect.stringMatching(/^s2 stest b ada 7/)],
      ...['m', JSON.stringify({ trace, key: 'traced' })],
    ]);
  });

  it('refuses an idempotency key that is reused for another event', async () => {
    await score('ada', 5, 'key-2');
    await expect(score('ada', 6, 'key-2')).rejects.toThrow(IdempotencyConflictError);
  });

  it('appends concurrent events in one call, in order, and answers each separately', async () => {
    const evalsha = jest.spyOn(test.redis, 'evalsha');
    const outcomes = await Promise.allSettled([
      score('ada', 1),
      score('ada', 2, 'together'),
      score('ada', 3, 'together'),
      test.log.appendAll([4, 5].map(value => ({ event: scored('ada', value) }))),
      score('ada', 6),
    ]);
    expect(evalsha).toHaveBeenCalledTimes(1);
    evalsha.mockRestore();
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    ]);
    const { stream } = test.topology.of('scores', 'b');
    const last = await test.redis.xrevrange(stream, '+', '-', 'COUNT', 5);
    const scores = last.map(([id, fields]) => unpackEvent(id, fields).data);
    expect(scores.map(data => 'score' in data && data.score)).toEqual([6, 5, 4, 2, 1]);
  });

  it('is created once, and refuses another number of partitions', async () => {
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
        expected === undefined ? {} : { expectedVersion: expected },
      );
    await expect(save('existing')).rejects.toThrow(VersionConflictError);
    expect((await save(0)).version).toBe(1);
    expect((await save(1)).version).toBe(2);
    expect((await save()).version).toBe(3);
    expect((await save('existing')).version).toBe(4);
    await expect(save(0)).rejects.toMatchObject({ head: 4 });
    await expect(save(3)).rejects.toMatchObject({ head: 4 });
  });

  it('treats a deleted save as missing, and continues to count versions', async () => {
    const data = { player: 'ada', slot: 'deleted' };
    const save = (expectedVersion: number | 'existing') =>
      test.log.append(
        { type: 'SaveWritten', data: { ...data, document: '{}' }, actor: SERVER },
        { expectedVersion },
      );
    const remove = (expectedVersion: number | 'existing') =>
      test.log.append({ type: 'SaveDeleted', data, actor: SERVER }, { expectedVersion });
    await expect(remove('existing')).rejects.toMatchObject({ head: 0 });
    await save(0);
    await expect(remove(2)).rejects.toMatchObject({ head: 1 });
    expect((await remove(1)).version).toBe(2);
    for (const expected of ['existing', 1, 2] as const) {
      await expect(remove(expected)).rejects.toMatchObject({ head: 0 });
      await expect(save(expected)).rejects.toMatchObject({ head: 0 });
    }
    expect((await save(0)).version).toBe(3);
    await expect(save(0)).rejects.toMatchObject({ head: 3 });
  });

  it('reads the event of the latest version, and any event by its id', async () => {
    const versions = new VersionReader(test.redis, test.topology);
    const head = () => versions.head('players', 'ada', 'read');
    expect(await head()).toBeUndefined();
    const data = { player: 'ada', slot: 'read' };
    const first = await test.log.append({
      type: 'SaveWritten',
      data: { ...data, document: '{ }' },
      actor: SERVER,
    });
    const expected = { type: 'SaveWritten', version: 1, id: first.ref.id, data: { document: '{ }' } };
    expect(await head()).toMatchObject(expected);
    await test.log.append({ type: 'SaveDeleted', data, actor: SERVER });
    expect(await head()).toMatchObject({ type: 'SaveDeleted', version: 2 });
    expect(await versions.event('players', 'ada', first.ref.id)).toMatchObject(expected);
    expect(await versions.event('players', 'ada', { ms: 1, seq: 1 })).toBeUndefined();
  });

  it('recognizes a repeated request by its text if the document is derived from it', async () => {
    const save = (document: string, request: string) =>
      test.log.append(
        {
          type: 'SaveWritten',
          data: { player: 'ada', slot: 'asked', document },
          actor: SERVER,
          idempotencyKey: 'asked',
        },
        { request },
      );
    const first = await save('{"a":1}', 'add one');
    expect(await save('{"a":2}', 'add one')).toEqual({ ...first, replayed: true });
    await expect(save('{"a":1}', 'add two')).rejects.toThrow(IdempotencyConflictError);
  });

  describe('under conditions', () => {
    const board = 'conditions';
    const event = (player: string, value = 1, idempotencyKey?: string): NewEvent<'ScoreSubmitted'> => ({
      type: 'ScoreSubmitted',
      data: { board, player, score: value },
      actor: SERVER,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    const define = () =>
      test.log.append({
        type: 'BoardDefined',
        data: { board, definition: DEFAULT_DEFINITION },
        actor: SERVER,
      });

    it('appends nothing if the caller knows another definition', async () => {
      await test.log.append(event('ada'), { definedBy: '' });
      await expect(test.log.append(event('ada'), { definedBy: '1-1' })).rejects.toMatchObject({ text: '' });
      const by = formatEventId((await define()).ref.id);
      await expect(test.log.append(event('ada'), { definedBy: '' })).rejects.toMatchObject({
        text: `${by} - ${JSON.stringify(DEFAULT_DEFINITION)}`,
      });
      await test.log.append(event('ada'), { definedBy: by });
      await test.log.append(event('ada'));
    });

    it('enforces the interval between two scores of a player', async () => {
      await test.log.append(event('bob'), { minInterval: 80.5 });
      const error = await test.log.append(event('bob'), { minInterval: 80.5 }).catch(error => error);
      expect(error).toBeInstanceOf(TooSoonError);
      expect(error.left).toBeGreaterThan(0);
      expect(error.left).toBeLessThanOrEqual(81);
      await test.log.append(event('eve'), { minInterval: 80 });
      await test.log.append(event('bob'));
      await eventually(() => test.log.append(event('bob'), { minInterval: 80 }));
    });

    it('answers only from the idempotency record if asked to', async () => {
      const replayOnly = { replayOnly: true };
      await expect(test.log.append(event('ada', 1, 'r'), replayOnly)).rejects.toThrow(NotReplayedError);
      await expect(test.log.append(event('ada'), replayOnly)).rejects.toThrow(NotReplayedError);
      const first = await test.log.append(event('ada', 1, 'r'));
      expect(await test.log.append(event('ada', 1, 'r'), replayOnly)).toEqual({ ...first, replayed: true });
      await expect(test.log.append(event('ada', 2, 'r'), replayOnly)).rejects.toThrow(
        IdempotencyConflictError,
      );
    });

    it('answers a repeated key even if the conditions no longer hold', async () => {
      const first = await test.log.append(event('joe', 1, 'p'), { minInterval: 60_000 });
      const again = test.log.append(event('joe', 1, 'p'), { minInterval: 60_000, definedBy: '1-1' });
      expect(await again).toEqual({ ...first, replayed: true });
    });
  });

  describe('appends a batch', () => {
    const event = (board: string, value: number, idempotencyKey?: string): NewEvent<'ScoreSubmitted'> => ({
      type: 'ScoreSubmitted',
      data: { board, player: 'ada', score: value },
      actor: SERVER,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    const scoresOf = async (board: string) => {
      const entries = await test.redis.xrange(test.topology.of('scores', board).stream, '-', '+');
      return entries
        .map(([id, fields]) => unpackEvent(id, fields))
        .flatMap(({ type, data }) =>
          type === 'ScoreSubmitted' && data.board === board ? [(data as { score: number }).score] : [],
        );
    };

    it('of thousands of events for all partitions, in order in each', async () => {
      const boards = ['batch-0', 'batch-1', 'batch-2'];
      const items = Array.from({ length: 3_600 }, (_, i) => ({ event: event(boards[i % 3] ?? '', i) }));
      const results = await test.log.appendAll(items);
      expect(results).toHaveLength(items.length);
      for (const [i, result] of results.entries())
        expect(result).toMatchObject({
          replayed: false,
          ref: { partition: partitionOf(boards[i % 3] ?? '') },
        });
      for (const [i, board] of boards.entries())
        expect(await scoresOf(board)).toEqual(Array.from({ length: 1_200 }, (_, n) => 3 * n + i));
    });
    const partitionOf = (board: string) => test.topology.of('scores', board).partition;

    it('in which some events are refused', async () => {
      await test.log.append(event('alone', 0, 'seen'));
      const [done, early, replayed, conflict, changed, absent, last] = await test.log.appendAll([
        { event: event('alone', 1), options: { minInterval: 60_000 } },
        { event: event('alone', 2), options: { minInterval: 60_000 } },
        { event: event('alone', 0, 'seen') },
        { event: event('alone', 3, 'seen') },
        { event: event('alone', 4), options: { definedBy: '1-1' } },
        { event: event('alone', 5, 'never'), options: { replayOnly: true } },
        { event: event('alone', 6) },
      ]);
      expect(done).toMatchObject({ replayed: false });
      expect(early).toBeInstanceOf(TooSoonError);
      expect(replayed).toMatchObject({ replayed: true });
      expect(conflict).toBeInstanceOf(IdempotencyConflictError);
      expect(changed).toBeInstanceOf(DefinitionChangedError);
      expect(absent).toBeInstanceOf(NotReplayedError);
      expect(last).toMatchObject({ replayed: false });
      expect(await scoresOf('alone')).toEqual([0, 1, 6]);
    });

    it('with a repeated key only once', async () => {
      const [first, again] = await test.log.appendAll([
        { event: event('twice', 1, 'k') },
        { event: event('twice', 1, 'k') },
      ]);
      expect(again).toEqual({ ...first, replayed: true });
      expect(await scoresOf('twice')).toEqual([1]);
    });

    it('with a document for each event', async () => {
      const save = (slot: string, document: string): NewEvent<'SaveWritten'> => ({
        type: 'SaveWritten',
        data: { player: 'docs', slot, document },
        actor: SERVER,
      });
      const results = await test.log.appendAll([
        { event: save('a', '{"a":1}') },
        { event: save('b', '{"b":"\u{1F511}\u0000"}') },
        { event: save('a', '{"a":2}'), options: { expectedVersion: 1 } },
        { event: save('a', '{"a":3}'), options: { expectedVersion: 1 } },
      ]);
      expect(results).toMatchObject([{ version: 1 }, { version: 1 }, { version: 2 }, { head: 2 }]);
      const entries = await test.redis.xrange(test.topology.of('players', 'docs').stream, '-', '+');
      const documents = entries
        .map(([id, fields]) => unpackEvent(id, fields).data as { player: string; document: string })
        .flatMap(({ player, document }) => (player === 'docs' ? [document] : []));
      expect(documents).toEqual(['{"a":1}', '{"b":"\u{1F511}\u0000"}', '{"a":2}']);
    });

    it('without events', async () => {
      expect(await test.log.appendAll([])).toEqual([]);
    });

    it('and fails for each event if Redis is unreachable', async () => {
      const away = createClient('redis://127.0.0.1:1', 'away');
      const log = new EventLog(away, test.topology);
      const results = await log.appendAll([{ event: event('away', 1) }, { event: event('away', 2) }]);
      expect(results.map(isRedisUnavailable)).toEqual([true, true]);
      away.disconnect();
    });
  });
});
