import {
  deadLettersKey,
  type EventView,
  formatCursor,
  type NamedStream,
  newestFirst,
  type PartitionKeys,
  type Position,
  parseCursor,
  partitionName,
  readEntry,
  type SourceEntry,
  type Topology,
  viewEvent,
} from '#libs/event-log';
import { formatEventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { formatDeadLetterId, parseDeadLetterId } from './dead-letter-id.js';
import { script } from './lua.js';

/** An event that failed every delivery to a group, or could not be decoded. */
export interface DeadLetter {
  readonly id: string;
  readonly group: string;
  readonly eventId: string;
  readonly stream: StreamName;
  readonly partition: number;
  /** The error's code, or else its name. */
  readonly code: string;
  readonly error: string;
  readonly stack: string;
  readonly deliveries: number;
  /** When it was given up: ISO 8601, by the clock of Redis. */
  readonly at: string;
  /** Null when it cannot be decoded. */
  readonly event: EventView | null;
  /** Names and values in turn, as they stood in the stream. */
  readonly entry: readonly string[];
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[];
  /** The cursor of the next page, when there is one. */
  readonly next?: string;
}

/** What was done with a dead letter. */
export interface Settled {
  readonly id: string;
  readonly eventId: string;
}

/** Characters of a wrong group that a message shows. */
const SHOWN = 60;

/** A group that has no dead letters because it is not there. */
export class UnknownGroupError extends Error {
  readonly code = 'UNKNOWN_GROUP';
  override readonly name = 'UnknownGroupError';

  constructor(group: string, groups: readonly string[]) {
    super(`group must be one of ${groups.join(', ')}; it is ${JSON.stringify(group.slice(0, SHOWN))}`);
  }
}

/** There is no such dead letter: it may have been retried or dropped. */
export class DeadLetterNotFoundError extends Error {
  readonly code = 'DEAD_LETTER_NOT_FOUND';
  override readonly name = 'DeadLetterNotFoundError';

  constructor(id: string) {
    super(`there is no dead letter ${id}; it may have been retried or dropped`);
  }
}

/** A dead letter cannot be retried, because its event was deleted from the log. It can be dropped. */
export class EventGoneError extends Error {
  readonly code = 'EVENT_GONE';
  override readonly name = 'EventGoneError';

  constructor(readonly eventId: string) {
    super(`the event ${eventId} is no longer in the log: its dead letter can only be dropped`);
  }
}

/** Who owns a retried event until a worker claims it. It is removed as every consumer is that owns nothing. */
const RETRY_CONSUMER = 'retry';

/** Characters after which a page ends, however few dead letters it has: one can be 256 KiB and more. */
const PAGE_SIZE = 4 * 1024 * 1024;

interface LetterSource extends NamedStream {
  readonly keys: PartitionKeys;
  readonly group: string;
}

const retryLetter = script<[] | [event: string, retried: 0 | 1]>('retry-dead-letter');
const dropLetter = script<string | null>('drop-dead-letter');

/** The dead letters of all partitions, and what can be done with them. */
export class DeadLetters {
  /** @param groups the consumer groups of each stream */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
  ) {}

  /**
   * A page of them, newest first. It can be short where they are large. Pages are complete: what was there when the
   * first was asked for, and was neither retried nor dropped since, is on one of them.
   *
   * @throws UnknownGroupError, InvalidCursorError
   */
  async list(query: { group?: string; limit: number; cursor?: string }): Promise<DeadLetterPage> {
    const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const deadLetters: DeadLetter[] = [];
    let last: Position | undefined;
    let size = 0;
    for await (const entry of newestFirst(this.redis, this.sources(query.group), after)) {
      const full = deadLetters.length >= query.limit || size >= PAGE_SIZE;
      if (last && full) return { deadLetters, next: formatCursor(last) };
      deadLetters.push(toDeadLetter(entry, this.topology));
      last = entry.position;
      size += entry.size;
    }
    return { deadLetters };
  }

  /**
   * Has the event delivered to its group again, as often as a new one. It counts as skipped until it takes effect.
   *
   * @throws InvalidDeadLetterIdError, DeadLetterNotFoundError
   * @throws EventGoneError when the event was deleted from the log; nothing was done
   * @throws BeingErasedError while a player of the partition is being erased
   */
  async retry(id: string): Promise<Settled> {
    const { keys, group, letter } = this.locate(id);
    const [event, retried] = await retryLetter.run(
      this.redis,
      [keys.stream, deadLettersKey(keys, group), keys.skipped(group), keys.live(group), keys.erasing()],
      [group, letter, RETRY_CONSUMER],
    );
    if (event === undefined) throw new DeadLetterNotFoundError(id);
    const eventId = `${partitionName(keys)}-${event}`;
    if (retried === 0) throw new EventGoneError(eventId);
    return { id, eventId };
  }

  /**
   * Gives the event up: it stays in the log, and without effect, whenever that is replayed.
   *
   * @throws InvalidDeadLetterIdError, DeadLetterNotFoundError
   * @throws BeingErasedError for an event that erases a player, who would stay
   */
  async drop(id: string): Promise<Settled> {
    const { keys, group, letter } = this.locate(id);
    const event = await dropLetter.run(
      this.redis,
      [deadLettersKey(keys, group), keys.skipped(group), keys.erasing()],
      [letter],
    );
    if (event === null) throw new DeadLetterNotFoundError(id);
    return { id, eventId: `${partitionName(keys)}-${event}` };
  }

  private sources(only: string | undefined): LetterSource[] {
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
        stream: deadLettersKey(keys, group),
      })),
    );
  }

  private locate(id: string): { keys: PartitionKeys; group: string; letter: string } {
    const { group, stream, partition, letter } = parseDeadLetterId(id);
    const known = this.groups[stream].includes(group) && partition < this.topology.counts[stream];
    if (!known) throw new DeadLetterNotFoundError(id);
    return { keys: this.topology.at(stream, partition), group, letter: formatEventId(letter) };
  }
}

function toDeadLetter(
  { source, position, fields }: SourceEntry<LetterSource>,
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
    id: formatDeadLetterId({ group, stream, partition, letter: position.id }),
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
