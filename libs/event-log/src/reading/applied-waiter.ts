import { setTimeout as delay } from 'node:timers/promises';
import { compareEventIds, formatEventId, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import type { EventRef } from './event-ref.js';

/** Interval between two queries for a partition that has waiters. */
const POLL_INTERVAL_MS = 2;

/** Maximum events in one query. Redis does nothing else while it runs. */
const MAX_QUERY_EVENTS = 250;

interface Waiter {
  /** An event id; with a leading `~`: all events up to this id. */
  readonly id: string;
  /** Timed out, or abandoned by its caller. */
  expired: boolean;
  readonly isAbandoned: () => boolean;
  resolve(applied: boolean): void;
  reject(error: unknown): void;
}

export const applied = script<string>('applied');

/**
 * Waits until an event is applied in the projections.
 *
 * All waiters of a partition share one query, and a partition without waiters is not queried.
 */
export class AppliedWaiter {
  private readonly waiters = new Map<string, Waiter[]>();

  /** @param groups the consumer groups that project each stream */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
  ) {}

  /** Whether the partition of an event exists. If not, the id is not from this log. */
  has(ref: EventRef): boolean {
    const { stream, partition } = ref;
    return partition === 'all' || partition < this.topology.counts[stream] || this.isMoved(ref);
  }

  /**
   * @param timeout milliseconds
   * @param isAbandoned called before each query; true when the caller no longer waits
   * @returns false on a timeout, when abandoned, or if the partition does not exist
   */
  async whenApplied(event: EventRef, timeout: number, isAbandoned = () => false): Promise<boolean> {
    const { stream, partition, id } = event;
    if (this.isMoved(event)) return true;
    if (partition === 'all') {
      const upTo = `~${formatEventId(id)}`;
      const all = this.topology.all(stream).map(keys => this.wait(keys, upTo, timeout, isAbandoned));
      return (await Promise.all(all)).every(Boolean);
    }
    if (!this.has(event)) return false;
    return this.wait(this.topology.at(stream, partition), formatEventId(id), timeout, isAbandoned);
  }

  /** Everything that was in the log when it was repartitioned has been applied, even if the old partition is gone. */
  private isMoved({ stream, id }: EventRef): boolean {
    const end = this.topology.movedUpTo(stream);
    return end !== undefined && compareEventIds(id, end) <= 0;
  }

  private wait(
    keys: PartitionKeys,
    id: string,
    timeout: number,
    isAbandoned: () => boolean,
  ): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const waiter: Waiter = { id, expired: false, isAbandoned, resolve, reject };
    // A timer of its own, so that the timeout holds even while Redis does not answer.
    const timer = setTimeout(() => {
      waiter.expired = true;
      resolve(false);
    }, timeout);
    const queue = this.waiters.get(keys.stream);
    if (queue) {
      queue.push(waiter);
    } else {
      this.waiters.set(keys.stream, [waiter]);
      void this.watch(keys, this.groups[keys.streamName]);
    }
    return promise.finally(() => clearTimeout(timer));
  }

  private async watch(keys: PartitionKeys, groups: readonly string[]): Promise<void> {
    const { stream } = keys;
    const touched = [stream, keys.erasing(), ...groups.map(group => keys.skipped(group))];
    for (;;) {
      const waiting = (this.waiters.get(stream) ?? []).filter(isWaiting);
      const asked = waiting.splice(0, MAX_QUERY_EVENTS);
      // The rest goes into the next query.
      this.waiters.set(stream, waiting);
      try {
        const ids = asked.map(waiter => waiter.id);
        const answer = await applied.run(this.redis, touched, [JSON.stringify(groups), JSON.stringify(ids)]);
        asked.forEach((waiter, i) => {
          if (answer[i] === '1') waiter.resolve(true);
          else this.waiters.get(stream)?.push(waiter);
        });
      } catch (error) {
        for (const waiter of asked) waiter.reject(error);
      }
      if (this.waiters.get(stream)?.length === 0) {
        this.waiters.delete(stream);
        return;
      }
      await delay(POLL_INTERVAL_MS);
    }
  }
}

function isWaiting(waiter: Waiter): boolean {
  if (!waiter.expired && waiter.isAbandoned()) {
    waiter.expired = true;
    waiter.resolve(false);
  }
  return !waiter.expired;
}
