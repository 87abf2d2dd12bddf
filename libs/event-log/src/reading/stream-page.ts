import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';

const readPage = script<[more: 0 | 1 | 2, json: string, ...texts: string[]]>('read-page');

/** A stream entry as Redis returns it; names and values of its fields alternate. */
export type LogEntry = readonly [id: string, fields: readonly string[]];

/** Maximum entries in a page; fewer if they are long. */
const PAGE_ENTRIES = 1_000;

/** Some entries of a stream. */
export interface StreamPage {
  readonly entries: readonly LogEntry[];
  /** Where there may be more entries in the same direction. */
  readonly more: 'nowhere' | 'in the stream' | 'in the archive';
}

const MORE = ['nowhere', 'in the stream', 'in the archive'] as const;

/**
 * Reads a range of a stream, as much as Redis can read within some milliseconds.
 *
 * @param keys the stream and, for a partition of the log, its archive catalog
 * @param from the first bound of the command; `to` is the second
 * @throws BelowFloorError if an XRANGE begins with entries that are only in the archive
 */
export async function readStreamPage(
  redis: RedisClient,
  keys: readonly [stream: string] | readonly [stream: string, catalog: string],
  command: 'XRANGE' | 'XREVRANGE',
  from: string,
  to: string,
  count = PAGE_ENTRIES,
): Promise<StreamPage> {
  const [more, json, ...texts] = await readPage.run(redis, [...keys], [from, to, count, command]);
  const entries: [id: string, fields: (string | number)[]][] = JSON.parse(json);
  for (const [, fields] of texts.length > 0 ? entries : [])
    for (const [i, value] of fields.entries())
      if (typeof value === 'number') fields[i] = texts[value - 1] as string;
  return { entries: entries as unknown as LogEntry[], more: MORE[more] };
}
