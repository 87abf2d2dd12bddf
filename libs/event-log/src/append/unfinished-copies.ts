import { type EventId, formatEventId, type NewEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { BeingErasedError, IdempotencyConflictError, NotReplayedError } from '../errors.js';
import type { Topology } from '../partitions/topology.js';
import { ownKey } from './idempotency.js';

/** Copies are finished by another process after this time, which is far more than a request may take. */
const FINISH_AFTER_MS = 5_000;

/** Errors after which nothing is left to finish: the event was never appended, or has been erased since. */
const NOTHING_TO_FINISH = [NotReplayedError, BeingErasedError, IdempotencyConflictError] as const;

/** An event for every partition, with the key by which its first copy is found again. */
export type KeyedEvent = NewEvent & { readonly idempotencyKey: string };

/** Adds a key to find the event by, if the caller has sent none. */
export function withKey<T extends NewEvent>(event: T): T & { readonly idempotencyKey: string } {
  return { ...event, idempotencyKey: event.idempotencyKey ?? ownKey() };
}

/**
 * Records an event next to the first partition before it is appended to every partition, and deletes the record afterwards. A
 * record that remains belongs to a gateway that died in between; `CopyFinisher` then appends the missing copies.
 *
 * @param isUndecided whether, after this error of `append`, something may have been appended
 */
export async function withCopyRecord<T>(
  redis: RedisClient,
  key: string,
  event: KeyedEvent,
  append: () => Promise<T>,
  isUndecided: (error: unknown) => boolean,
): Promise<T> {
  const { idempotencyKey } = event;
  await redis.hset(key, idempotencyKey, JSON.stringify(event));
  try {
    const result = await append();
    await redis.hdel(key, idempotencyKey);
    return result;
  } catch (error) {
    if (!isUndecided(error)) await redis.hdel(key, idempotencyKey);
    throw error;
  }
}

/** Appends the copies that a gateway had not appended when it died. Several processes may do so at the same time. */
export class CopyFinisher {
  /** By key: when this process first saw the record. */
  private readonly known = new Map<string, number>();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly log: { finishEverywhere(event: KeyedEvent): Promise<EventId> },
    private readonly finishAfterMs = FINISH_AFTER_MS,
  ) {}

  /** @returns descriptions of the events that were completed */
  async run(): Promise<string[]> {
    const keys = this.topology.at('scores', 0);
    const noted = await this.redis.hgetall(keys.unfinishedCopies());
    for (const known of this.known.keys()) if (noted[known] === undefined) this.known.delete(known);
    const done: string[] = [];
    for (const [field, text] of Object.entries(noted)) {
      const since = this.known.get(field) ?? performance.now();
      this.known.set(field, since);
      if (performance.now() - since < this.finishAfterMs) continue;
      const finished = await this.finish(text);
      await this.redis.hdel(keys.unfinishedCopies(), field);
      if (finished) done.push(finished);
    }
    return done;
  }

  private async finish(text: string): Promise<string | undefined> {
    const event = parse(text);
    if (!event) return undefined;
    try {
      const id: EventId = await this.log.finishEverywhere(event);
      return `${event.type} ${formatEventId(id)}`;
    } catch (error) {
      if (NOTHING_TO_FINISH.some(kind => error instanceof kind)) return undefined;
      throw error;
    }
  }
}

/** @returns undefined for a record that we have not written */
function parse(text: string): KeyedEvent | undefined {
  try {
    return JSON.parse(text) as KeyedEvent;
  } catch {
    return undefined;
  }
}
