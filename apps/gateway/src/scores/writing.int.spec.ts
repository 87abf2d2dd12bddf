import { request } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { EventLog } from '#libs/event-log';
import { unpackEvent } from '#libs/events';
import { BoardCatalog } from '#libs/leaderboards';
import { eventually, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const SERVER_KEY = 'a-server-key-of-20-characters';

describe('the routes that write scores', () => {
  let test: TestLog;
  let app: NestFastifyApplication;
  /** Another gateway on the same log. */
  let other: NestFastifyApplication;

  const open = () => {
    // Script calls are counted here, and those of the limits are not meant.
    return openTestGateway(test, { ADMIN_KEYS: ADMIN, SERVER_KEYS: SERVER_KEY, RATE_LIMIT: 'off' });
  };
  beforeAll(async () => {
    test = await openTestLog({ scores: 4, players: 1 });
    app = await open();
    other = await open();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await app.close();
    await other.close();
    await test.close();
  });

  const send = async (
    method: 'PUT' | 'POST' | 'DELETE',
    url: string,
    payload?: object | string | Readable,
    headers: Record<string, string> = {},
    gateway = app,
  ) => {
    const key = method === 'POST' ? SERVER_KEY : ADMIN;
    const answer = await gateway.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(payload !== undefined && { payload }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  const define = (board: string, definition: object, headers = {}, gateway = app) =>
    send('PUT', `/v1/leaderboards/${board}`, definition, headers, gateway);
  const submit = (board: string, player: string, score: number, headers = {}, gateway = app) =>
    send('POST', `/v1/leaderboards/${board}/scores`, { player, score }, headers, gateway);
  /** The scores of a board as the log has them. */
  const scoresOf = async (board: string) => {
    const entries = await test.redis.xrange(test.topology.of('scores', board).stream, '-', '+');
    return entries
      .map(([id, fields]) => unpackEvent(id, fields))
      .flatMap(({ type, data }) =>
        type === 'ScoreSubmitted' && (data as { board: string }).board === board
          ? [(data as { score: number }).score]
          : [],
      );
  };
  const refused = async (reason: string) => {
    const metric = await register.getSingleMetric('questlog_scores_refused_total')?.get();
    return metric?.values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
  };

  describe('definitions', () => {
    it('are accepted with all fields', async () => {
      const answer = await define('full', {
        ...{ order: 'asc', operator: 'sum', tieBreak: 'last', ranking: 'dense', submit: 'servers' },
        ...{ reset: '0 18 * * 5', timezone: 'Europe/Berlin', keepPeriods: 3, filter: { region: ['eu'] } },
        ...{ min: 0, max: 10, maxEntries: 100, minInterval: 0.5 },
      });
      expect(answer).toMatchObject({
        status: 202,
        body: { eventId: expect.any(String), status: 'accepted' },
      });
      const found = await new BoardCatalog(test.redis, test.topology).find('full');
      expect(found.definition).toMatchObject({ reset: '0 18 * * 5', keepPeriods: 3, minInterval: 0.5 });
    });

    it('are refused with the invalid fields', async () => {
      expect(await define('wrong', { order: 'up', reset: 'never' })).toMatchObject({
        status: 400,
        headers: { 'content-type': 'application/problem+json; charset=utf-8' },
        body: { type: 'urn:questlog:validation', errors: [{ path: 'order' }] },
      });
    });

    it.each(['null', '[]', '5', '"text"'])('are objects, not %s', async body => {
      const headers = { 'content-type': 'application/json' };
      expect(await define('wrong', body as unknown as object, headers)).toMatchObject({ status: 400 });
    });

    it('of derived boards cannot be chained, and the problem says what to do', async () => {
      await define('root', {});
      expect(await define('leaf', { source: 'root' })).toMatchObject({ status: 202 });
      expect(await define('leaf-2', { source: 'leaf' })).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('root') },
      });
      expect(await define('root', { source: 'full' })).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:board-in-use', detail: expect.stringContaining('leaf') },
      });
      expect(await define('root', { max: 5 })).toMatchObject({ status: 202 });
    });

    it('can be removed, unless the board is a source', async () => {
      await define('base', {});
      await define('top', { source: 'base' });
      expect(await send('DELETE', '/v1/leaderboards/base')).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('top') },
      });
      const headers = { 'idempotency-key': 'gone' };
      const first = await send('DELETE', '/v1/leaderboards/top', undefined, headers);
      expect(first).toMatchObject({ status: 202 });
      expect(await send('DELETE', '/v1/leaderboards/top')).toMatchObject({ status: 404 });
      expect(await send('DELETE', '/v1/leaderboards/top', undefined, headers)).toMatchObject({
        status: 202,
        headers: { 'idempotency-replayed': 'true' },
        body: first.body,
      });
      expect(await send('DELETE', '/v1/leaderboards/base')).toMatchObject({ status: 202 });
      expect(await send('DELETE', '/v1/leaderboards/never')).toMatchObject({ status: 404 });
    });

    it('refuse revocations on a derived board', async () => {
      await define('origin', {});
      await define('mirror', { source: 'origin' });
      expect(await send('DELETE', '/v1/leaderboards/mirror/entries/ada')).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('origin') },
      });
      expect(await send('DELETE', '/v1/leaderboards/origin/entries/ada')).toMatchObject({ status: 202 });
    });

    it.each(['PUT', 'DELETE'] as const)('are for operators: %s', async method => {
      const headers = { authorization: `Bearer ${SERVER_KEY}` };
      const payload = method === 'PUT' ? {} : undefined;
      expect(await send(method, '/v1/leaderboards/full', payload, headers)).toMatchObject({ status: 403 });
    });
  });

  describe('a score', () => {
    it('is checked against the current definition, whichever gateway changed it', async () => {
      await define('judged', { max: 10 });
      await submit('judged', 'ada', 10);
      await define('judged', { max: 5 }, {}, other);
      expect(await submit('judged', 'ada', 10)).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:score-out-of-range', detail: expect.stringContaining('5') },
      });
      await define('judged', { max: 20 }, {}, other);
      expect(await submit('judged', 'ada', 15)).toMatchObject({ status: 202 });
      await define('judged', { source: 'full' }, {}, other);
      expect(await submit('judged', 'ada', 15)).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('full') },
      });
      await send('DELETE', '/v1/leaderboards/judged', undefined, {}, other);
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
        await define('raced', { max: 20 }, {}, other);
        return known;
      });
      const revoked = await send('DELETE', '/v1/leaderboards/raced/entries/ada');
      expect(revoked).toMatchObject({ status: 202, body: { status: 'accepted' } });
    });

    it('costs one call when the definition is unchanged', async () => {
      await submit('cheap', 'ada', 1);
      const calls = jest.spyOn(test.redis, 'evalsha');
      const reads = jest.spyOn(test.redis, 'hget');
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
    const list = (scores: unknown, headers = {}, gateway = app) =>
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
      await define('list-a', { max: 8 }, {}, other);
      await define('list-b', {}, {}, other);
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
      const calls = jest.spyOn(test.redis, 'evalsha');
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

  describe('an import', () => {
    const NDJSON = { 'content-type': 'application/x-ndjson' };
    const line = (board: string, score: unknown, more = {}) =>
      JSON.stringify({ board, player: 'ada', score, ...more });
    const load = (text: string, headers = {}) =>
      send('POST', '/v1/scores/import', Readable.from([Buffer.from(text)]), { ...NDJSON, ...headers });

    it('accepts a score from each line, and reports the invalid ones', async () => {
      const text = [
        line('import', 1),
        '',
        `${line('import', 2, { idempotencyKey: 'i' })}\r`,
        line('import', 2, { idempotencyKey: 'i' }),
        '{"board":',
        line('import', 'x'),
        ' \r',
        line('import', 1, { attributes: { note: 'x'.repeat(70_000) } }),
        line('import', 3, { extra: true }),
        line('import', 4),
      ].join('\n');
      const { status, body } = await load(text);
      expect(status).toBe(200);
      expect(body).toMatchObject({ accepted: 3, replayed: 1, rejected: 4 });
      expect(body.errors).toEqual([
        expect.objectContaining({ line: 5, status: 400, detail: expect.stringContaining('JSON') }),
        expect.objectContaining({
          line: 6,
          status: 400,
          errors: [{ path: 'score', message: expect.any(String) }],
        }),
        expect.objectContaining({ line: 8, status: 400, detail: expect.stringContaining('65536') }),
        expect.objectContaining({ line: 9, status: 400 }),
      ]);
      expect(await scoresOf('import')).toEqual([1, 2, 4]);
    });

    it('keeps the order of the lines of a board, over many chunks', async () => {
      const lines = Array.from({ length: 5_500 }, (_, i) => line(`order-${i % 3}`, i));
      expect((await load(`${lines.join('\n')}\n`)).body).toEqual({
        ...{ accepted: 5_500, replayed: 0, rejected: 0, errors: [] },
        lastEventId: expect.stringMatching(/^s\*-/),
      });
      const scores = await scoresOf('order-1');
      expect(scores).toHaveLength(1_833);
      expect(scores).toEqual(scores.toSorted((a, b) => a - b));
    });

    it('shows the first 100 errors, and counts all', async () => {
      const { body } = await load('x\n'.repeat(2_500));
      expect(body).toMatchObject({ accepted: 0, rejected: 2_500 });
      expect(body.errors.map((error: { line: number }) => error.line)).toEqual(
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
    });

    it('can be empty', async () => {
      expect((await load('')).body).toEqual({ accepted: 0, replayed: 0, rejected: 0, errors: [] });
    });

    it('names the line to resume from when the log goes away', async () => {
      const { appendAll } = EventLog.prototype;
      let chunks = 0;
      jest.spyOn(EventLog.prototype, 'appendAll').mockImplementation(function (this: EventLog, items) {
        chunks += 1;
        return chunks < 3
          ? appendAll.call(this, items)
          : Promise.resolve(items.map(() => new Error('Connection is closed.')));
      });
      const text = Array.from({ length: 5_000 }, (_, i) => line('away', i)).join('\n\n');
      expect(await load(text)).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        body: { detail: expect.stringMatching(/ 2000 scores were accepted .* go on from line 4001\./) },
      });
    });

    it('reads no faster than the log accepts it', async () => {
      const { appendAll } = EventLog.prototype;
      const { promise, resolve } = Promise.withResolvers<void>();
      jest.spyOn(EventLog.prototype, 'appendAll').mockImplementation(async function (this: EventLog, items) {
        await promise;
        return appendAll.call(this, items);
      });
      let read = 0;
      const source = Readable.from(
        (function* () {
          for (; read < 200; read++) yield Buffer.from(`${line('slow', read)}\n`.repeat(100));
        })(),
        { highWaterMark: 1 },
      );
      const loading = send('POST', '/v1/scores/import', source, NDJSON);
      await eventually(() => expect(read).toBeGreaterThan(15));
      // Turns of the event loop in which all of it could be read, a piece in each, if nothing held it back.
      for (let turn = 0; turn < 1_000; turn++) await nextTurn();
      expect(read).toBeLessThan(80);
      resolve();
      expect((await loading).body).toMatchObject({ accepted: 20_000 });
    });

    it('ends when its client leaves, and keeps what was accepted', async () => {
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as { port: number };
      const call = request({
        ...{ port, method: 'POST', path: '/v1/scores/import' },
        headers: { ...NDJSON, authorization: `Bearer ${SERVER_KEY}` },
      });
      call.on('error', () => {});
      call.write(`${line('half', 1)}\n`.repeat(1_500));
      await eventually(async () => expect(await scoresOf('half')).toHaveLength(1_000));
      call.destroy();
      expect((await load(line('half', 2))).body).toMatchObject({ accepted: 1 });
    });

    it('names the line to resume from, even if the definitions cannot be read', async () => {
      jest.spyOn(BoardCatalog.prototype, 'find').mockRejectedValue(new Error('Connection is closed.'));
      expect(await load(`\n${line('import', 2 ** 60)}`)).toMatchObject({
        status: 503,
        body: { detail: expect.stringContaining('go on from line 2.') },
      });
    });

    it('has no Idempotency-Key of its own', async () => {
      const answer = await load(line('import', 1), { 'idempotency-key': 'k' });
      expect(answer).toMatchObject({ status: 400 });
    });

    it('accepts NDJSON only', async () => {
      expect(await send('POST', '/v1/scores/import', { scores: [] })).toMatchObject({ status: 415 });
      expect(await send('POST', '/v1/scores', '{}', NDJSON)).toMatchObject({ status: 415 });
    });
  });
});
