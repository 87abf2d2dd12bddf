import { setTimeout as delay } from 'node:timers/promises';
import { compareEventIds, formatEventId, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import type { EventRef } from './event-ref.js';

/** Milliseconds between two looks at a partition that somebody waits for. */
const INTERVAL = 2;

/** Events that are asked for in one look, at most: Redis does nothing else meanwhile. */
const LOOK_EVENTS = 250;

interface Waiter {
  /** An event id; with a `~` in front, everything up to it. */
  readonly id: string;
  /** The time is up, or nobody waits any more. */
  expired: boolean;
  readonly isAbandoned: () => boolean;
  resolve(applied: boolean): void;
  reject(error: unknown): void;
}

export const applied = script<string>('applied');

/**
 * Tells when an event has taken effect in the projections.
 *
 * All waiting requests of one partition share one look at it, and an idle partition is not looked at.
 */
export class Progress {
  private readonly waiters = new Map<string, Waiter[]>();

  /** @param groups the consumer groups that project each stream */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
  ) {}

  /** Whether the log has the partition of an event: without it, the event is none of this log. */
  has(ref: EventRef): boolean {
    const { stream, partition } = ref;
    return partition === 'all' || partition < this.topology.counts[stream] || this.isMoved(ref);
  }

  /**
   * @param timeout milliseconds
   * @param isAbandoned asked before each look: whether nobody waits for the answer any more
   * @returns false when the time is up, when nobody waits any more, or when there is no such partition
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

  /** The partition is one that was, but all that was in the log when it was moved is in its projections. */
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
    // The time is up when it is up, also while Redis is silent.
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
      const asked = waiting.splice(0, LOOK_EVENTS);
      // Whom this look is not for, the next one is.
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
      await delay(INTERVAL);
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
