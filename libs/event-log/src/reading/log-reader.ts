import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';

const readPage = script<[more: 0 | 1, json: string, ...texts: string[]]>('read-page');

/** A stream entry as Redis returns it; names and values of its fields alternate. */
export type LogEntry = readonly [id: string, fields: readonly string[]];

/** Maximum entries in a page; fewer if they are long. */
const PAGE_ENTRIES = 1_000;
/** Maximum entries in the first page, so that work can begin while the second one is read. */
const FIRST_PAGE_ENTRIES = 64;

/** Some entries of a stream. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Whether there may be more. */
  readonly more: boolean;
}

/**
 * Reads a range of a stream, as much as Redis can read within some milliseconds.
 *
 * @param from the first bound of the command; `to` is the second
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
 * Reads a partition in pages, oldest first. The next page is read while the caller works on one.
 *
 * @param after start after this id; `0-0` for the beginning
 * @param upTo the last id to read; by default, the end of the log at the time when it is reached
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
      // If the caller stops early, nobody awaits this page, and its error must not be unhandled.
      next.catch(() => {});
      // The command is sent at the end of this turn of the event loop, so end the turn before the caller works on the page.
      await nextTurn();
    }
    yield page;
    if (!more) return;
  }
}
