import { type Answer, Client, inParallel } from '../support/client.js';
import { SharedSystem } from '../support/system.js';

const BOARD = 'leaderboards:survivor-Grassland';
const PROBLEM = 'application/problem+json; charset=utf-8';
const NOT_FOUND = { status: 404, text: '{"status":404,"message":"Not Found"}' };

/** A browser: it sends the last cookie that it received. */
class Browser {
  id = '';
  private cookie = '';
  readonly cookies: string[] = [];

  constructor(private readonly client: Client) {}

  async send(method: string, path: string, body?: object | string | Buffer): Promise<Answer> {
    const answer = await this.client.send(
      method,
      path,
      body,
      this.cookie === '' ? {} : { Cookie: this.cookie },
    );
    const [set] = answer.headers['set-cookie'] ?? [];
    if (set) {
      this.cookies.push(set);
      [this.cookie = ''] = set.split(';');
    }
    return answer;
  }

  get(path: string) {
    return this.send('GET', path);
  }

  /** @param playerData text is sent unchanged */
  create(playerData: object | string) {
    return this.send('POST', '/api/playerstate/', wrapped(playerData));
  }

  update(playerData: object | string) {
    return this.send('PATCH', '/api/playerstate/', wrapped(playerData));
  }

  score(score: unknown, name = 'Ada', key = BOARD) {
    return this.send('POST', '/api/leaderboard/', { key, score, member: `${name}-${this.id}` });
  }
}

const wrapped = (document: object | string) =>
  `{"playerData": ${typeof document === 'string' ? document : JSON.stringify(document)}}`;

describe("the calls of Cache Quest's client", () => {
  const system = new SharedSystem();
  const client = system.connect();
  afterAll(() => system.close());

  const enter = async (): Promise<Browser> => {
    const browser = new Browser(client);
    const { body } = await browser.get('/session');
    browser.id = body.id;
    return browser;
  };

  describe('a session', () => {
    it('stays the same while the cookie is sent, and every response renews the cookie', async () => {
      const ada = await enter();
      expect(ada.id).toMatch(/^p[a-z2-7]{20}$/);
      const answers = [
        await ada.get('/session'),
        await ada.get('/session/'),
        await ada.get(`/api/playerstate/${ada.id}`),
        await ada.create({ id: 'another' }),
        await ada.create({ id: ada.id }),
        await ada.get('/api/leaderboard/nobody-here'),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 403, 200, 404]);
      expect(answers[1]?.text).toBe(JSON.stringify({ id: ada.id }));
      expect(new Set(ada.cookies).size).toBe(1);
      expect(ada.cookies).toHaveLength(1 + answers.length);
      expect(ada.cookies[0]).toMatch(
        /^questlog_session=[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=604800$/,
      );
      expect(answers.map(({ headers }) => headers['cache-control'])).toEqual([
        ...['no-store', 'no-store', 'no-cache', 'no-cache', 'no-cache', 'no-cache'],
      ]);
    });

    it('is the one of POST /v1/sessions if the game opened one before', async () => {
      const begun = await client.post('/v1/sessions', {});
      const [cookie = ''] = (begun.headers['set-cookie'] ?? [])[0]?.split(';') ?? [];
      expect((await client.get('/session', { Cookie: cookie })).body).toEqual({ id: begun.body.playerId });
      const bearer = { Authorization: `Bearer ${begun.body.token}` };
      expect((await client.get('/session', bearer)).body).toEqual({ id: begun.body.playerId });
    });

    it('cannot be used by its id, which everybody can read', async () => {
      const ada = await enter();
      const Cookie = `questlog_session=${ada.id}`;
      expect((await client.get('/session', { Cookie })).body.id).not.toBe(ada.id);
      const stolen = await client.send('POST', '/api/playerstate', wrapped({ id: ada.id }), { Cookie });
      expect(stolen).toMatchObject({ status: 401, headers: { 'content-type': PROBLEM } });
    });
  });

  describe('a document', () => {
    it('can be created, replaced completely, read by anybody, and deleted', async () => {
      const ada = await enter();
      expect(await ada.create({ id: ada.id, name: 'Ada', hat: 1 })).toMatchObject({
        status: 200,
        body: { status: 200, message: 'Player created' },
      });
      expect((await ada.update({ id: ada.id, name: 'Eve' })).body).toEqual({
        ...{ status: 200, message: 'Player updated' },
      });
      const read = await client.get(`/api/playerstate/${ada.id}`);
      expect(read).toMatchObject({ status: 200, body: { id: ada.id, name: 'Eve' } });
      expect(read.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(read.body).not.toHaveProperty('hat');
      for (const path of [`/api/playerstate/${ada.id}`, `/api/playerstate/players:${ada.id}/`]) {
        expect((await ada.send('DELETE', path)).body).toEqual({ status: 200, message: 'Player deleted' });
        expect(await client.get(path)).toMatchObject(NOT_FOUND);
      }
    });

    it('cannot be updated before it is created', async () => {
      const eve = await enter();
      expect(await eve.update({ id: eve.id })).toMatchObject(NOT_FOUND);
      expect(await eve.send('PATCH', '/api/gamestate', { gameData: { id: eve.id } })).toMatchObject(
        NOT_FOUND,
      );
      await eve.create({ id: eve.id });
      await eve.send('DELETE', `/api/playerstate/${eve.id}`);
      expect(await eve.update({ id: eve.id })).toMatchObject(NOT_FOUND);
      expect((await eve.create({ id: eve.id, again: true })).status).toBe(200);
      expect((await client.get(`/api/playerstate/${eve.id}`)).body).toEqual({ id: eve.id, again: true });
    });

    it('of the game is separate from the one of the player', async () => {
      const ada = await enter();
      await ada.create({ id: ada.id, what: 'player' });
      expect(
        (await ada.send('POST', '/api/gamestate/', { gameData: { id: ada.id, what: 'game' } })).body,
      ).toEqual({
        ...{ status: 200, message: 'Game created' },
      });
      expect((await client.get(`/api/gamestate/${ada.id}`)).body.what).toBe('game');
      expect((await client.get(`/api/playerstate/${ada.id}`)).body.what).toBe('player');
      await ada.send('DELETE', `/api/gamestate/${ada.id}`);
      expect((await client.get(`/api/playerstate/${ada.id}`)).status).toBe(200);
    });

    it('comes back byte for byte', async () => {
      const ada = await enter();
      for (const rest of [
        '"big": 9007199254740993, "negative zero": -0, "one": 1.0',
        '"__proto__":{"x":1},"constructor":null',
        '"emoji":"🎲","lone":"\\ud800","2":0,"1":0',
        '"twice":1,"twice":2,"quotes":"}, {\\"playerData\\": [",\n\t"empty" : { }',
      ]) {
        const document = `{"id":"${ada.id}",${rest} }`;
        expect((await ada.create(document)).status).toBe(200);
        expect((await client.get(`/api/playerstate/${ada.id}`)).text).toBe(document);
      }
    });

    it('is read as it was written, immediately after the write', async () => {
      const ada = await enter();
      for (let n = 1; n <= 20; n++) {
        expect((await (n === 1 ? ada.create : ada.update).call(ada, { id: ada.id, n })).status).toBe(200);
        expect((await client.get(`/api/playerstate/${ada.id}`)).body.n).toBe(n);
      }
    });

    it('is a save, with a history', async () => {
      const ada = await enter();
      await ada.create({ id: ada.id, n: 1 });
      await ada.update({ id: ada.id, n: 2 });
      const { body } = await ada.get(`/v1/players/me/saves/cache-quest:player/history`);
      expect(body.versions.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
    });

    it('can be written by its own session only', async () => {
      const [ada, eve] = [await enter(), await enter()];
      await ada.create({ id: ada.id, name: 'Ada' });
      for (const refused of [
        await eve.create({ id: ada.id }),
        await eve.update({ id: ada.id }),
        await eve.send('DELETE', `/api/playerstate/${ada.id}`),
        await eve.send('DELETE', `/api/playerstate/players:${ada.id}`),
        await eve.create({ id: eve.id.toUpperCase() }),
        await system.client.send('POST', '/api/playerstate', wrapped({ id: ada.id })),
      ])
        expect(refused).toMatchObject({ status: 403, headers: { 'content-type': PROBLEM } });
      const anonymous = await client.send('POST', '/api/playerstate', wrapped({ id: ada.id }));
      expect(anonymous).toMatchObject({ status: 401, headers: { 'content-type': PROBLEM } });
      expect((await client.get(`/api/playerstate/${ada.id}`)).body).toEqual({ id: ada.id, name: 'Ada' });
    });

    it('holds up to 256 KiB and 64 levels', async () => {
      const ada = await enter();
      const sized = (bytes: number) => `{"id":"${ada.id}","x":"${'x'.repeat(bytes - 16 - ada.id.length)}"}`;
      const deep = (levels: number) =>
        `{"id":"${ada.id}","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
      expect(Buffer.byteLength(sized(100))).toBe(100);
      for (const fits of [sized(256 * 1024), deep(64)]) expect((await ada.create(fits)).status).toBe(200);
      expect(await ada.create(sized(256 * 1024 + 1))).toMatchObject({
        status: 413,
        body: { detail: expect.stringContaining('262144') },
      });
      expect((await ada.create(sized(300 * 1024))).status).toBe(413);
      expect(await ada.create(deep(65))).toMatchObject({
        status: 422,
        body: { type: 'urn:questlog:too-deep' },
      });
    });

    it.each([
      [400, 'nothing', ''],
      [400, 'no JSON', '{"playerData": {]'],
      [400, 'a list', '[]'],
      [400, 'null', 'null'],
      [400, 'no document', '{}'],
      [400, 'another field', '{"playerData": {"id": "ID"}, "more": 1}'],
      [400, "the game's field", '{"gameData": {"id": "ID"}}'],
      [400, 'a document without an id', '{"playerData": {"name": "Ada"}}'],
      [400, 'an id that is a number', '{"playerData": {"id": 6379}}'],
      [400, 'an id that is inherited', '{"playerData": {"__proto__": {"id": "ID"}}}'],
      [403, 'two ids, of which the last is another', '{"playerData": {"id": "ID", "id": "other"}}'],
      [422, 'two documents', '{"playerData": {"id": "ID"}, "playerData": {"id": "ID"}}'],
      [422, 'a document that is text', '{"playerData": "ID"}'],
      [422, 'a document that is a list', '{"playerData": ["ID"]}'],
      [422, 'a document that is null', '{"playerData": null}'],
    ])('is refused with %i: %s', async (status, _, body) => {
      const ada = await enter();
      for (const method of ['POST', 'PATCH']) {
        const answer = await ada.send(method, '/api/playerstate/', body.replaceAll('ID', ada.id));
        expect(answer).toMatchObject({ status, headers: { 'content-type': PROBLEM }, body: { status } });
      }
      expect((await client.get(`/api/playerstate/${ada.id}`)).status).toBe(404);
    });

    it('is accepted as JSON only', async () => {
      const ada = await enter();
      const text = { 'Content-Type': 'text/plain' };
      expect((await client.send('POST', '/api/playerstate/', wrapped({ id: ada.id }), text)).status).toBe(
        415,
      );
    });

    it.each(['nobody', 'pabcdefghij234567klmn', 'players:nobody'])('of %s does not exist', async id => {
      expect(await client.get(`/api/playerstate/${id}`)).toMatchObject(NOT_FOUND);
    });
  });

  describe('a list', () => {
    const search = async (query: string, kind = 'playerstate') =>
      (await client.get(`/api/${kind}/search?${new URLSearchParams(query)}`)).body;
    const names = async (query: string) => {
      const { total, documents } = await search(query);
      expect(documents).toHaveLength(total);
      return documents.map(({ value }: { value: { name: string } }) => value.name).sort();
    };

    it('contains every document as it was sent', async () => {
      const ada = await enter();
      const document = `{"id":"${ada.id}", "big":9007199254740993,"zero":-0,"__proto__":{"x":1}}`;
      await ada.create(document);
      await ada.send('POST', '/api/gamestate/', `{"gameData":${document}}`);
      for (const [kind, prefix] of [
        ['playerstate', 'players'],
        ['gamestate', 'games'],
      ]) {
        const listed = `{"id":"${prefix}:${ada.id}","value":${document}}`;
        const all = await client.get(`/api/${kind}/`);
        expect(all.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(all.text).toContain(listed);
        expect(all.body.total).toBe(all.body.documents.length);
        for (const id of [ada.id, `${prefix}:${ada.id}`]) {
          const found = await client.get(`/api/${kind}/search?name=&id=${id}`);
          expect(found.text).toBe(`{"total":1,"documents":[${listed}]}`);
        }
        await ada.send('DELETE', `/api/${kind}/${ada.id}`);
        expect((await client.get(`/api/${kind}`)).text).not.toContain(ada.id);
        expect(await search(`id=${ada.id}`, kind)).toEqual({ total: 0, documents: [] });
      }
    });

    it('can be searched by words of names, immediately after a write', async () => {
      const players: Browser[] = [];
      for (const name of ['Grace Hopper', 'grace-kelly', 'Graceful', 'Hopper, Dennis', '🎲 Grace']) {
        const player = await enter();
        await player.create({ id: player.id, name });
        await player.send('POST', '/api/gamestate', { gameData: { id: player.id, name } });
        players.push(player);
      }
      expect(await names('name=grace')).toEqual(['Grace Hopper', 'grace-kelly', '🎲 Grace']);
      expect(await names('name=HOPPER GRACE')).toEqual(['Grace Hopper']);
      expect(await names('name=hopper')).toEqual(['Grace Hopper', 'Hopper, Dennis']);
      expect(await names('name=🎲')).toEqual(['🎲 Grace']);
      expect(await names('name=nobody-is-named-so')).toEqual([]);
      const [hopper, kelly] = players as [Browser, Browser];
      expect(await names(`name=grace&id=${kelly.id}`)).toEqual(['grace-kelly']);
      expect(await names(`name=hopper&id=${kelly.id}`)).toEqual([]);
      await hopper.update({ id: hopper.id, name: 'Admiral' });
      expect(await names('name=hopper')).toEqual(['Hopper, Dennis']);
      expect(await names('name=admiral&id=')).toEqual(['Admiral']);
    });

    it('has at most 100 documents, and the total number', async () => {
      await inParallel(101, 20, async i => {
        const player = await enter();
        await player.create({ id: player.id, name: `Crowd ${i}` });
      });
      const { total, documents } = await search('name=crowd');
      expect([total, documents.length]).toEqual([101, 100]);
      expect((await client.get('/api/playerstate/')).body.documents).toHaveLength(100);
    }, 60_000);

    it('stops adding documents when the response gets too large', async () => {
      await inParallel(30, 5, async () => {
        const player = await enter();
        await player.create({ id: player.id, name: 'Large', x: 'x'.repeat(250_000) });
      });
      const { total, documents } = await search('name=large');
      expect(total).toBe(30);
      expect(documents.length).toBeGreaterThan(10);
      expect(documents.length).toBeLessThan(30);
    }, 60_000);

    it.each(['id=a b', 'id={s0}', 'id=a&id=b', 'name=a&name=b', `name=${'x'.repeat(257)}`])(
      'rejects a search by %s',
      async query => {
        const answer = await client.get(`/api/playerstate/search?${new URLSearchParams(query)}`);
        expect(answer).toMatchObject({ status: 400, headers: { 'content-type': PROBLEM } });
      },
    );
  });

  describe('a board', () => {
    const best = (count = 10, key = BOARD) => client.get(`/api/leaderboard/${key}?count=${count}`);

    it('without scores does not exist', async () => {
      expect(await best(10, 'leaderboards:survivor-Mountains')).toMatchObject({
        status: 404,
        text: '{"status":404,"message":"No leaderboard entries found"}',
      });
    });

    it('shows the best of each player, and members as they were sent', async () => {
      const key = 'leaderboards:survivor-Names';
      const names = ['Ada', 'Ada', 'Dr. Bob Smith', 'Zoë-Lou', '🎲🏰', '-', ''];
      const members: string[] = [];
      for (const [i, name] of names.entries()) {
        const player = await enter();
        for (const score of [50 - i, 100 - i, 70 - i]) {
          const answer = await player.score(score, name, key);
          expect(answer).toMatchObject({ status: 200, body: { status: 200, message: expect.any(String) } });
        }
        members.push(`${name}-${player.id}`);
      }
      const expected = members.map((value, i) => ({ value, score: 100 - i }));
      expect((await best(10, key)).body).toEqual(expected);
      expect((await best(3, key)).body).toEqual(expected.slice(0, 3));
      expect((await best(10, encodeURIComponent(key))).body).toEqual(expected);
      expect((await client.get(`/api/leaderboard/${key}/?count=1`)).body).toEqual(expected.slice(0, 1));
      expect((await client.get(`/api/leaderboard/${key}`)).body).toEqual(expected);
    });

    it('is the same board as in /v1, and shows the names of profiles', async () => {
      const [ada, bob] = [await enter(), await enter()];
      const key = 'leaderboards:both';
      await ada.score(10, 'Ada', key);
      const submit = (player: string, score: number, attributes: object) =>
        system.client.post(
          `/v1/leaderboards/${key}/scores`,
          { player, score, attributes },
          { Prefer: 'wait=5' },
        );
      await bob.send('PATCH', '/v1/players/me', { name: 'Bob' });
      await submit(bob.id, 20, { region: 'eu' });
      await submit('carol', 5, { member: `Eve-${ada.id}` });
      expect((await best(10, key)).body).toEqual([
        { value: `Bob-${bob.id}`, score: 20 },
        { value: `Ada-${ada.id}`, score: 10 },
        { value: 'carol-carol', score: 5 },
      ]);
      const { body } = await client.get(`/v1/leaderboards/${key}/entries/${ada.id}`);
      expect(body).toMatchObject({ score: 10, attributes: { member: `Ada-${ada.id}` } });
    });

    it('accepts scores for the own member only', async () => {
      const [ada, eve] = [await enter(), await enter()];
      const key = 'leaderboards:own';
      for (const member of [
        `Ada-${ada.id}`,
        `Eve${eve.id}`,
        `Eve-${eve.id}-`,
        eve.id,
        'Eve',
        `-${eve.id} `,
      ]) {
        const refused = await eve.send('POST', '/api/leaderboard/', { key, score: 1, member });
        expect(refused).toMatchObject({ status: 403, headers: { 'content-type': PROBLEM } });
      }
      const anonymous = await client.post('/api/leaderboard/', { key, score: 1, member: `Eve-${eve.id}` });
      expect(anonymous.status).toBe(401);
      expect((await best(10, key)).status).toBe(404);
    });

    it('accepts members of up to 256 characters', async () => {
      const ada = await enter();
      const key = 'leaderboards:long';
      const name = 'x'.repeat(255 - ada.id.length);
      expect((await ada.score(1, name, key)).status).toBe(200);
      expect((await best(1, key)).body).toEqual([{ value: `${name}-${ada.id}`, score: 1 }]);
      expect(await ada.score(2, `${name}x`, key)).toMatchObject({
        status: 400,
        body: { errors: [{ path: 'member', message: expect.stringContaining('256') }] },
      });
    });

    it.each([
      [400, 'a key that is no id', { key: 'a b' }],
      [400, 'no key', { key: undefined }],
      [400, 'a score in quotes', { score: '1' }],
      [400, 'no score', { score: undefined }],
      [422, 'a score beyond 2^53', { score: 1e300 }],
      [400, 'a member that is a number', { member: 1 }],
      [400, 'half a character', { name: '\ud800' }],
      [400, 'an unknown field', { player: 'ada' }],
    ])('is refused with %i: %s', async (status, _, { name = 'Ada', ...fields }: Record<string, unknown>) => {
      const ada = await enter();
      const member = `${name}-${ada.id}`;
      const answer = await ada.send('POST', '/api/leaderboard', {
        ...{ key: 'leaderboards:bad', score: 1, member },
        ...fields,
      });
      expect(answer).toMatchObject({ status, headers: { 'content-type': PROBLEM } });
      expect((await best(1, 'leaderboards:bad')).status).toBe(404);
    });

    it.each([0, 1001, 'ten', -1, 1.5])('rejects a count of %s', async count => {
      const answer = await client.get(`/api/leaderboard/${BOARD}?count=${count}`);
      expect(answer).toMatchObject({ status: 400, headers: { 'content-type': PROBLEM } });
    });
  });
});
