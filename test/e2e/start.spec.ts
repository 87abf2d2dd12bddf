import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { isRunning, System } from './support/system.js';

/** A line of a stack trace. */
const STACK = /^\s+at /m;

const temporary = () => mkdtempSync(join(tmpdir(), 'questlog-start-'));

/** Starts a system that must fail. @returns its output and exit status */
async function failure(environment: NodeJS.ProcessEnv): Promise<{ output: string; status: number | null }> {
  const system = await System.spawn(environment);
  const status = await new Promise<number | null>(resolve => system.process.once('close', resolve));
  rmSync(system.folder, { recursive: true, force: true });
  return { output: system.output, status };
}

describe('npm start', () => {
  it('prints URL, keys, and calls to try; keeps keys and data; stops in order', async () => {
    const folder = temporary();
    const first = await System.start({ DATA_DIR: folder });
    const pids = Object.values(first.pids());
    expect(pids).toHaveLength(5);
    expect(first.output).toContain(`http://localhost:${first.port}/docs`);
    expect(first.output).toContain(first.keys.server);
    expect(first.output.match(/^ {2}curl /gm)).toHaveLength(3);
    expect(statSync(join(folder, 'keys.json')).mode & 0o777).toBe(0o600);
    const save = { level: 3 };
    await first.client.put('/v1/players/ada/saves/auto', save, { Prefer: 'wait=5' });
    expect(await first.stop('SIGINT')).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);

    const second = await System.start({ DATA_DIR: folder });
    expect(second.keys).toEqual(first.keys);
    expect((await second.client.get('/v1/players/ada/saves/auto')).body).toEqual(save);
    expect(await second.stop('SIGTERM')).toBe(0);
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('prints calls that work as they are', async () => {
    const system = await System.start();
    for (const [, command = ''] of system.output.matchAll(/^ {2}(curl .*)$/gm)) {
      const { status, stdout } = spawnSync('sh', ['-c', `${command} -sS --fail-with-body`]);
      expect({ command, status, output: stdout.toString() }).toMatchObject({ status: 0 });
    }
    await system.close();
  }, 60_000);

  it('uses the Redis of REDIS_URL instead of an embedded one', async () => {
    const folder = temporary();
    const redis = await EmbeddedRedis.start({ folder });
    const system = await System.start({ REDIS_URL: redis.url });
    expect(system.output).not.toContain('embedded');
    const answer = await system.client.post(
      '/v1/leaderboards/b/scores',
      { player: 'ada', score: 1 },
      { Prefer: 'wait=5' },
    );
    expect(answer).toMatchObject({ status: 200, body: { rank: 1 } });
    await system.close();
    await redis.stop();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('ignores a password for another Redis, and reads keys from files', async () => {
    const folder = temporary();
    const [server, admin] = ['server', 'admin'].map(name => {
      const path = join(folder, name);
      writeFileSync(path, `${name}-key-of-a-file\n`);
      return path;
    });
    const system = await System.start({
      DATA_DIR: join(folder, 'data'),
      HOST: '127.0.0.1',
      REDIS_PASSWORD: 'hunter2',
      SERVER_KEYS_FILE: server,
      ADMIN_KEYS_FILE: admin,
    });
    const client = system.connect('server-key-of-a-file');
    const answer = await client.post('/v1/leaderboards/b/scores', { player: 'ada', score: 1 });
    expect(answer.status).toBe(202);
    const operator = system.connect('admin-key-of-a-file');
    expect((await operator.get('/v1/admin/streams')).status).toBe(200);
    const { status } = spawnSync(process.execPath, ['dist/scripts/verify.js'], {
      env: { PATH: process.env.PATH, DATA_DIR: join(folder, 'data'), REDIS_PASSWORD: 'hunter2' },
    });
    expect(status).toBe(0);
    await system.close();
    rmSync(folder, { recursive: true });
  }, 60_000);

  describe('with HOST', () => {
    let system: System;
    beforeAll(async () => {
      system = await System.start({ HOST: '127.0.0.2' });
    }, 60_000);
    afterAll(() => system.close(), 60_000);

    it.each(['gateway', 'scores', 'saves', 'ranking-projector'])(
      'lets the %s listen only there',
      async name => {
        const port =
          name === 'gateway'
            ? system.port
            : Number(
                new RegExp(`${name} is working; its health is at http://127.0.0.2:(\\d+)`).exec(
                  system.output,
                )?.[1],
              );
        const status = (host: string) =>
          fetch(`http://${host}:${port}/healthz`).then(
            answer => answer.status,
            () => 'nobody',
          );
        expect([await status('127.0.0.2'), await status('127.0.0.1')]).toEqual([200, 'nobody']);
      },
    );
  });

  it('refuses a data folder that is in use', async () => {
    const system = await System.start();
    const { output, status } = await failure({ DATA_DIR: system.folder }).finally(() => system.stop());
    expect(output).toContain('in use by another `npm start`');
    expect(status).toBe(1);
  }, 60_000);

  it('reports a port that is taken, and how to choose another', async () => {
    const server = createServer().listen(0);
    const { port } = server.address() as { port: number };
    const { output, status } = await failure({ PORT: String(port) });
    server.close();
    expect(output).toContain(`port ${port} is taken`);
    expect(output).toContain(`PORT=${port + 1} npm start`);
    expect(status).toBe(1);
  }, 30_000);

  it('says how to install a Redis where there is none', async () => {
    const bin = temporary();
    symlinkSync('/bin/sh', join(bin, 'sh'));
    const { output, status } = await failure({ PATH: bin });
    for (const command of [
      'npm run setup',
      'apt-get install redis-server',
      'dnf install valkey',
      'brew install redis',
    ]) {
      expect(output).toContain(command);
    }
    expect(status).toBe(1);
    rmSync(bin, { recursive: true });
  }, 30_000);

  it('reports a data folder that cannot be created', async () => {
    const { output, status } = await failure({ DATA_DIR: '/dev/null/data' });
    expect(output).toContain('the data folder cannot be written');
    expect(output).toContain('DATA_DIR');
    expect(status).toBe(1);
  }, 30_000);

  it.each(['/proc/q', '/proc/q/r'])(
    'reports at once that %s cannot be a data folder',
    async path => {
      const { output, status } = await failure({ DATA_DIR: path });
      expect(output).toContain(`DATA_DIR=${path}: the data folder cannot be written`);
      expect(output).toContain('set DATA_DIR to');
      expect(output).not.toMatch(STACK);
      expect(status).toBe(1);
    },
    30_000,
  );

  it.each([
    ['CLAIM_IDLE_MS', 'soon', 'CLAIM_IDLE_MS must'],
    ['MAX_DELIVERIES', '0', 'MAX_DELIVERIES must'],
    ['BATCH_SIZE', '1e99', 'BATCH_SIZE must'],
    ['CONSUMER_NAME', 'caf\u00e9', 'CONSUMER_NAME must'],
    ['HEALTH_PORT', '70000', 'HEALTH_PORT must'],
    ['HEALTH_PORT', '3999', 'HEALTH_PORT=3999 is for a single worker'],
    ['SERVER_KEYS_FILE', '/dev/zero', 'SERVER_KEYS_FILE: /dev/zero cannot be read'],
    ['REDIS_PASSWORD_FILE', '/dev/zero', 'REDIS_PASSWORD_FILE: /dev/zero cannot be read'],
  ])(
    'reports %s=%s once, and starts nothing',
    async (name, value, message) => {
      const { output, status } = await failure({ [name]: value });
      expect(output.split(message)).toHaveLength(2);
      expect(output).not.toMatch(STACK);
      expect(output).not.toMatch(/is working|starting it again/);
      expect(status).toBe(1);
    },
    30_000,
  );

  it('refuses to run in production without keys', async () => {
    const { output, status } = await failure({ NODE_ENV: 'production' });
    expect(output).toContain('SERVER_KEYS must have at least one key in production');
    expect(status).toBe(1);
  }, 30_000);

  it('refuses a number of partitions that differs from the log', async () => {
    const folder = temporary();
    const system = await System.start({ DATA_DIR: folder });
    await system.stop();
    const { output, status } = await failure({ DATA_DIR: folder, SCORES_PARTITIONS: '4' });
    expect(output).toContain('this log has 8 partitions of scores, not 4');
    expect(output).not.toMatch(STACK);
    expect(status).toBe(1);
  }, 60_000);
});
