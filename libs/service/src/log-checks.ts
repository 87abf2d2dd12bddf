import { Gauge } from 'prom-client';
import { partitionName, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { type HealthCheck, HealthFault } from '#libs/observability';
import {
  FSYNC_POLICIES,
  type FsyncPolicy,
  fsyncPolicyOf,
  inspectServer,
  nodesOf,
  type RedisClient,
} from '#libs/redis';
import { readStreamStatus, type StreamStatus } from '#libs/streams-transport';
import { needsRedis } from './redis-checks.js';

/** Milliseconds in which workers that are started together with a gateway begin to read. */
const STARTING_MS = 10_000;
/** Milliseconds for which figures are taken as they were read. */
const FIGURES_AGE_MS = 1_000;
/** Milliseconds by which clocks of machines differ that nobody would look at. */
const CLOCKS_DIFFER_MS = 60_000;
/** Milliseconds by which ids may be ahead of the clock: from there on, events carry their own time. */
const IDS_AHEAD_MS = 1_000;

const lagEvents = new Gauge({
  name: 'questlog_group_lag_events',
  help: 'Events that a consumer group was not given yet, in all partitions of its stream',
  labelNames: ['group', 'stream'] as const,
});
const lagSeconds = new Gauge({
  name: 'questlog_group_lag_seconds',
  help: 'Seconds since the oldest event was appended that a consumer group was not given yet; 0 when it was given all',
  labelNames: ['group', 'stream'] as const,
});
const liveWorkers = new Gauge({
  name: 'questlog_group_workers',
  help: 'Workers of a consumer group that live, by their heartbeats',
  labelNames: ['group', 'stream'] as const,
});

type Groups = Readonly<Record<StreamName, readonly string[]>>;

/** How far the projections are, for checks and metrics; asked at the same time, it looks once. */
export class LogFigures {
  private read: { readonly at: number; readonly figures: Promise<StreamStatus[]> } | undefined;

  constructor(
    private readonly redis: RedisClient,
    readonly topology: Topology,
    readonly groups: Groups,
  ) {}

  current(): Promise<StreamStatus[]> {
    const { read } = this;
    if (read && performance.now() - read.at < FIGURES_AGE_MS) return read.figures;
    const figures = this.look();
    this.read = { at: performance.now(), figures };
    return figures;
  }

  private async look(): Promise<StreamStatus[]> {
    const figures = await readStreamStatus(this.redis, this.topology, this.groups);
    for (const stream of STREAMS) {
      const parts = figures.filter(part => part.stream === stream).flatMap(({ groups }) => groups);
      for (const group of this.groups[stream]) {
        const own = parts.filter(part => part.group === group);
        const labels = { group, stream };
        lagEvents.set(labels, sum(own.map(({ lag }) => lag)));
        lagSeconds.set(labels, Math.max(0, ...own.map(part => part.lagSeconds)));
        liveWorkers.set(labels, Math.max(0, ...own.map(({ workers }) => workers)));
      }
    }
    return figures;
  }
}

/** Whether each projection has workers that read all of its partitions, and the clock is right. */
export function logChecks(figures: LogFigures, redis: RedisClient): HealthCheck[] {
  const checks: HealthCheck[] = [
    {
      name: 'groups',
      severity: 'degraded',
      reason: 'worker-missing',
      quietStartMs: STARTING_MS,
      probe: async () => assertGroups(await figures.current(), figures),
    },
    {
      name: 'workers',
      severity: 'degraded',
      reason: 'worker-missing',
      quietStartMs: STARTING_MS,
      probe: async () => assertWorkers(await figures.current(), figures),
    },
    {
      name: 'clock',
      severity: 'degraded',
      reason: 'clock-ahead',
      probe: async () => {
        await assertClock(redis);
        assertIds(await figures.current());
      },
    },
  ];
  return checks.map(needsRedis);
}

/** Whether the server would keep what it acknowledges: its settings can be changed while it runs. */
export function settingsChecks(redis: RedisClient): HealthCheck[] {
  const check = (name: string, setting: string, reason: HealthCheck['reason']): HealthCheck =>
    needsRedis({
      name,
      severity: 'degraded',
      reason,
      probe: async () => {
        const { faults, unknown } = await inspectServer(redis, 'master');
        const fault = faults.find(found => found.setting === setting);
        if (fault) throw new Error(fault.message);
        if (unknown.includes(setting))
          throw new HealthFault('degraded', 'settings-unknown', `unknown: Redis does not tell ${setting}`);
      },
    });
  return [
    check('eviction', 'maxmemory-policy', 'eviction-policy'),
    check('persistence', 'appendonly', 'persistence-off'),
    needsRedis(fsyncCheck(redis)),
  ];
}

/** Whether Redis syncs its append-only file as often as it did when this process first asked, and at all. */
function fsyncCheck(redis: RedisClient): HealthCheck {
  const strength = (policy: FsyncPolicy) => FSYNC_POLICIES.indexOf(policy);
  let strongest: FsyncPolicy = 'everysec';
  // A server that does not tell it is not asked again: each refusal would be noted in its ACL log.
  let isTold = true;
  return {
    name: 'fsync',
    severity: 'degraded',
    reason: 'persistence-weak',
    probe: async () => {
      const policy = isTold ? await fsyncPolicyOf(redis) : undefined;
      isTold = policy !== undefined;
      if (policy === undefined) return;
      if (strength(policy) < strength(strongest))
        throw new Error(
          `appendfsync is ${policy}, and ${strongest} is expected: a loss of power would lose more events. Set it back: CONFIG SET appendfsync ${strongest}`,
        );
      strongest = policy;
    },
  };
}

/** @throws Error naming a projection that no worker has begun yet */
function assertGroups(figures: readonly StreamStatus[], { topology, groups }: LogFigures): void {
  for (const { stream, partition, groups: found } of figures) {
    const missing = groups[stream].find(name => !found.some(({ group }) => group === name));
    if (missing === undefined) continue;
    const key = topology.at(stream, partition).stream;
    throw new Error(`${key} has no consumer group ${missing}: start that worker`);
  }
}

/** @throws Error naming the projections without a live worker */
function assertWorkers(figures: readonly StreamStatus[], { topology, groups }: LogFigures): void {
  const faults = STREAMS.flatMap(stream =>
    groups[stream].flatMap(name => {
      const unread = figures
        .filter(part => part.stream === stream)
        .filter(part => !part.groups.some(({ group, workers }) => group === name && workers > 0));
      if (unread.length === 0) return [];
      if (unread.length === topology.counts[stream]) return [`${name} has no live worker: start it`];
      const names = unread.map(part => partitionName(topology.at(stream, part.partition)));
      return [`${name} has no live worker for ${names.join(', ')}`];
    }),
  );
  if (faults.length > 0) throw new Error(faults.join('; '));
}

/** @throws Error when Redis's clock is ahead of this machine's */
async function assertClock(redis: RedisClient): Promise<void> {
  for (const node of nodesOf(redis)) {
    const [seconds = 0, micros = 0] = (await node.time()).map(Number);
    const ahead = seconds * 1_000 + micros / 1_000 - Date.now();
    if (ahead > CLOCKS_DIFFER_MS)
      throw new Error(
        `Redis's clock is ${inWords(ahead)} ahead of this machine's: set it right, since boards reset by it`,
      );
  }
}

/** @throws Error when Redis's clock was ahead */
function assertIds(figures: readonly StreamStatus[]): void {
  const ahead = Math.max(...figures.map(({ aheadMs }) => aheadMs));
  if (ahead > IDS_AHEAD_MS)
    throw new Error(
      `Redis's clock was ahead: event ids are ${inWords(ahead)} ahead of it until it catches up; new events carry their real time`,
    );
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function inWords(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 2) return `${Math.ceil(ms / 1_000)} seconds`;
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`;
}
