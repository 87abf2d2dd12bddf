import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const GAME = 'https://game.example';
const JSON_TYPE = 'application/json';
const NDJSON = 'application/x-ndjson';
const SAVE = '/v1/players/ada/saves/auto';
const BOM = '\ufeff';

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

describe('unusual HTTP', () => {
  let test: TestLog;
  let gateway: NestFastifyApplication;
  let port: number;

  beforeAll(async () => {
    test = await openTestLog();
    gateway = await openTestGateway(test, { ADMIN_KEYS: ADMIN, RATE_LIMIT: 'off', CORS_ORIGINS: GAME });
    await gateway.listen(0, '127.0.0.1');
    port = (gateway.getHttpServer().address() as { port: number }).port;
  });
  afterAll(async () => {
    await gateway.close();
    await test.close();
  });

  const send = async (
    method: Method,
    url: string,
    payload?: string | Buffer,
    headers: Record<string, string> = {},
  ) => {
    const type = payload === undefined ? {} : { 'content-type': JSON_TYPE };
    const {
      statusCode,
      headers: answered,
      body,
    } = await gateway.inject({
      method,
      url,
      ...(payload !== undefined && { payload }),
      headers: { authorization: `Bearer ${ADMIN}`, ...type, ...headers },
    });
    const isJson = /json/.test(String(answered['content-type'])) && body !== '';
    return { status: statusCode, headers: answered, body: isJson ? JSON.parse(body) : body };
  };
  /** As a client does that leaves the address alone. */
  const sendRaw = (method: string, path: string) =>
    new Promise<{ status: number | undefined; headers: object; type: string | undefined }>(
      (resolve, reject) => {
        request({ port, method, path }, answer => {
          answer.resume();
          const { statusCode, headers } = answer;
          resolve({ status: statusCode, headers, type: headers['content-type'] });
        })
          .on('error', reject)
          .end();
      },
    );

  describe('a method', () => {
    const ALL: Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

    it('that a documented path does not have is 405, and Allow lists those that it has', async () => {
      const { paths } = (await send('GET', '/openapi.json')).body as { paths: Record<string, object> };
      const wrong: string[] = [];
      for (const [pattern, operations] of Object.entries(paths)) {
        const url = pattern.replace(/\{\w+}/g, 'x');
        const taken = Object.keys(operations).map(method => method.toUpperCase());
        if (taken.includes('GET')) taken.push('HEAD');
        for (const method of ALL.filter(name => !taken.includes(name))) {
          const { status, headers } = await send(method, url);
          const allow = String(headers.allow).split(', ');
          const isRight =
            status === 405 && taken.every(name => allow.includes(name)) && !allow.includes(method);
          if (!isRight) wrong.push(`${method} ${url}: ${status}, Allow: ${headers.allow}`);
        }
      }
      // `search` is an id, too, for the route that deletes.
      expect(wrong.filter(line => !/^DELETE \/api\/\w+\/search: 403/.test(line))).toEqual([]);
    });

    it.each([
      ['POST', '/'],
      ['DELETE', '/session'],
      ['PUT', '/api/playerstate/'],
      ['POST', '/healthz'],
      ['PUT', '/readyz'],
      ['DELETE', '/metrics'],
      ['POST', '/docs'],
      ['POST', '/openapi.json'],
      ['TRACE', '/v1/leaderboards'],
      ['PROPFIND', '/v1/leaderboards'],
      ['QUERY', '/v1/leaderboards'],
      ['OPTIONS', '/v1/leaderboards'],
    ])('%s is 405 at %s', async (method, path) => {
      const { status, headers } = await sendRaw(method, path);
      expect({ status, headers }).toMatchObject({
        status: 405,
        headers: { allow: expect.stringContaining('GET') },
      });
    });

    it('is 404 on an unknown path', async () => {
      for (const method of ALL) expect((await sendRaw(method, '/v1/nothing')).status).toBe(404);
    });

    it('of a preflight is answered', async () => {
      const asked = { origin: GAME, 'access-control-request-method': 'PUT' };
      const { status, headers } = await send('OPTIONS', SAVE, undefined, asked);
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': GAME,
        'x-content-type-options': 'nosniff',
      });
    });
  });

  it.each([
    ['//v1/leaderboards', 404],
    ['/v1//leaderboards', 404],
    ['/v1/leaderboards//x', 404],
    ['///', 404],
    ['/v1/../v1/leaderboards', 404],
    ['/%2e%2e/secrets', 404],
    ['/%00', 404],
    ['/docs/%2e%2e/x', 404],
    ['/v1/leaderboards/%zz', 400],
    ['/v1/leaderboards/a%2Fb', 400],
    ['/v1/leaderboards/..', 400],
    [`/v1/leaderboards/${'a'.repeat(65)}`, 400],
    [`/v1/leaderboards/${'a'.repeat(1_000)}`, 400],
    [`/v1/leaderboards/${'a'.repeat(1_001)}`, 414],
    [`/v1/players/${'a'.repeat(1_001)}/saves/auto`, 414],
    [`/nothing/${'a'.repeat(1_001)}`, 414],
  ])('GET %s is a problem', async (path, expected) => {
    const { status, type } = await sendRaw('GET', path);
    expect({ status, type }).toEqual({ status: expected, type: 'application/problem+json; charset=utf-8' });
  });

  describe('a compressed body', () => {
    const GZIP = { 'content-encoding': 'gzip' };

    it('is accepted on every kind of route', async () => {
      const gzip = (text: string) => gzipSync(text);
      expect((await send('PUT', SAVE, gzip('{"hp": 1}'), GZIP)).status).toBe(202);
      const merge = { ...GZIP, 'content-type': 'application/merge-patch+json' };
      expect((await send('PATCH', SAVE, gzip('{"mp": 2}'), merge)).status).toBe(202);
      const patch = { ...GZIP, 'content-type': 'application/json-patch+json' };
      const operations = '[{"op":"add","path":"/xp","value":3}]';
      expect((await send('PATCH', SAVE, gzip(operations), patch)).status).toBe(202);
      expect(
        (await send('POST', '/v1/leaderboards/b/scores', gzip('{"player":"ada","score":1}'), GZIP)).status,
      ).toBe(202);
      const wrapped = gzip('{"playerData":{"id":"x"}}');
      expect((await send('POST', '/api/playerstate', wrapped, GZIP)).status).toBe(403);
      const lines = gzip(`${BOM}{"board":"b","player":"ada","score":1}\n`.repeat(1_500));
      const { status, body } = await send('POST', '/v1/scores/import', lines, {
        ...GZIP,
        'content-type': NDJSON,
      });
      expect({ status, body }).toMatchObject({ status: 200, body: { accepted: 1_500 } });
    });

    it('is limited by its decompressed size', async () => {
      const document = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;
      const [fits, isTooMuch] = [256 * 1024, 256 * 1024 + 1].map(document) as [string, string];
      // Without compression, gzip is longer than what is in it.
      for (const level of [0, 9]) {
        expect((await send('PUT', SAVE, gzipSync(fits, { level }), GZIP)).status).toBe(202);
        expect((await send('PUT', SAVE, gzipSync(isTooMuch, { level }), GZIP)).status).toBe(413);
      }
    });

    it('that would become enormous is refused at the limit', async () => {
      const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
      const before = process.cpuUsage();
      const { status, body } = await send('PUT', SAVE, bomb, GZIP);
      const { user, system } = process.cpuUsage(before);
      expect({ status, body }).toMatchObject({ status: 413, body: { type: 'urn:questlog:too-large' } });
      expect((user + system) / 1_000).toBeLessThan(100);
    });

    it('that is truncated, corrupt, or followed by other bytes is 400', async () => {
      const whole = gzipSync('{"hp": 1}');
      const parts = [
        whole.subarray(0, 20),
        Buffer.from('{"hp": 1}'),
        Buffer.concat([whole, Buffer.from('more')]),
        Buffer.alloc(5),
      ];
      for (const part of parts) {
        const { status, body } = await send('PUT', SAVE, part, GZIP);
        expect({ status, body }).toMatchObject({
          status: 400,
          body: { detail: expect.stringContaining('gzip') },
        });
      }
      const { status } = await send('POST', '/v1/scores/import', whole.subarray(0, 20), {
        ...GZIP,
        'content-type': NDJSON,
      });
      expect(status).toBe(400);
    });

    it.each(['br', 'deflate', 'zstd', 'compress', 'gzip, br', 'gzip, gzip', 'nonsense'])(
      'in %s is 415 and told what is taken',
      async coding => {
        const answer = await send('PUT', SAVE, '{"hp":1}', { 'content-encoding': coding });
        expect(answer.status).toBe(415);
        expect(answer.headers['accept-encoding']).toBe('gzip');
      },
    );

    it('can be marked as not compressed', async () => {
      for (const coding of ['identity', 'Identity', '', ', identity,,'])
        expect((await send('PUT', SAVE, '{"hp":1}', { 'content-encoding': coding })).status).toBe(202);
      for (const coding of ['X-GZIP', 'gzip,', ',, gzip, identity'])
        expect((await send('PUT', SAVE, gzipSync('{}'), { 'content-encoding': coding })).status).toBe(202);
    });
  });

  describe('a transfer coding', () => {
    const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';
    /** Where the body ends for those who read the codings in another way. */
    const HIDDEN = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const post = (version: string, ...headers: string[]) =>
      [`POST /v1/sessions HTTP/${version}`, 'Host: x', `Content-Type: ${JSON_TYPE}`, ...headers, '', ''].join(
        '\r\n',
      );
    /** All that comes until the connection is closed. */
    const answersTo = async (bytes: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.on('data', chunk => {
        text += chunk;
      });
      await once(socket, 'close');
      return text;
    };

    it.each([
      ['gzip, chunked', 400],
      ['chunked, chunked', 400],
      ['identity, chunked', 400],
      ['x-unknown;a=", chunked", chunked', 400],
      ['\vchunked', 400],
      ['chunked, gzip', 400],
      ['chunked, identity', 400],
      ['gzip', 400],
      ['identity', 400],
      ['chunked;q=1', 400],
    ])('Transfer-Encoding: %s is %d, and nothing after it is read', async (codings, status) => {
      const text = await answersTo(post('1.1', `Transfer-Encoding: ${codings}`) + CHUNKS + HIDDEN);
      expect(text.match(/^HTTP\/1.1 /gm)).toHaveLength(1);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text).toContain('application/problem+json');
      expect(text.toLowerCase()).toContain('connection: close');
    });

    it.each([
      ['in two headers', post('1.1', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'), 400],
      ['beside a length', post('1.1', 'Content-Length: 2', 'Transfer-Encoding: chunked'), 400],
      ['in HTTP/1.0', post('1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked'), 400],
    ])('%s is refused, and nothing after it is read', async (_, head, status) => {
      const text = await answersTo(head + CHUNKS + HIDDEN);
      expect(text.match(/^HTTP\/1.1 /gm)).toHaveLength(1);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text).toContain('application/problem+json');
    });

    it.each(['chunked', 'Chunked', ', chunked'])('%s is accepted', async codings => {
      const text = await answersTo(
        post('1.1', 'Connection: close', `Transfer-Encoding: ${codings}`) + CHUNKS,
      );
      expect(text).toMatch(/^HTTP\/1.1 201 /);
    });
  });

  it('a byte order mark is skipped wherever JSON can begin', async () => {
    expect((await send('PUT', SAVE, `${BOM}{"hp": 1}`)).status).toBe(202);
    expect((await send('POST', '/v1/leaderboards/b/scores', `${BOM}{"player":"ada","score":1}`)).status).toBe(
      202,
    );
    const lines = `${BOM}{"board":"b","player":"ada","score":1}\n${BOM}{"board":"b","player":"bob","score":1}\n`;
    const { body } = await send('POST', '/v1/scores/import', lines, { 'content-type': NDJSON });
    expect(body).toMatchObject({ accepted: 2, rejected: 0 });
  });

  it('an import returns the event to wait for, if there is one', async () => {
    const line = '{"board":"b","player":"ada","score":1}\n';
    const { body } = await send('POST', '/v1/scores/import', line.repeat(3), { 'content-type': NDJSON });
    expect(body.lastEventId).toMatch(/^s\*-\d+-\d+$/);
    const nothing = await send('POST', '/v1/scores/import', '\n', { 'content-type': NDJSON });
    expect(nothing.body).toEqual({ accepted: 0, replayed: 0, rejected: 0, errors: [] });
  });

  it('headers without a value count as absent', async () => {
    const names = [
      'idempotency-key',
      'if-applied',
      'if-match',
      'if-none-match',
      'if-unmodified-since',
      'prefer',
    ];
    const others = [
      'content-encoding',
      'accept',
      'cookie',
      'last-event-id',
      'traceparent',
      'origin',
      'sec-fetch-site',
    ];
    const empty = Object.fromEntries([...names, ...others].map(name => [name, '']));
    expect((await send('PUT', SAVE, '{"hp":1}', empty)).status).toBe(202);
    expect((await send('PUT', SAVE, '{"hp":1}', { ...empty, 'if-none-match': '*' })).status).toBe(412);
    expect((await send('GET', '/v1/leaderboards', undefined, { ...empty, authorization: '' })).status).toBe(
      200,
    );
    expect((await send('GET', '/v1/admin/streams', undefined, { authorization: '' })).status).toBe(401);
  });

  describe('query parameters', () => {
    it('that are unknown are refused by every route of /v1, and named', async () => {
      const { paths } = (await send('GET', '/openapi.json')).body as {
        paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
      };
      for (const [pattern, operations] of Object.entries(paths).filter(([path]) => path.startsWith('/v1/')))
        for (const [method, { parameters = [] }] of Object.entries(operations)) {
          const url = `${pattern.replace(/\{\w+}/g, 'x')}?colour=red`;
          const payload = ['post', 'put', 'patch'].includes(method) ? '{}' : undefined;
          const type = url.includes('import')
            ? NDJSON
            : url.includes('/saves/')
              ? 'application/merge-patch+json'
              : JSON_TYPE;
          const headers = { 'content-type': method === 'patch' || type === NDJSON ? type : JSON_TYPE };
          const { status, body } = await send(method.toUpperCase() as Method, url, payload, headers);
          expect({ url, status, body }).toMatchObject({
            ...{ url, status: 400 },
            body: { type: 'urn:questlog:validation', errors: [{ path: 'colour' }] },
          });
          for (const { name, in: place } of parameters)
            if (place === 'query') expect(body.detail).toContain(name);
        }
    });

    it.each(['limit=1&limit=2', 'ifApplied=a&ifApplied=b', 'period=current&period=current'])(
      'are refused when they are there twice: %s',
      async query => {
        const { status, body } = await send('GET', `/v1/leaderboards/b/entries?${query}`);
        expect({ status, detail: body.detail }).toEqual({
          status: 400,
          detail: expect.stringContaining('once'),
        });
      },
    );

    it('of every read can include ifApplied, even without a value', async () => {
      for (const url of ['/v1/leaderboards', '/v1/admin/streams', '/v1/leaderboards/b/entries'])
        expect((await send('GET', `${url}?ifApplied=`)).status).toBe(200);
      expect((await send('POST', '/v1/leaderboards/b/lookup?ifApplied=', '{"players":["ada"]}')).status).toBe(
        400,
      );
    });
  });

  describe('a condition', () => {
    const SLOT = '/v1/players/ada/saves/conditions';
    const put = (headers: Record<string, string>) => send('PUT', SLOT, '{"hp":1}', headers);
    const version = async () => Number(/\d+/.exec(String((await put({})).headers.etag))?.[0]);

    it('of If-Match can be a weak tag, or a list', async () => {
      const current = await version();
      expect((await put({ 'if-match': `W/"${current + 1}"` })).status).toBe(412);
      expect((await put({ 'if-match': `W/"${current}"` })).status).toBe(202);
      expect((await put({ 'if-match': `"${current}", W/"${current + 2}"` })).status).toBe(412);
      expect((await put({ 'if-match': `"77777", W/"${current + 1}"` })).status).toBe(202);
      expect((await put({ 'if-match': `"77777", "${current + 1}"` })).headers.etag).toBe(`"${current + 2}"`);
      const merge = { 'content-type': 'application/merge-patch+json' };
      const patch = (match: string) => send('PATCH', SLOT, '{"mp":1}', { ...merge, 'if-match': match });
      expect((await patch(`"77777", W/"${current + 2}"`)).status).toBe(202);
      expect((await patch(`"77777", W/"${current + 2}"`)).status).toBe(412);
      expect((await send('DELETE', SLOT, undefined, { 'if-match': '"77777", "77778"' })).status).toBe(412);
      expect((await send('DELETE', SLOT, undefined, { 'if-match': `"7", "${current + 3}"` })).status).toBe(
        202,
      );
      expect((await put({ 'if-match': '"7", "8"' })).status).toBe(412);
    });

    it('of a profile can be a list of versions, too', async () => {
      const patch = (match: string) =>
        send('PATCH', '/v1/players/ida', '{"name":"Ida"}', { 'if-match': match });
      expect((await send('PATCH', '/v1/players/ida', '{"name":"Ida"}')).status).toBe(202);
      expect((await patch('W/"1", "9"')).status).toBe(202);
      expect((await patch('W/"1", "9"')).status).toBe(412);
    });

    it('of If-Unmodified-Since holds until the save is later, in whole seconds', async () => {
      const { headers } = await put({});
      const made = Date.parse(String(headers['last-modified']));
      let latest = JSON.parse(String(headers.etag));
      const since = (ms: number) => ({ 'if-unmodified-since': new Date(ms).toUTCString() });
      const merge = { 'content-type': 'application/merge-patch+json' };
      const writes = [
        (more: Record<string, string>) => put(more),
        (more: Record<string, string>) => send('PATCH', SLOT, '{"mp":1}', { ...merge, ...more }),
        (more: Record<string, string>) => send('POST', `${SLOT}/restore`, `{"version":${latest}}`, more),
        (more: Record<string, string>) => send('DELETE', SLOT, undefined, more),
      ];
      for (const write of writes) {
        const { status, headers: refused } = await write(since(made - 1_000));
        expect({ status, etag: refused.etag }).toEqual({
          status: 412,
          etag: expect.stringMatching(/^"\d+"$/),
        });
      }
      expect((await put(since(made - 86_400_000))).status).toBe(412);
      expect((await put({ 'if-unmodified-since': 'the day before yesterday' })).status).toBe(202);
      const { etag } = (await put({})).headers;
      expect((await put({ ...since(0), 'if-match': String(etag) })).status).toBe(202);
      latest = JSON.parse(String((await put({})).headers.etag));
      for (const write of writes) {
        const answer = await write(since(Date.now() + 5_000));
        expect(answer.status).toBe(202);
        latest = JSON.parse(String(answer.headers.etag));
      }
      // Nothing is there any more that could be later.
      expect((await put(since(0))).status).toBe(202);
    });

    it('that no longer holds does not change the answer to a repeated key', async () => {
      const key = {
        'idempotency-key': 'once',
        'if-unmodified-since': new Date(Date.now() + 5_000).toUTCString(),
      };
      const first = await put(key);
      const again = await put({ ...key, 'if-unmodified-since': new Date(0).toUTCString() });
      expect(again.body.eventId).toBe(first.body.eventId);
      expect(again.headers['idempotency-replayed']).toBe('true');
    });
  });

  it.each([
    ['POST', '/v1/leaderboards/b/scores', ['application/json']],
    ['POST', '/v1/scores/import', [NDJSON]],
    ['PATCH', '/v1/players/ada', ['application/json', 'application/merge-patch+json']],
    ['PATCH', SAVE, ['application/merge-patch+json', 'application/json-patch+json']],
  ] as const)('%s %s says in one answer all types that it takes', async (method, url, types) => {
    for (const type of ['text/csv', 'application/xml', 'nonsense', 'application/jsonx', '']) {
      const { status, headers, body } = await send(method, url, 'x', { 'content-type': type });
      expect({ type, status, accept: headers.accept }).toEqual({
        type,
        status: 415,
        accept: types.join(', '),
      });
      for (const taken of types) expect(body.detail).toContain(taken);
    }
  });
});
