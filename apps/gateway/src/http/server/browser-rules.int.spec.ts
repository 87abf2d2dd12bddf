import { get } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../../test-gateway.js';

const KEY = 'a-server-key-of-20-characters';
const BOARDS = '/v1/leaderboards';
const GAME = 'https://game.example';

describe('the headers for browsers', () => {
  let test: TestLog;
  const apps: Record<string, NestFastifyApplication> = {};

  const open = async (origins: string) => {
    const environment = { SERVER_KEYS: KEY, CORS_ORIGINS: origins, TRUST_PROXY: 'loopback' };
    apps[origins] = await openTestGateway(test, environment);
  };
  beforeAll(async () => {
    test = await openTestLog();
    for (const origins of ['', '*', `${GAME},http://localhost:8080`]) await open(origins);
  });
  afterAll(async () => {
    for (const app of Object.values(apps)) await app.close();
    await test.close();
  });

  const send = async (
    url: string,
    headers: Record<string, string> = {},
    origins = '',
    method: 'GET' | 'OPTIONS' = 'GET',
  ) => {
    const app = apps[origins] as NestFastifyApplication;
    return app.inject({ method, url, headers });
  };
  const preflight = (origin: string, origins: string) =>
    send(
      '/v1/leaderboards/b/scores',
      {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,idempotency-key',
      },
      origins,
      'OPTIONS',
    );
  const corsHeaders = (headers: object) =>
    Object.keys(headers).filter(name => name.startsWith('access-control'));

  describe('of every answer', () => {
    it.each([BOARDS, '/v1/nothing', '/openapi.json', '/healthz', '/v1/leaderboards/%20', '/docs'])(
      'is there for %s',
      async path => {
        const { headers } = await send(path);
        expect(headers).toMatchObject({
          'content-security-policy': expect.stringMatching(/^default-src 'self';/),
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'SAMEORIGIN',
          'referrer-policy': 'no-referrer',
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
        });
        expect(headers).not.toHaveProperty('x-powered-by');
      },
    );

    it('allows inline styles on the documentation page only', async () => {
      expect((await send('/')).headers['content-security-policy']).not.toContain('unsafe-inline');
      expect((await send('/docs/')).headers['content-security-policy']).toContain(
        "style-src 'self' 'unsafe-inline'",
      );
    });

    it('require TLS only over TLS', async () => {
      expect((await send(BOARDS)).headers).not.toHaveProperty('strict-transport-security');
      expect((await send(BOARDS, { 'x-forwarded-proto': 'https' })).headers).toMatchObject({
        'strict-transport-security': 'max-age=31536000',
      });
    });
  });

  describe('of the documentation', () => {
    it('are sufficient for its page, which has no inline script and none from elsewhere', async () => {
      const { body } = await send('/docs');
      expect(body).toContain('swagger-ui-bundle.js');
      expect(body).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>|\son\w+=|javascript:/i);
      expect(body).not.toMatch(/(src|href)=["'](https?:)?\/\//i);
    });
  });

  describe('of other origins', () => {
    it('are absent by default', async () => {
      expect(corsHeaders((await send(BOARDS, { origin: GAME })).headers)).toEqual([]);
      const asked = await preflight(GAME, '');
      expect(asked.statusCode).toBe(405);
      expect(corsHeaders(asked.headers)).toEqual([]);
    });

    it('allow a named origin, with cookies and the headers that clients need', async () => {
      const { headers } = await send(BOARDS, { origin: GAME }, `${GAME},http://localhost:8080`);
      expect(headers).toMatchObject({
        'access-control-allow-origin': GAME,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      });
      // A client corrects its clock by it.
      expect(Date.parse(String(headers.date))).toBeGreaterThan(0);
      const exposed = String(headers['access-control-expose-headers']).split(', ');
      expect(exposed).toEqual(
        expect.arrayContaining([
          ...['Date', 'ETag', 'Retry-After', 'Idempotency-Replayed', 'Location'],
          ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
        ]),
      );
    });

    it.each(['https://evil.example', 'http://game.example', 'https://game.example.evil.example', 'null'])(
      'is that %s may not',
      async origin => {
        const origins = `${GAME},http://localhost:8080`;
        for (const { headers } of [await send(BOARDS, { origin }, origins), await preflight(origin, origins)])
          expect(headers).not.toHaveProperty('access-control-allow-origin');
      },
    );

    it('allow every origin with *, without cookies', async () => {
      const { headers } = await send(BOARDS, { origin: 'https://any.example' }, '*');
      expect(headers).toMatchObject({ 'access-control-allow-origin': '*' });
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    });

    it('are sent with problems, too', async () => {
      const { statusCode, headers } = await send('/v1/sessions/current', { origin: GAME }, '*');
      expect(statusCode).toBe(401);
      expect(headers).toMatchObject({ 'access-control-allow-origin': '*' });
    });

    it('are sent with live boards, too', async () => {
      const app = apps['*'] as NestFastifyApplication;
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as { port: number };
      const headers = await new Promise(resolve => {
        const call = get({ port, path: '/v1/leaderboards/b/live', headers: { origin: GAME } }, answer => {
          resolve(answer.headers);
          call.destroy();
        });
      });
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'x-content-type-options': 'nosniff',
        'content-type': 'text/event-stream',
      });
    });

    it.each([['*'], [`${GAME},http://localhost:8080`]])(
      'is asked for once a day, of nobody known, without Redis, where %s may',
      async origins => {
        const commands = async () =>
          Number(/total_commands_processed:(\d+)/.exec(await test.redis.info('stats'))?.[1]);
        const before = await commands();
        const { statusCode, headers, body } = await preflight(GAME, origins);
        expect(await commands()).toBeLessThanOrEqual(before + 1);
        expect({ statusCode, body }).toEqual({ statusCode: 204, body: '' });
        expect(headers).toMatchObject({
          'access-control-max-age': '86400',
          'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
          'access-control-allow-headers': expect.stringContaining('Idempotency-Key'),
        });
        expect(headers).not.toHaveProperty('ratelimit-limit');
      },
    );
  });
});
