import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { keysLike, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';

describe('a HEAD', () => {
  let test: TestLog;
  let gateway: NestFastifyApplication;
  let patterns: string[];
  let cookie: string;

  beforeAll(async () => {
    test = await openTestLog();
    gateway = await openTestGateway(test, { ADMIN_KEYS: ADMIN, RATE_LIMIT: 'off' });
    const { paths } = (await gateway.inject('/openapi.json')).json();
    patterns = Object.keys(paths).filter(pattern => paths[pattern].get);
    const opened = await gateway.inject({ method: 'POST', url: '/v1/sessions', payload: {} });
    [cookie = ''] = String(opened.headers['set-cookie']).split(';');
  });
  afterAll(async () => {
    await gateway.close();
    await test.close();
  });

  const head = (url: string, headers: Record<string, string> = {}) =>
    gateway.inject({ method: 'HEAD', url, headers });
  const urlOf = (pattern: string) => pattern.replace('{player}', 'me').replace(/\{\w+}/g, 'x');
  const keys = async () => (await keysLike(test.redis, `${test.prefix}:*`)).sort();

  it('creates nothing and opens no session, on every path with a GET', async () => {
    expect(patterns).toContain('/session');
    const callers = [{}, { cookie }, { authorization: `Bearer ${ADMIN}` }];
    for (const pattern of patterns) {
      const before = await keys();
      for (const headers of callers) {
        const answer = await head(urlOf(pattern), headers);
        if (!('cookie' in headers))
          expect({ pattern, cookie: answer.headers['set-cookie'] }).toEqual({ pattern, cookie: undefined });
      }
      expect({ pattern, keys: await keys() }).toEqual({ pattern, keys: before });
    }
  });

  it.each(['/session', '/session/'])('of %s is answered as a GET would be', async url => {
    const asked = await head(url);
    const got = await gateway.inject(url);
    expect(asked.statusCode).toBe(200);
    for (const name of ['content-type', 'content-length', 'cache-control'])
      expect(asked.headers[name]).toBe(got.headers[name]);
    expect(String(got.headers['set-cookie'])).toContain('questlog_session=');
  });
});
