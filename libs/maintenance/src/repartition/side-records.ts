import { fingerprint, IDEMPOTENCY_SECONDS, type PartitionKeys, recordHash } from '#libs/event-log';
import { type EventId, formatEventId, type NewEvent, type RecordedEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionWriter } from './partition-writer.js';

/** Keys per call. */
const CALL_KEYS = 500;
/** The tolerated difference of clocks, in milliseconds. */
const SLACK = 60 * 60 * 1_000;

const readRecords = script<string[]>('read-records');

/** An event and all its new places, the original first. */
export interface Moved {
  /** Its old partition. */
  readonly source: number;
  readonly event: RecordedEvent;
  readonly places: readonly {
    readonly writer: PartitionWriter;
    readonly id: EventId;
    readonly event: NewEvent;
    readonly e: string;
  }[];
}

/** A record that may exist, and how to copy it. */
interface Wanted {
  readonly key: string;
  /** @param milliseconds until it expires */
  keep(value: string, milliseconds: number): void;
}

/** Copies records that expire: idempotency records, and intervals between two scores. */
export class SideRecords {
  private wanted: Wanted[][];
  /** By board: the `minInterval` in milliseconds. */
  private readonly intervals = new Map<string, number>();

  constructor(
    private readonly redis: RedisClient,
    private readonly from: readonly PartitionKeys[],
  ) {
    this.wanted = from.map(() => []);
  }

  note(moved: Moved): void {
    this.noteRecord(moved);
    this.noteInterval(moved);
  }

  /** Reads the records of the events noted since the last call, and copies them. */
  async find(): Promise<void> {
    const { wanted } = this;
    this.wanted = wanted.map(() => []);
    await Promise.all(wanted.map(list => this.read(list)));
  }

  private async read(list: readonly Wanted[]): Promise<void> {
    for (let at = 0; at < list.length; at += CALL_KEYS) {
      const part = list.slice(at, at + CALL_KEYS);
      const found = await readRecords.run(
        this.redis,
        part.map(({ key }) => key),
        [],
      );
      for (const [i, { keep }] of part.entries()) {
        const [milliseconds = '', ...words] = (found[i] ?? '').split(' ');
        if (Number(milliseconds) > 0) keep(words.join(' '), Number(milliseconds));
      }
    }
  }

  /** A copy has a record of its own, named by the id of the original event. */
  private noteRecord({ source, event, places }: Moved): void {
    const hash = recordHash(event);
    if (hash === undefined || isOlder(event, IDEMPOTENCY_SECONDS * 1_000)) return;
    const keep = (value: string, milliseconds: number) => {
      const [print = '', , version = '', ...at] = value.split(' ');
      for (const [i, place] of places.entries()) {
        const own = i === 0 ? print : fingerprint(place.e);
        const key = place.writer.keys.idempotency(recordHash(place.event) ?? '');
        place.writer.keep(key, [own, formatEventId(place.id), version, ...at].join(' '), milliseconds);
      }
    };
    this.wanted[source]?.push({ key: this.keysOf(source).idempotency(hash), keep });
  }

  private noteInterval({ source, event, places: [place] }: Moved): void {
    if (event.type === 'BoardDefined') {
      const { board, definition } = event.data;
      this.intervals.set(board, (definition.minInterval ?? 0) * 1_000);
    }
    if (event.type !== 'ScoreSubmitted' || !place) return;
    const { board, player } = event.data;
    const interval = this.intervals.get(board) ?? 0;
    if (interval === 0 || isOlder(event, interval)) return;
    const key = place.writer.keys.interval(board, player);
    const keep = (value: string, milliseconds: number) => place.writer.keep(key, value, milliseconds);
    this.wanted[source]?.push({ key: this.keysOf(source).interval(board, player), keep });
  }

  private keysOf(source: number): PartitionKeys {
    return this.from[source] as PartitionKeys;
  }
}

const isOlder = ({ id }: RecordedEvent, milliseconds: number) => id.ms + milliseconds + SLACK < Date.now();
