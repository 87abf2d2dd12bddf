import {
  BOM,
  GAME,
  JSON_TYPE,
  type Method,
  NDJSON,
  SAVE,
  useListeningGateway,
} from './test-listening-gateway.js';

describe('unusual HTTP', () => {
  const current = useListeningGateway();
  const { send, sendRaw } = current;

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
