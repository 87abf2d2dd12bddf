import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '#libs/testing';
import { Random } from '../chaos/random.js';
import type { Client } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';
import { HostileClients } from './hostile-clients.js';
import { HostileRequests } from './hostile-requests.js';
import { EventLoopWatch, type Holdings, holdingsOf } from './vital-signs.js';

const SECONDS = Number(process.env.ADVERSARY_SECONDS ?? 20);
const SEED = Number(process.env.ADVERSARY_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Connections at a time. */
const CLIENTS = 24;
const MAX_EVENT_LOOP_DELAY_MS = 100;
/** What a gateway may keep of an attack: caches and the heap's slack. */
const MAX_KEPT_BYTES = 128 * 1_024 * 1_024;
const MAX_KEPT_DESCRIPTORS = 8;
/** Of an honest player, while others attack. */
const MAX_CANARY_MS = 5_000;

/** How much longer everything takes because processes of others want the cores, too. */
const slowdown = () => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());

describe(`random hostile requests for ${SECONDS} s (ADVERSARY_SEED=${SEED})`, () => {
  let system: System;
  let pids: Record<string, number>;
  let before: Holdings | undefined;
  let clients: HostileClients;
  let honest: Client;
  let longestDelayMs = 0;
  let outputBefore = 0;
  const canary = { sent: 0, slowestMs: 0, wrong: [] as number[] };

  const warmUp = async (requests: HostileRequests) => {
    await attack(requests, Math.min(5, SECONDS / 4));
    await delay(500);
  };

  const attack = async (requests: HostileRequests, seconds: number) => {
    const end = performance.now() + seconds * 1_000;
    const untilTheEnd = async (step: () => Promise<unknown>) => {
      while (performance.now() < end) await step();
    };
    await Promise.all([
      ...Array.from({ length: CLIENTS }, () => untilTheEnd(() => clients.visit(() => requests.next()))),
      untilTheEnd(sendCanary),
    ]);
  };

  /** An honest server posts a score and waits for its rank. */
  const sendCanary = async () => {
    const start = performance.now();
    const score = { player: 'canary', score: ++canary.sent };
    const { status } = await honest
      .post('/v1/leaderboards/canary/scores', score, { Prefer: 'wait=5' })
      .catch(() => ({ status: 0 }));
    if (status !== 200) canary.wrong.push(status);
    canary.slowestMs = Math.max(canary.slowestMs, performance.now() - start);
    await delay(100);
  };

  beforeAll(
    async () => {
      system = await System.start({ RATE_LIMIT: 'off', LOG_LEVEL: 'info' });
      pids = system.pids();
      honest = system.client;
      const guests = await Promise.all([system.guest(), system.guest()]);
      const { body: document } = await system.connect().get('/openapi.json');
      const credentials = ['', 'nonsense', ...guests.map(({ token }) => token), system.keys.server];
      const random = new Random(SEED);
      clients = new HostileClients(system.port, random.fork('clients'));
      const requests = new HostileRequests(document, credentials, random.fork('requests'));
      outputBefore = system.output.length;
      await warmUp(requests);
      before = holdingsOf(pids.gateway ?? 0);
      const watch = new EventLoopWatch(system);
      await watch.read();
      let attacking = true;
      const watching = (async () => {
        while (attacking) {
          longestDelayMs = Math.max(longestDelayMs, await watch.read());
          await delay(1_000);
        }
      })();
      await attack(requests, SECONDS);
      attacking = false;
      await watching;
      await watch.close();
      console.log({ statuses: Object.fromEntries(clients.statuses), longestDelayMs, canary, before });
    },
    60_000 + 2_000 * SECONDS,
  );
  afterAll(() => system.close(), 60_000);

  it('reach the system, and most are refused', () => {
    const refused = [...clients.statuses].filter(([status]) => status >= 400 && status < 500);
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(SECONDS * 10);
    expect([...clients.statuses.keys()].filter(status => status >= 500 && status !== 503)).toEqual([]);
  });

  it('end no process', () => {
    expect(system.pids()).toEqual(pids);
  });

  it('leave no error that nobody handled in the log', () => {
    const suspicious = system.output
      .slice(outputBefore)
      .split('\n')
      .filter(line => /FATAL|ERROR|unhandled|uncaught/i.test(line));
    expect(suspicious).toEqual([]);
  });

  it('do not hold the event loop', () => {
    expect(longestDelayMs).toBeLessThan(MAX_EVENT_LOOP_DELAY_MS * slowdown());
  });

  it('do not keep an honest player from writing', () => {
    expect(canary.sent).toBeGreaterThan(SECONDS / 4);
    expect(canary).toMatchObject({ wrong: [] });
    expect(canary.slowestMs).toBeLessThan(MAX_CANARY_MS);
  });

  it('leave memory and descriptors as they were', async () => {
    if (!before) return;
    const { descriptors, residentBytes } = before;
    await eventually(() => {
      const now = holdingsOf(pids.gateway ?? 0);
      expect(now?.descriptors).toBeLessThanOrEqual(descriptors + MAX_KEPT_DESCRIPTORS);
      expect(now?.residentBytes).toBeLessThanOrEqual(residentBytes + MAX_KEPT_BYTES);
    }, 60_000);
  }, 70_000);
});
