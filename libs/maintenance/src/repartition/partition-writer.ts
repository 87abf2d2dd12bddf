import { crc32 } from 'node:zlib';
import type { PartitionKeys } from '#libs/event-log';
import { compareEventIds, type EventId, formatEventId } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';

/** Limits of one call, which takes some milliseconds in which Redis does nothing else. Characters can exceed theirs by one entry. */
const MAX_CALL_ENTRIES = 250;
const MAX_CALL_CHARACTERS = 512 * 1024;

const replay = script<0 | 1>('replay');

/** A new partition has changed unexpectedly: another process writes to it, or Redis has lost writes. */
export class PartitionLostError extends Error {
  readonly code = 'PARTITION_LOST';
  override readonly name = 'PartitionLostError';

  constructor(stream: string) {
    super(`${stream} has changed unexpectedly: run the command again to start over`);
  }
}

/** The new place of an event. */
export interface Placed {
  readonly writer: PartitionWriter;
  readonly id: EventId;
}

/** The content of one call. */
class Part {
  readonly keys: string[];
  readonly entries: (string | number)[][] = [];
  readonly fields: (readonly [key: number, field: string, value: string])[] = [];
  readonly records: (readonly [key: number, value: string, milliseconds: number])[] = [];
  readonly documents: string[] = [];
  characters = 0;
  private readonly numbers = new Map<string, number>();

  constructor(stream: string) {
    this.keys = [stream];
  }

  get isFull(): boolean {
    return this.entries.length >= MAX_CALL_ENTRIES || this.characters >= MAX_CALL_CHARACTERS;
  }

  number(key: string): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.keys.push(key);
      this.numbers.set(key, number);
    }
    return number;
  }
}

/** Writes one new partition. Entries keep their ids, unless two have the same one. */
export class PartitionWriter {
  /** The number of added entries. */
  count = 0;
  /** The checksum of all added entries, to compare with the stream. */
  checksum = 0;
  /** The last entry. */
  last: EventId = { ms: 0, seq: 0 };
  private written = '0-0';
  private parts: Part[] = [];

  constructor(
    private readonly redis: RedisClient,
    readonly keys: PartitionKeys,
  ) {}

  /**
   * @param id the old id
   * @param fields alternating names and values
   * @returns the new id: of the same time, and after all entries that were added before
   */
  add(id: EventId, fields: readonly string[]): EventId {
    const given = compareEventIds(id, this.last) > 0 ? id : { ms: this.last.ms, seq: this.last.seq + 1 };
    if (given.ms !== id.ms) throw new ClockError();
    const text = formatEventId(given);
    this.last = given;
    this.count += 1;
    this.checksum = withEntry(this.checksum, text, fields);
    const part = this.part;
    const entry: (string | number)[] = [text];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [name = '', value = ''] = [fields[i], fields[i + 1]];
      part.characters += value.length;
      entry.push(name, name === 'd' ? 4 + part.documents.push(value) : value);
    }
    part.entries.push(entry);
    return given;
  }

  /** @param value empty to delete the field */
  set(key: string, field: string, value: string): void {
    const { part } = this;
    part.fields.push([part.number(key), field, value]);
  }

  keep(key: string, value: string, milliseconds: number): void {
    const { part } = this;
    part.records.push([part.number(key), value, milliseconds]);
  }

  /** @throws PartitionLostError */
  async flush(): Promise<void> {
    const { parts } = this;
    this.parts = [];
    for (const { keys, entries, fields, records, documents } of parts) {
      const lists = [entries, fields, records].map(list => JSON.stringify(list));
      if ((await replay.run(this.redis, keys, [this.written, ...lists, ...documents])) === 0)
        throw new PartitionLostError(this.keys.stream);
      this.written = String(entries.at(-1)?.[0] ?? this.written);
    }
  }

  private get part(): Part {
    let part = this.parts.at(-1);
    if (!part || part.isFull) {
      part = new Part(this.keys.stream);
      this.parts.push(part);
    }
    return part;
  }
}

/** An event has an earlier time than an event that was read before it. */
export class ClockError extends Error {
  readonly code = 'CLOCK';
  override readonly name = 'ClockError';

  constructor() {
    super('the clock of a Redis server was set back in the meantime: run the command again to start over');
  }
}

/** Adds an entry to a checksum. */
export function withEntry(checksum: number, id: string, fields: readonly string[]): number {
  return (checksum + crc32(`${id} ${fields.join(' ')}`)) % 2 ** 48;
}
