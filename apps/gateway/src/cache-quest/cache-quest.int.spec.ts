import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

describe('the routes of Cache Quest, while no worker runs', () => {
  let test: TestLog;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    app = await openTestGateway(test, { RATE_LIMIT: 'anonymous.login=2/1m,player.login=1/1m' });
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  const send = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    cookie = '',
    payload?: object,
  ) => {
    const began = performance.now();
    const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
    const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
    const took = performance.now() - began;
    return { status: answer.statusCode, headers: answer.headers, body: answer.json(), took };
  };

  it('create guests with the limits of POST /v1/sessions, and none for players', async () => {
    const { headers, body } = await send('GET', '/session');
    const [cookie = ''] = String(headers['set-cookie']).split(';');
    for (let i = 0; i < 5; i++) expect((await send('GET', '/session', cookie)).body).toEqual(body);
    expect((await send('GET', '/session')).status).toBe(200);
    expect(await send('GET', '/session')).toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      body: { type: 'urn:questlog:rate-limited' },
    });
    expect((await send('GET', '/session', cookie)).status).toBe(200);
  });

  describe('answer a write', () => {
    let cookie: string;
    let id: string;
    beforeAll(async () => {
      const opened = await app.inject({
        method: 'POST',
        url: '/v1/sessions',
        payload: {},
        remoteAddress: '10.0.0.9',
      });
      id = opened.json().playerId;
      [cookie = ''] = String(opened.headers['set-cookie']).split(';');
    });

    it('that is not applied in time with 503 within two seconds, though it is in the log', async () => {
      const member = `Ada-${id}`;
      for (const call of [
        ['POST', '/api/playerstate/', { playerData: { id } }],
        ['PATCH', '/api/playerstate/', { playerData: { id } }],
        ['POST', '/api/leaderboard/', { key: 'arena', score: 1, member }],
        ['DELETE', `/api/playerstate/${id}`],
      ] as const) {
        const [method, url, payload] = call;
        const answer = await send(method, url, cookie, payload);
        expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
        expect(answer.body).toMatchObject({ type: 'urn:questlog:unavailable' });
        expect(answer.took).toBeLessThan(2_000);
      }
      expect(await test.redis.xlen(test.topology.of('players', id).stream)).toBe(3);
    }, 20_000);

    it('whose member has invisible characters with 422, and append nothing', async () => {
      for (const member of [`a\u202eb-${id}`, `a\u0007-${id}`, `a\u200b-${id}`]) {
        const refused = await send('POST', '/api/leaderboard/', cookie, { key: 'unseen', score: 1, member });
        expect(refused).toMatchObject({ status: 422, body: { type: 'urn:questlog:name-refused' } });
      }
      expect((await send('GET', '/api/leaderboard/unseen')).status).toBe(404);
    });

    it.each(['a\u0000b', 'a\nb', '\u202eevil', 'a\u2066b'])(
      'with such a name: 422, and why: %j',
      async name => {
        const character = /[^a-z]/.exec(name)?.[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
        for (const [url, path, payload] of [
          ['/api/playerstate/', 'playerData.name', { playerData: { id, name } }],
          ['/api/leaderboard/', 'member', { key: 'arena', score: 1, member: `${name}-${id}` }],
        ] as const) {
          const { status, body } = await send('POST', url, cookie, payload);
          expect({ status, type: body.type }).toEqual({ status: 422, type: 'urn:questlog:name-refused' });
          expect(body.errors).toEqual([{ path, message: expect.stringContaining(`U+${character}`) }]);
        }
      },
    );

    it('to a missing document by the log, and not by the projection', async () => {
      const missing = await send('PATCH', '/api/gamestate/', cookie, { gameData: { id } });
      expect(missing).toMatchObject({ status: 404, body: { status: 404, message: 'Not Found' } });
      const deleted = await send('DELETE', `/api/gamestate/${id}`, cookie);
      expect(deleted).toMatchObject({ status: 200, body: { status: 200 } });
      expect((await send('GET', `/api/gamestate/${id}`)).status).toBe(404);
    });
  });
});
