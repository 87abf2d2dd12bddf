import type { SchemaElement } from 'hyparquet';
import type { ColumnSource } from 'hyparquet-writer';
import type { StreamName } from '#libs/events';

/** One stream entry in a segment. `docs/archive.md` describes each column. */
export interface SegmentRow {
  readonly time: bigint;
  readonly seq: bigint;
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  readonly board?: string | undefined;
  readonly player?: string | undefined;
  readonly score?: number | undefined;
  readonly attributes?: string | undefined;
  readonly slot?: string | undefined;
  readonly version?: bigint | undefined;
  readonly document?: string | undefined;
  readonly actor_kind?: string | undefined;
  readonly actor?: string | undefined;
  readonly own_time?: bigint | undefined;
  readonly idempotency_key?: string | undefined;
  readonly trace?: string | undefined;
  readonly data?: string | undefined;
  readonly raw?: Uint8Array | undefined;
}

export type ColumnName = keyof SegmentRow;

interface Column {
  readonly schema: Omit<SchemaElement, 'name'>;
  readonly options?: Pick<ColumnSource, 'encoding' | 'bloomFilter' | 'statistics'>;
}

const TIMESTAMP = { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' } as const;
const TEXT: Column = { schema: { type: 'BYTE_ARRAY', converted_type: 'UTF8' } };
/** One search in twenty reads a row group in vain. A lower rate needs a larger filter, which costs more to read than it saves. */
const SEARCHED_TEXT: Column = { ...TEXT, options: { bloomFilter: { fpp: 0.05 } } };
/** No query uses the minimum or maximum of these columns, and comparing long texts is slow. */
const LONG_TEXT: Column = { ...TEXT, options: { statistics: false } };
const INTEGER: Column = { schema: { type: 'INT64' } };

const ID_AND_TYPE: Columns = {
  time: {
    schema: { ...TIMESTAMP, repetition_type: 'REQUIRED' },
    options: { encoding: 'DELTA_BINARY_PACKED' },
  },
  seq: { schema: { ...INTEGER.schema, repetition_type: 'REQUIRED' } },
  type: TEXT,
  code: TEXT,
};

const COMMON: Columns = {
  actor_kind: TEXT,
  actor: TEXT,
  version: INTEGER,
  own_time: { schema: TIMESTAMP },
  idempotency_key: LONG_TEXT,
  trace: LONG_TEXT,
  data: LONG_TEXT,
  raw: { schema: { type: 'BYTE_ARRAY' }, options: { statistics: false } },
};

type Columns = Readonly<Partial<Record<ColumnName, Column>>>;

/** The columns of a segment, in their order. A later version adds columns at the end, and only optional ones. */
export const SEGMENT_COLUMNS: Readonly<Record<StreamName, Columns>> = {
  scores: {
    ...ID_AND_TYPE,
    board: SEARCHED_TEXT,
    player: SEARCHED_TEXT,
    score: { schema: { type: 'DOUBLE' } },
    attributes: LONG_TEXT,
    ...COMMON,
  },
  players: { ...ID_AND_TYPE, player: SEARCHED_TEXT, slot: TEXT, document: LONG_TEXT, ...COMMON },
};

/** The schema of a Parquet file: the root and the columns. */
export function segmentSchema(stream: StreamName): SchemaElement[] {
  const columns = Object.entries(SEGMENT_COLUMNS[stream]).map(
    ([name, { schema }]): SchemaElement => ({ repetition_type: 'OPTIONAL', ...schema, name }),
  );
  return [{ name: 'questlog', num_children: columns.length }, ...columns];
}
