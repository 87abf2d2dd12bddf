import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const SERVER_KEY = 'a-server-key-of-20-characters';

describe('GET /v1/me', () => {
  let test: TestLog;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    app = await openTestGateway(test, { SERVER_KEYS: SERVER_KEY });
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  const me = (headers: Record<string, string> = {}) => app.inject({ method: 'GET', url: '/v1/me', headers });

  it('answers who the caller is, by cookie and by bearer token', async () => {
    const guest = (await app.inject({ method: 'POST', url: '/v1/sessions', payload: {} })).json();
    const { playerId, token } = guest;
    for (const credentials of [
      { authorization: `Bearer ${token}` },
      { cookie: `questlog_session=${token}` },
    ]) {
      const answer = await me(credentials as Record<string, string>);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.json()).toEqual({ player: { playerId, expiresAt: guest.expiresAt } });
    }
  });

  it.each<[string, Record<string, string>]>([
    ['without credentials', {}],
    ['with an unknown token', { authorization: 'Bearer forged' }],
    ['with an unknown cookie', { cookie: 'questlog_session=forged' }],
    ['with another scheme', { authorization: 'Basic YTpi' }],
    ['with a key', { authorization: `Bearer ${SERVER_KEY}` }],
  ])('answers 200 and null %s', async (_, headers) => {
    const answer = await me(headers);
    expect({ status: answer.statusCode, body: answer.json() }).toEqual({
      status: 200,
      body: { player: null },
    });
  });
});
