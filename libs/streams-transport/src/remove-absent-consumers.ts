import type { PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { script } from './lua.js';

/** A consumer that has been idle for this long counts as absent. */
const ABSENT_AFTER_MS = 5 * 60_000;

const leaveGroup = script<number>('leave-group');

/**
 * Removes consumers of a group that own no pending entries and have been absent for a while: killed workers, and the
 * placeholder that owns retried dead letters until a worker claims them.
 *
 * Removing a live consumer is harmless, because Redis creates it again with its next delivery. That is common with Redis
 * 7.0, where a read that returns no events does not reset the idle time.
 *
 * @returns the names of the removed consumers
 */
export async function removeAbsentConsumers(
  redis: RedisClient,
  { stream }: PartitionKeys,
  group: string,
  absentMs = ABSENT_AFTER_MS,
): Promise<string[]> {
  const consumers = ((await redis.xinfo('CONSUMERS', stream, group)) as unknown[][]).map(toConsumer);
  const absent = consumers.filter(({ pending, idle }) => pending === 0 && idle >= absentMs);
  const removed = absent.map(async ({ name }) =>
    (await leaveGroup.run(redis, [stream], [group, name])) === 1 ? [name] : [],
  );
  return (await Promise.all(removed)).flat();
}

interface Consumer {
  readonly name: string;
  /** Events that were delivered to it and are not acknowledged. */
  readonly pending: number;
  /** Milliseconds since its last activity. */
  readonly idle: number;
}

/** @param flat alternating names and values */
function toConsumer(flat: readonly unknown[]): Consumer {
  const value = (name: string) => flat[flat.indexOf(name) + 1];
  return { name: String(value('name')), pending: Number(value('pending')), idle: Number(value('idle')) };
}
