import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { cacheQuestBoardsKey } from '../cache-quest/made-boards-key.js';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const SERVER_KEY = 'a-server-key-of-20-characters';

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  json(): Record<string, unknown>;
}

describe('quotas', () => {
  let test: TestLog;
  let opened: NestFastifyApplication[] = [];

  const open = async (environment: Readonly<Record<string, string>>) => {
    const keys = { ADMIN_KEYS: ADMIN, SERVER_KEYS: SERVER_KEY };
    const gateway = await openTestGateway(test, { ...keys, ...environment });
    opened.push(gateway);
    return gateway;
  };
  const call = async (
    gateway: NestFastifyApplication,
    token: string | undefined,
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> =>
    gateway.inject({
      ...{ method, url, ...(payload && { payload }), remoteAddress: '10.9.8.7' },
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    });
  const guestOf = async (gateway: NestFastifyApplication) => {
    const answer = await call(gateway, undefined, 'POST', '/v1/sessions', {});
    expect(answer.statusCode).toBe(201);
    return answer.json() as { playerId: string; token: string };
  };
  const submit = (gateway: NestFastifyApplication, token: string, board: string, body: object = {}) =>
    call(gateway, token, 'POST', `/v1/leaderboards/${board}/scores`, { score: 1, ...body });
  const statuses = (answers: readonly Answer[]) => answers.map(({ statusCode }) => statusCode).sort();
  const newBoard = () => `board-${Math.random().toString(36).slice(2)}`;

  beforeAll(async () => {
    test = await openTestLog();
  });
  afterEach(async () => {
    await Promise.all(opened.map(gateway => gateway.close()));
    opened = [];
  });
  afterAll(() => test.close());

  it('of saves answer 409 with the quota, the limit and the use', async () => {
    const gateway = await open({ QUOTAS: 'player.slots=1,player.saveBytes=1KiB' });
    const { token } = await guestOf(gateway);
    const put = (slot: string, payload: object) =>
      call(gateway, token, 'PUT', `/v1/players/me/saves/${slot}`, payload);
    expect((await put('a', { a: 1 })).statusCode).toBe(202);
    const refused = await put('b', {});
    expect(refused.statusCode).toBe(409);
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    expect(refused.json()).toEqual({
      ...{ type: 'urn:questlog:quota-exceeded', title: 'Conflict', status: 409 },
      detail: expect.stringMatching(/^player\.slots is 1, and 1 are used: write to a slot that was used/),
      ...{ quota: 'player.slots', limit: 1, used: 1 },
    });
    expect((await put('a', { a: 'x'.repeat(2_000) })).json()).toMatchObject({
      ...{ status: 409, quota: 'player.saveBytes', limit: 1_024, used: 7 },
    });
    const patched = await call(
      ...([gateway, token, 'PATCH', '/v1/players/me/saves/a', { b: 'x'.repeat(2_000) }] as const),
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(patched.json()).toMatchObject({ status: 409, quota: 'player.saveBytes' });
  });

  it('of boards hold over all partitions for concurrent scores', async () => {
    const gateway = await open({ QUOTAS: 'player.boards=3' });
    const { token, playerId } = await guestOf(gateway);
    const boards = Array.from({ length: 9 }, newBoard);
    const answers = await Promise.all(boards.map(board => submit(gateway, token, board)));
    expect(statuses(answers)).toEqual([202, 202, 202, ...new Array(6).fill(409)]);
    expect(answers.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({
      ...{ type: 'urn:questlog:quota-exceeded', quota: 'player.boards', limit: 3, used: 3 },
    });
    const mine = boards.filter((_, i) => answers[i]?.statusCode === 202);
    for (const board of mine) expect((await submit(gateway, token, board)).statusCode).toBe(202);
    const other = await open({ QUOTAS: 'player.boards=3' });
    expect((await submit(other, token, newBoard())).statusCode).toBe(409);
    expect((await submit(other, token, mine[0] ?? '')).statusCode).toBe(202);
    const list = { scores: [mine[0], newBoard()].map(board => ({ board, score: 1 })) };
    const { results } = (await call(gateway, token, 'POST', '/v1/scores', list)).json() as {
      results: object[];
    };
    expect(results).toEqual([{ eventId: expect.any(String) }, expect.objectContaining({ status: 409 })]);
    const ofKey = { score: 1, player: playerId };
    expect((await submit(gateway, SERVER_KEY, newBoard(), ofKey)).statusCode).toBe(202);
  });

  it('of bytes count everything that a player appends, and answer with Retry-After', async () => {
    const gateway = await open({ QUOTAS: 'player.bytesPerHour=20000' });
    const boards = Array.from({ length: 5 }, newBoard);
    const attributes = { note: 'x'.repeat(250) };
    const writes: ((token: string, i: number) => Promise<Answer>)[] = [
      (token, i) => submit(gateway, token, boards[i % 5] ?? '', { attributes }),
      token => call(gateway, token, 'PUT', '/v1/players/me/saves/a', { a: 'x'.repeat(1_500) }),
      (token, i) => call(gateway, token, 'PATCH', '/v1/players/me/saves/a', { b: i }, MERGE),
      (token, i) => call(gateway, token, 'PATCH', '/v1/players/me', { note: 'x'.repeat(500), i }),
      token => call(gateway, token, 'POST', '/v1/players/me/saves/a/restore', { version: 1 }),
    ];
    const { token } = await guestOf(gateway);
    const lengths = async () => {
      const { redis, topology } = test;
      const all = [...topology.all('scores'), ...topology.all('players')];
      const sizes = await Promise.all(all.map(keys => redis.xrange(keys.stream, '-', '+')));
      return JSON.stringify(sizes.flat().filter(([, fields]) => fields.join().includes('xxx'))).length;
    };
    const before = await lengths();
    let refused: Answer | undefined;
    for (let i = 0; !refused && i < 200; i++) {
      const answer = await writes[i % writes.length]?.(token, i);
      if (answer?.statusCode === 429) refused = answer;
      else expect([200, 202, 404, 503]).toContain(answer?.statusCode);
    }
    expect(refused?.json()).toMatchObject({
      type: 'urn:questlog:quota-exceeded',
      quota: 'player.bytesPerHour',
    });
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(3_000);
    expect((await lengths()) - before).toBeLessThan(20_000);
    // What is smaller may have fitted still.
    for (let i = 0; i < 200 && (await submit(gateway, token, boards[0] ?? '')).statusCode !== 429; i++);
    for (const [i, write] of writes.entries())
      if (i > 0) expect([429, 404, 503]).toContain((await write(token, i)).statusCode);
    expect((await call(gateway, token, 'DELETE', '/v1/players/me')).statusCode).toBeLessThan(300);
  });

  it('of guests count by address, or by /56 of IPv6', async () => {
    const gateway = await open({ QUOTAS: 'address.guestsPerHour=2' });
    const make = (remoteAddress: string, url = '/v1/sessions', key?: string) =>
      gateway.inject({
        ...(url === '/session'
          ? { method: 'GET' as const, url }
          : { method: 'POST' as const, url, payload: {} }),
        remoteAddress,
        headers: key ? { authorization: `Bearer ${key}` } : {},
      });
    expect((await make('10.0.0.1')).statusCode).toBe(201);
    expect((await make('10.0.0.1', '/session')).statusCode).toBe(200);
    for (const url of ['/v1/sessions', '/session']) {
      const refused = await make('10.0.0.1', url);
      expect(refused.statusCode).toBe(429);
      expect(refused.json()).toMatchObject({ quota: 'address.guestsPerHour', limit: 2 });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3_000);
    }
    expect((await make('10.0.0.2')).statusCode).toBe(201);
    expect((await make('10.0.0.1', '/v1/sessions', SERVER_KEY)).statusCode).toBe(201);
    for (const [address, status] of [
      ['2001:db8:1:1201::1', 201],
      ['2001:db8:1:12ff::1', 201],
      ['2001:db8:1:1299::1', 429],
      ['2001:db8:1:1300::1', 201],
    ] as const)
      expect((await make(address)).statusCode).toBe(status);
  });

  it('can be switched off', async () => {
    const gateway = await open({ QUOTAS: 'off' });
    const { token } = await guestOf(gateway);
    const answers = await Promise.all(Array.from({ length: 5 }, () => submit(gateway, token, newBoard())));
    expect(statuses(answers)).toEqual(new Array(5).fill(202));
  });

  describe('of boards that are not defined', () => {
    it('refuse the first score where boards must be defined', async () => {
      const gateway = await open({ BOARDS: 'defined', QUOTAS: 'player.boards=2' });
      const { token } = await guestOf(gateway);
      const board = newBoard();
      for (const [key, body] of [
        [token, {}],
        [SERVER_KEY, { player: 'ada' }],
        [ADMIN, { player: 'ada' }],
      ] as const) {
        const refused = await submit(gateway, key, board, body);
        expect(refused.statusCode).toBe(404);
        expect(refused.json()).toMatchObject({ type: 'urn:questlog:no-such-board' });
      }
      // A board that there is not is none of the player's.
      for (let i = 0; i < 3; i++) expect((await submit(gateway, token, newBoard())).statusCode).toBe(404);
      const list = { scores: [{ board: newBoard(), player: 'ada', score: 1 }] };
      expect((await call(gateway, SERVER_KEY, 'POST', '/v1/scores', list)).json()).toMatchObject({
        results: [{ status: 404, type: 'urn:questlog:no-such-board' }],
      });
      await call(gateway, ADMIN, 'PUT', `/v1/leaderboards/${board}`, { order: 'desc', operator: 'best' });
      expect((await submit(gateway, token, board)).statusCode).toBe(202);
    });

    it.each(['defined', 'open'])(
      'limit the boards that the routes of Cache Quest create (BOARDS=%s)',
      async mode => {
        const gateway = await open({ BOARDS: mode, CACHE_QUEST_BOARDS: '1' });
        await test.redis.unlink(cacheQuestBoardsKey(test.prefix));
        const { token, playerId } = await guestOf(gateway);
        const play = (key: string) =>
          call(gateway, token, 'POST', '/api/leaderboard', { key, score: 1, member: `Ada-${playerId}` });
        const board = newBoard();
        // It is in the log, and no worker runs by which it could be read.
        expect((await play(board)).statusCode).toBe(503);
        const refused = await play(newBoard());
        expect(refused.statusCode).toBe(409);
        expect(refused.json()).toMatchObject({ quota: 'CACHE_QUEST_BOARDS', limit: 1, used: 1 });
        expect((await submit(gateway, token, board)).statusCode).toBe(202);
        expect((await play(board)).statusCode).toBe(503);
      },
    );

    it('accept scores on a board with scores, and refuse them after its removal', async () => {
      const board = newBoard();
      const before = await open({ BOARDS: 'open' });
      const { token } = await guestOf(before);
      expect((await submit(before, token, board)).statusCode).toBe(202);
      const gateway = await open({ BOARDS: 'defined' });
      expect((await submit(gateway, token, board)).statusCode).toBe(202);
      await call(gateway, ADMIN, 'PUT', `/v1/leaderboards/${board}`, { order: 'desc', operator: 'best' });
      await call(gateway, ADMIN, 'DELETE', `/v1/leaderboards/${board}`);
      expect((await submit(gateway, token, board)).statusCode).toBe(404);
    });
  });
});

const MERGE = { 'content-type': 'application/merge-patch+json' };
