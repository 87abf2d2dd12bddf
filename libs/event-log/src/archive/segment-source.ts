import type { RedisClient } from '#libs/redis';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { LogEntry } from '../reading/stream-page.js';

/**
 * Reads archived events. Each call reads one partition by one manifest. Manifests and segments are immutable, so that calls with the
 * same manifest return the same, until its files are deleted.
 *
 * Every function throws `ObjectMissingError` if the manifest or a segment is missing: `PartitionLog` reads the catalog anew and
 * continues after the last page, with the manifest that has replaced this one. Every function throws `ObjectDamagedError` for a file
 * that is not as it was written; never does it return fewer entries instead.
 */
export interface SegmentSource {
  /**
   * The stream entries of a range, oldest first, in pages that are not empty.
   *
   * @param after exclusive; `0-0` for the beginning
   * @param upTo inclusive
   */
  pages(
    keys: PartitionKeys,
    manifest: string,
    after: string,
    upTo: string,
  ): AsyncIterable<readonly LogEntry[]>;

  /**
   * The stream entries before an id, newest first, in pages that are not empty.
   *
   * @param before exclusive
   */
  backwards(keys: PartitionKeys, manifest: string, before: string): AsyncIterable<readonly LogEntry[]>;

  /** @returns undefined if the manifest's segments do not have the event */
  event(keys: PartitionKeys, manifest: string, id: string): Promise<LogEntry | undefined>;
}

const sources = new WeakMap<RedisClient, SegmentSource>();

/** Sets the archive of the log in a Redis. A process does this once, before it reads the log. */
export function useArchive(redis: RedisClient, source: SegmentSource): void {
  sources.set(redis, source);
}

/** @returns undefined if no archive is configured */
export const archiveOf = (redis: RedisClient): SegmentSource | undefined => sources.get(redis);
