import 'reflect-metadata';
import { freePort } from '#libs/embedded-redis';
import { createClient, type RedisClient } from '#libs/redis';
import { Random } from '../chaos/random.js';
import type { ApiDocument } from '../e2e/support/bad-input.js';
import { Gateway } from '../e2e/support/gateway.js';
import { System } from '../e2e/support/system.js';
import type { Attack } from './worst-request/attack.js';
import { genericAttacks, targetsOf } from './worst-request/generic-attacks.js';
import { heavyAttacks, manyAttacks } from './worst-request/known-attacks.js';
import { Meter } from './worst-request/meter.js';
import { type Finding, publish, tableOf, worst } from './worst-request/table.js';
import { prepareWorld } from './worst-request/world.js';

/** How long one request may block the gateway (in CPU time) or Redis without a pause. */
const GATEWAY_MS = 50;
const REDIS_MS = 10;
/** The limits are multiplied by this. On a busy machine caches are cold, and Redis's time includes that of other processes. */
const SLACK = Number(process.env.WORST_SLACK ?? 2);
/** A request that costs more than this fraction of a limit is measured again, and its lowest cost counts. */
const SUSPICIOUS = 0.5;
const TIMES = 4;

/** How long to search when run by hand. Unset in CI, which always sends the same requests: those most likely to be expensive. */
const SECONDS = process.env.WORST_SECONDS === undefined ? undefined : Number(process.env.WORST_SECONDS);
const CI_REQUESTS = 100;
const SEED = Number(process.env.WORST_SEED ?? 17);

describe('the worst request that a search finds', () => {
  let system: System;
  let gateway: Gateway;
  let redis: RedisClient;
  let meter: Meter;
  let attacks: Attack[];

  beforeAll(async () => {
    const limits = { RATE_LIMIT: 'off', QUOTAS: 'off' };
    system = await System.start({ ...limits, NODE_ENV: 'development' });
    const world = await prepareWorld(system);
    const probePort = await freePort();
    const { keys } = system;
    const probe = new URL('./worst-request/stretch-probe.mjs', import.meta.url);
    gateway = await Gateway.start(system, {
      ...limits,
      ...{ SERVER_KEYS: keys.server, ADMIN_KEYS: keys.admin, LOG_LEVEL: 'fatal' },
      ...{ NODE_OPTIONS: `--import=${probe}`, STRETCH_PROBE_PORT: String(probePort) },
    });
    redis = createClient({ url: system.redisUrl }, 'search');
    await redis.connect();
    await redis.call('CONFIG', 'SET', 'slowlog-log-slower-than', '100', 'slowlog-max-len', '1024');
    const roles = { nobody: undefined, player: world.guest.token, ...keys };
    meter = new Meter(gateway.port, probePort, redis, roles);
    const { body } = await system.client.get('/openapi.json');
    const ids = { board: 'heavy', player: world.guest.playerId, slot: 's1', id: 'none', key: 'heavy' };
    const random = new Random(SEED);
    const targets = targetsOf(body as ApiDocument, ids);
    const generic = genericAttacks(targets, random.fork('generic'), 12);
    // Half known and half generic attacks, so that both kinds are tried early.
    const many = random.shuffle(manyAttacks(world, random.fork('many')));
    const others = random.shuffle([...many, ...random.shuffle(generic).slice(0, many.length)]);
    attacks = [...heavyAttacks(world), ...others, ...generic];
    if (SECONDS === undefined) attacks = attacks.slice(0, CI_REQUESTS);
  }, 180_000);

  afterAll(async () => {
    redis?.disconnect();
    await gateway?.stop();
    await system?.close();
  });

  /** Measures the attacks in order until the time is up. */
  async function search(): Promise<Finding[]> {
    const findings: Finding[] = [];
    const until = performance.now() + 1_000 * (SECONDS ?? Number.POSITIVE_INFINITY);
    for (const attack of attacks) {
      if (performance.now() > until) break;
      const first = await meter.cost(attack);
      const isSuspicious = first.gateway > SUSPICIOUS * GATEWAY_MS || first.redis > SUSPICIOUS * REDIS_MS;
      findings.push({ attack, cost: isSuspicious ? await meter.leastCost(attack, TIMES) : first });
    }
    return findings;
  }

  it(
    `blocks the gateway for at most ${GATEWAY_MS} ms of CPU, and Redis for at most ${REDIS_MS} ms`,
    async () => {
      // Warm up: code that is compiled on its first use costs more the first time.
      for (const attack of attacks.slice(0, 40)) await meter.cost(attack);
      const findings = await search();
      publish(tableOf(findings), process.env.WORST_TABLE);
      process.stdout.write(`seed ${SEED}: ${findings.length} of ${attacks.length} requests\n`);
      const beyond = [...worst(findings).values()].flatMap(({ gateway: held, redis: blocked }) => [
        ...(held.cost.gateway > SLACK * GATEWAY_MS
          ? [`the gateway for ${held.cost.gateway} ms: ${nameOf(held)}`]
          : []),
        ...(blocked.cost.redis > SLACK * REDIS_MS
          ? [`Redis for ${blocked.cost.redis} ms (${blocked.cost.command}): ${nameOf(blocked)}`]
          : []),
      ]);
      expect(beyond).toEqual([]);
    },
    1_000 * (SECONDS ?? 0) + 180_000,
  );
});

const nameOf = ({ attack: { route, role, what }, cost: { status } }: Finding) =>
  `${route} as ${role}: ${what} (${status})`;
