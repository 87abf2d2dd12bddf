import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { compareEventIds, type EventId, parseAnyEntryId } from '#libs/events';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { LogEntry } from '../reading/stream-page.js';
import { ObjectDamagedError } from './errors.js';
import { folderOf, type Manifest, readManifest } from './manifest.js';
import type { RowGroup } from './row-group.js';
import { type SegmentInfo, segmentName } from './segment-format.js';
import { SegmentReader } from './segment-reader.js';
import type { SegmentSource } from './segment-source.js';
import type { ArchiveStore } from './store.js';

/** As many as a page of the log in Redis has at most. */
const PAGE_ENTRIES = 1_000;
/** Decoded row groups that are kept. Each comes from at most 4 MiB of stream entries, or from a single one. */
const CACHED_GROUPS = 16;
/** Ends of segments that are kept. That of a segment with a million events has a megabyte. */
const CACHED_SEGMENTS = 16;
/** A manifest of 10,000 segments has three megabytes. */
const CACHED_MANIFESTS = 16;

/**
 * Reads archived events from a store. A manifest is named as the store names it: its segments are in the same folder. What it holds
 * in memory does not grow with the archive.
 */
export class SegmentArchive implements SegmentSource {
  private readonly manifests = new LRUCache<string, Promise<Manifest>>({ max: CACHED_MANIFESTS });
  private readonly segments = new LRUCache<string, Promise<SegmentReader>>({ max: CACHED_SEGMENTS });
  private readonly rowGroups: LRUCache<string, Promise<RowGroup>>;

  constructor(
    private readonly store: ArchiveStore,
    cachedGroups = CACHED_GROUPS,
  ) {
    this.rowGroups = new LRUCache({ max: cachedGroups });
  }

  /** The next row group is fetched while the caller works on one. */
  async *pages(
    keys: PartitionKeys,
    manifest: string,
    after: string,
    upTo: string,
  ): AsyncGenerator<readonly LogEntry[], void> {
    const [from, to] = [parseAnyEntryId(after), parseAnyEntryId(upTo)];
    for await (const rows of oneAhead(this.forwards(keys, manifest, from, to))) {
      const end = rows.indexAfter(to);
      for (let start = rows.indexAfter(from); start < end; start += PAGE_ENTRIES) {
        // Decoding takes milliseconds, and so does what the caller does with a page.
        await nextTurn();
        yield entriesOf(rows, start, Math.min(end, start + PAGE_ENTRIES));
      }
    }
  }

  /** @param mentions leaves out row groups that certainly have no event about a board or player with one of these ids */
  async *backwards(
    keys: PartitionKeys,
    manifest: string,
    before: string,
    mentions?: readonly string[],
  ): AsyncGenerator<readonly LogEntry[], void> {
    const to = parseAnyEntryId(before);
    for await (const rows of this.backwardGroups(keys, manifest, to, mentions))
      for (let end = rows.indexFrom(to); end > 0; end -= PAGE_ENTRIES) {
        await nextTurn();
        yield entriesOf(rows, Math.max(0, end - PAGE_ENTRIES), end).reverse();
      }
  }

  async event(keys: PartitionKeys, manifest: string, id: string): Promise<LogEntry | undefined> {
    const wanted = parseAnyEntryId(id);
    const { folder, segments } = await this.list(keys, manifest);
    const segment = segments.find(span => contains(span, wanted));
    if (!segment) return undefined;
    const { groups } = await this.open(folder, segment);
    const group = groups.findIndex(span => contains(span, wanted));
    if (group < 0) return undefined;
    const rows = await this.read(folder, segment, group);
    const index = rows.indexFrom(wanted);
    return index < rows.length && compareEventIds(rows.id(index), wanted) === 0
      ? rows.entry(index)
      : undefined;
  }

  private async *forwards(
    keys: PartitionKeys,
    manifest: string,
    after: EventId,
    upTo: EventId,
  ): AsyncGenerator<RowGroup, void> {
    const isWanted = ({ first, last }: Span) =>
      compareEventIds(parseAnyEntryId(last), after) > 0 && compareEventIds(parseAnyEntryId(first), upTo) <= 0;
    const { folder, segments } = await this.list(keys, manifest);
    for (const segment of segments.filter(isWanted)) {
      const { groups } = await this.open(folder, segment);
      for (const [group, span] of groups.entries())
        if (isWanted(span)) yield await this.read(folder, segment, group);
    }
  }

  private async *backwardGroups(
    keys: PartitionKeys,
    manifest: string,
    before: EventId,
    mentions: readonly string[] | undefined,
  ): AsyncGenerator<RowGroup, void> {
    const isWanted = ({ first }: Span) => compareEventIds(parseAnyEntryId(first), before) < 0;
    const { folder, segments } = await this.list(keys, manifest);
    for (const segment of segments.filter(isWanted).reverse()) {
      const reader = await this.open(folder, segment);
      for (const [group, span] of [...reader.groups.entries()].reverse())
        if (isWanted(span) && (!mentions || reader.mayMention(group, mentions)))
          yield await this.read(folder, segment, group);
    }
  }

  private async list({ streamName, partition }: PartitionKeys, name: string) {
    const manifest = await cached(this.manifests, name, () => readManifest(this.store, name));
    if (manifest.stream !== streamName || manifest.partition !== partition)
      throw new ObjectDamagedError(this.store.url, name, `it is of ${manifest.stream} ${manifest.partition}`);
    return { folder: folderOf(name), segments: manifest.segments };
  }

  private open(folder: string, segment: SegmentInfo): Promise<SegmentReader> {
    const object = `${folder}${segmentName(segment)}`;
    return cached(this.segments, object, () => SegmentReader.open(this.store, folder, segment));
  }

  private read(folder: string, segment: SegmentInfo, group: number): Promise<RowGroup> {
    return cached(this.rowGroups, `${group} ${folder}${segmentName(segment)}`, async () =>
      (await this.open(folder, segment)).read(group),
    );
  }
}

type Span = Pick<SegmentInfo, 'first' | 'last'>;

const contains = ({ first, last }: Span, id: EventId) =>
  compareEventIds(parseAnyEntryId(first), id) <= 0 && compareEventIds(parseAnyEntryId(last), id) >= 0;

function entriesOf(rows: RowGroup, start: number, end: number): LogEntry[] {
  return Array.from({ length: end - start }, (_, i) => rows.entry(start + i));
}

/** Callers at the same time share one read. A read that failed is not kept. */
function cached<T>(cache: LRUCache<string, Promise<T>>, key: string, load: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known) return known;
  const loading = load();
  cache.set(key, loading);
  loading.catch(() => cache.delete(key));
  return loading;
}

/** Asks for the next value before it returns one. */
async function* oneAhead<T>(source: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = source.next();
  for (;;) {
    const { value, done } = await next;
    if (done) return;
    next = source.next();
    // When the caller stops early, nobody awaits it.
    next.catch(() => {});
    yield value;
  }
}
