import { connect } from 'node:net';
import { eventually } from '#libs/testing';
import { processes, System } from './support/system.js';

const WAIT = { Prefer: 'wait=10' };

/** A stop takes at most 3 s, and 3 s more on a busy machine. With the faults that these tests are for, it took 15 s. */
const LIMIT_MS = 3_000 + 3_000;

describe('stopping during startup', () => {
  it('takes no time while it waits for a Redis that is not there', async () => {
    const system = await System.spawn({ REDIS_URL: 'redis://127.0.0.1:1' });
    await system.says('waiting for Redis');
    const began = performance.now();
    expect(await system.stop('SIGINT')).toBe(0);
    expect(performance.now() - began).toBeLessThan(LIMIT_MS);
    await system.close();
  }, 60_000);
});

describe('stopping a system', () => {
  let system: System;
  beforeEach(async () => {
    system = await System.start();
  }, 60_000);
  afterEach(() => system.close(), 60_000);

  /** @returns the exit status, and whether the stop took too long */
  const end = async (signal: NodeJS.Signals) => {
    const pids = Object.values(system.pids());
    const began = performance.now();
    const status = await system.stop(signal);
    const isLate = performance.now() - began > LIMIT_MS;
    await eventually(() => expect(processes().filter(({ pid }) => pids.includes(pid))).toEqual([]), 5_000);
    return { status, isLate };
  };
  const redis = () => system.pids().redis as number;

  it.each([
    ['frozen', () => process.kill(redis(), 'SIGSTOP')],
    ['killed', () => process.kill(redis(), 'SIGKILL')],
  ])(
    'takes no time while Redis is %s, and leaves no process behind',
    async (_, harm) => {
      await system.client.post('/v1/leaderboards/b/scores', { player: 'ada', score: 1 }, WAIT);
      harm();
      expect(await end('SIGINT')).toEqual({ status: 0, isLate: false });
    },
    60_000,
  );

  it('takes no time while an ended service waits for its restart', async () => {
    process.kill(system.pids().scores as number, 'SIGKILL');
    await system.says('scores (SIGKILL) ended unexpectedly');
    expect(await end('SIGTERM')).toEqual({ status: 0, isLate: false });
  }, 60_000);

  it('counts two signals in a row as one, because a terminal and npm both send it', async () => {
    system.process.kill('SIGINT');
    expect(await end('SIGINT')).toEqual({ status: 0, isLate: false });
  }, 60_000);

  it.each(['gateway', 'scores', 'saves', 'ranking-projector'])(
    'does not wait for silent clients of the %s',
    async name => {
      const port = name === 'gateway' ? system.port : system.healthPort(name);
      const texts = [
        '',
        'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET /healthz HTTP/1.1\r\nHos',
        'POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
        'GET /v1/leaderboards/b/live HTTP/1.1\r\nHost: a\r\n\r\n',
      ];
      const sockets = texts.map(text => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text));
        return socket.on('error', () => {}).pause();
      });
      await eventually(() => expect(sockets.every(({ connecting }) => !connecting)).toBe(true));
      const pid = system.pids()[name] as number;
      const began = performance.now();
      process.kill(pid, 'SIGTERM');
      await system.says(`${name} (exit status 0`);
      expect(performance.now() - began).toBeLessThan(LIMIT_MS);
      for (const socket of sockets) socket.destroy();
    },
    60_000,
  );

  it('lets a pending request finish', async () => {
    process.kill(system.pids()['ranking-projector'] as number, 'SIGSTOP');
    const answer = system.client.post(
      '/v1/leaderboards/b/scores',
      { player: 'ada', score: 1 },
      { Prefer: 'wait=2' },
    );
    await eventually(async () => {
      const { body } = await system.admin.get('/v1/admin/streams');
      expect(JSON.stringify(body)).toContain('"length":1');
    });
    process.kill(system.pids().gateway as number, 'SIGTERM');
    expect(await answer).toMatchObject({ status: 202 });
    process.kill(system.pids()['ranking-projector'] as number, 'SIGCONT');
    await system.says('gateway (exit status 0');
  }, 60_000);
});
