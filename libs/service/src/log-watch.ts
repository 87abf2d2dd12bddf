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
import { needsRedis } from './redis-checks.js';

/** Milliseconds for which what a look showed is told again. */
const LOOK_AGE_MS = 1_000;

/** Whether the log is whole. `/readyz` asks again and again; what is found is for the metrics and the log, too. */
export class LogWatch {
  private states: ReadonlyMap<PartitionKeys, LogState> = new Map();
  private readonly misledProblems = new WeakMap<PartitionKeys, readonly string[]>();
  private lookedAt = Number.NEGATIVE_INFINITY;
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
    return needsRedis({
      name: 'log',
      severity: 'degraded',
      reason: 'log-damaged',
      probe: () => this.assertWhole(),
    });
  }

  /** @throws Error that says what is wrong with the log, and what to do */
  async assertWhole(): Promise<void> {
    const isOld = performance.now() - this.lookedAt > LOOK_AGE_MS;
    const refusal = isOld ? await this.tryToLook() : undefined;
    const problems = [...this.states].flatMap(([keys, state]) => problemsOf(keys, state));
    const more =
      problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more like these`] : [];
    if (problems.length > 0) throw new Error([...problems.slice(0, MAX_PROBLEMS), ...more].join('; '));
    if (refusal) throw refusal;
  }

  /** Events that were ever lost, by partition. */
  *lost(): Generator<[keys: PartitionKeys, events: number]> {
    for (const [keys, { lost }] of this.states) yield [keys, lost];
  }

  /** Events of the log that consumer groups have ever missed. */
  *missed(): Generator<[keys: PartitionKeys, group: string, events: number]> {
    for (const [keys, { missedEver }] of this.states)
      for (const [group, events] of Object.entries(missedEver)) yield [keys, group, events];
  }

  /**
   * That Redis is away is another check's to tell: what was known holds.
   *
   * @returns why Redis does not let us look, which no other check may notice
   */
  private async tryToLook(): Promise<Error | undefined> {
    try {
      await this.look();
      this.lookedAt = performance.now();
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

  private async look(): Promise<void> {
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
            `data loss: ${keys.stream}: ${state.damage}. It is not rebuilt from what is left`,
          );
        this.logMisled(keys, state);
      }),
    );
    // Only who has looked before knows more than Redis does.
    if (asked !== null && this.states.size > 0) await this.redis.hset(logLookKey(prefix), 'looked', asked);
    this.states = states;
    const gates = [...states].flatMap(([keys, { gate }]) => (gate === '' ? [] : [[keys, gate] as const]));
    if (gates.length > 0 && (await openAbandonedGates(this.redis, this.topology, gates)))
      this.logger.warn('the log takes events again: whoever had closed it to move it is gone');
    for (const event of await this.copies.run())
      this.logger.warn(`${event}: completed: whoever had appended it to some partitions is gone`);
  }
}

/** Milliseconds for which processes that run are waited for: each looks every two seconds. */
const LOOK_PATIENCE_MS = 5_000;
/** Milliseconds between two looks for their answer, and seconds for which a question is kept. */
const LOOK_INTERVAL_MS = 50;
const QUESTION_SECONDS = 60;

/**
 * Waits until a process that runs has looked at the log, and noted what it remembers and Redis lacks. A command that has just
 * begun remembers nothing.
 *
 * @returns false when none has answered: nothing runs, or nothing that has looked before
 */
export async function askForLook(
  redis: RedisClient,
  prefix: string,
  patienceMs = LOOK_PATIENCE_MS,
): Promise<boolean> {
  const key = logLookKey(prefix);
  const question = await redis.hincrby(key, 'asked', 1);
  await redis.expire(key, QUESTION_SECONDS);
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (Number((await redis.hget(key, 'looked')) ?? 0) >= question) return true;
    await delay(LOOK_INTERVAL_MS);
  }
  return false;
}

/** Partitions that are named. */
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

/** The figures are those of the log, not of a process: take the greatest of several processes, not their sum. */
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
