import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatEventId, isOlderId, parseEventId } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { ObjectMissingError } from '../archive/errors.js';
import { archiveOf, type SegmentSource } from '../archive/segment-source.js';
import { ArchiveMissingError, BelowFloorError } from '../errors.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { EntrySource } from './newest-first.js';
import { type LogEntry, readStreamPage } from './stream-page.js';

/** Maximum entries in the first page, so that work can begin while the second one is read. */
const FIRST_PAGE_ENTRIES = 64;

/** The oldest part of a partition, which is only in the archive. */
interface Archived {
  readonly segments: SegmentSource;
  readonly manifest: string;
  /** The id of the last archived entry that Redis no longer has. */
  readonly floor: string;
}

/**
 * Reads one partition of the log: the archive up to the floor, then the tail in Redis. Readers do not notice where one ends and
 * the other begins, also while the archiver moves entries from the tail to the archive.
 */
export class PartitionLog implements EntrySource {
  /** @param segments the archive; by default, the one that is configured for this Redis */
  constructor(
    private readonly redis: RedisClient,
    readonly keys: PartitionKeys,
    private readonly segments = archiveOf(redis),
  ) {}

  /**
   * All entries in pages, oldest first. The next page is read while the caller works on one.
   *
   * @param after start after this id; `0-0` for the beginning
   * @param upTo the last id to read; by default, the end of the log at the time when it is reached
   * @throws ArchiveMissingError, and the errors of `SegmentSource`
   */
  async *pages(after = '0-0', upTo = '+'): AsyncGenerator<readonly LogEntry[], void> {
    let position = after;
    while (upTo === '+' || isOlderId(position, upTo)) {
      try {
        for await (const page of this.tail(position, upTo)) {
          position = idOfLast(page);
          yield page;
        }
        return;
      } catch (error) {
        if (!(error instanceof BelowFloorError)) throw error;
      }
      position = yield* this.archived(position, upTo);
    }
  }

  async pageDown(from: string, count: number): Promise<readonly LogEntry[]> {
    const page = await readStreamPage(this.redis, this.streamKeys, 'XREVRANGE', from, '-', count);
    if (page.entries.length > 0 || page.more !== 'in the archive') return page.entries;
    return this.inArchive(async ({ segments, manifest, floor }) => {
      const before = from.startsWith('(') ? from.slice(1) : idAfter(from === '+' ? floor : from);
      for await (const archived of segments.backwards(this.keys, manifest, before)) return archived;
      return [];
    });
  }

  /** @returns undefined if there is no such entry */
  async event(id: string): Promise<LogEntry | undefined> {
    const [entry] = await this.redis.xrange(this.keys.stream, id, id);
    if (entry) return entry;
    const { floor } = await this.catalog();
    // Without an archive an id need not be one that an event can have: a record can be about no event, and has `-` then.
    if (floor === BEGINNING || isOlderId(floor, id)) return undefined;
    return this.inArchive(({ segments, manifest }) => segments.event(this.keys, manifest, id));
  }

  /** @throws BelowFloorError when the position is, or comes to be, below the floor */
  private async *tail(after: string, upTo: string): AsyncGenerator<readonly LogEntry[], void> {
    const read = (from: string, count?: number) =>
      readStreamPage(this.redis, this.streamKeys, 'XRANGE', `(${from}`, upTo, count);
    let next = read(after, FIRST_PAGE_ENTRIES);
    for (;;) {
      const { entries, more } = await next;
      if (entries.length === 0) return;
      if (more === 'in the stream') {
        next = read(idOfLast(entries));
        // If the caller stops early, nobody awaits this page, and its error must not be unhandled.
        next.catch(() => {});
        // The command is sent at the end of this turn of the event loop, so end the turn before the caller works on the page.
        await nextTurn();
      }
      yield entries;
      if (more === 'nowhere') return;
    }
  }

  /** @returns the position up to which everything has been read: the floor, or `upTo` if that is lower */
  private async *archived(after: string, upTo: string): AsyncGenerator<readonly LogEntry[], string> {
    let position = after;
    for (;;) {
      const { segments, manifest, floor } = await this.archive();
      const end = upTo === '+' || isOlderId(floor, upTo) ? floor : upTo;
      try {
        for await (const page of segments.pages(this.keys, manifest, position, end)) {
          position = idOfLast(page);
          yield page;
        }
        return end;
      } catch (error) {
        await this.assertReplaced(manifest, error);
      }
    }
  }

  private async inArchive<T>(read: (archived: Archived) => Promise<T>): Promise<T> {
    for (;;) {
      const archived = await this.archive();
      try {
        return await read(archived);
      } catch (error) {
        await this.assertReplaced(archived.manifest, error);
      }
    }
  }

  /** A manifest and its segments are deleted some time after a newer manifest has replaced it. @throws any other error */
  private async assertReplaced(manifest: string, error: unknown): Promise<void> {
    const isReplaced = error instanceof ObjectMissingError && (await this.catalog()).manifest !== manifest;
    if (!isReplaced) throw error;
  }

  /** @throws ArchiveMissingError */
  private async archive(): Promise<Archived> {
    const { floor, manifest } = await this.catalog();
    if (!this.segments || manifest === null) throw new ArchiveMissingError(this.keys.stream, floor);
    return { segments: this.segments, manifest, floor };
  }

  private async catalog(): Promise<{ floor: string; manifest: string | null }> {
    const [floor = null, manifest = null] = await this.redis.hmget(this.keys.archive(), 'floor', 'manifest');
    return { floor: floor ?? BEGINNING, manifest };
  }

  private get streamKeys() {
    return [this.keys.stream, this.keys.archive()] as const;
  }
}

const BEGINNING = '0-0';

const idOfLast = (page: readonly LogEntry[]): string => page.at(-1)?.[0] ?? BEGINNING;

function idAfter(id: string): string {
  const { ms, seq } = parseEventId(id);
  return formatEventId({ ms, seq: seq + 1 });
}
