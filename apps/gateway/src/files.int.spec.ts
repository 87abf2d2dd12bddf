import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from './test-gateway.js';

const FILES = {
  'index.html': '<!doctype html><title>A game</title>',
  'src/main.js': 'export {};',
  'level 1.json': '{"level":1}',
  'sub/index.html': 'in a folder',
  'a.b/c.wasm': '\0asm',
  '.env': 'SECRET=1',
  '.git/config': 'secret',
  'v1/leaderboards': 'a file where a route is',
  'docs/index.html': 'a file where a route is',
};

/** What a server answers to a path as it is: clients would tidy it up. */
function raw(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
    );
    let answer = '';
    socket.on('data', chunk => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

describe('files', () => {
  let test: TestLog;
  let parent: string;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    parent = mkdtempSync(join(tmpdir(), 'questlog-files-'));
    for (const [name, content] of Object.entries({ ...FILES, '../outside.txt': 'secret' })) {
      const path = join(parent, 'public', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    app = await openTestGateway(test, { PUBLIC_DIR: join(parent, 'public') });
    await app.listen(0, '127.0.0.1');
  });
  afterAll(async () => {
    await app.close();
    await test.close();
    rmSync(parent, { recursive: true });
  });

  const get = async (url: string, headers = {}, gateway = app) => {
    const { statusCode: status, headers: got, body } = await gateway.inject({ url, headers });
    return { status, headers: got, body };
  };

  it.each([
    ['/', 'text/html; charset=utf-8', FILES['index.html']],
    ['/index.html?v=2', 'text/html; charset=utf-8', FILES['index.html']],
    ['/src/main.js', 'application/javascript; charset=utf-8', FILES['src/main.js']],
    ['/level%201.json', 'application/json; charset=utf-8', FILES['level 1.json']],
    ['/sub/', 'text/html; charset=utf-8', FILES['sub/index.html']],
    ['/a.b/c.wasm', 'application/wasm', FILES['a.b/c.wasm']],
  ])('are served: %s as %s', async (url, type, body) => {
    expect(await get(url)).toMatchObject({ status: 200, headers: { 'content-type': type }, body });
  });

  it('are not sent again to a client with the current version', async () => {
    const { headers } = await get('/src/main.js');
    expect(headers['cache-control']).toBe('public, max-age=0');
    const again = await get('/src/main.js', { 'If-None-Match': headers.etag });
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  it('in a folder are found by relative links', async () => {
    expect(await get('/sub')).toMatchObject({ status: 301, headers: { location: '/sub/' } });
  });

  it('do not hide routes', async () => {
    expect(JSON.parse((await get('/v1/leaderboards')).body)).toEqual({ boards: [] });
    expect((await get('/docs')).body).toContain('swagger-ui');
    expect((await get('/healthz')).body).toBe('{"status":"alive"}');
    expect((await app.inject({ method: 'POST', url: '/src/main.js' })).statusCode).toBe(404);
  });

  it.each(['/nothing.html', '/.env', '/.git/config', '/src/', '/v1/nothing', '/sub/index'])(
    'that do not exist are a problem: %s',
    async url => {
      const { status, headers, body } = await get(url);
      expect(status).toBe(404);
      expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect(JSON.parse(body)).toMatchObject({ status: 404, title: 'Not Found' });
    },
  );

  it.each([
    '/../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/sub/../../outside.txt',
    '/sub/..%5c..%5coutside.txt',
    '//outside.txt',
    '/src//main.js',
    '/%00',
    '/index.html%00.js',
    '/%E0%A4%A',
  ])('outside the folder are not served in any spelling: %s', async path => {
    const { port } = app.getHttpServer().address() as { port: number };
    const answer = await raw(port, path);
    expect(answer).toMatch(/^HTTP\/1.1 40[034] /);
    expect(answer).toContain('application/problem+json');
    expect(answer).not.toContain('secret');
  });

  it('are by default a page that loads nothing from elsewhere', async () => {
    const plain = await openTestGateway(test, {});
    const { headers, body } = await get('/', {}, plain);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const links = [...body.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link = '']) => link);
    expect(links).toEqual(expect.arrayContaining(['questlog.js', 'questlog.css', '/docs', '/openapi.json']));
    for (const link of links.filter(link => link !== '/readyz')) {
      const answer = await get(new URL(link, 'http://localhost/').pathname, {}, plain);
      expect({ link, status: answer.status }).toEqual({ link, status: 200 });
    }
    // Under a policy of 'self', nothing else would run.
    expect(body).not.toMatch(/<style|<script>|\sstyle=|\son\w+=|https?:/);
    await plain.close();
  });

  it('include only those of Swagger UI that its page loads', async () => {
    const { body } = await get('/docs');
    const links = [...body.matchAll(/(?:src|href)="\.\/(docs\/[^"]+)"/g)].map(([, link]) => `/${link}`);
    expect(links.length).toBeGreaterThan(4);
    for (const link of [...links, '/docs/', '/docs/index.html'])
      expect({ link, status: (await get(link)).status }).toEqual({ link, status: 200 });
    const others = readdirSync('node_modules/swagger-ui-dist').filter(
      file => file !== 'index.html' && !links.includes(`/docs/${file}`),
    );
    expect(others).toContain('package.json');
    for (const file of others) {
      const first = file.charCodeAt(0).toString(16);
      for (const path of [
        file,
        `%${first}${file.slice(1)}`,
        `./${file}`,
        `x/../${file}`,
        `/${file}`,
        `${file}?x`,
      ]) {
        const answer = await raw((app.getHttpServer().address() as AddressInfo).port, `/docs/${path}`);
        expect({ path, status: answer.slice(9, 12) }).toEqual({ path, status: '404' });
      }
    }
  });
});
