import type { PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { script } from './lua.js';

/** Milliseconds without a sign of life after which a consumer is absent. */
const ABSENT = 5 * 60_000;

const leaveGroup = script<number>('leave-group');

/**
 * Removes those consumers of a group that own nothing and have been absent for long: killed workers, and the
 * placeholder that owns retried dead letters until a worker claims them.
 *
 * It cannot do harm to one that lives: Redis makes a consumer anew with its next delivery. In Redis 7.0 that is
 * usual, where only a read that brings events is a sign of life.
 *
 * @param absentMs milliseconds
 * @returns the names of the removed
 */
export async function forgetAbsentConsumers(
  redis: RedisClient,
  { stream }: PartitionKeys,
  group: string,
  absentMs = ABSENT,
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
  /** Events that it was given and has not acknowledged. */
  readonly pending: number;
  /** Milliseconds since its last sign of life. */
  readonly idle: number;
}

/** @param flat names and values in turn */
function toConsumer(flat: readonly unknown[]): Consumer {
  const value = (name: string) => flat[flat.indexOf(name) + 1];
  return { name: String(value('name')), pending: Number(value('pending')), idle: Number(value('idle')) };
}
