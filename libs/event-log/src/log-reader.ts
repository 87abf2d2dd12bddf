import { setImmediate as nextTurn } from 'node:timers/promises';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';

const readPage = new Script<string>('read-page');

/** A stream entry as Redis answers it: names and values of its fields in turn. */
export type LogEntry = readonly [id: string, fields: readonly string[]];

/** Bytes and entries in a page, about and at most: saves can be 256 KiB each, scores are 50 bytes. */
const PAGE_BYTES = 2 * 1024 * 1024;
const PAGE_ENTRIES = 2_000;
const FIRST_PAGE = 64;

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
  const read = (from: string, count: number) => readPage.run(redis, [stream], [`(${from}`, upTo, count]);
  let count = FIRST_PAGE;
  let next = read(after, count);
  for (;;) {
    const page: readonly LogEntry[] = JSON.parse(await next);
    const last = page.at(-1);
    if (!last) return;
    const isLast = page.length < count;
    if (!isLast) {
      count = nextCount(page);
      next = read(last[0], count);
      // If nobody comes for it, its failure is nobody's.
      next.catch(() => {});
      // It is sent when the turn of the event loop ends, and working on a page need not end one.
      await nextTurn();
    }
    yield page;
    if (isLast) return;
  }
}

function nextCount(page: readonly LogEntry[]): number {
  let length = 0;
  for (const [, fields] of page) for (const text of fields) length += text.length;
  return Math.max(1, Math.min(PAGE_ENTRIES, Math.floor((PAGE_BYTES * page.length) / length)));
}
