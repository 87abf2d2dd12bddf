import { createHash } from 'node:crypto';
import {
  compareEventIds,
  definitionOf,
  type EventType,
  type NewEvent,
  packEvent,
  parseEventId,
} from '#libs/events';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';
import type { EventRef } from './event-ref.js';
import type { Topology } from './topology.js';

/** For how long a repeated Idempotency-Key is recognised, in seconds. */
const IDEMPOTENCY_SECONDS = 24 * 60 * 60;

/** What the head version must be: a number, 0 for "there is none yet", or `any existing`. */
export type ExpectedVersion = number | 'existing';

export interface Appended {
  readonly ref: EventRef;
  /** The version that the event is, for versioned events. */
  readonly version?: number;
  /** True when an idempotency key was seen before: nothing was appended, this is the first event. */
  readonly replayed: boolean;
}

const append = new Script<[id: string, version: string, replayed: number]>('append');

/** The log. What `append` has answered is durable, as far as the server's persistence goes. */
export class EventLog {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * Appends an event; with an idempotency key, once for actor, subject and key.
   *
   * @throws VersionConflictError when the expected version is not the head
   * @throws IdempotencyConflictError when the key was used for another event
   */
  append<T extends EventType>(event: NewEvent<T>, expected?: ExpectedVersion): Promise<Appended> {
    const { stream, copy, subject } = definitionOf(event.type);
    return copy
      ? this.appendEverywhere(event)
      : this.appendTo(this.topology.of(stream, subject(event.data)), event, expected);
  }

  /**
   * Appends an event to every partition of its stream, first to partition 0, which orders them.
   *
   * An error can leave it in some of them: appended once more, it is a later event in all.
   */
  private async appendEverywhere<T extends EventType>(event: NewEvent<T>): Promise<Appended> {
    const { stream, copy } = definitionOf(event.type);
    const [leader, ...followers] = this.topology.all(stream);
    if (!leader || !copy) throw new RangeError(`${event.type} is not for every partition`);
    const first = await this.appendTo(leader, event);
    const data = copy(event.data, first.ref.id);
    const copies = await Promise.all(followers.map(keys => this.appendTo(keys, { ...event, data })));
    const ids = [first, ...copies].map(({ ref }) => ref.id).sort(compareEventIds);
    return { ref: { stream, partition: 'all', id: ids.at(-1) ?? first.ref.id }, replayed: first.replayed };
  }

  private async appendTo<T extends EventType>(
    keys: PartitionKeys,
    event: NewEvent<T>,
    expected?: ExpectedVersion,
  ): Promise<Appended> {
    const definition = definitionOf(event.type);
    const subject = definition.subject(event.data);
    const part = definition.versioned?.(event.data) ?? definition.follows?.(event.data) ?? '';
    const { e, d = '', m = '' } = packEvent(event);
    const { actor, idempotencyKey } = event;
    const record = idempotencyKey === undefined ? '' : digest(actor.kind, actor.id, subject, idempotencyKey);
    const [id, version, replayed] = await append.run(
      this.redis,
      [keys.stream, keys.idempotency(record), keys.versions(subject)],
      [
        e,
        m,
        part,
        expected === undefined ? '' : expected === 'existing' ? '*' : expected,
        idempotencyKey === undefined ? '' : digest(e, d),
        IDEMPOTENCY_SECONDS,
        d,
        definition.versioned ? 1 : 0,
      ],
    );
    return {
      ref: { stream: definition.stream, partition: keys.partition, id: parseEventId(id) },
      ...(version !== '' && { version: Number(version) }),
      replayed: replayed === 1,
    };
  }
}

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  // Lengths keep ["a", "bc"] and ["ab", "c"] apart.
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('base64url').slice(0, 22);
}
