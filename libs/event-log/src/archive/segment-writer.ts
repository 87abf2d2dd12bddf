import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { StreamName } from '#libs/events';
import { type BinaryEntry, rowOf } from './entry-row.js';
import { hashOf } from './hash.js';
import { type ColumnName, SEGMENT_COLUMNS, type SegmentRow, segmentSchema } from './segment-columns.js';
import {
  FORMAT_VERSION,
  type GroupInfo,
  INDEX_KEY,
  type SegmentIndex,
  type SegmentInfo,
} from './segment-format.js';

/** A row group is decoded as a whole, so these bound the cost of reading one event, and the memory of a reader. */
const MAX_GROUP_ENTRIES = 16_384;
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

const ZSTD_OPTIONS = {
  // The checksum makes other Parquet readers notice damage, too.
  params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
};

export interface Segment {
  readonly info: SegmentInfo;
  readonly bytes: Buffer;
}

/** Builds one segment in memory. The same entries give the same bytes. */
export class SegmentWriter {
  private readonly output = new ByteWriter();
  private readonly parquet: ParquetWriter;
  private readonly groups: GroupInfo[] = [];
  private rows: SegmentRow[] = [];
  private last: Pick<SegmentRow, 'time' | 'seq'> = { time: -1n, seq: 0n };
  private rowBytes = 0;

  constructor(
    private readonly stream: StreamName,
    private readonly partition: number,
  ) {
    this.parquet = new ParquetWriter({
      writer: this.output,
      schema: segmentSchema(stream),
      codec: 'ZSTD',
      compressors: { ZSTD: bytes => zstdCompressSync(bytes, ZSTD_OPTIONS) },
      createdBy: `questlog archive format ${FORMAT_VERSION}`,
    });
  }

  /** Bytes of the segment so far, without the row group that is not complete. */
  get bytes(): number {
    return this.output.offset;
  }

  get events(): number {
    return this.groups.reduce((sum, group) => sum + group.events, this.rows.length);
  }

  /**
   * @param entry must come after the previous one
   * @throws UnarchivableEntryError
   */
  add(entry: BinaryEntry): void {
    const [id, fields] = entry;
    const row = rowOf(this.stream, entry);
    if (row.time < this.last.time || (row.time === this.last.time && row.seq <= this.last.seq))
      throw new RangeError(`the stream entry ${id} is not after the one before: add entries in their order`);
    const bytes = fields.reduce((sum, field) => sum + field.length, 0);
    if (this.rows.length === MAX_GROUP_ENTRIES || this.rowBytes + bytes > MAX_GROUP_BYTES) this.endGroup();
    this.rows.push(row);
    this.rowBytes += bytes;
    this.last = row;
  }

  /** @returns undefined when no entry was added */
  finish(): Segment | undefined {
    this.endGroup();
    const [firstGroup] = this.groups;
    if (!firstGroup) return undefined;
    const { stream, partition, groups } = this;
    const index: SegmentIndex = { version: FORMAT_VERSION, stream, partition, groups };
    this.parquet.kvMetadata = [{ key: INDEX_KEY, value: JSON.stringify(index) }];
    const tailStart = this.output.offset;
    assertDone(this.parquet.finish());
    const bytes = Buffer.from(this.output.getBuffer());
    const tail = bytes.subarray(tailStart);
    const info = {
      first: firstGroup.first,
      last: idOf(this.last),
      events: this.events,
      undecodable: groups.reduce((sum, group) => sum + group.undecodable, 0),
      bytes: bytes.length,
      hash: hashOf(bytes),
      tailBytes: tail.length,
      tailHash: hashOf(tail),
    };
    return { info, bytes };
  }

  private endGroup(): void {
    const { rows, last } = this;
    const [first] = rows;
    if (!first) return;
    const offset = this.output.offset;
    const columnData = Object.entries(SEGMENT_COLUMNS[this.stream]).map(([name, { options }]) => {
      const data = rows.map(row => row[name as ColumnName]);
      // Statistics say that a column has no values: readers then skip it.
      const isEmpty = data.every(value => value === undefined);
      return { ...options, ...(isEmpty && { statistics: true }), name, data };
    });
    // One page per column (0 means no limit): a larger page compresses better, and row groups are small already.
    assertDone(this.parquet.write({ columnData, rowGroupSize: rows.length, pageSize: 0 }));
    const bytes = this.output.getBytes().subarray(offset);
    this.groups.push({
      first: idOf(first),
      last: idOf(last),
      events: rows.length,
      undecodable: rows.filter(row => row.type === undefined).length,
      offset,
      bytes: bytes.length,
      hash: hashOf(bytes),
    });
    this.rows = [];
    this.rowBytes = 0;
  }
}

const idOf = ({ time, seq }: Pick<SegmentRow, 'time' | 'seq'>) => `${time}-${seq}`;

/** The Parquet writer only returns a promise when its output does, and a buffer in memory does not. */
function assertDone(result: unknown): void {
  if (result !== undefined) throw new Error('the Parquet writer did not finish at once');
}
