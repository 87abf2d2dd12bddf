import { type Answer } from './support/client.js';
import { SharedSystem } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };
const MERGE = { 'Content-Type': 'application/merge-patch+json' };
const JSON_PATCH = { 'Content-Type': 'application/json-patch+json' };

describe('saves', () => {
  const system = new SharedSystem();
  const { client } = system;
  afterAll(() => system.close());

  let players = 0;
  let base: string;
  beforeEach(() => {
    base = `/v1/players/p${++players}/saves`;
  });

  type Headers = Record<string, string>;
  const put = (slot: string, document: object | string, headers: Headers = {}) =>
    client.put(`${base}/${slot}`, document, { ...WAIT, ...headers });
  const get = (path = 'auto', headers: Headers = {}) => client.get(`${base}/${path}`, headers);
  const remove = (headers: Headers = {}, slot = 'auto') =>
    client.send('DELETE', `${base}/${slot}`, undefined, { ...WAIT, ...headers });
  const merge = (patch: object | string, headers: Headers = {}) =>
    client.send('PATCH', `${base}/auto`, patch, { ...WAIT, ...MERGE, ...headers });
  const patch = (operations: unknown, headers: Headers = {}) =>
    client.send('PATCH', `${base}/auto`, operations as object, { ...WAIT, ...JSON_PATCH, ...headers });
  const restore = (version: number, headers: Headers = {}) =>
    client.post(`${base}/auto/restore`, { version }, { ...WAIT, ...headers });
  const expectProblem = (answer: Answer, status: number, detail: RegExp) =>
    expect(answer).toMatchObject({ status, body: { status, detail: expect.stringMatching(detail) } });

  describe('in a list', () => {
    it('are shown by slot, without those that were deleted', async () => {
      expect((await client.get(base)).body).toEqual({ player: `p${players}`, saves: [] });
      await put('two', { n: 2 });
      await put('one', '{"face":"😀"}');
      await put('gone', {});
      await put('one', '{"face":"😀!"}');
      await remove({}, 'gone');
      const { status, body } = await client.get(base);
      expect(status).toBe(200);
      expect(body.saves).toEqual([
        { slot: 'one', version: 2, updatedAt: expect.any(String), bytes: 16 },
        { slot: 'two', version: 1, updatedAt: expect.any(String), bytes: 7 },
      ]);
    });

    it('have the meta of the write, which PATCH and restore keep unless it is sent', async () => {
      const meta = async () => (await client.get(base)).body.saves[0]?.meta;
      await put('auto', { n: 1 }, { 'Save-Meta': '{"title":"Caf\\u00e9"}' });
      expect(await meta()).toEqual({ title: 'Café' });
      await merge({ n: 2 });
      expect(await meta()).toEqual({ title: 'Café' });
      await merge({ n: 3 }, { 'Save-Meta': '{"title":"Three"}' });
      expect(await meta()).toEqual({ title: 'Three' });
      await put('auto', { n: 4 });
      expect(await meta()).toBeUndefined();
      await restore(1);
      expect(await meta()).toEqual({ title: 'Café' });
      await restore(1, { 'Save-Meta': '{"title":"Again"}' });
      expect(await meta()).toEqual({ title: 'Again' });
      expectProblem(await put('auto', {}, { 'Save-Meta': '[]' }), 400, /Save-Meta must be a JSON object/);
    });

    it('have the meta of the first request under an Idempotency-Key, and another one is refused', async () => {
      const key = { 'Idempotency-Key': 'meta', 'Save-Meta': '{"n":1}' };
      await put('auto', {}, key);
      expect((await put('auto', {}, key)).headers['idempotency-replayed']).toBe('true');
      expectProblem(await put('auto', {}, { ...key, 'Save-Meta': '{"n":2}' }), 422, /Idempotency-Key|key/);
      const patchKey = { 'Idempotency-Key': 'patch' };
      await merge({ n: 1 }, patchKey);
      await put('auto', {}, { 'Save-Meta': '{"n":3}' });
      expect((await merge({ n: 1 }, patchKey)).headers['idempotency-replayed']).toBe('true');
    });

    it('are those that a write has made, for a reader that names its event', async () => {
      const { body } = await client.put(`${base}/auto`, { n: 1 });
      expect((await client.get(base, { 'If-Applied': body.eventId })).body.saves).toHaveLength(1);
    });
  });

  describe('deleted', () => {
    it('are gone for every read and patch, and go on counting', async () => {
      await put('auto', { n: 1 });
      expect(await remove()).toMatchObject({
        status: 200,
        headers: { etag: '"2"' },
        body: { status: 'applied', slot: 'auto', version: 2 },
      });
      expectProblem(await get(), 404, /no save in auto/);
      expectProblem(await merge({ n: 2 }), 404, /no save in auto/);
      expectProblem(await remove(), 404, /no save in auto/);
      expect(await put('auto', { n: 3 })).toMatchObject({ status: 200, headers: { etag: '"3"' } });
      expect((await get()).body).toEqual({ n: 3 });
    });

    it('cannot be what never was there', async () => {
      expectProblem(await remove(), 404, /no save in auto/);
      expect(await remove({ 'If-Match': '*' })).toMatchObject({ status: 412 });
      expect(await remove({ 'If-None-Match': '*' })).toMatchObject({ status: 400 });
    });

    it('are so only as the version that If-Match names', async () => {
      await put('auto', { n: 1 });
      await put('auto', { n: 2 });
      expect(await remove({ 'If-Match': '"1"' })).toMatchObject({ status: 412, headers: { etag: '"2"' } });
      expect(await remove({ 'If-Match': '"2"' })).toMatchObject({ status: 200 });
      const again = await remove({ 'If-Match': '"3"' });
      expect(again).toMatchObject({ status: 412 });
      expect(again.headers.etag).toBeUndefined();
    });

    it('can be written with If-None-Match, and not with If-Match', async () => {
      await put('auto', { n: 1 });
      await remove();
      for (const match of ['*', '"1"', '"2"'])
        expect(await put('auto', { n: 2 }, { 'If-Match': match })).toMatchObject({ status: 412 });
      expect(await put('auto', { n: 2 }, { 'If-None-Match': '*' })).toMatchObject({
        status: 200,
        headers: { etag: '"3"' },
      });
      expect(await put('auto', { n: 2 }, { 'If-None-Match': '*' })).toMatchObject({ status: 412 });
    });

    it('are so once for the same Idempotency-Key', async () => {
      await put('auto', { n: 1 });
      const first = await remove({ 'Idempotency-Key': 'k' });
      expect(await remove({ 'Idempotency-Key': 'k' })).toMatchObject({
        status: 200,
        headers: { 'idempotency-replayed': 'true', etag: '"2"' },
        body: first.body,
      });
    });
  });

  describe('patched', () => {
    it('are merged with the patch, and keep everything else as it was written', async () => {
      await put(
        'auto',
        '{ "z":1, "big":9007199254740993, "e":1e400, "m":-0, "f":1.0, "10":[ "\\ud800" ], "a":{"x":1,"y":2} }',
      );
      expect(await merge('{"z":null,"a":{"x":null,"n":12345678901234567890}}')).toMatchObject({
        status: 200,
        headers: { etag: '"2"' },
        body: { status: 'applied', version: 2, bytes: 102 },
      });
      expect((await get()).text).toBe(
        '{"big":9007199254740993,"e":1e400,"m":-0,"f":1.0,"10":["\\ud800"],"a":{"y":2,"n":12345678901234567890}}',
      );
    });

    it('take all operations of a JSON patch, or none', async () => {
      await put('auto', { hp: 3, items: ['a', 'b'], 'x/y~': 1 });
      const done = await patch([
        { op: 'test', path: '/hp', value: 3.0 },
        { op: 'add', path: '/items/1', value: 'c' },
        { op: 'add', path: '/items/-', value: 'd' },
        { op: 'remove', path: '/items/0' },
        { op: 'replace', path: '/hp', value: 4 },
        { op: 'move', from: '/x~1y~0', path: '/moved' },
        { op: 'copy', from: '/items', path: '/copied' },
      ]);
      expect(done.status).toBe(200);
      const document = { hp: 4, items: ['c', 'b', 'd'], moved: 1, copied: ['c', 'b', 'd'] };
      expect((await get()).body).toEqual(document);
      const failed = await patch([
        { op: 'replace', path: '/hp', value: 5 },
        { op: 'test', path: '/moved', value: 2 },
      ]);
      expectProblem(failed, 422, /^operation 1 \(test \/moved\): the value there is another$/);
      expect((await get()).body).toEqual(document);
    });

    it('must be there, and of the version that If-Match names', async () => {
      expectProblem(await merge({ n: 1 }), 404, /no save in auto/);
      expect(await merge({ n: 1 }, { 'If-Match': '*' })).toMatchObject({ status: 412 });
      await put('auto', { n: 1 });
      await put('auto', { n: 2 });
      expect(await merge({ n: 3 }, { 'If-Match': '"1"' })).toMatchObject({
        status: 412,
        headers: { etag: '"2"' },
      });
      expect(await merge({ m: 3 }, { 'If-Match': '"2"' })).toMatchObject({ status: 200 });
      expect((await get()).body).toEqual({ n: 2, m: 3 });
    });

    it('lose none of many patches at the same time', async () => {
      await put('auto', {});
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) => client.send('PATCH', `${base}/auto`, { [`k${i}`]: i }, MERGE)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(202));
      const last = answers.find(({ headers }) => headers.etag === '"31"');
      const { body } = await get('auto', { 'If-Applied': last?.body.eventId });
      expect(Object.keys(body)).toHaveLength(30);
    });

    it('are patched from the log at once, whatever has taken effect', async () => {
      for (let n = 1; n <= 20; n++) {
        await client.put(`${base}/auto`, { n });
        const { body } = await client.send('PATCH', `${base}/auto`, { m: n }, MERGE);
        expect((await get('auto', { 'If-Applied': body.eventId })).body).toEqual({ n, m: n });
      }
    });

    it('once for the same Idempotency-Key, whatever has become of the save since', async () => {
      await put('auto', { n: 1 });
      const operations = [
        { op: 'test', path: '/n', value: 1 },
        { op: 'replace', path: '/n', value: 2 },
      ];
      const first = await patch(operations, { 'Idempotency-Key': 'k' });
      expect(first).toMatchObject({ status: 200, body: { version: 2, bytes: 7 } });
      const replayed = { status: 200, headers: { 'idempotency-replayed': 'true' }, body: first.body };
      expect(await patch(operations, { 'Idempotency-Key': 'k' })).toMatchObject(replayed);
      await remove();
      expect(await patch(operations, { 'Idempotency-Key': 'k' })).toMatchObject(replayed);
      expect(await patch([], { 'Idempotency-Key': 'k' })).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:idempotency-conflict' },
      });
    });

    it('cannot outgrow the limits', async () => {
      await put('auto', { text: 'x'.repeat(200_000) });
      expectProblem(await merge({ more: 'x'.repeat(100_000) }), 413, /262144 bytes/);
      expectProblem(await merge(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`), 422, /64 levels/);
      const twice = [{ op: 'copy', from: '/text', path: '/again' }];
      expectProblem(await patch(twice), 413, /262144 bytes/);
      expect(await get()).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    });

    it.each<[number, string, string | object, Headers, RegExp]>([
      [
        415,
        'plain JSON',
        '{}',
        { 'Content-Type': 'application/json' },
        /merge-patch\+json or .*json-patch\+json/,
      ],
      [400, 'half a patch', '{', MERGE, /not JSON/],
      [422, 'a list as a merge patch', '[]', MERGE, /JSON object/],
      [422, 'an object as a JSON patch', '{}', JSON_PATCH, /list of operations/],
      [422, 'an unknown operation', '[{"op":"increment","path":"/n"}]', JSON_PATCH, /operation 0/],
      [422, 'a key twice', '{"a":1,"a":2}', MERGE, /the key "a" twice/],
      [413, 'a patch that is too large', `{"a":"${'x'.repeat(262_144)}"}`, MERGE, /262144 bytes/],
    ])('answer %i to %s', async (status, _, body, headers, detail) => {
      await put('auto', { n: 1 });
      expectProblem(await client.send('PATCH', `${base}/auto`, body, headers), status, detail);
    });

    it('refuse to guess which of two equal keys counts', async () => {
      await put('auto', '{"a":1,"a":2}');
      expectProblem(await merge({ b: 1 }), 422, /the document.*the key "a" twice/);
      expect((await get()).text).toBe('{"a":1,"a":2}');
    });
  });

  describe('of the past', () => {
    it('are listed, newest first, page by page', async () => {
      for (let n = 1; n <= 4; n++) await put('auto', { n });
      await remove();
      await put('auto', '{}');
      const { body } = await get('auto/history?limit=4');
      expect(body).toEqual({
        player: `p${players}`,
        slot: 'auto',
        versions: [
          { version: 6, at: expect.any(String), bytes: 2, actor: 'server' },
          { version: 5, at: expect.any(String), deleted: true, actor: 'server' },
          { version: 4, at: expect.any(String), bytes: 7, actor: 'server' },
          { version: 3, at: expect.any(String), bytes: 7, actor: 'server' },
        ],
        next: '2',
      });
      const rest = (await get(`auto/history?cursor=${body.next}`)).body;
      expect(rest.versions.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
      expect(rest.next).toBeUndefined();
      expectProblem(await get('never/history'), 404, /never had a save/);
      expect(await get('auto/history?cursor=x')).toMatchObject({ status: 400 });
    });

    it('are read byte for byte, also of a slot that was deleted', async () => {
      const first = '{ "a":1.0, "a":2, "face":"😀" }';
      await put('auto', first);
      await put('auto', { n: 2 });
      await remove();
      expect(await get('auto?version=1')).toMatchObject({
        status: 200,
        text: first,
        headers: { etag: '"1"' },
      });
      expect((await get('auto?version=2')).body).toEqual({ n: 2 });
      expectProblem(await get('auto?version=3'), 404, /version 3 .* deleted it/);
      expectProblem(await get('auto?version=4'), 404, /version 4 .* does not exist/);
      expect(await get('auto?version=0')).toMatchObject({ status: 400 });
      expect(await get('auto?version=1', { 'If-None-Match': '"1"' })).toMatchObject({ status: 304 });
    });

    it('become a new version when they are restored', async () => {
      const first = '{ "a":1.0, "big":9007199254740993 }';
      await put('auto', first);
      await put('auto', { n: 2 });
      expect(await restore(1, { 'If-Match': '"1"' })).toMatchObject({
        status: 412,
        headers: { etag: '"2"' },
      });
      expect(await restore(1, { 'If-Match': '"2"' })).toMatchObject({
        status: 200,
        headers: { etag: '"3"' },
        body: { version: 3, bytes: first.length },
      });
      expect((await get()).text).toBe(first);
      await remove();
      expectProblem(await restore(4), 404, /deleted it/);
      expectProblem(await restore(9), 404, /does not exist/);
      expect(await restore(2, { 'If-None-Match': '*' })).toMatchObject({ status: 200 });
      expect(await get()).toMatchObject({ headers: { etag: '"5"' }, body: { n: 2 } });
      expect(await client.post(`${base}/auto/restore`, { version: 'x' })).toMatchObject({ status: 400 });
    });

    it('are found by those who have just written', async () => {
      for (let n = 1; n <= 20; n++) {
        await client.put(`${base}/auto`, { n });
        await client.put(`${base}/auto`, { n: -n });
        const { body } = await client.post(`${base}/auto/restore`, { version: 3 * n - 2 });
        expect((await get('auto', { 'If-Applied': body.eventId })).body).toEqual({ n });
      }
    });
  });

  describe('asked with a JSONPath', () => {
    const path = (text: string) => `auto?path=${encodeURIComponent(text)}`;

    it('answer a list of what it selects, as it was written', async () => {
      await put(
        'auto',
        '{"stats":{"health":1.0,"gold":9007199254740993},"items":[{"id":1},{"id":2,"n":"x"}]}',
      );
      expect(await get(path('$.stats.health'))).toMatchObject({
        status: 200,
        text: '[1.0]',
        headers: { etag: '"1"', 'content-type': 'application/json; charset=utf-8' },
      });
      expect((await get(path('$..gold'))).text).toBe('[9007199254740993]');
      expect((await get(path('$.items[?@.id == 2].n'))).text).toBe('["x"]');
      expect((await get(path('$.nothing'))).text).toBe('[]');
      expect(await get(path('$.stats'), { 'If-None-Match': '"1"' })).toMatchObject({ status: 304 });
      await put('auto', {});
      expect((await get(`${path('$.items[*].id')}&version=1`)).text).toBe('[1,2]');
    });

    it('refuse what is no path, and a key that is there twice', async () => {
      await put('auto', '{"a":1,"a":2}');
      expectProblem(await get(path('stats.health')), 400, /begins with \$/);
      expectProblem(await get(path('$.a')), 422, /the key "a" twice/);
    });
  });

  it.each([
    ['"__proto__" as a key', '{"__proto__":{"admin":true},"constructor":{"prototype":null}}'],
    ['2^53 + 1', '{"n":9007199254740993}'],
    ['minus zero', '{"n":-0}'],
    ['a lone surrogate', '{"lone":"\\ud800"}'],
    ['a key twice', '{"a":1,"a":2}'],
    ['emoji', '{"🎲":"👩‍👩‍👧"}'],
    [
      '10,000 keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]))),
    ],
    ['64 levels', `{"a":${'['.repeat(63)}${']'.repeat(63)}}`],
    ['256 KiB', `{"a":"${'x'.repeat(262_144 - 8)}"}`],
  ])('come back byte for byte with %s, now and as a past version', async (_, document) => {
    expect((await put('auto', document)).status).toBe(200);
    expect((await get()).text).toBe(document);
    await put('auto', {});
    expect((await get('auto?version=1')).text).toBe(document);
    await restore(1);
    expect((await get()).text).toBe(document);
  });

  it.each<[number, string, string, RegExp]>([
    [413, 'one byte more than 256 KiB', `{"a":"${'x'.repeat(262_144 - 7)}"}`, /262144 bytes/],
    [422, '65 levels', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`, /64 levels/],
  ])('are refused with %i for %s', async (status, _, document, detail) => {
    expectProblem(await put('auto', document), status, detail);
    expectProblem(await get(), 404, /no save/);
  });
});
