import { compareEventIds, formatEventId, parseAnyEntryId } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { Position } from './cursor.js';
import { type LogEntry, readStreamPage } from './stream-page.js';

/** Reads entries backwards: a partition of the log, or another stream. */
export interface EntrySource {
  /**
   * A page, newest entry first; an empty list at the beginning.
   *
   * @param from the first bound, as for XREVRANGE: `+`, `<id>`, or `(<id>`
   * @param count the approximate number of entries
   */
  pageDown(from: string, count: number): Promise<readonly LogEntry[]>;
}

/** A source that is merged with others. */
export interface NamedSource {
  /** Identifies the source in cursors. */
  readonly name: string;
  readonly entries: EntrySource;
}

/** The entries of a stream that is not part of the log. */
export const streamEntries = (redis: RedisClient, stream: string): EntrySource => ({
  async pageDown(from, count) {
    return (await readStreamPage(redis, [stream], 'XREVRANGE', from, '-', count)).entries;
  },
});

export interface SourceEntry<S extends NamedSource> {
  readonly source: S;
  /** The id as stored. */
  readonly id: string;
  readonly position: Position;
  /** Names and values, alternating, as stored. */
  readonly fields: readonly string[];
  /** The number of characters in `fields`. */
  readonly size: number;
}

/** Entries in the first chunk of a stream. Small, because a save can have 256 KiB. */
const FIRST_CHUNK_ENTRIES = 10;
/** Maximum entries in a chunk. */
const MAX_CHUNK_ENTRIES = 1_000;
/** The target size of a chunk, estimated by the entries before it. */
const CHUNK_CHARACTERS = 256 * 1024;

/**
 * Merges several streams, the newest entry first. They are read in chunks.
 *
 * @param after start after this position
 */
export async function* newestFirst<S extends NamedSource>(
  sources: readonly S[],
  after?: Position,
): AsyncGenerator<SourceEntry<S>, void> {
  const tails = sources.map(source => new ReverseReader(source, after));
  await Promise.all(tails.map(tail => tail.read()));
  for (;;) {
    let newest: ReverseReader<S> | undefined;
    for (const tail of tails)
      if (tail.head && (!newest?.head || precedes(tail.head, newest.head))) newest = tail;
    if (!newest?.head) return;
    yield newest.head;
    await newest.advance();
  }
}

function precedes(
  { position: a }: SourceEntry<NamedSource>,
  { position: b }: SourceEntry<NamedSource>,
): boolean {
  return (compareEventIds(b.id, a.id) || (a.source < b.source ? -1 : 1)) < 0;
}

/** Reads one stream backward. */
class ReverseReader<S extends NamedSource> {
  /** The newest entry that has not been taken; undefined at the end. */
  head: SourceEntry<S> | undefined;
  /** In order of the log: the newest is last. */
  private chunk: SourceEntry<S>[] = [];
  private count = FIRST_CHUNK_ENTRIES;
  /** The first bound of the next chunk. */
  private from: string;

  constructor(
    private readonly source: S,
    after: Position | undefined,
  ) {
    // Entries with equal ids are ordered by the name of their source.
    const isInclusive = after && source.name > after.source;
    this.from = after ? `${isInclusive ? '' : '('}${formatEventId(after.id)}` : '+';
  }

  async advance(): Promise<void> {
    this.head = this.chunk.pop();
    if (!this.head) await this.read();
  }

  async read(): Promise<void> {
    const entries = await this.source.entries.pageDown(this.from, this.count);
    this.chunk = entries.map(([id, fields]) => this.toEntry(id, fields)).reverse();
    const [oldest] = this.chunk;
    if (oldest) this.from = `(${oldest.id}`;
    const size = this.chunk.reduce((sum, entry) => sum + entry.size, 0);
    this.count = Math.max(
      1,
      Math.min(MAX_CHUNK_ENTRIES, Math.floor((CHUNK_CHARACTERS * entries.length) / (size || 1))),
    );
    this.head = this.chunk.pop();
  }

  private toEntry(id: string, fields: readonly string[]): SourceEntry<S> {
    const { source } = this;
    return {
      source,
      id,
      position: { source: source.name, id: parseAnyEntryId(id) },
      fields,
      size: fields.reduce((sum, text) => sum + text.length, 0),
    };
  }
}
