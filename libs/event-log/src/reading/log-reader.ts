import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';

const readPage = script<[more: 0 | 1, json: string, ...texts: string[]]>('read-page');

/** A stream entry as Redis answers it: names and values of its fields in turn. */
export type LogEntry = readonly [id: string, fields: readonly string[]];

/** Entries in a page, at most; it has fewer where they are long. */
const PAGE_ENTRIES = 1_000;
/** Entries in the first page, at most: work begins while the second one is read. */
const FIRST_PAGE_ENTRIES = 64;

/** Some entries of a stream. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Whether there may be more. */
  readonly more: boolean;
}

/**
 * Reads a stretch of a stream, as much as Redis reads in some milliseconds.
 *
 * @param from as the command takes it, as `to`
 */
export async function readEntries(
  redis: RedisClient,
  stream: string,
  command: 'XRANGE' | 'XREVRANGE',
  from: string,
  to: string,
  count = PAGE_ENTRIES,
): Promise<LogPage> {
  const [more, json, ...texts] = await readPage.run(redis, [stream], [from, to, count, command]);
  const entries: [id: string, fields: (string | number)[]][] = JSON.parse(json);
  for (const [, fields] of texts.length > 0 ? entries : [])
    for (const [i, value] of fields.entries())
      if (typeof value === 'number') fields[i] = texts[value - 1] as string;
  return { entries: entries as unknown as LogEntry[], more: more === 1 };
}

/**
 * Pages of a partition, oldest first. The next page is read while one is worked on.
 *
 * @param after the id after which to begin; `0-0` for the beginning
 * @param upTo the last id to read; without it, to where the log ends when that is reached
 */
export async function* readLog(
  redis: RedisClient,
  { stream }: PartitionKeys,
  after: string,
  upTo = '+',
): AsyncGenerator<readonly LogEntry[]> {
  const read = (from: string, count?: number) =>
    readEntries(redis, stream, 'XRANGE', `(${from}`, upTo, count);
  let next = read(after, FIRST_PAGE_ENTRIES);
  for (;;) {
    const { entries: page, more } = await next;
    const last = page.at(-1);
    if (!last) return;
    if (more) {
      next = read(last[0]);
      // If nobody comes for it, its failure is nobody's.
      next.catch(() => {});
      // It is sent when the turn of the event loop ends, and working on a page need not end one.
      await nextTurn();
    }
    yield page;
    if (!more) return;
  }
}
