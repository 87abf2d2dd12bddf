import { deadLettersKey, type PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { script } from './lua.js';

/** Why an event is given up, and what it was. */
export interface FailedEvent {
  readonly id: string;
  /** Names and values in turn, as they stand in the stream. */
  readonly fields: readonly string[];
  readonly error: Error;
  readonly deliveries: number;
}

const move = script<number>('dead-letter');

/**
 * Makes a pending event a dead letter. Until that is retried, the event is one that the group skips.
 *
 * @returns false when the event is no longer pending: somebody else has dealt with it
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
  const moved = await move.run(
    redis,
    [keys.stream, deadLettersKey(keys, group), keys.skipped(group), keys.live(group)],
    [group, id, ...Object.entries(letter).flat()],
  );
  return moved === 1;
}
