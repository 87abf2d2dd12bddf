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
import { dependsOnRedis } from './redis-checks.js';

/** Workers that start together with a gateway begin to read within this time. */
const QUIET_START_MS = 10_000;
/** How long the status is reused. */
const STATUS_CACHE_MS = 1_000;
/** Smaller differences between the clocks of machines are ignored. */
const MAX_CLOCK_SKEW_MS = 60_000;
/** When ids are further ahead of the clock than this, events carry their own time. */
const MAX_IDS_AHEAD_MS = 1_000;

const lagEvents = new Gauge({
  name: 'questlog_group_lag_events',
  help: 'Events that have not been delivered to the consumer group yet, in all partitions of its stream',
  labelNames: ['group', 'stream'] as const,
});
const lagSeconds = new Gauge({
  name: 'questlog_group_lag_seconds',
  help: 'Seconds since the oldest event that has not been delivered to the consumer group yet was appended; 0 when there is none',
  labelNames: ['group', 'stream'] as const,
});
const liveWorkers = new Gauge({
  name: 'questlog_group_workers',
  help: 'Workers of the consumer group with a valid heartbeat',
  labelNames: ['group', 'stream'] as const,
});

type Groups = Readonly<Record<StreamName, readonly string[]>>;

/** The progress of the consumer groups, for checks and metrics. Concurrent calls share one read. */
export class LogStatusCache {
  private read: { readonly at: number; readonly figures: Promise<StreamStatus[]> } | undefined;

  constructor(
    private readonly redis: RedisClient,
    readonly topology: Topology,
    readonly groups: Groups,
  ) {}

  current(): Promise<StreamStatus[]> {
    const { read } = this;
    if (read && performance.now() - read.at < STATUS_CACHE_MS) return read.figures;
    const figures = this.readStatus();
    this.read = { at: performance.now(), figures };
    return figures;
  }

  private async readStatus(): Promise<StreamStatus[]> {
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

/** Checks that each projection has workers for all of its partitions, and that the clock of Redis is right. */
export function logChecks(figures: LogStatusCache, redis: RedisClient): HealthCheck[] {
  const checks: HealthCheck[] = [
    {
      name: 'groups',
      severity: 'degraded',
      reason: 'worker-missing',
      quietStartMs: QUIET_START_MS,
      probe: async () => assertGroups(await figures.current(), figures),
    },
    {
      name: 'workers',
      severity: 'degraded',
      reason: 'worker-missing',
      quietStartMs: QUIET_START_MS,
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
  return checks.map(dependsOnRedis);
}

/** Checks the settings of the server that protect acknowledged writes. They can be changed while the server is running. */
export function settingsChecks(redis: RedisClient): HealthCheck[] {
  const check = (name: string, setting: string, reason: HealthCheck['reason']): HealthCheck =>
    dependsOnRedis({
      name,
      severity: 'degraded',
      reason,
      probe: async () => {
        const { faults, unknown } = await inspectServer(redis, 'master');
        const fault = faults.find(found => found.setting === setting);
        if (fault) throw new Error(fault.message);
        if (unknown.includes(setting))
          throw new HealthFault(
            'degraded',
            'settings-unknown',
            `unknown: this user may not read the setting ${setting} of Redis`,
          );
      },
    });
  return [
    check('eviction', 'maxmemory-policy', 'eviction-policy'),
    check('persistence', 'appendonly', 'persistence-off'),
    dependsOnRedis(fsyncCheck(redis)),
  ];
}

/** Checks that `appendfsync` has not been weakened since this process first read it. */
function fsyncCheck(redis: RedisClient): HealthCheck {
  const strength = (policy: FsyncPolicy) => FSYNC_POLICIES.indexOf(policy);
  let strongest: FsyncPolicy = 'everysec';
  // A server that refused is not asked again, because it records each refusal in its ACL log.
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

/** @throws Error that names a consumer group that does not exist yet */
function assertGroups(figures: readonly StreamStatus[], { topology, groups }: LogStatusCache): void {
  for (const { stream, partition, groups: found } of figures) {
    const missing = groups[stream].find(name => !found.some(({ group }) => group === name));
    if (missing === undefined) continue;
    const key = topology.at(stream, partition).stream;
    throw new Error(`${key} has no consumer group ${missing}: start that worker`);
  }
}

/** @throws Error that names the consumer groups without a live worker */
function assertWorkers(figures: readonly StreamStatus[], { topology, groups }: LogStatusCache): void {
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

/** @throws Error when the clock of Redis is ahead of the clock of this machine */
async function assertClock(redis: RedisClient): Promise<void> {
  for (const node of nodesOf(redis)) {
    const [seconds = 0, micros = 0] = (await node.time()).map(Number);
    const ahead = seconds * 1_000 + micros / 1_000 - Date.now();
    if (ahead > MAX_CLOCK_SKEW_MS)
      throw new Error(
        `Redis's clock is ${formatDuration(ahead)} ahead of this machine's: set it right, since boards reset by it`,
      );
  }
}

/** @throws Error when event ids are ahead of the clock of Redis, because the clock was ahead before */
function assertIds(figures: readonly StreamStatus[]): void {
  const ahead = Math.max(...figures.map(({ aheadMs }) => aheadMs));
  if (ahead > MAX_IDS_AHEAD_MS)
    throw new Error(
      `Redis's clock was ahead: event ids are ${formatDuration(ahead)} ahead of it until it catches up; new events carry their real time`,
    );
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function formatDuration(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 2) return `${Math.ceil(ms / 1_000)} seconds`;
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`;
}
