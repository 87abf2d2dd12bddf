import type { RecordedEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import { formatCursor, type Position, parseCursor } from './cursor.js';
import { type EventView, partitionName, readEntry, type UndecodableView, viewEvent } from './event-view.js';
import { type NamedSource, newestFirst, type SourceEntry } from './newest-first.js';
import { PartitionLog } from './partition-log.js';

/** Selects events. */
export interface EventQuery {
  readonly partitions: readonly PartitionKeys[];
  /** Each wanted event has at least one of these ids in its data. Other entries are skipped without decoding them. */
  readonly mentions: readonly string[];
  wants(event: RecordedEvent, partition: PartitionKeys): boolean;
  readonly limit: number;
  /** Continues after an earlier page. */
  readonly cursor?: string | undefined;
  /** Called now and then. If it returns false, the page ends early. */
  readonly isWanted?: () => boolean;
}

export interface EventPage {
  /** Newest first. Includes entries that contain an id but cannot be decoded. */
  readonly events: readonly (EventView | UndecodableView)[];
  /** The cursor of the next page. Undefined only if all entries have been examined. */
  readonly next?: string;
}

interface PartitionSource extends NamedSource {
  readonly keys: PartitionKeys;
}

/** The limits of a page. */
export interface Budget {
  /** Examined entries. */
  readonly entries: number;
  /** Characters in the examined entries. */
  readonly size: number;
  /** Characters in the found entries, which are written as one answer. */
  readonly found: number;
}

/** How many entries are examined before the caller is asked whether to continue. */
const PAUSE_ENTRIES = 1_000;

const BUDGET: Budget = { entries: 50_000, size: 16 * 1024 * 1024, found: 1024 * 1024 };

/** Reads events from the log, the newest first. There is no index, so it examines every entry. */
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
   * Examines entries until the page is full or the budget is used up, so a page can be short, or even empty, and still have a
   * next one. Together, the pages have every event that existed when the first page was read.
   *
   * @throws InvalidCursorError
   */
  async page(query: EventQuery): Promise<EventPage> {
    const { partitions, mentions, wants, limit, cursor, isWanted = () => true } = query;
    const sources = this.sources(partitions);
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const events: (EventView | UndecodableView)[] = [];
    let last: Position | undefined;
    let entries = 0;
    let size = 0;
    let foundSize = 0;
    for await (const entry of newestFirst(sources, after)) {
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
   * All wanted events, the newest first. It keeps one chunk of each partition in memory.
   *
   * @returns events, and undefined after every `PAUSE_ENTRIES` examined entries, so that the caller can stop or show progress
   */
  async *all({
    partitions,
    mentions,
    wants,
  }: Omit<EventQuery, 'limit' | 'cursor'>): AsyncGenerator<EventView | UndecodableView | undefined, void> {
    const sources = this.sources(partitions);
    let examined = 0;
    for await (const entry of newestFirst(sources)) {
      const found = find(entry, mentions, wants);
      if (found) yield found.type === null ? found : viewEvent(found, entry.source.keys, this.topology);
      else if (++examined % PAUSE_ENTRIES === 0) yield undefined;
    }
  }

  private sources(partitions: readonly PartitionKeys[]): PartitionSource[] {
    return partitions.map(keys => ({
      keys,
      name: partitionName(keys),
      entries: new PartitionLog(this.redis, keys),
    }));
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

/** Whether an entry contains one of the ids, without decoding it. */
export function mentionsAny(fields: readonly string[], ids: Iterable<string>): 'yes' | 'perhaps' | 'no' {
  const text = packedText(fields);
  const isJson = text.startsWith('[');
  for (const id of ids) if (text.includes(`"${id}"`) || (!isJson && text.includes(` ${id} `))) return 'yes';
  // An id needs no escapes in JSON, but another program may have used them.
  return text.includes('\\u') ? 'perhaps' : 'no';
}

/** The packed event, or the whole entry if it is not an event. */
function packedText(fields: readonly string[]): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === 'e') return fields[i + 1] ?? '';
  return JSON.stringify(fields);
}
