import { deadLettersKey, type PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { script } from './lua.js';

/** The event to move to the dead letters, and the error that caused it. */
export interface FailedEvent {
  readonly id: string;
  /** The fields of the stream entry: alternating names and values. */
  readonly fields: readonly string[];
  readonly error: Error;
  readonly deliveries: number;
}

const moveScript = script<number>('dead-letter');

/**
 * Turns a pending event into a dead letter. The group skips the event until it is retried.
 *
 * @returns false when the event is no longer pending because another consumer has settled it
 * @throws WrongTypeError
 */
export async function moveToDeadLetters(
  redis: RedisClient,
  keys: PartitionKeys,
  group: string,
  { id, fields, error, deliveries }: FailedEvent,
): Promise<boolean> {
  const { code = error.name } = error as Error & { code?: string };
  const letter = {
    id,
    stream: keys.streamName,
    partition: keys.partition,
    group,
    code,
    error: error.message,
    stack: error.stack ?? '',
    deliveries,
    entry: JSON.stringify(fields),
  };
  const moved = await moveScript.run(
    redis,
    [keys.stream, deadLettersKey(keys, group), keys.skipped(group), keys.live(group)],
    [group, id, ...Object.entries(letter).flat()],
  );
  return moved === 1;
}
