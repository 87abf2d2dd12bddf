import { request } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { EventLog } from '#libs/event-log';
import { BoardCatalog } from '#libs/leaderboards';
import { eventually } from '#libs/testing';
import { SERVER_KEY, useScoreGateways } from './test-score-gateways.js';

describe('an import of scores', () => {
  const current = useScoreGateways();
  const { send, scoresOf } = current;

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
    await current.app.listen(0, '127.0.0.1');
    const { port } = current.app.getHttpServer().address() as { port: number };
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
