import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../../test-gateway.js';

const GAME = 'https://game.example';
const OWN = 'https://api.example';

describe('a game in a frame of another site', () => {
  let test: TestLog;
  let folder: string;
  const open: NestFastifyApplication[] = [];

  const gateway = async (environment: Record<string, string>) => {
    const app = await openTestGateway(test, environment);
    open.push(app);
    return app;
  };
  beforeAll(async () => {
    test = await openTestLog();
    folder = mkdtempSync(join(tmpdir(), 'questlog-frames-'));
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>A game</title>');
  });
  afterEach(async () => {
    for (const app of open.splice(0)) await app.close();
  });
  afterAll(async () => {
    await test.close();
    rmSync(folder, { recursive: true });
  });

  const guest = async (app: NestFastifyApplication) => {
    const answer = await app.inject({ method: 'POST', url: '/v1/sessions', payload: {} });
    return { cookie: String(answer.headers['set-cookie']), token: answer.json().token as string };
  };
  const write = async (app: NestFastifyApplication, headers: Record<string, string>) =>
    (
      await app.inject({
        ...{ method: 'PUT', url: '/v1/players/me/saves/auto', payload: {} },
        headers: { host: 'api.example', ...headers },
      })
    ).statusCode;

  it('gets a cookie that browsers send from frames, with COOKIE_SAMESITE=none', async () => {
    const { cookie, token } = await guest(await gateway({ COOKIE_SAMESITE: 'none' }));
    expect(cookie).toBe(
      `questlog_session=${token}; HttpOnly; SameSite=None; Path=/; Max-Age=604800; Secure; Partitioned`,
    );
  });

  it('writes by cookie from its own and listed origins only', async () => {
    const app = await gateway({ COOKIE_SAMESITE: 'none', CORS_ORIGINS: GAME });
    const { token } = await guest(app);
    const cookie = { cookie: `questlog_session=${token}` };
    for (const origin of [GAME, OWN]) expect(await write(app, { ...cookie, origin })).toBe(202);
    expect(await write(app, { ...cookie, origin: GAME, 'sec-fetch-site': 'cross-site' })).toBe(202);
    for (const origin of [
      ...['https://evil.example', 'http://game.example', 'https://api.example.evil.example', 'null', '*'],
      'http://localhost:8080',
    ])
      expect(await write(app, { ...cookie, origin })).toBe(403);
    expect(await write(app, cookie)).toBe(403);
    expect(await write(app, { authorization: `Bearer ${token}` })).toBe(202);
    const read = await app.inject({ url: '/v1/players/me/scores', headers: cookie });
    expect(read.statusCode).toBe(200);
  });

  it('does not write by cookie from any origin because of CORS_ORIGINS=*', async () => {
    const app = await gateway({ COOKIE_SAMESITE: 'none', CORS_ORIGINS: '*' });
    const { token } = await guest(app);
    const cookie = { cookie: `questlog_session=${token}` };
    expect(await write(app, { ...cookie, origin: GAME })).toBe(403);
    expect(await write(app, { ...cookie, origin: '*' })).toBe(403);
    expect(await write(app, { ...cookie, origin: OWN })).toBe(202);
  });

  it.each([{}, { PUBLIC_DIR: true }])('may be framed by FRAME_ANCESTORS, with %j', async settings => {
    const app = await gateway({
      FRAME_ANCESTORS: "'self',https://portal.example",
      ...(settings.PUBLIC_DIR && { PUBLIC_DIR: folder }),
    });
    const page = await app.inject('/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toMatch(
      /frame-ancestors 'self' https:\/\/portal\.example$/,
    );
    expect(page.headers).not.toHaveProperty('x-frame-options');
    expect(page.headers['cross-origin-resource-policy']).toBe('cross-origin');
    const { headers } = await app.inject('/v1/leaderboards');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect((await app.inject('/docs')).headers['content-security-policy']).toMatch(/frame-ancestors 'self'$/);
  });

  it.each([{}, { PUBLIC_DIR: true }])(
    'may be framed by its own pages only by default, with %j',
    async settings => {
      const app = await gateway({ ...(settings.PUBLIC_DIR && { PUBLIC_DIR: folder }) });
      const { headers } = await app.inject('/');
      expect(headers['x-frame-options']).toBe('SAMEORIGIN');
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
      expect(headers).not.toHaveProperty('cross-origin-embedder-policy');
    },
  );

  it('is isolated with CROSS_ORIGIN_ISOLATION=on, and with PUBLIC_DIR', async () => {
    const app = await gateway({ CROSS_ORIGIN_ISOLATION: 'on', PUBLIC_DIR: folder });
    expect((await app.inject('/')).headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
  });

  describe('on localhost', () => {
    const allowed = async (app: NestFastifyApplication, origin: string) =>
      (await app.inject({ url: '/v1/leaderboards', headers: { origin } })).headers[
        'access-control-allow-origin'
      ];

    it('may call in development without settings, and write by cookie', async () => {
      const app = await gateway({ NODE_ENV: 'development', COOKIE_SAMESITE: 'none' });
      for (const origin of [
        'http://localhost:8080',
        'https://localhost',
        'http://127.0.0.1:5173',
        'http://[::1]:3',
      ])
        expect(await allowed(app, origin)).toBe(origin);
      for (const origin of ['http://localhost.evil.example', 'http://evil.example', 'null'])
        expect(await allowed(app, origin)).toBeUndefined();
      const { token } = await guest(app);
      const headers = { cookie: `questlog_session=${token}`, origin: 'http://localhost:8080' };
      expect(await write(app, headers)).toBe(202);
    });

    it('may not in production', async () => {
      const keys = {
        SERVER_KEYS: 'a-server-key-of-20-characters',
        ADMIN_KEYS: 'an-admin-key-of-20-characters',
      };
      const app = await gateway({
        NODE_ENV: 'production',
        CORS_ORIGINS: GAME,
        COOKIE_SAMESITE: 'none',
        ...keys,
      });
      expect(await allowed(app, 'http://localhost:8080')).toBeUndefined();
      expect(await allowed(app, GAME)).toBe(GAME);
      const { token } = await guest(app);
      const headers = { cookie: `questlog_session=${token}`, origin: 'http://localhost:8080' };
      expect(await write(app, headers)).toBe(403);
    });
  });
});
