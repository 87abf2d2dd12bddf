import { boardDefined } from './board-defined.js';
import { boardRemoved } from './board-removed.js';
import { count, eventId, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { entryRevoked } from './entry-revoked.js';
import { MalformedEventError, UnknownEventTypeError } from './errors.js';
import type { Actor, Events, EventType, NewEvent, RecordedEvent, StreamName } from './event.js';
import { actorOf, letterOf } from './packed-actor.js';
import { playerBanned, playerUnbanned } from './player-banned.js';
import { playerErased, scoresErased } from './player-erased.js';
import { profilePatched } from './profile-patched.js';
import { saveDeleted } from './save-deleted.js';
import { saveWritten } from './save-written.js';
import { packScoreLine, SCORE_LINE, unpackScoreLine } from './score-line.js';
import { scoreSubmitted } from './score-submitted.js';

/** All events, by type. The compiler sees to it that none is missing. */
export const catalog: { readonly [T in EventType]: EventDefinition<Events[T]> } = {
  ScoreSubmitted: scoreSubmitted,
  EntryRevoked: entryRevoked,
  BoardDefined: boardDefined,
  BoardRemoved: boardRemoved,
  PlayerBanned: playerBanned,
  PlayerUnbanned: playerUnbanned,
  ScoresErased: scoresErased,
  SaveWritten: saveWritten,
  SaveDeleted: saveDeleted,
  ProfilePatched: profilePatched,
  PlayerErased: playerErased,
};

export function definitionOf<T extends EventType>(type: T): EventDefinition<Events[T]> {
  return catalog[type];
}

export function eventTypesOf(stream: StreamName): EventType[] {
  return (Object.keys(catalog) as EventType[]).filter(type => catalog[type].stream === stream);
}

const typeByCode = new Map<unknown, EventType>();
for (const [type, { code }] of Object.entries(catalog)) {
  if (typeByCode.has(code)) throw new Error(`two kinds of event share the code "${code}": give one another`);
  typeByCode.set(code, type as EventType);
}

/**
 * An event as the fields of a stream entry.
 *
 * | field | holds |
 * | --- | --- |
 * | `e` | JSON array: code, actor, then the packed data; or, of a score, a line of words |
 * | `d` | the document, for events that carry one |
 * | `v` | the version, for events that count or follow one; the append script writes it |
 * | `m` | JSON object: `trace` and `key` (idempotency), when there are any |
 * | `t` | milliseconds: the event's time, where that is not its id's; the append script writes it |
 */
export interface PackedEvent {
  readonly e: string;
  readonly d?: string;
  readonly m?: string;
  readonly t?: string;
}

/** @param event with a time of its own, when it is a copy of one that has it */
export function packEvent<T extends EventType>(event: NewEvent<T> & { readonly at?: number }): PackedEvent {
  const definition = definitionOf(event.type);
  const document = definition.document?.(event.data);
  const { trace, idempotencyKey, at } = event;
  return {
    e: (isScore(event) ? packScoreLine(event) : undefined) ?? packArray(event),
    ...(document !== undefined && { d: document }),
    ...((trace || idempotencyKey) && { m: JSON.stringify({ trace, key: idempotencyKey }) }),
    ...(at !== undefined && { t: String(at) }),
  };
}

const isScore = (event: NewEvent): event is NewEvent<'ScoreSubmitted'> => event.type === 'ScoreSubmitted';

/** What an event says, as a JSON array. It stays the same when the log gets a shorter form for it: fingerprints need that. */
export function packArray<T extends EventType>({ type, actor, data }: NewEvent<T>): string {
  const { code, pack } = definitionOf(type);
  return JSON.stringify([code, `${letterOf(actor)}:${actor.id}`, ...pack(data)]);
}

/**
 * @param fields names and values in turn, as Redis answers them
 * @throws MalformedEventError, UnknownEventTypeError when the entry belongs in the dead letters
 */
export function unpackEvent(id: string, fields: readonly string[]): RecordedEvent {
  let packed: string | undefined;
  let document: string | undefined;
  let version: string | undefined;
  let meta: string | undefined;
  let time: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'e') packed = fields[i + 1];
    else if (fields[i] === 'd') document = fields[i + 1];
    else if (fields[i] === 'v') version = fields[i + 1];
    else if (fields[i] === 'm') meta = fields[i + 1];
    else if (fields[i] === 't') time = fields[i + 1];
  }
  const { type, data, actor } = packed?.startsWith(SCORE_LINE)
    ? unpackScore(packed)
    : unpackArray(packed, document, version !== undefined);
  const event = { id: eventId(id, 'id'), type, data, actor } as RecordedEvent;
  if (version === undefined && meta === undefined && time === undefined) return event;
  return {
    ...event,
    ...(version !== undefined && { version: count(version, 'v') }),
    ...(meta !== undefined && unpackMeta(meta)),
    ...(time !== undefined && { at: count(time, 't') }),
  };
}

type Packed = Pick<NewEvent, 'type' | 'data' | 'actor'>;

function unpackScore(line: string): Packed {
  const { data, actor } = unpackScoreLine(line);
  return { type: 'ScoreSubmitted', data, actor };
}

function unpackArray(packed: string | undefined, document: string | undefined, hasVersion: boolean): Packed {
  const values = parseArray(packed);
  const type = typeByCode.get(values[0]);
  if (!type) throw new UnknownEventTypeError(String(values[0]));
  const definition = definitionOf(type);
  if (definition.versioned && !hasVersion) throw new MalformedEventError(`a ${type} without a version`);
  const data = definition.unpack(values.slice(2), document);
  return { type, data, actor: unpackActor(text(values[1], 'actor')) };
}

/** How the text of an event begins that is no JSON: of a kind that a later Questlog wrote. */
const LINE = /^([a-z]\d+) /;

function parseArray(packed: string | undefined): unknown[] {
  const value = packed === undefined ? undefined : parseJson(packed);
  if (Array.isArray(value)) return value;
  const [, code] = LINE.exec(packed ?? '') ?? [];
  if (code !== undefined) throw new UnknownEventTypeError(code);
  throw new MalformedEventError('the entry has no field "e" that holds a JSON array');
}

function unpackMeta(meta: string): Pick<NewEvent, 'trace' | 'idempotencyKey'> {
  const { trace, key } = (parseJson(meta) ?? {}) as { trace?: string; key?: string };
  return { ...(trace !== undefined && { trace }), ...(key !== undefined && { idempotencyKey: key }) };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function unpackActor(packed: string): Actor {
  if (packed[1] !== ':') throw new MalformedEventError(`"${packed}" is no actor`);
  return actorOf(packed[0], packed.slice(2));
}
