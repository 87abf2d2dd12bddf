import { get } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const SERVER_KEY = 'a-server-key-of-20-characters';
const LIVE = '/v1/leaderboards/arena/live';

describe('a live board with player=me', () => {
  let test: TestLog;
  let app: NestFastifyApplication;
  let port: number;

  beforeAll(async () => {
    test = await openTestLog();
    app = await openTestGateway(test, { SERVER_KEYS: SERVER_KEY });
    await app.listen(0, '127.0.0.1');
    ({ port } = app.getHttpServer().address() as { port: number });
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  /** The status, and the data of the first event. */
  const first = (query: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number | undefined; page: { around?: unknown } | undefined }>((resolve, reject) => {
      const call = get({ port, path: `${LIVE}${query}`, headers }, answer => {
        const status = answer.statusCode;
        if (status !== 200) resolve({ status, page: undefined });
        answer.on('data', chunk => {
          const [, data] = /data: (.*)\n/.exec(String(chunk)) ?? [];
          if (data === undefined) return;
          resolve({ status, page: JSON.parse(data) });
          call.destroy();
        });
        answer.on('error', () => {});
      });
      call.on('error', reject);
    });

  it('has around for the session in a cookie or bearer token, null without an entry', async () => {
    const { token } = (await app.inject({ method: 'POST', url: '/v1/sessions', payload: {} })).json();
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { cookie: `questlog_session=${token}` },
    ] as Record<string, string>[]) {
      expect(await first('?player=me&radius=2', headers)).toMatchObject({
        status: 200,
        page: { entries: [], around: null },
      });
      expect((await first('', headers)).page).not.toHaveProperty('around');
    }
  });

  it.each<[string, number, Record<string, string>]>([
    ['?player=me', 401, {}],
    ['?player=me', 400, { authorization: `Bearer ${SERVER_KEY}` }],
    ['?player=ada', 400, {}],
    ['?radius=2', 400, {}],
    ['?player=me&radius=51', 400, {}],
  ])('answers %s with %d for %j', async (query, status, headers) => {
    expect((await first(query, headers)).status).toBe(status);
  });
});
