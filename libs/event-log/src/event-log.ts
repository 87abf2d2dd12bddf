import { createHash } from 'node:crypto';
import { definitionOf, type EventType, type NewEvent, packEvent, parseEventId } from '#libs/events';
import { type RedisClient, Script } from '#libs/redis';
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
  async append<T extends EventType>(event: NewEvent<T>, expected?: ExpectedVersion): Promise<Appended> {
    const definition = definitionOf(event.type);
    const subject = definition.subject(event.data);
    const keys = this.topology.of(definition.stream, subject);
    const { e, d = '', m = '' } = packEvent(event);
    const { actor, idempotencyKey } = event;
    const record = idempotencyKey === undefined ? '' : digest(actor.kind, actor.id, subject, idempotencyKey);
    const [id, version, replayed] = await append.run(
      this.redis,
      [keys.stream, keys.idempotency(record), keys.versions(subject)],
      [
        e,
        m,
        definition.versioned?.(event.data) ?? '',
        expected === undefined ? '' : expected === 'existing' ? '*' : expected,
        idempotencyKey === undefined ? '' : digest(e, d),
        IDEMPOTENCY_SECONDS,
        d,
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
