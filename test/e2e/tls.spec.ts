import { globSync, readFileSync } from 'node:fs';
import { eventually, SentinelSetup, TlsRedis } from '#libs/testing';
import type { Client } from './support/client.js';
import { System } from './support/system.js';

const PASSWORD = 'hunter2-hunter2';
const WAIT = { Prefer: 'wait=5' };

/** The ACL rules of docs/operations.md. */
const handbook = readFileSync('docs/operations.md', 'utf8');
const [rule = ''] = /^user questlog .*$/m.exec(handbook) ?? [];
const [, clusterRights = ''] = /In a cluster, add `(.*?)`/.exec(handbook) ?? [];
const [watcher = ''] = /^user watcher .*$/m.exec(handbook) ?? [];
const WATCHER_PASSWORD = 'other-hunter2';

/** A server with TLS, and the settings that name it. */
interface Secured {
  readonly ca: string;
  readonly variables: (password: string) => NodeJS.ProcessEnv;
  /** Only if another server takes over. */
  readonly killMaster?: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const access = (password: string) => ({
  REDIS_USERNAME: 'questlog',
  REDIS_PASSWORD: password,
  REDIS_TLS: 'on',
});

async function server(user: string): Promise<Secured> {
  const redis = await TlsRedis.start([user]);
  const variables = (password: string) => ({
    REDIS_URL: `rediss://questlog:${password}@localhost:${redis.port}`,
  });
  return { ca: redis.ca, variables, stop: () => redis.stop() };
}

async function cluster(user: string): Promise<Secured> {
  const redis = await TlsRedis.start([user], true);
  const variables = (password: string) => ({
    ...access(password),
    REDIS_CLUSTER_NODES: `localhost:${redis.port}`,
  });
  return { ca: redis.ca, variables, stop: () => redis.stop() };
}

async function sentinels(user: string): Promise<Secured> {
  const setup = await SentinelSetup.start({
    servers: [user],
    sentinel: [watcher.replace('<password>', WATCHER_PASSWORD)],
  });
  const variables = (password: string) => ({
    ...access(password),
    REDIS_SENTINELS: setup.address.sentinels.join(),
    REDIS_SENTINEL_MASTER: setup.address.master,
    REDIS_SENTINEL_USERNAME: 'watcher',
    REDIS_SENTINEL_PASSWORD: WATCHER_PASSWORD,
  });
  return { ca: setup.ca, variables, killMaster: () => setup.killMaster(), stop: () => setup.stop() };
}

describe.each([
  ['Redis', rule, server, 'rediss://***@localhost'],
  ['Redis Cluster', `${rule} ${clusterRights}`, cluster, 'the cluster localhost'],
  ['Redis behind Sentinels', rule, sentinels, 'of the Sentinels 127.0.0.1'],
])('a %s with TLS, and a user who may do what Questlog does and no more', (_, rights, secure, shown) => {
  let redis: Secured;
  let system: System;
  let admin: Client;

  beforeAll(async () => {
    redis = await secure(rights.replace('<password>', PASSWORD));
    system = await System.start({ ...redis.variables(PASSWORD), NODE_EXTRA_CA_CERTS: redis.ca });
    admin = system.admin;
  }, 60_000);
  afterAll(async () => {
    await system?.close();
    await redis.stop();
  }, 60_000);

  const done = (path: string) =>
    eventually(async () => expect((await admin.get(path)).body.state).toBe('done'), 15_000, 50);

  it('serves players: sessions, profiles, saves and scores', async () => {
    const { body: guest } = await admin.post('/v1/sessions', {});
    const me = { Authorization: `Bearer ${guest.token}`, ...WAIT };
    expect((await admin.send('PATCH', '/v1/players/me', { name: 'Ada' }, me)).status).toBe(200);
    expect((await admin.put('/v1/players/me/saves/auto', { hp: 1 }, me)).status).toBe(200);
    const patch = { ...me, 'Content-Type': 'application/merge-patch+json' };
    expect((await admin.send('PATCH', '/v1/players/me/saves/auto', { hp: 2 }, patch)).status).toBe(200);
    expect((await admin.get('/v1/players/me/saves/auto', me)).body).toEqual({ hp: 2 });
    expect((await admin.get('/v1/players/me/saves/auto?version=1', me)).body).toEqual({ hp: 1 });
    expect((await admin.get('/v1/players/me/saves/auto/history', me)).body.versions).toHaveLength(2);
    expect((await admin.post('/v1/leaderboards/arena/scores', { score: 7 }, me)).status).toBe(200);
    expect((await admin.get('/v1/players/me/scores', me)).body.boards.arena).toMatchObject({ best: 7 });
    expect((await admin.get('/v1/players/me/entries', me)).body.entries).toHaveLength(1);
    expect((await admin.send('DELETE', '/v1/players/me/saves/auto', undefined, me)).status).toBe(200);
    const { playerId, secret } = guest;
    expect((await admin.post('/v1/sessions', { playerId, secret: 'wrong' })).status).toBe(401);
    expect((await admin.post('/v1/sessions', { playerId, secret })).status).toBe(201);
    expect((await admin.send('DELETE', '/v1/sessions/current', undefined, me)).status).toBe(204);
  });

  it('serves boards of every kind', async () => {
    const definition = {
      operator: 'sum',
      reset: 'weekly',
      ranking: 'dense',
      minInterval: 0.001,
      maxEntries: 2,
    };
    expect((await admin.put('/v1/leaderboards/weekly', definition, WAIT)).status).toBe(200);
    expect((await admin.put('/v1/leaderboards/derived', { source: 'weekly' }, WAIT)).status).toBe(200);
    for (const player of ['ada', 'bob', 'eve']) {
      const body = { player, score: player.length };
      expect((await admin.post('/v1/leaderboards/weekly/scores', body, WAIT)).status).toBe(200);
    }
    for (const read of [
      'entries',
      'entries?aroundScore=3',
      'entries/ada',
      'around/ada',
      'entries?period=previous',
    ])
      expect({ read, status: (await admin.get(`/v1/leaderboards/weekly/${read}`)).status }).toEqual({
        read,
        status: 200,
      });
    expect((await admin.post('/v1/leaderboards/weekly/lookup', { players: ['ada'] })).status).toBe(200);
    expect((await admin.get('/v1/leaderboards')).body.boards.length).toBeGreaterThanOrEqual(2);
    const scores = Array.from({ length: 50 }, (_, i) => ({ board: 'bulk', player: `p${i}`, score: i }));
    expect((await admin.post('/v1/scores', { scores }, WAIT)).status).toBe(200);
  });

  it('serves operators: rebuilds, comparisons, moderation, dead letters, the trail and the streams', async () => {
    for (const projection of ['ranking', 'scores', 'saves']) {
      const { body } = await admin.post('/v1/admin/rebuilds', { projection });
      await done(`/v1/admin/rebuilds/${body.id}`);
    }
    const { body } = await admin.post('/v1/admin/verifications', { projection: 'ranking' });
    await done(`/v1/admin/verifications/${body.id}`);
    expect((await admin.put('/v1/players/bob/ban', undefined, WAIT)).status).toBe(200);
    expect((await admin.send('DELETE', '/v1/players/bob/ban', undefined, WAIT)).status).toBe(200);
    expect((await admin.send('DELETE', '/v1/leaderboards/bulk/entries/p1', undefined, WAIT)).status).toBe(
      200,
    );
    expect((await admin.send('DELETE', '/v1/leaderboards/derived', undefined, WAIT)).status).toBe(200);
    expect((await admin.get('/v1/admin/dead-letters')).body).toEqual({ deadLetters: [] });
    expect((await admin.get('/v1/admin/players/bob/events')).status).toBe(200);
    expect((await admin.get('/v1/admin/streams')).status).toBe(200);
  });

  it('continues with the successor, if there is one, when the server dies', async () => {
    if (!redis.killMaster) return;
    await redis.killMaster();
    const score = { player: 'late', score: 1 };
    await eventually(
      async () =>
        expect((await admin.post('/v1/leaderboards/late/scores', score, WAIT)).body.status).toBe('applied'),
      25_000,
      100,
    );
  }, 60_000);

  it('has every right that scripts need, used here or not', () => {
    const called = globSync('{apps,libs}/*/src/lua/*.lua').flatMap(file =>
      [...readFileSync(file, 'utf8').matchAll(/redis\.p?call\('(\w+)'(?:, '([A-Z]+)')?/g)].map(
        ([, command = '', part]) => [command, `${command}|${part}`].map(name => `+${name.toLowerCase()}`),
      ),
    );
    const all = rights.split(' ');
    expect(called.length).toBeGreaterThan(100);
    expect(called.filter(names => !names.some(name => all.includes(name)))).toEqual([]);
  });

  it('never lacked a right, and never printed the password', () => {
    const [, said] = system.output.split('Questlog is up');
    expect(said).not.toMatch(/NOPERM|no permissions|ERROR/);
    expect(system.output).not.toContain(PASSWORD);
    expect(system.output).toContain(shown);
  });

  it('is refused to a process with the wrong password or without the CA', async () => {
    const refused = async (environment: NodeJS.ProcessEnv, reason: string) => {
      const other = await System.spawn(environment);
      try {
        await eventually(() => expect(other.process.exitCode).toBe(1), 20_000);
        expect(other.output).toContain(reason);
        expect(other.output).not.toContain('hunter2');
      } finally {
        await other.close();
      }
    };
    const known = { NODE_EXTRA_CA_CERTS: redis.ca };
    await refused({ ...redis.variables('hunter2-wrong'), ...known }, 'WRONGPASS');
    await refused(redis.variables(PASSWORD), 'NODE_EXTRA_CA_CERTS');
    if ('REDIS_SENTINELS' in redis.variables(PASSWORD)) {
      const wrong = { REDIS_SENTINEL_PASSWORD: 'hunter2-wrong' };
      await refused({ ...redis.variables(PASSWORD), ...known, ...wrong }, 'REDIS_SENTINEL_PASSWORD');
    }
  }, 60_000);
});
