import { readFileSync } from 'node:fs';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { type Answer, type Client, inParallel } from '../e2e/support/client.js';
import { type Guest, System } from '../e2e/support/system.js';

const MIB = 1024 * 1024;
/** Requests that the guest has under way at once. */
const WIDTH = 16;

/** What `docs/security.md` says of memory, which is measured here. */
function documented(name: string): number {
  const [, figure] =
    new RegExp(`\\*\\*${name}\\*\\*: ([\\d.]+)`).exec(readFileSync('docs/security.md', 'utf8')) ?? [];
  if (figure === undefined) throw new Error(`docs/security.md does not say "**${name}**: <number>"`);
  return Number(figure);
}

type Write = (client: Client, i: number) => Promise<Answer>;

const key = (i: number) => ({ 'Idempotency-Key': `key-${i}-${'k'.repeat(20)}` });
const save =
  (slot: string, bytes: number, headers?: Record<string, string>): Write =>
  client =>
    client.put(`/v1/players/me/saves/${slot}`, JSON.stringify({ text: 'x'.repeat(bytes - 11) }), headers);
const score =
  (boards: number, body: object = {}): Write =>
  (client, i) =>
    client.post(`/v1/leaderboards/greedy-${i % boards}/scores`, { score: i, ...body }, key(i));

/** Attributes of the greatest size: what a run may carry, and its board entry keeps. */
const ATTRIBUTES = Object.fromEntries(
  Array.from({ length: 16 }, (_, i) => [`attribute-${i}`, 'ä'.repeat(256)]),
);

const patchProfile: Write = (client, i) => client.send('PATCH', '/v1/players/me', { n: i }, key(i));

describe('a greedy guest', () => {
  let system: System;
  let redis: RedisClient;
  let guest: Guest;

  const start = async (quotas: string) => {
    system = await System.start({ RATE_LIMIT: 'off', QUOTAS: quotas });
    redis = createClient({ url: system.redisUrl }, 'adversary');
    await redis.connect();
    guest = await system.guest();
  };
  afterEach(async () => {
    redis?.disconnect();
    await system?.close();
  });

  /** Writes until the log takes no more of it. @returns what was answered otherwise than by 429 */
  const exhaust = async (write: Write, most: number) => {
    const answers: Answer[] = [];
    let refused = 0;
    await inParallel(most, WIDTH, async i => {
      if (refused >= WIDTH) return;
      const answer = await write(guest.client, i);
      if (answer.status === 429) refused += 1;
      else answers.push(answer);
    });
    return { answers, refused };
  };

  /** Bytes that Redis keeps, without what connections and the append-only file have under way. */
  const memory = async () => {
    const info = await redis.info('memory');
    const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    return figure('used_memory') - figure('mem_clients_normal') - figure('mem_aof_buffer');
  };
  /** Until the workers have applied what was appended. */
  const settled = () =>
    eventually(async () => {
      const { body } = await system.admin.get('/v1/admin/streams');
      const lags = JSON.stringify(body).match(/"(lag|pending)":\d+/g) ?? [];
      expect(lags.length).toBeGreaterThan(0);
      expect(lags.filter(lag => !lag.endsWith(':0'))).toEqual([]);
    }, 60_000);

  it('has no more than its quotas, whatever it tries, and others play on', async () => {
    await start('player.saveBytes=64KiB,player.slots=5,player.boards=4,player.bytesPerHour=2MiB');
    const statuses: Record<number, number> = {};
    const count = ({ status }: Answer) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
    };
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    const me = '/v1/players/me';
    const writes: Write[] = [
      (client, i) => save(`slot-${i % 40}`, 20_000)(client, i),
      async (client, i) => {
        const slot = `${me}/saves/passing-${i}`;
        await client.put(slot, '{}');
        return client.send('DELETE', slot);
      },
      (client, i) => client.post(`/v1/leaderboards/greedy-${i}/scores`, { score: i }),
      (client, i) =>
        client.post('/api/leaderboard', { key: `quest-${i}`, score: i, member: `x-${guest.playerId}` }),
      (client, i) => client.send('PATCH', me, { [`field-${i}`]: 'x'.repeat(7_000) }),
      (client, i) => client.send('PATCH', `${me}/saves/slot-0`, { [`field-${i}`]: i }, merge),
      client => client.post(`${me}/saves/slot-0/restore`, { version: 1 }),
      client =>
        client.post('/api/playerstate', { playerData: { id: guest.playerId, name: 'x'.repeat(30_000) } }),
      client =>
        client.post('/v1/scores', {
          scores: Array.from({ length: 50 }, (_, i) => ({ board: `list-${i}`, score: i })),
        }),
    ];
    const before = await memory();
    await inParallel(600, WIDTH, async i =>
      count((await writes[i % writes.length]?.(guest.client, i)) as Answer),
    );
    await settled();
    expect(Object.keys(statuses).filter(status => Number(status) >= 500 && status !== '503')).toEqual([]);
    expect(statuses[409]).toBeGreaterThan(0);

    const { body: saves } = await guest.client.get(`${me}/saves`);
    const sizes = saves.saves.map(({ bytes }: { bytes: number }) => bytes);
    expect(sizes.length).toBeLessThanOrEqual(5);
    expect(sizes.reduce((sum: number, bytes: number) => sum + bytes, 0)).toBeLessThanOrEqual(64 * 1024);
    const { body: scores } = await guest.client.get(`${me}/scores`);
    expect(Object.keys(scores.boards ?? scores.scores ?? {}).length).toBeLessThanOrEqual(4);
    const { text: profile } = await guest.client.get(me);
    expect(profile.length).toBeLessThan(40_000);
    expect((await memory()) - before).toBeLessThan(documented('memory per byte of log') * 2 * MIB + MIB);

    const other = await system.guest();
    expect((await other.client.put(`${me}/saves/auto`, '{}')).status).toBe(202);
    expect((await other.client.post('/v1/leaderboards/greedy-0/scores', { score: 1 })).status).toBe(202);
  });

  it.each<[string, Write, number, number]>([
    ['the largest saves', save('large', 250_000), 1, 200],
    ['small saves with keys', (client, i) => save(`slot-${i % 50}`, 200, key(i))(client, i), 50, 30_000],
    ['small scores with keys', score(50), 50, 30_000],
    ['scores with all attributes', score(50, { attributes: ATTRIBUTES }), 50, 2_000],
    ['patches of a profile with keys', patchProfile, 1, 30_000],
  ])('takes no more memory an hour than documented: %s', async (name, write, once, most) => {
    const quota = 2 * MIB;
    await start('player.bytesPerHour=2MiB');
    // What is there once for every player, board, and slot.
    await inParallel(once, WIDTH, i => write(guest.client, i));
    await settled();
    const before = await memory();
    const { answers, refused } = await exhaust(write, most);
    expect(refused).toBeGreaterThan(0);
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status !== 202 && status !== 503)).toEqual([]);
    await settled();
    const growth = (await memory()) - before;
    console.log(
      `${name}: ${answers.length} writes, ${(growth / quota).toFixed(2)} bytes of memory for each byte of the quota`,
    );
    expect(growth).toBeLessThan(documented('memory per byte of log') * quota);
  });

  it('takes no more than documented of what is there for good: boards, slots and saves at their defaults', async () => {
    await start('on');
    const before = await memory();
    const boards = 1_000;
    await inParallel(boards, WIDTH, async i =>
      expect((await score(boards, { attributes: ATTRIBUTES })(guest.client, i)).status).toBe(202),
    );
    expect((await score(boards + 1)(guest.client, boards)).status).toBe(409);
    for (let i = 0; i < 100; i++) {
      const { status } = await save(`slot-${i}`, 160_000)(guest.client, i);
      expect(status).toBe(202);
    }
    expect((await save('slot-0', 250_000)(guest.client, 0)).status).toBe(202);
    for (let i = 1; i < 20; i++) await save(`slot-${i}`, 250_000)(guest.client, i);
    const refused = await save('slot-50', 250_000)(guest.client, 0);
    expect(refused.body).toMatchObject({ status: 409, quota: 'player.saveBytes' });
    await settled();
    const growth = ((await memory()) - before) / MIB;
    console.log(`a guest with all that its quotas allow at once: ${growth.toFixed(0)} MiB`);
    expect(growth).toBeLessThan(documented('a guest with all of it, MiB'));
  }, 240_000);
});
