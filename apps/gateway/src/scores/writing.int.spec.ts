import { jest } from '@jest/globals';
import { EventLog } from '#libs/event-log';
import { BoardCatalog } from '#libs/leaderboards';
import { useScoreGateways } from './test-score-gateways.js';

describe('the routes that write scores', () => {
  const current = useScoreGateways();
  const { send, define, submit, scoresOf, refused } = current;

  describe('a score', () => {
    it('is checked against the current definition, whichever gateway changed it', async () => {
      await define('judged', { max: 10 });
      await submit('judged', 'ada', 10);
      await define('judged', { max: 5 }, {}, current.other);
      expect(await submit('judged', 'ada', 10)).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:score-out-of-range', detail: expect.stringContaining('5') },
      });
      await define('judged', { max: 20 }, {}, current.other);
      expect(await submit('judged', 'ada', 15)).toMatchObject({ status: 202 });
      await define('judged', { source: 'full' }, {}, current.other);
      expect(await submit('judged', 'ada', 15)).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('full') },
      });
      await send('DELETE', '/v1/leaderboards/judged', undefined, {}, current.other);
      expect(await submit('judged', 'ada', 1e9)).toMatchObject({ status: 202 });
      expect(await scoresOf('judged')).toEqual([10, 15, 1e9]);
    });

    it('is revoked even if the board is redefined at that moment', async () => {
      await define('raced', { max: 10 });
      await submit('raced', 'ada', 10);
      const { find } = BoardCatalog.prototype;
      jest.spyOn(BoardCatalog.prototype, 'find').mockImplementationOnce(async function (
        this: BoardCatalog,
        board,
      ) {
        const known = await find.call(this, board);
        await define('raced', { max: 20 }, {}, current.other);
        return known;
      });
      const revoked = await send('DELETE', '/v1/leaderboards/raced/entries/ada');
      expect(revoked).toMatchObject({ status: 202, body: { status: 'accepted' } });
    });

    it('costs one call when the definition is unchanged', async () => {
      await submit('cheap', 'ada', 1);
      const calls = jest.spyOn(current.test.redis, 'evalsha');
      const reads = jest.spyOn(current.test.redis, 'hget');
      await submit('cheap', 'ada', 2);
      expect(calls).toHaveBeenCalledTimes(1);
      expect(reads).not.toHaveBeenCalled();
    });

    it('that comes too soon is refused with Retry-After', async () => {
      const before = await refused('too-soon');
      await define('paced', { minInterval: 30.5 });
      expect(await submit('paced', 'ada', 1)).toMatchObject({ status: 202 });
      expect(await submit('paced', 'ada', 2)).toMatchObject({
        status: 429,
        headers: { 'retry-after': '31' },
        body: { type: 'urn:questlog:too-soon' },
      });
      expect(await submit('paced', 'bob', 2)).toMatchObject({ status: 202 });
      expect(await refused('too-soon')).toBe(before + 1);
    });

    it('that was accepted gets its first answer again, even if it would be refused now', async () => {
      const headers = { 'idempotency-key': 'before' };
      await define('stricter', { minInterval: 60 });
      const first = await submit('stricter', 'ada', 10, headers);
      expect(await submit('stricter', 'ada', 10, headers)).toMatchObject({ status: 202, body: first.body });
      await define('stricter', { max: 5 });
      expect(await submit('stricter', 'ada', 10, headers)).toMatchObject({
        status: 202,
        headers: { 'idempotency-replayed': 'true' },
        body: first.body,
      });
      expect(await submit('stricter', 'ada', 9, headers)).toMatchObject({ status: 422 });
      expect(await submit('stricter', 'ada', 10, { 'idempotency-key': 'after' })).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:score-out-of-range' },
      });
      expect(await scoresOf('stricter')).toEqual([10]);
    });

    it('that is refused is counted in the metrics', async () => {
      const before = await refused('score-out-of-range');
      await submit('cheap', 'ada', 2 ** 53);
      expect(await refused('score-out-of-range')).toBe(before + 1);
    });
  });

  describe('a list of scores', () => {
    const list = (scores: unknown, headers = {}, gateway = current.app) =>
      send('POST', '/v1/scores', { scores } as object, headers, gateway);

    it('has one answer for each score, in order', async () => {
      await define('list-max', { max: 5 });
      const { status, body } = await list([
        { board: 'list', player: 'ada', score: 1 },
        { board: 'list-max', player: 'ada', score: 6 },
        { board: 'list', player: 'ada', score: 'x' },
        { board: 'list', player: 'bob', score: 2, attributes: { a: 1 }, idempotencyKey: 'b' },
        { board: 'list', player: 'bob', score: 2, attributes: { a: 1 }, idempotencyKey: 'b' },
        { board: 'list', player: 'bob', score: 3, idempotencyKey: 'b' },
        { board: 'list', player: 'eve', score: 4 },
      ]);
      expect(status).toBe(202);
      const event = { eventId: expect.any(String) };
      expect(body.results).toEqual([
        event,
        expect.objectContaining({ status: 422, type: 'urn:questlog:score-out-of-range' }),
        {
          ...{ type: 'urn:questlog:validation', title: 'Bad Request', status: 400 },
          detail: expect.any(String),
          errors: [{ path: 'scores[2].score', message: expect.any(String) }],
        },
        event,
        { eventId: body.results[3].eventId, replayed: true },
        expect.objectContaining({ status: 422, type: 'urn:questlog:idempotency-conflict' }),
        event,
      ]);
      expect(await scoresOf('list')).toEqual([1, 2, 4]);
    });

    it('is checked against the current definitions', async () => {
      await define('list-a', {});
      await define('list-b', { max: 5 });
      const scores = ['list-a', 'list-b', 'list-c', 'list-a'].map((board, i) => ({
        board,
        player: 'p',
        score: 7 + i,
      }));
      await list(scores);
      await define('list-a', { max: 8 }, {}, current.other);
      await define('list-b', {}, {}, current.other);
      const { body } = await list(scores);
      expect(body.results.map(({ status }: { status?: number }) => status ?? 202)).toEqual([
        202, 202, 202, 422,
      ]);
      expect(await scoresOf('list-a')).toEqual([7, 10, 7]);
    });

    it('has up to 1,000, in one call for each partition', async () => {
      const scores = Array.from({ length: 1_000 }, (_, i) => ({
        ...{ board: `many-${i % 7}`, player: `player-${i}`, score: i },
        attributes: { region: 'eu', note: 'x'.repeat(200) },
        idempotencyKey: `k${i}`,
      }));
      const calls = jest.spyOn(current.test.redis, 'evalsha');
      const { status, body } = await list(scores);
      expect(status).toBe(202);
      expect(body.results).toHaveLength(1_000);
      expect(new Set(body.results.map(({ eventId }: { eventId: string }) => eventId)).size).toBe(1_000);
      expect(calls.mock.calls.length).toBeLessThanOrEqual(4);
      const third = scores.filter(({ board }) => board === 'many-3').map(({ score }) => score);
      expect(await scoresOf('many-3')).toEqual(third);
    });

    it.each([
      [{}],
      [{ scores: [] }],
      [{ scores: {} }],
      [{ scores: Array.from({ length: 1_001 }, () => 1) }],
      [{ scores: [1], extra: 1 }],
      [[]],
      ['"text"'],
    ])('is refused as a whole when it is not a list: %#', async body => {
      const headers = { 'content-type': 'application/json' };
      expect(await send('POST', '/v1/scores', body, headers)).toMatchObject({
        status: 400,
        body: { type: 'urn:questlog:validation', errors: [{ path: expect.any(String) }] },
      });
    });

    it('has no Idempotency-Key of its own, and no body above its limit', async () => {
      const score = { board: 'list', player: 'ada', score: 1 };
      expect(await list([score], { 'idempotency-key': 'k' })).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining('idempotencyKey') },
      });
      expect(await list(['x'.repeat(1024 * 1024)])).toMatchObject({
        status: 413,
        body: { detail: expect.stringContaining('1048576') },
      });
      expect(await define('list', { order: 'x'.repeat(300_000) })).toMatchObject({ status: 413 });
    });

    it('is 503 when the log is away', async () => {
      jest
        .spyOn(EventLog.prototype, 'appendAll')
        .mockImplementation(async items => items.map(() => new Error('Connection is closed.')));
      expect(await list([{ board: 'list', player: 'ada', score: 1 }, 5])).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
      });
    });
  });
});
