import { eventually } from '#libs/testing';
import type { Client } from './support/client.js';
import { isRunning, System } from './support/system.js';
import { Writer } from './support/writer.js';

async function board(client: Client, name: string): Promise<Map<string, number>> {
  const { body } = await client.get(`/v1/leaderboards/${name}/entries?limit=1000`);
  return new Map(body.entries.map(({ player, score }: { player: string; score: number }) => [player, score]));
}

describe('the system', () => {
  let system: System;
  let client: Client;

  beforeEach(async () => {
    system = await System.start({ CLAIM_IDLE_MS: '500' });
    client = system.client;
  }, 60_000);
  afterEach(async () => {
    client.close();
    await system.close();
  }, 60_000);

  const kill = (name: string, signal: NodeJS.Signals = 'SIGKILL') => {
    const pid = system.pids()[name];
    if (!pid) throw new Error(`no process of ${name} among ${JSON.stringify(system.pids())}`);
    process.kill(pid, signal);
    return pid;
  };

  it('loses no acknowledged write when its Redis is killed under load, and recovers by itself', async () => {
    const writer = new Writer(client, 'crash');
    writer.start();
    for (let round = 0; round < 3; round++) {
      const goal = writer.acknowledged.size + 50;
      await eventually(() => expect(writer.acknowledged.size).toBeGreaterThan(goal), 20_000);
      kill('redis');
      await eventually(
        () => expect(system.output.split('redis-server is back').length - 1).toBe(round + 1),
        20_000,
      );
    }
    const goal = writer.acknowledged.size + 50;
    await eventually(() => expect(writer.acknowledged.size).toBeGreaterThan(goal), 20_000);
    await writer.stop();
    expect(writer.refused).toBeGreaterThan(0);
    const expected = new Map([...writer.acknowledged].sort(([, a], [, b]) => b - a).slice(0, 1000));
    await eventually(async () => expect(await board(client, 'crash')).toEqual(expected), 20_000);
    expect((await client.get('/readyz')).status).toBe(200);
  }, 120_000);

  it.each(['ranking-projector', 'scores', 'gateway'])(
    'restarts a killed %s, and nothing is missing',
    async name => {
      const writer = new Writer(client, 'crash');
      writer.start();
      await eventually(() => expect(writer.acknowledged.size).toBeGreaterThan(30), 20_000);
      const pid = kill(name);
      await system.says(`${name} (SIGKILL) ended unexpectedly: starting it again`);
      await eventually(() => expect(system.pids()[name]).not.toBe(pid), 20_000);
      await eventually(async () => expect((await client.get('/readyz')).status).toBe(200), 20_000);
      await writer.stop();
      await eventually(async () => expect(await board(client, 'crash')).toEqual(writer.acknowledged), 20_000);
    },
    60_000,
  );

  it('knows after a restart of the gateway who has logged out', async () => {
    const anonymous = system.connect();
    const [gone, here] = [await system.guest(), await system.guest()];
    const logout = await anonymous.send('DELETE', '/v1/sessions/current', undefined, gone.browser);
    expect(logout).toMatchObject({ status: 204, text: '' });
    expect((await gone.client.get('/v1/sessions/current')).status).toBe(401);
    kill('gateway');
    await eventually(async () => {
      const current = await here.client.get('/v1/sessions/current');
      expect(current).toMatchObject({ status: 200, body: { playerId: here.playerId } });
    }, 20_000);
    expect((await gone.client.get('/v1/sessions/current')).status).toBe(401);
    expect((await anonymous.get('/v1/sessions/current', gone.browser)).status).toBe(401);
  }, 40_000);

  it('answers 503 within two seconds while Redis is frozen, and recovers afterwards', async () => {
    const headers = { Prefer: 'wait=5' };
    await client.post('/v1/leaderboards/frozen/scores', { player: 'ada', score: 1 }, headers);
    const pid = kill('redis', 'SIGSTOP');
    const began = Date.now();
    const answers = await Promise.all([
      client.post('/v1/leaderboards/frozen/scores', { player: 'ada', score: 2 }, headers),
      client.get('/v1/leaderboards/frozen/entries'),
      client.get('/v1/players/ada/saves/auto'),
      client.get('/v1/leaderboards/frozen/entries', { 'If-Applied': 's0-1-0' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    for (const { headers } of answers) expect(headers['retry-after']).toBe('1');
    expect(Date.now() - began).toBeLessThan(2_500);
    expect((await client.get('/readyz')).body).toMatchObject({ status: 'not ready' });
    process.kill(pid, 'SIGCONT');
    await eventually(async () => {
      const { status } = await client.post(
        '/v1/leaderboards/frozen/scores',
        { player: 'bob', score: 3 },
        headers,
      );
      expect(status).toBe(200);
    }, 20_000);
  }, 60_000);

  it('leaves no process behind when the starter itself is killed', async () => {
    const pids = Object.values(system.pids());
    expect(pids).toHaveLength(5);
    await system.stop('SIGKILL');
    await eventually(() => expect(pids.filter(isRunning)).toEqual([]), 20_000);
  }, 60_000);
});
