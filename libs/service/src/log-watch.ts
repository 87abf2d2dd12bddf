import { setTimeout as delay } from 'node:timers/promises';
import { Counter } from 'prom-client';
import {
  CopyFinisher,
  checkLog,
  EventLog,
  type LogState,
  logLookKey,
  type Misled,
  openAbandonedGates,
  type PartitionKeys,
  type Topology,
} from '#libs/event-log';
import { STREAMS } from '#libs/events';
import { groupsOf } from '#libs/maintenance';
import type { HealthCheck, Logger } from '#libs/observability';
import { type RedisClient, troubleOf } from '#libs/redis';
import { dependsOnRedis } from './redis-checks.js';

/** How long the result of a check is reused. */
const CHECK_CACHE_MS = 1_000;

/** Checks the log for lost events, for `/readyz`, metrics, and the log file. Each check also repairs what died processes left. */
export class LogWatch {
  private states: ReadonlyMap<PartitionKeys, LogState> = new Map();
  private readonly misledProblems = new WeakMap<PartitionKeys, readonly string[]>();
  private checkedAt = Number.NEGATIVE_INFINITY;
  private readonly copies: CopyFinisher;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly logger: Pick<Logger, 'error' | 'warn'>,
  ) {
    this.copies = new CopyFinisher(redis, topology, new EventLog(redis, topology));
    eventsLost.watch(this);
  }

  /** The check for `/readyz`. */
  get check(): HealthCheck {
    return dependsOnRedis({
      name: 'log',
      severity: 'degraded',
      reason: 'log-damaged',
      probe: () => this.assertWhole(),
    });
  }

  /** @throws Error that says what is wrong with the log and what to do */
  async assertWhole(): Promise<void> {
    const isOld = performance.now() - this.checkedAt > CHECK_CACHE_MS;
    const refusal = isOld ? await this.tryToCheck() : undefined;
    const problems = [...this.states].flatMap(([keys, state]) => problemsOf(keys, state));
    const more =
      problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more like these`] : [];
    if (problems.length > 0) throw new Error([...problems.slice(0, MAX_PROBLEMS), ...more].join('; '));
    if (refusal) throw refusal;
  }

  /** The number of events ever lost, by partition. */
  *lost(): Generator<[keys: PartitionKeys, events: number]> {
    for (const [keys, { lost }] of this.states) yield [keys, lost];
  }

  /** The number of events that each consumer group has ever missed although the log has them. */
  *missed(): Generator<[keys: PartitionKeys, group: string, events: number]> {
    for (const [keys, { missedEver }] of this.states)
      for (const [group, events] of Object.entries(missedEver)) yield [keys, group, events];
  }

  /**
   * Checks the partitions. When Redis is unreachable, the previous result stays valid, because the check `redis` reports it.
   *
   * @returns the error when Redis refuses the commands, which no other check may notice
   */
  private async tryToCheck(): Promise<Error | undefined> {
    try {
      await this.checkPartitions();
      this.checkedAt = performance.now();
      return undefined;
    } catch (error) {
      const trouble = troubleOf(error);
      if (!trouble) throw error;
      return trouble.kind === 'refused' ? (error as Error) : undefined;
    }
  }

  private logMisled(keys: PartitionKeys, state: LogState): void {
    const before = new Set(this.misledProblems.get(keys));
    const problems = state.misled.flatMap(fault => misledProblems(keys, state.last, fault));
    for (const problem of problems) if (!before.has(problem)) this.logger.error(`data loss: ${problem}`);
    this.misledProblems.set(keys, problems);
  }

  private async checkPartitions(): Promise<void> {
    const { prefix } = this.topology;
    const asked = await this.redis.hget(logLookKey(prefix), 'asked');
    const states = new Map<PartitionKeys, LogState>();
    const all = STREAMS.flatMap(stream => this.topology.all(stream));
    await Promise.all(
      all.map(async keys => {
        const state = await checkLog(this.redis, keys, groupsOf(keys.streamName));
        states.set(keys, state);
        if (state.damage !== '' && state.damage !== this.states.get(keys)?.damage)
          this.logger.error(
            `data loss: ${keys.stream}: ${state.damage}. Its projections are not rebuilt from the remaining events`,
          );
        this.logMisled(keys, state);
      }),
    );
    // Only a process that has checked before remembers more than Redis does, so only it may answer the request.
    if (asked !== null && this.states.size > 0) await this.redis.hset(logLookKey(prefix), 'looked', asked);
    this.states = states;
    const gates = [...states].flatMap(([keys, { gate }]) => (gate === '' ? [] : [[keys, gate] as const]));
    if (gates.length > 0 && (await openAbandonedGates(this.redis, this.topology, gates)))
      this.logger.warn(
        'the log accepts writes again: the process that had closed it for a repartition is gone',
      );
    for (const event of await this.copies.run())
      this.logger.warn(`${event}: its missing copies were appended: the process that appended it is gone`);
  }
}

/** How long to wait for a running process, each of which checks the log every two seconds. */
const CHECK_TIMEOUT_MS = 5_000;
/** How often the answer is polled, and how long the request is kept. */
const POLL_MS = 50;
const REQUEST_TTL_SECONDS = 60;

/**
 * Waits until a running process has checked the log and recorded losses that only it can notice, because it remembers what
 * the log had. A command that has just started remembers nothing.
 *
 * @returns false when no process has answered: none is running, or none has checked the log before
 */
export async function requestLogCheck(
  redis: RedisClient,
  prefix: string,
  timeoutMs = CHECK_TIMEOUT_MS,
): Promise<boolean> {
  const key = logLookKey(prefix);
  const question = await redis.hincrby(key, 'asked', 1);
  await redis.expire(key, REQUEST_TTL_SECONDS);
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (Number((await redis.hget(key, 'looked')) ?? 0) >= question) return true;
    await delay(POLL_MS);
  }
  return false;
}

/** Maximum number of problems in a message. */
const MAX_PROBLEMS = 3;

function problemsOf(keys: PartitionKeys, { damage, reset, misled, last }: LogState): string[] {
  const { streamName: stream, partition } = keys;
  const body = `{"stream":"${stream}","partition":${partition}}`;
  const where = `partition ${partition} of ${stream}`;
  return [
    ...(damage === ''
      ? []
      : [
          `${where} has lost events: ${damage}. Restore a backup, or go on without them: POST /v1/admin/log/accept-loss ${body}`,
        ]),
    ...reset.map(
      group =>
        `${where}: the consumer group ${group} was deleted, and its projection may lack events: rebuild it (POST /v1/admin/rebuilds)`,
    ),
    ...misled.flatMap(fault => misledProblems(keys, last, fault)),
  ];
}

const BY_HAND = 'XGROUP SETID, CREATE, DELCONSUMER or XACK by hand';
const REBUILD = 'rebuild its projection from the log, which has them (POST /v1/admin/rebuilds)';

function misledProblems(
  { stream, streamName, partition }: PartitionKeys,
  last: string,
  { group, missed, repeated, isAhead }: Misled,
): string[] {
  const where = `partition ${partition} of ${streamName}`;
  return [
    isAhead &&
      `${where}: the consumer group ${group} gets no new events, for it was set to an id that is not there yet: XGROUP SETID ${stream} ${group} ${last}`,
    missed > 0 &&
      `${where}: the consumer group ${group} has not applied ${missed} events and will not get them (${BY_HAND}): ${REBUILD}`,
    repeated > 0 &&
      `${where}: the consumer group ${group} was given ${repeated} events once more, and may count them twice (${BY_HAND}): ${REBUILD}`,
  ].filter(problem => problem !== false);
}

/** Publishes the number of lost events. Every process reports the same number, so use the maximum, not the sum. */
class EventsLost {
  private log: LogWatch | undefined;
  private readonly counter = new Counter({
    name: 'questlog_events_lost_total',
    help: 'Events that the log has lost, by partition; with a group: events of the log that it was not given. Every process tells the same number',
    labelNames: ['stream', 'partition', 'group'] as const,
    collect: () => this.collect(),
  });

  watch(log: LogWatch): void {
    this.log = log;
  }

  private collect(): void {
    this.counter.reset();
    for (const [{ streamName: stream, partition }, events] of this.log?.lost() ?? [])
      this.counter.inc({ stream, partition }, events);
    for (const [{ streamName: stream, partition }, group, events] of this.log?.missed() ?? [])
      this.counter.inc({ stream, partition, group }, events);
  }
}

const eventsLost = new EventsLost();
