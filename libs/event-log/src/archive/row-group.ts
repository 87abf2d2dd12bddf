import { compareEventIds, type EventId } from '#libs/events';
import type { LogEntry } from '../reading/stream-page.js';
import { type BinaryEntry, binaryEntryOf, entryOf } from './entry-row.js';
import { ArchiveVersionError } from './errors.js';
import type { ColumnName, SegmentRow } from './segment-columns.js';

/** Columns without any value are missing. */
export type DecodedColumns = { [C in ColumnName]?: ArrayLike<SegmentRow[C] | null> };

/**
 * The decoded columns of a row group. Stream entries are built when they are asked for: a replay that takes them in pages leaves
 * short-lived objects to the garbage collector, which costs half of what 16,384 entries at once do.
 */
export class RowGroup {
  constructor(
    private readonly object: string,
    private readonly columns: DecodedColumns,
    readonly length: number,
  ) {}

  /** The stream entry at an index, as `PartitionLog` returns it. @throws ArchiveVersionError */
  entry(index: number): LogEntry {
    const row = this.row(index);
    return entryOf(row) ?? this.unknown(row);
  }

  /** The stream entry at an index, byte for byte. @throws ArchiveVersionError */
  binaryEntry(index: number): BinaryEntry {
    const row = this.row(index);
    return binaryEntryOf(row) ?? this.unknown(row);
  }

  /** The index of the first stream entry that comes after an id; `length` if none does. */
  indexAfter(id: EventId): number {
    return this.firstIndex(found => compareEventIds(found, id) > 0);
  }

  /** The index of the first stream entry that does not come before an id; `length` if all do. */
  indexFrom(id: EventId): number {
    return this.firstIndex(found => compareEventIds(found, id) >= 0);
  }

  id(index: number): EventId {
    const { time, seq } = this.columns;
    return { ms: Number(time?.[index]), seq: Number(seq?.[index]) };
  }

  /** @param isReached false for ids up to some point, and then true */
  private firstIndex(isReached: (id: EventId) => boolean): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isReached(this.id(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** One literal with all fields: objects of one shape are built fastest. */
  private row(i: number): SegmentRow {
    const { columns } = this;
    return {
      time: columns.time?.[i] ?? 0n,
      seq: columns.seq?.[i] ?? 0n,
      code: columns.code?.[i] ?? undefined,
      board: columns.board?.[i] ?? undefined,
      player: columns.player?.[i] ?? undefined,
      score: columns.score?.[i] ?? undefined,
      attributes: columns.attributes?.[i] ?? undefined,
      slot: columns.slot?.[i] ?? undefined,
      version: columns.version?.[i] ?? undefined,
      document: columns.document?.[i] ?? undefined,
      actor_kind: columns.actor_kind?.[i] ?? undefined,
      actor: columns.actor?.[i] ?? undefined,
      own_time: columns.own_time?.[i] ?? undefined,
      idempotency_key: columns.idempotency_key?.[i] ?? undefined,
      trace: columns.trace?.[i] ?? undefined,
      data: columns.data?.[i] ?? undefined,
      raw: columns.raw?.[i] ?? undefined,
    };
  }

  private unknown({ code }: SegmentRow): never {
    throw new ArchiveVersionError(this.object, `an event with the code "${code}"`);
  }
}
