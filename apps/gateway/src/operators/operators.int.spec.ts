import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { formatEventId } from '#libs/events';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { moveToDeadLetters } from '#libs/streams-transport';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const SERVER_KEY = 'a-server-key-of-20-characters';
const GROUP = 'ranking-projector';

describe('the routes of operators', () => {
  let test: TestLog;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    app = await openTestGateway(test, { ADMIN_KEYS: ADMIN, SERVER_KEYS: SERVER_KEY });
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  const send = async (method: 'GET' | 'POST' | 'DELETE', url: string, key: string | undefined = ADMIN) => {
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    const answer = await app.inject({ method, url, headers });
    return { status: answer.statusCode, body: answer.json() };
  };
  const get = (url: string, key?: string) => send('GET', url, key);
  /** @returns the id of a new dead letter */
  const fail = async () => {
    const keys = test.topology.of('scores', 'board');
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    for (const event of await deliver(test, keys, GROUP)) {
      const id = formatEventId(event.id);
      await moveToDeadLetters(test.redis, keys, GROUP, {
        id,
        fields: [],
        error: new Error('no'),
        deliveries: 5,
      });
    }
    const { body } = await get('/v1/admin/dead-letters?limit=1');
    return body.deadLetters[0] as { id: string; eventId: string };
  };

  it.each([
    ['GET', '/v1/admin/streams'],
    ['GET', '/v1/admin/dead-letters'],
    ['POST', '/v1/admin/dead-letters/scores.s0-1-0/retry'],
    ['DELETE', '/v1/admin/dead-letters/scores.s0-1-0'],
    ['GET', '/v1/admin/leaderboards/board/events'],
    ['GET', '/v1/admin/players/ada/events'],
  ] as const)('are for admin keys: %s %s', async (method, url) => {
    expect(await send(method, url, SERVER_KEY)).toMatchObject({ status: 403 });
    expect(await send(method, url, 'some-other-key')).toMatchObject({ status: 401 });
    expect(await send(method, url, '')).toMatchObject({ status: 401 });
  });

  it('show every partition of the log', async () => {
    await fail();
    const { status, body } = await get('/v1/admin/streams');
    expect(status).toBe(200);
    expect(body.streams).toHaveLength(4);
    expect(body.streams.flatMap(({ groups }: { groups: object[] }) => groups)).toEqual([
      expect.objectContaining({ group: GROUP, lag: 0, pending: 0, oldestPendingMs: null }),
    ]);
  });

  it('show dead letters in pages', async () => {
    await fail();
    await fail();
    const { body } = await get(`/v1/admin/dead-letters?group=${GROUP}&limit=1`);
    expect(body).toEqual({
      deadLetters: [expect.objectContaining({ group: GROUP, stream: 'scores', deliveries: 5 })],
      next: expect.any(String),
    });
    const next = await get(`/v1/admin/dead-letters?group=${GROUP}&limit=1&cursor=${body.next}`);
    expect(next.status).toBe(200);
    expect(next.body.deadLetters[0].id).not.toBe(body.deadLetters[0].id);
    expect(await get('/v1/admin/dead-letters?group=saves')).toEqual({
      status: 200,
      body: { deadLetters: [] },
    });
  });

  it('name the known groups when asked for an unknown one', async () => {
    const detail = expect.stringMatching(/one of ranking-projector, scores, saves; it is "rank"/);
    expect(await get('/v1/admin/dead-letters?group=rank')).toMatchObject({ status: 400, body: { detail } });
  });

  it('retry a dead letter, once', async () => {
    const { id, eventId } = await fail();
    const retry = () => send('POST', `/v1/admin/dead-letters/${id}/retry`);
    expect(await retry()).toEqual({ status: 202, body: { id, eventId, status: 'retrying' } });
    expect(await retry()).toMatchObject({ status: 404, body: { status: 404 } });
  });

  it('drop a dead letter, once', async () => {
    const { id, eventId } = await fail();
    const drop = () => send('DELETE', `/v1/admin/dead-letters/${id}`);
    expect(await drop()).toEqual({ status: 200, body: { id, eventId, status: 'dropped' } });
    expect(await drop()).toMatchObject({ status: 404, body: { status: 404 } });
  });

  it('refuse to retry an event that is no longer in the log', async () => {
    const { id, eventId } = await fail();
    await test.redis.xdel(test.topology.of('scores', 'board').stream, eventId.slice(3));
    expect(await send('POST', `/v1/admin/dead-letters/${id}/retry`)).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:event-gone', detail: expect.stringContaining(eventId) },
    });
  });

  it("show a board's and a player's events", async () => {
    // There is no worker that would make the score document.
    const board = 'zoes';
    const partitions = jest.spyOn(app.get(ScoreDocumentReader), 'partitions');
    partitions.mockResolvedValue([test.topology.of('scores', board)]);
    await appendScores(test, [{ board, player: 'zoe', score: 9, attributes: { region: 'eu' } }]);
    const event = {
      eventId: expect.stringMatching(/^s\d-/),
      type: 'ScoreSubmitted',
      at: expect.stringMatching(/Z$/),
      actor: { kind: 'server', id: 'test' },
      data: { board, player: 'zoe', score: 9, attributes: { region: 'eu' } },
    };
    const page = { status: 200, body: { events: [event] } };
    expect(await get(`/v1/admin/leaderboards/${board}/events`)).toEqual(page);
    expect(await get(`/v1/admin/leaderboards/${board}/events?player=zoe&limit=10`)).toEqual(page);
    expect((await get(`/v1/admin/leaderboards/${board}/events?player=ada`)).body).toEqual({ events: [] });
    expect(await get('/v1/admin/players/zoe/events')).toEqual(page);
    partitions.mockRestore();
  });

  it.each([
    '/v1/admin/dead-letters?limit=0',
    '/v1/admin/dead-letters?limit=101',
    '/v1/admin/dead-letters?cursor=x',
    '/v1/admin/leaderboards/board/events?limit=1001',
    '/v1/admin/leaderboards/board/events?cursor=x',
    '/v1/admin/leaderboards/board/events?player=a%20b',
    '/v1/admin/leaderboards/a%20b/events',
    '/v1/admin/players/a%20b/events',
  ])('refuse malformed requests: %s', async url => {
    expect(await get(url)).toMatchObject({ status: 400 });
  });

  it('refuse an invalid dead letter id', async () => {
    expect(await send('POST', '/v1/admin/dead-letters/x/retry')).toMatchObject({ status: 400 });
    expect(await send('DELETE', '/v1/admin/dead-letters/x')).toMatchObject({ status: 400 });
  });

  it('are described in the OpenAPI document', async () => {
    const { body } = await get('/openapi.json');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/v1/admin/streams',
        '/v1/admin/dead-letters',
        '/v1/admin/dead-letters/{id}',
        '/v1/admin/dead-letters/{id}/retry',
        '/v1/admin/leaderboards/{board}/events',
        '/v1/admin/players/{player}/events',
      ]),
    );
  });
});
