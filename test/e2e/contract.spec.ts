import { Client } from './support/client.js';
import { SharedSystem } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };
const PROBLEM = 'application/problem+json; charset=utf-8';

type Case = [
  status: number,
  what: string,
  method: string,
  path: string,
  body?: object | string | Buffer | undefined,
  headers?: Record<string, string>,
];

describe('the REST contract', () => {
  const system = new SharedSystem();
  const { client } = system;
  const anonymous = system.connect();
  afterAll(() => system.close());

  const submit = (board: string, player: string, score: number, headers: Record<string, string> = WAIT) =>
    client.post(`/v1/leaderboards/${board}/scores`, { player, score }, headers);

  describe('scores', () => {
    it('are accepted at once, and applied when the client prefers to wait', async () => {
      const accepted = await submit('s1', 'ada', 10, {});
      expect(accepted).toMatchObject({
        status: 202,
        body: { eventId: expect.any(String), status: 'accepted' },
      });
      expect(Object.keys(accepted.body).sort()).toEqual(['eventId', 'status']);
      expect(await submit('s1', 'bob', 20)).toMatchObject({
        status: 200,
        headers: { 'preference-applied': 'wait=5' },
        body: {
          eventId: expect.any(String),
          status: 'applied',
          board: 's1',
          player: 'bob',
          rank: 1,
          score: 20,
          improved: true,
        },
      });
      expect((await submit('s1', 'bob', 15)).body).toMatchObject({ rank: 1, score: 20, improved: false });
    });

    it('with the same Idempotency-Key count once; another body under the key is refused', async () => {
      const first = await submit('s2', 'ada', 10, { 'Idempotency-Key': 'k' });
      const again = await submit('s2', 'ada', 10, { 'Idempotency-Key': 'k' });
      expect(again).toMatchObject({
        status: 202,
        headers: { 'idempotency-replayed': 'true' },
        body: first.body,
      });
      expect(first.headers['idempotency-replayed']).toBeUndefined();
      expect(await submit('s2', 'ada', 11, { 'Idempotency-Key': 'k' })).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:idempotency-conflict' },
      });
      const { body } = await client.get('/v1/players/ada/scores', { 'If-Applied': first.body.eventId });
      expect(body.boards.s2).toMatchObject({ count: 1, sum: 10 });
    });

    it('can be read back by any reader that names their event', async () => {
      for (let score = 1; score <= 20; score++) {
        const { body } = await submit('s3', 'ada', score, {});
        const read = await anonymous.get('/v1/leaderboards/s3/entries/ada', { 'If-Applied': body.eventId });
        expect(read).toMatchObject({ status: 200, body: { score } });
        const document = await client.get(`/v1/players/ada/scores?ifApplied=${body.eventId}`);
        expect(document.body.boards.s3).toMatchObject({ count: score, last: score });
      }
    });

    it('that never arrive make a read give up within two seconds', async () => {
      const began = Date.now();
      const read = await anonymous.get('/v1/leaderboards/s3/entries', {
        'If-Applied': 's0-99999999999999-0',
      });
      expect(read).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        body: { type: 'urn:questlog:not-applied' },
      });
      expect(Date.now() - began).toBeGreaterThan(1_400);
      expect(Date.now() - began).toBeLessThan(2_500);
    });

    it('are summed up for each player and board', async () => {
      for (const score of [0.1, 0.2, 0.3]) await submit('s4', 'sum', score, {});
      await submit('s5', 'sum', 7);
      await submit('s4', 'sum', -1);
      expect((await client.get('/v1/players/sum/scores')).body).toEqual({
        player: 'sum',
        boards: {
          s4: {
            ...{ best: 0.3, last: -1, count: 4, sum: -0.4 },
            ...{ firstAt: expect.any(String), lastAt: expect.any(String) },
            recent: [-1, 0.3, 0.2, 0.1].map(score => ({ score, at: expect.any(String) })),
          },
          s5: expect.objectContaining({ best: 7, count: 1 }),
        },
      });
    });
  });

  describe('leaderboards', () => {
    const players = ['a', 'b', 'c', 'd', 'e', 'f'];
    beforeAll(async () => {
      // A tie: b and c have 50, and b got there first.
      for (const [i, score] of [60, 50, 50, 40, 30, 20].entries())
        await submit('board', players[i] ?? '', score);
    });

    it('can be sharded, and read the same', async () => {
      const { admin } = system;
      const path = '/v1/leaderboards/wide';
      expect((await admin.put(path, { shards: 3 }, WAIT)).body).toMatchObject({
        status: 'applied',
        shards: 3,
      });
      for (const [i, player] of players.entries()) await submit('wide', player, 60 - 10 * Math.floor(i / 2));
      const { body } = await anonymous.get(`${path}/entries?limit=4`);
      expect(
        body.entries.map(({ rank, player }: { rank: number; player: string }) => [rank, player]),
      ).toEqual([1, 1, 3, 3].map((rank, i) => [rank, players[i]]));
      const next = await anonymous.get(`${path}/entries?limit=4&cursor=${body.next}`);
      expect(next.body.entries.map(({ player }: { player: string }) => player)).toEqual(['e', 'f']);
      expect((await anonymous.get(`${path}/entries/d`)).body).toMatchObject({ rank: 3, total: 6 });
      expect(await admin.put(path, { shards: 2 })).toMatchObject({ status: 409 });
      expect(await admin.put('/v1/leaderboards/board', { shards: 2 })).toMatchObject({ status: 409 });
      expect(await admin.put('/v1/leaderboards/new', { shards: 1_000 })).toMatchObject({ status: 400 });
    });

    it('rank from 1, with the same rank for equal scores, the earlier one above', async () => {
      const { body } = await anonymous.get('/v1/leaderboards/board/entries');
      expect(body).toMatchObject({ board: 'board', period: 'current', total: 6 });
      expect(
        body.entries.map(({ rank, player }: { rank: number; player: string }) => `${rank}${player}`),
      ).toEqual([...['1a', '2b', '2c', '4d', '5e', '6f']]);
      expect(body.next).toBeUndefined();
    });

    it('are paged by offset, and by a cursor', async () => {
      const page = await anonymous.get('/v1/leaderboards/board/entries?limit=2&offset=1');
      expect(page.body.entries).toMatchObject([
        { rank: 2, player: 'b' },
        { rank: 2, player: 'c' },
      ]);
      const next = await anonymous.get(`/v1/leaderboards/board/entries?limit=2&cursor=${page.body.next}`);
      expect(next.body.entries).toMatchObject([
        { rank: 4, player: 'd' },
        { rank: 5, player: 'e' },
      ]);
      expect((await anonymous.get('/v1/leaderboards/board/entries?offset=6')).body).toMatchObject({
        total: 6,
        entries: [],
      });
    });

    it('show one entry with rank, percentile and total', async () => {
      const { status, body } = await anonymous.get('/v1/leaderboards/board/entries/c');
      expect(status).toBe(200);
      expect(body).toEqual({
        ...{
          board: 'board',
          period: 'current',
          rank: 2,
          player: 'c',
          score: 50,
          percentile: 83.33,
          total: 6,
        },
        achievedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
      expect(await anonymous.get('/v1/leaderboards/board/entries/nobody')).toMatchObject({ status: 404 });
    });

    it.each([
      ['a', ['a', 'b', 'c']],
      ['c', ['b', 'c', 'd']],
      ['f', ['d', 'e', 'f']],
    ])('show a full window around %s', async (player, window) => {
      const { body } = await anonymous.get(`/v1/leaderboards/board/around/${player}?radius=1`);
      expect(body.entries.map((entry: { player: string }) => entry.player)).toEqual(window);
    });

    it('without scores are empty', async () => {
      expect((await anonymous.get('/v1/leaderboards/empty/entries')).body).toEqual({
        ...{ board: 'empty', period: 'current', total: 0, entries: [] },
      });
    });

    it('keep the attributes of the run that counts', async () => {
      const run = (score: number, region: string) =>
        client.post('/v1/leaderboards/runs/scores', { player: 'ada', score, attributes: { region } }, WAIT);
      await run(10, 'eu');
      await run(5, 'us');
      expect((await anonymous.get('/v1/leaderboards/runs/entries/ada')).body.attributes).toEqual({
        region: 'eu',
      });
    });
  });

  describe('saves', () => {
    const put = (slot: string, document: object | string, headers: Record<string, string> = {}) =>
      client.put(`/v1/players/ada/saves/${slot}`, document, { ...WAIT, ...headers });

    it.each([
      '{"a":1.0,"a":2}',
      '{"__proto__":{"x":1},"constructor":null}',
      '{ "big": 9007199254740993, "negative zero": -0 }',
      '{"emoji":"🎲","lone":"\\ud800"}',
      '{"spaces" :\n [ ] }',
    ])('come back exactly as they were put: %s', async document => {
      expect((await put('exact', document)).status).toBe(200);
      const read = await client.get('/v1/players/ada/saves/exact');
      expect(read.text).toBe(document);
      expect(read.headers['content-type']).toBe('application/json; charset=utf-8');
    });

    it('have versions for conditional writes', async () => {
      expect(await put('guarded', { n: 0 }, { 'If-Match': '*' })).toMatchObject({ status: 412 });
      expect(await put('guarded', { n: 1 }, { 'If-None-Match': '*' })).toMatchObject({
        status: 200,
        headers: { etag: '"1"' },
        body: {
          status: 'applied',
          player: 'ada',
          slot: 'guarded',
          version: 1,
          bytes: 7,
          updatedAt: expect.any(String),
        },
      });
      expect(await put('guarded', { n: 2 }, { 'If-Match': '"1"' })).toMatchObject({
        status: 200,
        headers: { etag: '"2"' },
      });
      for (const headers of [{ 'If-Match': '"1"' }, { 'If-None-Match': '*' }]) {
        expect(await put('guarded', { n: 3 }, headers)).toMatchObject({
          status: 412,
          headers: { etag: '"2"' },
        });
      }
      expect(await client.get('/v1/players/ada/saves/guarded')).toMatchObject({
        headers: { etag: '"2"' },
        body: { n: 2 },
      });
    });

    it('are not sent again to a client that has the current version', async () => {
      await put('cached', { n: 1 });
      const read = await client.get('/v1/players/ada/saves/cached', { 'If-None-Match': '"1"' });
      expect(read).toMatchObject({ status: 304, text: '', headers: { etag: '"1"' } });
      await put('cached', { n: 2 });
      expect((await client.get('/v1/players/ada/saves/cached', { 'If-None-Match': '"1"' })).body).toEqual({
        n: 2,
      });
    });

    it('written by many at once under If-Match lose no update', async () => {
      await put('counter', { n: 0 });
      const increment = async (): Promise<void> => {
        for (;;) {
          const { body, headers } = await client.get('/v1/players/ada/saves/counter');
          const { status } = await put('counter', { n: body.n + 1 }, { 'If-Match': headers.etag ?? '' });
          if (status === 200) return;
          expect(status).toBe(412);
        }
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      expect((await client.get('/v1/players/ada/saves/counter')).body).toEqual({ n: 12 });
    }, 20_000);

    it('hold 256 KiB and no more', async () => {
      const document = (bytes: number) => `{"x":"${'x'.repeat(bytes - 8)}"}`;
      expect((await put('large', document(256 * 1024))).status).toBe(200);
      const refused = await put('large', document(256 * 1024 + 1));
      expect(refused).toMatchObject({ status: 413, body: { detail: expect.stringContaining('262144') } });
    });
  });

  describe('profiles', () => {
    const patch = (player: string, body: object | string, headers: Record<string, string> = WAIT) =>
      client.send('PATCH', `/v1/players/${player}`, body, headers);

    it('are public, and patched field by field', async () => {
      const first = await patch('ada', { name: 'Ada', country: 'GB', look: { hat: 1, cape: 2 } });
      expect(first).toMatchObject({ status: 200, headers: { etag: '"1"', 'preference-applied': 'wait=5' } });
      expect(first.body).toEqual({
        ...{ eventId: expect.any(String), status: 'applied', player: 'ada' },
        profile: { name: 'Ada', country: 'GB', look: { hat: 1, cape: 2 } },
      });
      const type = { 'Content-Type': 'application/merge-patch+json; charset=utf-8' };
      await patch('ada', { country: null, look: { cape: null } }, { ...WAIT, ...type });
      const read = await anonymous.get('/v1/players/ada');
      expect(read).toMatchObject({ status: 200, headers: { etag: '"2"' } });
      expect(read.body).toEqual({ playerId: 'ada', name: 'Ada', look: { hat: 1 } });
    });

    it('of players without one are just the id', async () => {
      const read = await anonymous.get('/v1/players/unknown');
      expect(read).toMatchObject({ status: 200, body: { playerId: 'unknown' } });
      expect(Object.keys(read.body)).toEqual(['playerId']);
      expect(read.headers.etag).toBeUndefined();
      expect((await anonymous.get('/v1/players/.unknown')).status).toBe(400);
    });

    it('are accepted at once, and can be read by naming the event', async () => {
      for (let n = 1; n <= 5; n++) {
        const accepted = await patch('eager', { n }, {});
        expect(accepted.status).toBe(202);
        const read = await anonymous.get('/v1/players/eager', { 'If-Applied': accepted.body.eventId });
        expect(read.body).toEqual({ playerId: 'eager', n });
      }
    });

    it('are patched once under an Idempotency-Key, and at one version under If-Match', async () => {
      const key = { ...WAIT, 'Idempotency-Key': 'p' };
      await patch('careful', { n: 1 }, key);
      expect(await patch('careful', { n: 1 }, key)).toMatchObject({
        headers: { etag: '"1"', 'idempotency-replayed': 'true' },
      });
      expect((await patch('careful', { n: 2 }, { ...WAIT, 'If-Match': '"1"' })).status).toBe(200);
      expect(await patch('careful', { n: 3 }, { 'If-Match': '"1"' })).toMatchObject({
        status: 412,
        headers: { etag: '"2"' },
      });
    });

    it('hold 8 KiB and no more', async () => {
      const body = (bytes: number) => `{"x":"${'x'.repeat(bytes - 8)}"}`;
      expect((await patch('large', body(8_192))).status).toBe(200);
      for (const refused of [await patch('large', body(8_193)), await patch('large', body(300_000))])
        expect(refused).toMatchObject({ status: 413, body: { detail: expect.stringContaining('8192') } });
      expect(await patch('large', { y: 1 })).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:profile-too-large', detail: expect.stringContaining('8192') },
      });
      expect((await patch('large', { x: null, y: 1 })).body.profile).toEqual({ y: 1 });
    });
  });

  describe('players', () => {
    it('are found by the beginning of their name in any case, page by page', async () => {
      for (const [player, patch] of [
        ['f1', { name: 'Hercules', country: 'GR', title: 'hero', avatar: 'lion' }],
        ['f2', { name: 'HERA' }],
        ['f3', { name: 'Sherlock' }],
      ] as const)
        await client.send('PATCH', `/v1/players/${player}`, patch, WAIT);
      const first = await anonymous.get('/v1/players?name=her&limit=1');
      expect(first).toMatchObject({
        status: 200,
        body: { players: [{ playerId: 'f2', name: 'HERA' }], next: expect.any(String) },
      });
      expect((await anonymous.get(`/v1/players?name=her&limit=1&cursor=${first.body.next}`)).body).toEqual({
        players: [{ playerId: 'f1', name: 'Hercules', country: 'GR', avatar: 'lion' }],
      });
      const { body } = await client.send('PATCH', '/v1/players/f2', { name: null });
      const left = await anonymous.get('/v1/players?name=HER', { 'If-Applied': body.eventId });
      expect(left.body.players).toMatchObject([{ playerId: 'f1' }]);
    });
  });

  describe('bad input', () => {
    const scores = '/v1/leaderboards/b/scores';
    const save = '/v1/players/ada/saves/auto';
    const profile = '/v1/players/nobody';
    const ok = { player: 'ada', score: 1 };

    it.each<Case>([
      [400, 'no body', 'POST', scores],
      [400, 'a body that is not JSON', 'POST', scores, '{'],
      [400, 'a list', 'POST', scores, '[]'],
      [400, 'null', 'POST', scores, 'null'],
      [400, 'a missing score', 'POST', scores, { player: 'ada' }],
      [400, 'a missing player', 'POST', scores, { score: 1 }],
      [400, 'a score in quotes', 'POST', scores, { ...ok, score: '1' }],
      [400, 'a score of null', 'POST', scores, { ...ok, score: null }],
      [400, 'a score of NaN', 'POST', scores, '{"player":"ada","score":NaN}'],
      [400, 'an infinite score', 'POST', scores, '{"player":"ada","score":1e999}'],
      [422, 'a score beyond 2^53', 'POST', scores, '{"player":"ada","score":9007199254740993}'],
      [422, 'a score far below', 'POST', scores, { ...ok, score: -1e300 }],
      [400, 'an unknown field', 'POST', scores, { ...ok, speed: 1 }],
      [400, 'a polluting field', 'POST', scores, '{"player":"ada","score":1,"__proto__":{"x":1}}'],
      [400, 'a player that is no id', 'POST', scores, { ...ok, player: 'a b' }],
      [400, 'me with a key', 'POST', scores, { ...ok, player: 'me' }],
      [400, 'attributes that are a list', 'POST', scores, { ...ok, attributes: [1] }],
      [400, 'attributes that are nested', 'POST', scores, { ...ok, attributes: { a: { b: 1 } } }],
      [400, 'a board with a space', 'POST', '/v1/leaderboards/a%20b/scores', ok],
      [400, 'a board with a control character', 'POST', '/v1/leaderboards/a%00b/scores', ok],
      [400, 'a board with a brace', 'POST', '/v1/leaderboards/%7Bs1%7D/scores', ok],
      [400, 'a board of 65 characters', 'POST', `/v1/leaderboards/${'b'.repeat(65)}/scores`, ok],
      [400, 'broken percent-encoding', 'GET', '/v1/leaderboards/%E0%A4%A/entries'],
      [400, 'a search for nothing', 'GET', '/v1/players'],
      [400, 'a search for what nobody sees', 'GET', '/v1/players?name=%20%E2%80%8B'],
      [400, 'a search for 65 characters', 'GET', `/v1/players?name=${'x'.repeat(65)}`],
      [400, 'a search with a cursor of another one', 'GET', '/v1/players?name=ada&cursor=eAB5'],
      [400, 'a page of 101 players', 'GET', '/v1/players?name=ada&limit=101'],
      [400, 'a limit of 0', 'GET', '/v1/leaderboards/b/entries?limit=0'],
      [400, 'a limit of 1001', 'GET', '/v1/leaderboards/b/entries?limit=1001'],
      [400, 'a limit that is no number', 'GET', '/v1/leaderboards/b/entries?limit=ten'],
      [400, 'two limits', 'GET', '/v1/leaderboards/b/entries?limit=1&limit=2'],
      [400, 'a negative offset', 'GET', '/v1/leaderboards/b/entries?offset=-1'],
      [400, 'a forged cursor', 'GET', '/v1/leaderboards/b/entries?cursor=AAAA'],
      [400, 'a period that is not there', 'GET', '/v1/leaderboards/b/entries?period=previous'],
      [400, 'a radius too large', 'GET', '/v1/leaderboards/b/around/ada?radius=501'],
      [
        400,
        'an If-Applied that is no event',
        'GET',
        '/v1/leaderboards/b/entries',
        undefined,
        { 'If-Applied': 'x' },
      ],
      [400, 'a wait of 0', 'POST', scores, ok, { Prefer: 'wait=0' }],
      [400, 'a wait of 11', 'POST', scores, ok, { Prefer: 'wait=11' }],
      [400, 'an Idempotency-Key of two words', 'POST', scores, ok, { 'Idempotency-Key': 'a b' }],
      [400, 'an Idempotency-Key too long', 'POST', scores, ok, { 'Idempotency-Key': 'k'.repeat(129) }],
      [
        415,
        'a form',
        'POST',
        scores,
        'player=ada&score=1',
        { 'Content-Type': 'application/x-www-form-urlencoded' },
      ],
      [415, 'plain text', 'POST', scores, '{"player":"ada","score":1}', { 'Content-Type': 'text/plain' }],
      [400, 'bytes that are not UTF-8', 'PUT', save, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
      [400, 'a save that is not JSON', 'PUT', save, '{"a":}'],
      [422, 'a save that is a list', 'PUT', save, '[1]'],
      [422, 'a save too deep', 'PUT', save, `{"a":${'['.repeat(64)}${']'.repeat(64)}}`],
      [400, 'a malformed If-Match', 'PUT', save, {}, { 'If-Match': 'w/"1"' }],
      [400, 'two preconditions', 'PUT', save, {}, { 'If-Match': '"1"', 'If-None-Match': '*' }],
      [400, 'no patch', 'PATCH', profile],
      [400, 'a patch that is not JSON', 'PATCH', profile, '{"name":}'],
      [400, 'a patch that pollutes', 'PATCH', profile, '{"__proto__":{"x":1}}'],
      [400, 'a patch of the id', 'PATCH', profile, { playerId: 'eve' }],
      [400, 'a name of nothing', 'PATCH', profile, { name: ' ' }],
      [422, 'a name of half a character', 'PATCH', profile, '{"name":"\\ud800"}'],
      [400, 'a name that is too long', 'PATCH', profile, { name: 'x'.repeat(65) }],
      [400, 'a country that is none', 'PATCH', profile, { country: 'gb' }],
      [422, 'a profile with an infinite number', 'PATCH', profile, '{"x":1e999}'],
      [422, 'a patch that is a list', 'PATCH', profile, '[]'],
      [422, 'a patch too deep', 'PATCH', profile, `{"a":${'['.repeat(8)}${']'.repeat(8)}}`],
      [415, 'a patch as plain text', 'PATCH', profile, '{}', { 'Content-Type': 'text/plain' }],
      [
        415,
        'a merge patch where none is taken',
        'POST',
        scores,
        ok,
        { 'Content-Type': 'application/merge-patch+json' },
      ],
      [400, 'the profile of me with a key', 'PATCH', '/v1/players/me', {}],
      [400, 'the save of me', 'GET', '/v1/players/me/saves/auto'],
      [404, 'a save that is not there', 'GET', '/v1/players/ada/saves/nothing'],
      [404, 'a route that is not there', 'GET', '/v1/nothing'],
      [401, 'a key that is not known', 'POST', scores, ok, { Authorization: 'Bearer wrong' }],
      [401, 'another scheme', 'GET', save, undefined, { Authorization: 'Basic YTpi' }],
    ])('is answered with %i: %s', async (...[status, , method, path, body, headers]) => {
      const answer = await client.send(method, path, body, headers);
      expect(answer).toMatchObject({ status, headers: { 'content-type': PROBLEM } });
      expect(answer.body).toMatchObject({ type: expect.any(String), title: expect.any(String), status });
      expect(answer.body.detail).toEqual(expect.stringMatching(/\w/));
      expect(answer.text).not.toMatch(/node_modules|at \w+ \(/);
    });

    it('leaves nothing behind', async () => {
      expect((await anonymous.get('/v1/leaderboards/b/entries')).body.total).toBe(0);
      expect((await client.get(save)).status).toBe(404);
    });

    it('names the fields that are wrong', async () => {
      const { body } = await client.post(scores, { score: 'x', speed: 1 });
      expect(body.errors.map(({ path }: { path: string }) => path).sort()).toEqual(['score', 'speed']);
    });

    it('without credentials is 401, and names the scheme', async () => {
      for (const answer of [
        await anonymous.post(scores, ok),
        await anonymous.get('/v1/players/ada/scores'),
        await anonymous.send('PATCH', profile, {}),
      ]) {
        expect(answer).toMatchObject({
          status: 401,
          headers: { 'www-authenticate': expect.stringContaining('Bearer') },
        });
      }
    });
  });

  it('lets the admin key do what a server key may', async () => {
    const { admin } = system;
    expect((await admin.post('/v1/leaderboards/admin/scores', { player: 'ada', score: 1 })).status).toBe(202);
  });

  it('makes one guest for one Idempotency-Key', async () => {
    const open = () =>
      anonymous.post('/v1/sessions', {}, { 'Idempotency-Key': 'contract-with-22-characters' });
    const [first, again] = [await open(), await open()];
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });
    for (const field of ['playerId', 'token', 'secret']) expect(again.body[field]).toBe(first.body[field]);
    expect((await anonymous.post('/v1/sessions', {}, { 'Idempotency-Key': 'short' })).status).toBe(400);
  });

  it('is described by /openapi.json, and shown at /docs', async () => {
    const { body } = await anonymous.get('/openapi.json');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/api/gamestate',
      '/api/gamestate/search',
      '/api/gamestate/{id}',
      '/api/leaderboard',
      '/api/leaderboard/{key}',
      '/api/playerstate',
      '/api/playerstate/search',
      '/api/playerstate/{id}',
      '/session',
      '/v1/admin/dead-letters',
      '/v1/admin/dead-letters/{id}',
      '/v1/admin/dead-letters/{id}/retry',
      '/v1/admin/leaderboards/{board}/events',
      '/v1/admin/log/accept-loss',
      '/v1/admin/players/{player}/events',
      '/v1/admin/rebuilds',
      '/v1/admin/rebuilds/{id}',
      '/v1/admin/streams',
      '/v1/admin/verifications',
      '/v1/admin/verifications/{id}',
      '/v1/leaderboards',
      '/v1/leaderboards/{board}',
      '/v1/leaderboards/{board}/around/{player}',
      '/v1/leaderboards/{board}/entries',
      '/v1/leaderboards/{board}/entries/{player}',
      '/v1/leaderboards/{board}/live',
      '/v1/leaderboards/{board}/lookup',
      '/v1/leaderboards/{board}/scores',
      '/v1/me',
      '/v1/players',
      '/v1/players/me/transfer-codes',
      '/v1/players/{player}',
      '/v1/players/{player}/ban',
      '/v1/players/{player}/entries',
      '/v1/players/{player}/export',
      '/v1/players/{player}/saves',
      '/v1/players/{player}/saves/{slot}',
      '/v1/players/{player}/saves/{slot}/history',
      '/v1/players/{player}/saves/{slot}/restore',
      '/v1/players/{player}/scores',
      '/v1/players/{player}/sessions',
      '/v1/scores',
      '/v1/scores/import',
      '/v1/sessions',
      '/v1/sessions/current',
    ]);
    const { post } = body.paths['/v1/leaderboards/{board}/scores'];
    expect(Object.keys(post.responses).sort()).toEqual([
      '200',
      '202',
      '400',
      '401',
      '403',
      '404',
      '409',
      '413',
      '415',
      '422',
      '429',
      '503',
    ]);
    expect(post.security).toEqual(expect.arrayContaining([{ bearer: [] }, { cookie: [] }]));
    expect((await anonymous.get('/docs')).text).toContain('swagger-ui');
    expect((await anonymous.get('/')).text).toContain('href="/docs"');
  });

  it.each(['gateway', 'scores', 'saves', 'ranking-projector'])('has health and metrics on %s', async name => {
    const port = name === 'gateway' ? system.port : system.healthPort(name);
    const service = new Client(port);
    expect(await service.get('/healthz')).toMatchObject({ status: 200, body: { status: 'alive' } });
    expect(await service.get('/readyz')).toMatchObject({
      status: 200,
      body: { checks: { redis: 'ok', groups: 'ok' } },
    });
    expect((await service.get('/metrics')).text).toContain(`app="${name}"`);
    service.close();
  });
});
