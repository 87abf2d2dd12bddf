import { type EventId, formatEventId, type NewEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { BeingErasedError, IdempotencyConflictError, NotReplayedError } from '../errors.js';
import type { Topology } from '../partitions/topology.js';
import { ownKey } from './idempotency.js';

/** Milliseconds that whoever appends the copies has for it: far more than a request may take. */
const FINISH_AFTER_MS = 5_000;

/** What can never be completed, and need not be: nothing of it was begun, or all of it was undone since. */
const NOTHING_TO_FINISH = [NotReplayedError, BeingErasedError, IdempotencyConflictError] as const;

/** An event that goes to every partition, with the key by which its first place is found again. */
export type KeyedEvent = NewEvent & { readonly idempotencyKey: string };

/** Gives an event a key to be found by, where the caller has given none. */
export function withKey<T extends NewEvent>(event: T): T & { readonly idempotencyKey: string } {
  return { ...event, idempotencyKey: event.idempotencyKey ?? ownKey() };
}

/**
 * Notes an event beside the first partition before it is appended to every partition in turn, and forgets it when that is
 * done. What is noted still is half done, if its gateway has died: `CopyFinisher` completes it.
 *
 * @param append throws an error that says whether anything can have been appended
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

/** Appends the copies that a gateway owed when it died. Any process may do it, and several at the same time. */
export class CopyFinisher {
  /** By key: since when this process has known that the event is not everywhere. */
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

/** @returns nothing for what somebody else has written */
function parse(text: string): KeyedEvent | undefined {
  try {
    return JSON.parse(text) as KeyedEvent;
  } catch {
    return undefined;
  }
}
