import { compareEventIds, type EventId, formatEventId } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { Position } from './cursor.js';
import { readEntries } from './log-reader.js';

/** A stream that is read together with others. */
export interface NamedStream {
  /** Tells it from the others; cursors hold it. */
  readonly name: string;
  /** The stream's key. */
  readonly stream: string;
}

export interface SourceEntry<S extends NamedStream> {
  readonly source: S;
  /** As it stands in the stream. */
  readonly id: string;
  readonly position: Position;
  /** Names and values in turn, as they stand in the stream. */
  readonly fields: readonly string[];
  /** Characters in them. */
  readonly size: number;
}

/** Entries in the first chunk of a stream: their size is not known yet, and a save can be 256 KiB. */
const FIRST_CHUNK_ENTRIES = 10;
/** Entries in any chunk, at most. */
const MAX_CHUNK_ENTRIES = 1_000;
/** Characters that a chunk should have, by the size of the entries before it. */
const CHUNK_CHARACTERS = 256 * 1024;

/**
 * Reads several streams as one, the newest entry first, in chunks.
 *
 * @param after begins behind this position
 */
export async function* newestFirst<S extends NamedStream>(
  redis: RedisClient,
  sources: readonly S[],
  after?: Position,
): AsyncGenerator<SourceEntry<S>, void> {
  const tails = sources.map(source => new ReverseReader(redis, source, after));
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
  { position: a }: SourceEntry<NamedStream>,
  { position: b }: SourceEntry<NamedStream>,
): boolean {
  return (compareEventIds(b.id, a.id) || (a.source < b.source ? -1 : 1)) < 0;
}

/** One stream, read towards its beginning. */
class ReverseReader<S extends NamedStream> {
  /** The newest entry that is not taken yet; nothing at the end. */
  head: SourceEntry<S> | undefined;
  /** Newest last. */
  private chunk: SourceEntry<S>[] = [];
  private count = FIRST_CHUNK_ENTRIES;
  /** The greatest id not read yet, as a bound of XREVRANGE. */
  private from: string;

  constructor(
    private readonly redis: RedisClient,
    private readonly source: S,
    after: Position | undefined,
  ) {
    const inclusive = after && source.name > after.source;
    this.from = after ? `${inclusive ? '' : '('}${formatEventId(after.id)}` : '+';
  }

  async advance(): Promise<void> {
    this.head = this.chunk.pop();
    if (!this.head) await this.read();
  }

  async read(): Promise<void> {
    const { stream } = this.source;
    const { entries } = await readEntries(this.redis, stream, 'XREVRANGE', this.from, '-', this.count);
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
      position: { source: source.name, id: toEventId(id) },
      fields,
      size: fields.reduce((sum, text) => sum + text.length, 0),
    };
  }
}

/** Also of an id that no event can have: another program may have chosen it. */
function toEventId(id: string): EventId {
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  return { ms, seq };
}
