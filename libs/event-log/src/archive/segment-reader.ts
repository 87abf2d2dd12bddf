import { zstdDecompressSync } from 'node:zlib';
import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet';
import { hashParquetValue, readBloomFilter, sbbfContains } from 'hyparquet/src/bloom.js';
import { ObjectDamagedError } from './errors.js';
import { hashOf } from './hash.js';
import { type DecodedColumns, RowGroup } from './row-group.js';
import type { ColumnName } from './segment-columns.js';
import {
  checkVersion,
  type GroupInfo,
  INDEX_KEY,
  type SegmentIndex,
  type SegmentInfo,
  segmentName,
} from './segment-format.js';
import type { ArchiveStore } from './store.js';

/** Exists for other programs. `code` says the same. */
const UNREAD_COLUMN = 'type';
/** Columns whose values are short ASCII, so that the statistics have them as they are. */
const REPETITIVE_COLUMNS: readonly ColumnName[] = ['code', 'actor_kind'];

/** Reads one segment, a row group at a time. Everything it returns was compared with its hash. */
export class SegmentReader {
  private constructor(
    private readonly store: ArchiveStore,
    private readonly object: string,
    private readonly tail: DataView,
    private readonly tailStart: number,
    private readonly metadata: FileMetaData,
    readonly groups: readonly GroupInfo[],
  ) {}

  /**
   * Reads the end of a segment.
   *
   * @param folder the folder of the segment, with a slash at its end
   * @throws ObjectMissingError, ObjectDamagedError, ArchiveVersionError
   */
  static async open(store: ArchiveStore, folder: string, info: SegmentInfo): Promise<SegmentReader> {
    const object = `${folder}${segmentName(info)}`;
    const tailStart = info.bytes - info.tailBytes;
    const tail = await readChecked(store, object, tailStart, info.tailBytes, info.tailHash);
    const buffer = arrayBufferOf(tail);
    const metadata = parquetMetadata(buffer);
    const text = metadata.key_value_metadata?.find(({ key }) => key === INDEX_KEY)?.value ?? '{}';
    const { version, groups } = JSON.parse(text) as SegmentIndex;
    checkVersion(object, version);
    return new SegmentReader(store, object, new DataView(buffer), tailStart, metadata, groups);
  }

  /** Whether a row group can have events about a board or a player with one of these ids. False is certain. */
  mayMention(group: number, ids: readonly string[]): boolean {
    // Nobody knows whom an entry that is no event mentions.
    if (this.groups[group]?.undecodable) return true;
    return ids.some(
      id => this.columnMayContain(group, 'board', id) || this.columnMayContain(group, 'player', id),
    );
  }

  private columnMayContain(group: number, column: ColumnName, value: string): boolean {
    const chunk = this.metadata.row_groups[group]?.columns.find(
      ({ meta_data }) => meta_data?.path_in_schema[0] === column,
    )?.meta_data;
    const element = this.metadata.schema.find(({ name }) => name === column);
    if (!chunk || !element) return false;
    if (chunk.bloom_filter_offset === undefined) return chunk.statistics?.null_count !== chunk.num_values;
    const offset = Number(chunk.bloom_filter_offset) - this.tailStart;
    const filter = readBloomFilter({ view: this.tail, offset });
    const hash = hashParquetValue(value, element);
    return !filter || hash === undefined || sbbfContains(filter.blocks, hash);
  }

  /** @throws ObjectMissingError, ObjectDamagedError */
  async read(group: number): Promise<RowGroup> {
    const info = this.groups[group];
    const rowGroup = this.metadata.row_groups[group];
    if (!info || !rowGroup) throw new RangeError(`${this.object} has no row group ${group}`);
    const bytes = await readChecked(this.store, this.object, info.offset, info.bytes, info.hash);
    const columns: DecodedColumns = {};
    const names: string[] = [];
    for (const { meta_data: chunk } of rowGroup.columns) {
      if (!chunk) continue;
      const { null_count: nulls, min_value: min, max_value: max } = chunk.statistics ?? {};
      const name = chunk.path_in_schema[0] as ColumnName;
      if (nulls === chunk.num_values || name === UNREAD_COLUMN) continue;
      // Often, all events have the same: decoding these columns would take a tenth of the time.
      if (REPETITIVE_COLUMNS.includes(name) && nulls === 0n && min === max)
        columns[name] = new Array(info.events).fill(min) as never;
      else names.push(name);
    }
    const slice = (start: number, end = info.offset + info.bytes) =>
      arrayBufferOf(bytes.subarray(start - info.offset, end - info.offset));
    await parquetRead({
      file: { byteLength: info.offset + info.bytes, slice },
      // Only this row group, so that rows count from 0.
      metadata: { ...this.metadata, row_groups: [rowGroup] },
      columns: names,
      compressors: { ZSTD: page => zstdDecompressSync(page) },
      parsers: { stringFromBytes: textOf, timestampFromMilliseconds: ms => ms },
      // Text columns are marked as such; `raw` stays bytes.
      utf8: false,
      // A column has one page, and so comes in one piece.
      onChunk: ({ columnName, columnData }) => {
        columns[columnName as ColumnName] = columnData as never;
      },
    });
    return new RowGroup(this.object, columns, info.events);
  }
}

/** Unlike hyparquet's own, it keeps a byte order mark at the beginning. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

async function readChecked(
  store: ArchiveStore,
  object: string,
  offset: number,
  length: number,
  hash: string,
): Promise<Buffer> {
  const bytes = await store.get(object, { offset, length });
  if (bytes.length !== length)
    throw new ObjectDamagedError(store.url, object, `it ends after ${offset + bytes.length} bytes`);
  if (hashOf(bytes) !== hash)
    throw new ObjectDamagedError(store.url, object, `bytes ${offset} to ${offset + length - 1} were changed`);
  return bytes;
}
