import type { RecordedEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import { formatCursor, type Position, parseCursor } from './cursor.js';
import { type EventView, partitionName, readEntry, type UndecodableView, viewEvent } from './event-view.js';
import { type NamedStream, newestFirst, type SourceEntry } from './newest-first.js';

/** Which events are wanted, and how many. */
export interface EventQuery {
  readonly partitions: readonly PartitionKeys[];
  /** Ids of which every wanted event has one in its data. Entries without are not decoded, which is the cost of a page. */
  readonly mentions: readonly string[];
  wants(event: RecordedEvent, partition: PartitionKeys): boolean;
  readonly limit: number;
  /** Continues behind another page. */
  readonly cursor?: string | undefined;
  /** Asked now and then: a page that nobody waits for any more ends where it is. */
  readonly isWanted?: () => boolean;
}

export interface EventPage {
  /** Newest first. Entries that mention the id but are no events are among them. */
  readonly events: readonly (EventView | UndecodableView)[];
  /** The cursor of the next page. It is missing only when everything has been looked at. */
  readonly next?: string;
}

interface PartitionSource extends NamedStream {
  readonly keys: PartitionKeys;
}

/** Where a page ends in any case. */
export interface Budget {
  /** Entries looked at. */
  readonly entries: number;
  /** Characters in them. */
  readonly size: number;
  /** Characters in the entries that are found: what is found becomes one answer, and is written at a stretch. */
  readonly found: number;
}

/** Entries that are looked at, at most, before whoever reads all is asked whether to go on. */
const PAUSE_ENTRIES = 1_000;

const BUDGET: Budget = { entries: 50_000, size: 16 * 1024 * 1024, found: 1024 * 1024 };

/** Reads the log itself, the newest event first. There is no index: what is not wanted is looked at all the same. */
export class EventReader {
  private readonly budget: Budget;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    budget: Partial<Budget> = {},
  ) {
    this.budget = { ...BUDGET, ...budget };
  }

  /**
   * Looks at entries until the page is full or the budget is used up: a page can be short, even empty, and have a
   * next one. Pages are complete: an event that was there when the first was asked for is on one of them.
   *
   * @throws InvalidCursorError
   */
  async page(query: EventQuery): Promise<EventPage> {
    const { partitions, mentions, wants, limit, cursor, isWanted = () => true } = query;
    const sources = partitions.map(keys => ({ keys, name: partitionName(keys), stream: keys.stream }));
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const events: (EventView | UndecodableView)[] = [];
    let last: Position | undefined;
    let entries = 0;
    let size = 0;
    let foundSize = 0;
    for await (const entry of newestFirst(this.redis, sources, after)) {
      const isSpent =
        entries >= this.budget.entries ||
        size >= this.budget.size ||
        foundSize >= this.budget.found ||
        (entries % PAUSE_ENTRIES === 0 && !isWanted());
      const full = events.length >= limit || isSpent;
      if (last && full) return { events, next: formatCursor(last) };
      const found = find(entry, mentions, wants);
      if (found) {
        events.push(found.type === null ? found : viewEvent(found, entry.source.keys, this.topology));
        foundSize += entry.size;
      }
      last = entry.position;
      entries += 1;
      size += entry.size;
    }
    return { events };
  }

  /**
   * All events that are wanted, the newest first, however many there are: it holds a chunk of each partition.
   *
   * @returns between them, nothing for every so many entries that were looked at, so that the reader can stop or tell
   * that it is still at work
   */
  async *all({
    partitions,
    mentions,
    wants,
  }: Omit<EventQuery, 'limit' | 'cursor'>): AsyncGenerator<EventView | UndecodableView | undefined, void> {
    const sources = partitions.map(keys => ({ keys, name: partitionName(keys), stream: keys.stream }));
    let looked = 0;
    for await (const entry of newestFirst(this.redis, sources)) {
      const found = find(entry, mentions, wants);
      if (found) yield found.type === null ? found : viewEvent(found, entry.source.keys, this.topology);
      else if (++looked % PAUSE_ENTRIES === 0) yield undefined;
    }
  }
}

function find(
  { source, id, fields }: SourceEntry<PartitionSource>,
  mentions: readonly string[],
  wants: EventQuery['wants'],
): RecordedEvent | UndecodableView | undefined {
  const mentioned = mentionsAny(fields, mentions);
  if (mentioned === 'no') return undefined;
  const found = readEntry(source.keys, id, fields);
  if (found.type === null) return mentioned === 'yes' ? found : undefined;
  return wants(found, source.keys) ? found : undefined;
}

/** Whether an entry can be about one of the ids, without decoding it. */
export function mentionsAny(fields: readonly string[], ids: Iterable<string>): 'yes' | 'perhaps' | 'no' {
  const text = packedText(fields);
  const isJson = text.startsWith('[');
  for (const id of ids) if (text.includes(`"${id}"`) || (!isJson && text.includes(` ${id} `))) return 'yes';
  // No character of an id needs an escape in JSON, but another program may have written any character as one.
  return text.includes('\\u') ? 'perhaps' : 'no';
}

/** The text that names what an event is about, as JSON or in words; all of the entry when it is none. */
function packedText(fields: readonly string[]): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === 'e') return fields[i + 1] ?? '';
  return JSON.stringify(fields);
}
