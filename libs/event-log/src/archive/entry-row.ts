import { isUtf8 } from 'node:buffer';
import {
  type Actor,
  codeOf,
  type EventId,
  type NewEvent,
  packAs,
  packMeta,
  parseEventId,
  type RecordedEvent,
  type StreamName,
  typeOfCode,
  unpackEvent,
} from '#libs/events';
import type { LogEntry } from '../reading/stream-page.js';
import { UnarchivableEntryError } from './errors.js';
import type { SegmentRow } from './segment-columns.js';

/** A stream entry as Redis stores it: fields can hold any bytes. */
export type BinaryEntry = readonly [id: string, fields: readonly Buffer[]];

/**
 * The row of a stream entry. Whether the columns give back the identical entry is tried out; if they do not, the row also gets the
 * entry's bytes in `raw`.
 *
 * @throws UnarchivableEntryError
 */
export function rowOf(stream: StreamName, [id, fields]: BinaryEntry): SegmentRow {
  const { ms, seq } = idOf(id);
  const key = { time: BigInt(ms), seq: BigInt(seq) };
  const texts = fields.every(field => isUtf8(field)) ? fields.map(field => field.toString()) : undefined;
  const row = texts && columnsOf(stream, id, texts);
  if (row && isSame(fieldsOfColumns(row), texts)) return { ...key, ...row };
  return { ...key, ...row, raw: packFields(fields) };
}

function idOf(id: string): EventId {
  try {
    return parseEventId(id);
  } catch {
    throw new UnarchivableEntryError(id, 'Questlog never assigns such an id; delete the stream entry');
  }
}

type Columns = Omit<SegmentRow, 'time' | 'seq'>;

/** Columns that the segments of a stream do not have. */
const OTHER_COLUMNS: Readonly<Record<StreamName, readonly (keyof Columns)[]>> = {
  scores: ['slot', 'document'],
  players: ['board', 'score', 'attributes'],
};

/** @returns undefined for an entry that is no event of this stream */
function columnsOf(stream: StreamName, id: string, fields: readonly string[]): Columns | undefined {
  const event = tryUnpack(id, fields);
  if (!event) return undefined;
  const text = (name: string) => fields[fields.findIndex((field, i) => i % 2 === 0 && field === name) + 1];
  const { type, actor, version, at, trace, idempotencyKey } = event;
  const { board, player, score, attributes, slot, document, heads, ...rest } = event.data as AnyData;
  const columns: Columns = {
    code: codeOf(type, text('e') ?? ''),
    type,
    board,
    player,
    score,
    attributes: attributes && JSON.stringify(attributes),
    slot,
    document: document ?? (heads && text('d')),
    actor_kind: actor.kind,
    actor: actor.kind === 'player' && actor.id === player ? undefined : actor.id,
    version: version === undefined ? undefined : BigInt(version),
    own_time: at === undefined ? undefined : BigInt(at),
    idempotency_key: idempotencyKey,
    trace,
    data: Object.keys(rest).length > 0 ? JSON.stringify(rest) : undefined,
  };
  const isOfStream = OTHER_COLUMNS[stream].every(name => columns[name] === undefined);
  return isOfStream ? columns : undefined;
}

/** The fields that the data of any event can have. */
type AnyData = Partial<
  NewEvent<'ScoreSubmitted'>['data'] & NewEvent<'SaveWritten'>['data'] & NewEvent<'PlayerErased'>['data']
>;

function tryUnpack(id: string, fields: readonly string[]): RecordedEvent | undefined {
  try {
    return unpackEvent(id, fields);
  } catch {
    return undefined;
  }
}

function isSame(fields: readonly string[] | undefined, others: readonly string[]): boolean {
  return fields?.length === others.length && fields.every((field, i) => field === others[i]);
}

/**
 * The stream entry of a row, as `PartitionLog` returns it.
 *
 * @returns undefined when this Questlog does not know the event's code
 */
export function entryOf(row: SegmentRow): LogEntry | undefined {
  const fields = row.raw ? unpackFields(row.raw).map(field => field.toString()) : fieldsOfColumns(row);
  return fields && [`${row.time}-${row.seq}`, fields];
}

/** The stream entry of a row, byte for byte. */
export function binaryEntryOf(row: SegmentRow): BinaryEntry | undefined {
  const fields = row.raw ? unpackFields(row.raw) : fieldsOfColumns(row)?.map(field => Buffer.from(field));
  return fields && [`${row.time}-${row.seq}`, fields];
}

/** The fields in the order of the append script: e, v, m, d, t. */
function fieldsOfColumns(row: Columns): string[] | undefined {
  const { version, idempotency_key: key, trace, document, own_time: time } = row;
  const e = packedOf(row);
  if (e === undefined) return undefined;
  const fields = ['e', e];
  if (version !== undefined) fields.push('v', String(version));
  if (trace !== undefined || key !== undefined) fields.push('m', packMeta(trace, key));
  if (document !== undefined) fields.push('d', document);
  if (time !== undefined) fields.push('t', String(time));
  return fields;
}

function packedOf(row: Columns): string | undefined {
  const { code = '', board, player, score, attributes, slot, data } = row;
  const type = typeOfCode(code);
  if (!type) return undefined;
  const known = { board, player, score, slot, attributes: attributes && JSON.parse(attributes) };
  return packAs(code, {
    type,
    actor: { kind: row.actor_kind, id: row.actor ?? player } as Actor,
    data: (data === undefined ? known : { ...known, ...JSON.parse(data) }) as NewEvent['data'],
  });
}

/** Field names and values one after the other, each behind its length in four bytes, little-endian. */
function packFields(fields: readonly Buffer[]): Buffer {
  return Buffer.concat(
    fields.flatMap(field => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(field.length);
      return [length, field];
    }),
  );
}

function unpackFields(raw: Uint8Array): Buffer[] {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const fields: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 4 + bytes.readUInt32LE(offset);
    fields.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return fields;
}
