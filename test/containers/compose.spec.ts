import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '#libs/testing';
import { giveTour } from '../e2e/support/tour.js';
import { BoardWriters } from './board-writers.js';
import { ComposeStack, hasCompose } from './compose-stack.js';

const SERVICES = ['gateway', 'ranking-projector', 'saves', 'scores'];
/** Milliseconds for a start, without the build. */
const START = 120_000;
/** Milliseconds for a build, the first of which fetches all packages. */
const BUILD = 600_000;

const engine = hasCompose();
if (!engine)
  console.warn('skipped, as no Docker engine answers: "the compose stack", "on Valkey", "on a cluster"');
const withEngine = engine ? describe : describe.skip;

function takeTour(stack: ComposeStack): void {
  const folder = mkdtempSync(join(tmpdir(), 'questlog-tour-'));
  try {
    giveTour(`KEY=${stack.keys.server} ADMIN=${stack.keys.admin}`, stack.port, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

withEngine('the compose stack', () => {
  let stack: ComposeStack;
  let writers: BoardWriters;
  const boards = ['hot-0', 'hot-1', 'hot-2', 'hot-3'];

  beforeAll(async () => {
    stack = await ComposeStack.of('docker-compose.yml');
    await stack.compose('up', '--build', '--wait');
    writers = new BoardWriters(stack, boards);
  }, BUILD);
  afterAll(() => stack.close(), START);

  const verify = () => stack.compose('exec', '-T', 'gateway', 'node', 'dist/scripts/verify.js');
  it('runs each service without root, without capabilities, and with nothing to write to', async () => {
    for (const service of SERVICES) {
      const look =
        'id -u; grep CapEff /proc/self/status; touch /questlog/x /tmp/x 2>/dev/null || echo read-only';
      const seen = await stack.compose('exec', '-T', service, 'sh', '-c', look);
      expect(seen.trim().split(/\s+/)).toEqual(['1000', 'CapEff:', '0000000000000000', 'read-only']);
    }
  });

  it("gives the README's tour", () => takeTour(stack), 30_000);

  it('ends a service in order that still waits for its Redis', async () => {
    const command = ['run', '--detach', '--env', 'REDIS_URL=redis://127.0.0.1:1', 'questlog'];
    const id = (await stack.docker(...command, 'node', 'dist/apps/saves/src/main.js')).trim();
    try {
      await eventually(
        async () => expect(await stack.docker('logs', id)).toContain('waiting for Redis'),
        20_000,
        200,
      );
      await stack.docker('stop', id);
      expect((await stack.docker('inspect', '--format', '{{.State.ExitCode}}', id)).trim()).toBe('0');
    } finally {
      await stack.docker('rm', '--force', id);
    }
  }, 60_000);

  it(
    'shares the work of a projection among three workers',
    async () => {
      for (const board of boards) {
        // A sum shows what is counted twice.
        const { status } = await stack.admin.put(
          `/v1/leaderboards/${board}`,
          { operator: 'sum' },
          { Prefer: 'wait=5' },
        );
        expect(status).toBe(200);
      }
      await stack.compose('up', '--wait', '--scale', 'ranking-projector=3');
      writers.start();
      const workers = await stack.containers('ranking-projector');
      expect(workers).toHaveLength(3);
      const applied = async ({ Name }: { readonly Name: string }) => {
        const fetchMetrics = `fetch('http://127.0.0.1:3001/metrics').then(async r => console.log(await r.text()))`;
        const metrics = await stack.docker('exec', Name, 'node', '--eval', fetchMetrics);
        return Number(/^questlog_events_total\{.*outcome="applied".*\} (\d+)/m.exec(metrics)?.[1] ?? 0);
      };
      await eventually(
        async () => expect(Math.min(...(await Promise.all(workers.map(applied))))).toBeGreaterThan(10),
        30_000,
        500,
      );
      const { body } = await stack.admin.get('/v1/admin/streams');
      const [{ groups }] = body.streams;
      const { consumers } = groups.find(({ group }: { group: string }) => group === 'ranking-projector');
      expect(consumers).toHaveLength(3);
    },
    START,
  );

  it(
    'loses nothing and counts nothing twice when a worker, Redis and the gateway are killed under load',
    async () => {
      const [worker] = await stack.containers('ranking-projector');
      await writers.progress(25);
      await stack.docker('kill', worker?.Name ?? '');
      await writers.progress(25);
      for (const service of ['redis', 'gateway']) {
        const [container] = await stack.containers(service);
        // An end by this command counts as wanted: the restart is for whoever said it.
        await stack.docker('kill', container?.Name ?? '');
        await stack.docker('start', container?.Name ?? '');
        await writers.progress(25);
      }
      await writers.stop();
      expect(writers.refused).toBeGreaterThan(0);
      await writers.expectExact();
      await verify();
      await stack.compose('up', '--wait', '--scale', 'ranking-projector=3');
    },
    START,
  );

  it(
    'ends each service in order and within its time, and keeps everything through `down` and `up`',
    async () => {
      const began = Date.now();
      await stack.compose('stop', ...SERVICES);
      expect(Date.now() - began).toBeLessThan(15_000);
      const ended = await stack.containers(...SERVICES);
      expect(new Set(ended.map(({ Service }) => Service))).toEqual(new Set(SERVICES));
      expect(ended.filter(({ State, ExitCode }) => State !== 'exited' || ExitCode !== 0)).toEqual([]);
      await stack.compose('down');
      await stack.compose('up', '--wait');
      await writers.expectExact();
      await verify();
    },
    START,
  );
});

withEngine('on Valkey', () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await ComposeStack.of('docker-compose.yml', 'docker-compose.valkey.yml');
    await stack.compose('up', '--build', '--wait');
  }, BUILD);
  afterAll(() => stack.close(), START);

  it("gives the README's tour", () => takeTour(stack), 30_000);
});

withEngine('on a cluster', () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await ComposeStack.of('docker-compose.yml', 'docker-compose.cluster.yml');
    await stack.compose('up', '--build', '--wait');
  }, BUILD);
  afterAll(() => stack.close(), START);

  const roles = async () => {
    const nodes = await stack.compose('exec', '-T', 'redis-2', 'redis-cli', 'cluster', 'nodes');
    return [...nodes.matchAll(/ (?:myself,)?(master|slave) /g)].map(([, role]) => role).sort();
  };

  it('has three masters with a replica each', async () => {
    expect(await roles()).toEqual(['master', 'master', 'master', 'slave', 'slave', 'slave']);
  });

  it("gives the README's tour", () => takeTour(stack), 30_000);

  it(
    'loses nothing when a master dies under load, and goes on after `down` and `up`',
    async () => {
      const writers = new BoardWriters(stack, ['fail-0', 'fail-1', 'fail-2', 'fail-3']);
      writers.start();
      await writers.progress(20);
      const [master] = await stack.containers('redis-1');
      await stack.docker('kill', master?.Name ?? '');
      await writers.progress(20);
      await stack.docker('start', master?.Name ?? '');
      await writers.stop();
      await writers.expectExact();
      await stack.compose('down');
      await stack.compose('up', '--wait');
      expect(await roles()).toEqual(['master', 'master', 'master', 'slave', 'slave', 'slave']);
      await writers.expectExact();
      await stack.compose('exec', '-T', 'gateway', 'node', 'dist/scripts/verify.js');
    },
    2 * START,
  );
});
