import { spawnSync } from 'node:child_process';
import { createClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { type Answer, Client } from './support/client.js';
import { System } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };

describe('operators', () => {
  let system: System;
  let server: Client;
  let admin: Client;

  beforeAll(async () => {
    system = await System.start({ CLAIM_IDLE_MS: '500' });
    server = system.client;
    admin = system.admin;
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  const submit = (board: string, player: string, score: number) =>
    server.post(`/v1/leaderboards/${board}/scores`, { player, score }, WAIT);
  const define = (board: string, rules: object) => admin.put(`/v1/leaderboards/${board}`, rules, WAIT);
  const entries = async (board: string) =>
    (await server.get(`/v1/leaderboards/${board}/entries`)).body.entries as object[];
  const standing = async (board: string) =>
    (await server.get(`/v1/leaderboards/${board}/entries`)).body.entries.map(
      ({ rank, player, score }: { rank: number; player: string; score: number }) =>
        `${rank} ${player} ${score}`,
    );
  const finished = (start: Answer): Promise<Answer> =>
    eventually(async () => {
      const job = await admin.get(start.headers.location ?? '');
      expect(job.body.state).toMatch(/done|failed|cancelled/);
      return job;
    }, 20_000);

  describe('define boards', () => {
    it('that sum, keep the latest score, or rank the lowest first', async () => {
      expect(await define('sum', { operator: 'sum' })).toMatchObject({
        status: 200,
        body: { status: 'applied', board: 'sum', order: 'desc', operator: 'sum' },
      });
      await define('latest', { operator: 'latest' });
      await define('golf', { order: 'asc' });
      for (const board of ['sum', 'latest', 'golf'])
        for (const [player, score] of [
          ['ada', 3],
          ['bob', 4],
          ['ada', 2],
        ] as const)
          await submit(board, player, score);
      expect(await standing('sum')).toEqual(['1 ada 5', '2 bob 4']);
      expect(await standing('latest')).toEqual(['1 bob 4', '2 ada 2']);
      expect(await standing('golf')).toEqual(['1 ada 2', '2 bob 4']);
      const { boards } = (await server.get('/v1/players/ada/scores')).body;
      expect([boards.sum.best, boards.golf.best]).toEqual([3, 2]);
      expect((await server.get('/v1/leaderboards/golf')).body).toEqual({
        board: 'golf',
        period: 'current',
        order: 'asc',
        operator: 'best',
        tieBreak: 'first',
        ranking: 'standard',
        submit: 'players',
        total: 2,
      });
    });

    it('anew, which ranks all that was ever scored by the new definition', async () => {
      for (const [player, score] of [
        ['ada', 3],
        ['bob', 5],
        ['ada', 4],
      ] as const)
        await submit('anew', player, score);
      expect(await standing('anew')).toEqual(['1 bob 5', '2 ada 4']);
      expect(await define('anew', { operator: 'sum' })).toMatchObject({ status: 200 });
      expect(await standing('anew')).toEqual(['1 ada 7', '2 bob 5']);
      const accepted = await admin.put('/v1/leaderboards/anew', { order: 'asc', operator: 'latest' });
      expect(accepted.status).toBe(202);
      const read = await server.get('/v1/leaderboards/anew/entries', { 'If-Applied': accepted.body.eventId });
      expect(read.body.entries).toMatchObject([
        { player: 'ada', score: 4 },
        { player: 'bob', score: 5 },
      ]);
    });

    it('with an admin key and known words only', async () => {
      expect((await server.put('/v1/leaderboards/x', {})).status).toBe(403);
      expect((await define('x', { operator: 'most' })).status).toBe(400);
      expect((await define('x', { reset: 'yearly' })).status).toBe(400);
      expect((await server.get('/v1/leaderboards/x')).status).toBe(404);
    });
  });

  describe('moderate', () => {
    it('by revoking what a player scored on a board; a later score starts afresh', async () => {
      await define('cheats', { operator: 'sum' });
      await submit('cheats', 'eve', 1000);
      await submit('cheats', 'ada', 10);
      expect(
        await admin.send('DELETE', '/v1/leaderboards/cheats/entries/eve', undefined, WAIT),
      ).toMatchObject({
        status: 200,
        body: { status: 'applied', board: 'cheats', player: 'eve' },
      });
      expect(await standing('cheats')).toEqual(['1 ada 10']);
      expect((await server.get('/v1/leaderboards/cheats/entries/eve')).status).toBe(404);
      expect((await server.get('/v1/players/eve/scores')).body.boards).toEqual({});
      await submit('cheats', 'eve', 3);
      expect(await standing('cheats')).toEqual(['1 ada 10', '2 eve 3']);
      const { body } = await admin.get('/v1/admin/players/eve/events');
      expect(body.events.map(({ type }: { type: string }) => type)).toEqual([
        'ScoreSubmitted',
        'EntryRevoked',
        'ScoreSubmitted',
      ]);
    });

    it('by a ban, which hides a player from every board, and is lifted as if it had never been', async () => {
      await submit('b1', 'mal', 50);
      await submit('b2', 'mal', 50);
      await submit('b2', 'ada', 40);
      const before = [await entries('b1'), await entries('b2')];
      const ban = await admin.put('/v1/players/mal/ban');
      expect(ban.status).toBe(202);
      const hidden = await server.get('/v1/leaderboards/b2/entries', { 'If-Applied': ban.body.eventId });
      expect(hidden.body).toMatchObject({ total: 1, entries: [{ rank: 1, player: 'ada' }] });
      expect(await entries('b1')).toEqual([]);
      expect((await submit('b2', 'mal', 45)).body).not.toHaveProperty('rank');
      expect(await admin.send('DELETE', '/v1/players/mal/ban', undefined, WAIT)).toMatchObject({
        status: 200,
        body: { player: 'mal', banned: false },
      });
      expect([await entries('b1'), await entries('b2')]).toEqual(before);
    });

    it('with an admin key only', async () => {
      const forbidden: [string, string][] = [
        ['DELETE', '/v1/leaderboards/b1/entries/mal'],
        ['PUT', '/v1/players/mal/ban'],
        ['DELETE', '/v1/players/mal/ban'],
        ['GET', '/v1/admin/streams'],
        ['GET', '/v1/admin/dead-letters'],
        ['GET', '/v1/admin/players/mal/events'],
        ['GET', '/v1/admin/leaderboards/b1/events'],
        ['GET', '/v1/admin/rebuilds/x'],
      ];
      for (const [method, path] of forbidden) expect((await server.send(method, path)).status).toBe(403);
    });
  });

  describe('rebuild and verify', () => {
    it.each(['ranking', 'scores', 'saves'])('%s, and find that nothing has changed', async projection => {
      await server.put('/v1/players/ada/saves/auto', { level: 1 }, WAIT);
      await submit('kept', 'ada', 5);
      const before = [await entries('kept'), (await server.get('/v1/players/ada/scores')).body];
      const started = await admin.post('/v1/admin/rebuilds', { projection, diff: true });
      expect(started).toMatchObject({ status: 202, body: { id: expect.any(String), projection } });
      const { body } = await finished(started);
      expect(body).toMatchObject({ state: 'done', etaSeconds: 0, differences: 0 });
      expect(body.processed).toBe(body.total);
      expect([await entries('kept'), (await server.get('/v1/players/ada/scores')).body]).toEqual(before);
      expect((await server.get('/v1/players/ada/saves/auto')).body).toEqual({ level: 1 });
      const verified = await finished(await admin.post('/v1/admin/verifications', { projection }));
      expect(verified.body).toMatchObject({ state: 'done', differences: 0, examples: [] });
    });

    it('at a shell, with the exit status that a nightly job needs', async () => {
      const redis = createClient(system.redisUrl, 'test');
      await redis.connect();
      const run = (script: string, ...args: string[]) =>
        spawnSync(process.execPath, [`dist/scripts/${script}.js`, ...args], {
          env: { ...process.env, DATA_DIR: system.folder },
        });
      await submit('shell', 'ada', 5);
      expect(run('verify').status).toBe(0);
      const [key = ''] = (await redis.keys('ql:*:ranks@*:shell')) as string[];
      await redis.zincrby(key, 1, 'ghost');
      const faulty = run('verify', 'ranking');
      expect([faulty.status, JSON.parse(faulty.stdout.toString())]).toMatchObject([1, { key }]);
      const rebuilt = run('rebuild', 'ranking', '--board', 'shell');
      expect([rebuilt.status, rebuilt.stderr.toString()]).toEqual([
        0,
        expect.stringContaining('"state":"done"'),
      ]);
      expect(run('verify', 'ranking').status).toBe(0);
      expect([run('rebuild').status, run('verify', 'nothing').status]).toEqual([2, 2]);
      redis.disconnect();
    }, 60_000);

    it('refuse what cannot be done, and say why', async () => {
      expect((await admin.post('/v1/admin/rebuilds', { projection: 'boards' })).status).toBe(400);
      expect((await admin.post('/v1/admin/rebuilds', { projection: 'saves', board: 'x' })).status).toBe(400);
      expect((await admin.get('/v1/admin/rebuilds/nothing')).status).toBe(404);
      const done = await finished(await admin.post('/v1/admin/rebuilds', { projection: 'saves' }));
      expect(await admin.send('DELETE', `/v1/admin/rebuilds/${done.body.id}`)).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:job-over' },
      });
    });
  });

  it('see a poison event as a dead letter, while everything else goes on, and drop it', async () => {
    const redis = createClient(system.redisUrl, 'test');
    await redis.connect();
    await redis.xadd('ql:{s0}:log', '*', 'e', '["zz","s:x"]');
    redis.disconnect();
    expect((await submit('poisoned', 'ada', 1)).status).toBe(200);
    const letters = await eventually(async () => {
      const { body } = await admin.get('/v1/admin/dead-letters');
      expect(body.deadLetters).toHaveLength(2);
      return body.deadLetters as { id: string; group: string; code: string }[];
    }, 10_000);
    expect(letters.map(({ group, code }) => [group, code]).sort()).toEqual([
      ['ranking-projector', 'UNKNOWN_EVENT_TYPE'],
      ['scores', 'UNKNOWN_EVENT_TYPE'],
    ]);
    for (const { id } of letters)
      expect((await admin.send('DELETE', `/v1/admin/dead-letters/${id}`)).status).toBe(200);
    expect((await admin.get('/v1/admin/dead-letters')).body.deadLetters).toEqual([]);
    const { body } = await finished(await admin.post('/v1/admin/verifications', { projection: 'ranking' }));
    expect(body).toMatchObject({ state: 'done', differences: 0 });
  }, 30_000);

  it('see how far every group is', async () => {
    await submit('status', 'ada', 1);
    const { body } = await admin.get('/v1/admin/streams');
    const groups = body.streams.flatMap(({ groups }: { groups: object[] }) => groups);
    expect(groups.length).toBe(8 * 2 + 8);
    for (const group of groups) expect(group).toMatchObject({ lag: 0, pending: 0, oldestPendingMs: null });
  });
});
