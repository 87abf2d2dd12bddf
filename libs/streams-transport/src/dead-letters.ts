import {
  deadLettersKey,
  type EventView,
  formatCursor,
  type NamedSource,
  newestFirst,
  type PartitionKeys,
  type Position,
  parseCursor,
  partitionName,
  readEntry,
  type SourceEntry,
  streamEntries,
  type Topology,
  viewEvent,
} from '#libs/event-log';
import { formatEventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { formatDeadLetterId, parseDeadLetterId } from './dead-letter-id.js';
import { script } from './lua.js';

/** An event that keeps failing in a consumer group, or a stream entry that cannot be decoded. */
export interface DeadLetter {
  readonly id: string;
  readonly group: string;
  readonly eventId: string;
  readonly stream: StreamName;
  readonly partition: number;
  /** The `code` of the error, or its name when it has none. */
  readonly code: string;
  readonly error: string;
  readonly stack: string;
  readonly deliveries: number;
  /** When it became a dead letter: ISO 8601, by the clock of the Redis server. */
  readonly at: string;
  /** Null when the stream entry cannot be decoded. */
  readonly event: EventView | null;
  /** The fields of the stream entry: alternating names and values. */
  readonly entry: readonly string[];
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[];
  /** The cursor of the next page. Unset on the last page. */
  readonly next?: string;
}

/** A dead letter that was retried or dropped, and its event. */
export interface DeadLetterAction {
  readonly id: string;
  readonly eventId: string;
}

/** An error message shows at most this much of an unknown group. */
const MAX_SHOWN_CHARACTERS = 60;

/** There is no consumer group of this name. */
export class UnknownGroupError extends Error {
  readonly code = 'UNKNOWN_GROUP';
  override readonly name = 'UnknownGroupError';

  constructor(group: string, groups: readonly string[]) {
    super(
      `group must be one of ${groups.join(', ')}; it is ${JSON.stringify(group.slice(0, MAX_SHOWN_CHARACTERS))}`,
    );
  }
}

/** There is no dead letter with this id. It may have been retried or dropped already. */
export class DeadLetterNotFoundError extends Error {
  readonly code = 'DEAD_LETTER_NOT_FOUND';
  override readonly name = 'DeadLetterNotFoundError';

  constructor(id: string) {
    super(`there is no dead letter ${id}; it may have been retried or dropped`);
  }
}

/** The stream no longer has the event of a dead letter, so it cannot be retried. */
export class EventGoneError extends Error {
  readonly code = 'EVENT_GONE';
  override readonly name = 'EventGoneError';

  constructor(
    readonly eventId: string,
    isArchived: boolean,
  ) {
    super(
      isArchived
        ? `the event ${eventId} is only in the archive, and an archived event cannot be retried: its dead letter can be kept or dropped`
        : `the event ${eventId} is no longer in the log: its dead letter can only be dropped`,
    );
  }
}

/** The consumer that owns a retried event until a worker claims it. Removed like every consumer that owns nothing. */
const RETRY_PLACEHOLDER = 'retry';

/** A page ends after this size, whatever its `limit`: one dead letter can exceed 256 KiB. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024;

interface DeadLetterStream extends NamedSource {
  readonly keys: PartitionKeys;
  readonly group: string;
}

const retryDeadLetter = script<[] | [event: string, retried: 0 | 1 | 2]>('retry-dead-letter');
const dropDeadLetter = script<string | null>('drop-dead-letter');

/** Lists, retries, and drops the dead letters of all partitions. */
export class DeadLetters {
  /** @param groups the consumer groups of each stream */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
  ) {}

  /**
   * Returns a page of dead letters, newest first. A page can have fewer than `limit` when they are large. Following the
   * cursors returns every dead letter that existed at the first call and has not been retried or dropped since.
   *
   * @throws UnknownGroupError, InvalidCursorError
   */
  async list(query: { group?: string; limit: number; cursor?: string }): Promise<DeadLetterPage> {
    const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const deadLetters: DeadLetter[] = [];
    let last: Position | undefined;
    let size = 0;
    for await (const entry of newestFirst(this.sources(query.group), after)) {
      const full = deadLetters.length >= query.limit || size >= MAX_PAGE_CHARACTERS;
      if (last && full) return { deadLetters, next: formatCursor(last) };
      deadLetters.push(toDeadLetter(entry, this.topology));
      last = entry.position;
      size += entry.size;
    }
    return { deadLetters };
  }

  /**
   * Delivers the event to its group again, with as many attempts as a new event. It counts as skipped until it takes effect.
   *
   * @throws InvalidDeadLetterIdError, DeadLetterNotFoundError
   * @throws EventGoneError when the event was deleted from the log, or is only in the archive; nothing is changed
   * @throws BeingErasedError while a player of the partition is being erased
   */
  async retry(id: string): Promise<DeadLetterAction> {
    const { keys, group, letter } = this.locate(id);
    const [event, retried] = await retryDeadLetter.run(
      this.redis,
      [
        keys.stream,
        deadLettersKey(keys, group),
        keys.skipped(group),
        keys.live(group),
        keys.erasing(),
        keys.archive(),
      ],
      [group, letter, RETRY_PLACEHOLDER],
    );
    if (event === undefined) throw new DeadLetterNotFoundError(id);
    const eventId = `${partitionName(keys)}-${event}`;
    if (retried !== 1) throw new EventGoneError(eventId, retried === 2);
    return { id, eventId };
  }

  /**
   * Gives the event up. It stays in the log, and every replay skips it.
   *
   * @throws InvalidDeadLetterIdError, DeadLetterNotFoundError
   * @throws BeingErasedError when the event erases a player: without it the erasure would never finish
   */
  async drop(id: string): Promise<DeadLetterAction> {
    const { keys, group, letter } = this.locate(id);
    const event = await dropDeadLetter.run(
      this.redis,
      [deadLettersKey(keys, group), keys.skipped(group), keys.erasing()],
      [letter],
    );
    if (event === null) throw new DeadLetterNotFoundError(id);
    return { id, eventId: `${partitionName(keys)}-${event}` };
  }

  private sources(only: string | undefined): DeadLetterStream[] {
    const all = STREAMS.flatMap(stream => this.groups[stream].map(group => ({ stream, group })));
    const asked = only === undefined ? all : all.filter(({ group }) => group === only);
    if (only !== undefined && asked.length === 0) {
      throw new UnknownGroupError(
        only,
        all.map(({ group }) => group),
      );
    }
    return asked.flatMap(({ stream, group }) =>
      this.topology.all(stream).map(keys => ({
        keys,
        group,
        name: `${group}.${partitionName(keys)}`,
        entries: streamEntries(this.redis, deadLettersKey(keys, group)),
      })),
    );
  }

  private locate(id: string): { keys: PartitionKeys; group: string; letter: string } {
    const { group, stream, partition, entryId } = parseDeadLetterId(id);
    const known = this.groups[stream].includes(group) && partition < this.topology.counts[stream];
    if (!known) throw new DeadLetterNotFoundError(id);
    return { keys: this.topology.at(stream, partition), group, letter: formatEventId(entryId) };
  }
}

function toDeadLetter(
  { source, position, fields }: SourceEntry<DeadLetterStream>,
  topology: Topology,
): DeadLetter {
  const { keys, group } = source;
  const { streamName: stream, partition } = keys;
  const field = (wanted: string) => {
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === wanted) return fields[i + 1] ?? '';
    return '';
  };
  const entry = JSON.parse(field('entry') || '[]') as string[];
  const event = readEntry(keys, field('id'), entry);
  return {
    id: formatDeadLetterId({ group, stream, partition, entryId: position.id }),
    group,
    eventId: `${partitionName(keys)}-${field('id')}`,
    stream,
    partition,
    code: field('code'),
    error: field('error'),
    stack: field('stack'),
    deliveries: Number(field('deliveries')),
    at: new Date(position.id.ms).toISOString(),
    event: event.type === null ? null : viewEvent(event, keys, topology),
    entry,
  };
}
