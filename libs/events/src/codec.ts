import { boardDefined } from './board-defined.js';
import { boardRemoved } from './board-removed.js';
import { count, eventId, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { entryRevoked } from './entry-revoked.js';
import { MalformedEventError, UnknownEventTypeError } from './errors.js';
import type { Actor, Events, EventType, NewEvent, RecordedEvent, StreamName } from './event.js';
import { playerBanned, playerUnbanned } from './player-banned.js';
import { playerErased, scoresErased } from './player-erased.js';
import { profilePatched } from './profile-patched.js';
import { saveDeleted } from './save-deleted.js';
import { saveWritten } from './save-written.js';
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
 * | `e` | JSON array: code, actor, then the packed data |
 * | `d` | the document, for events that carry one |
 * | `v` | the version, for events that count or follow one; the append script writes it |
 * | `m` | JSON object: `trace` and `key` (idempotency), when there are any |
 */
export interface PackedEvent {
  readonly e: string;
  readonly d?: string;
  readonly m?: string;
}

export function packEvent<T extends EventType>(event: NewEvent<T>): PackedEvent {
  const definition = definitionOf(event.type);
  const document = definition.document?.(event.data);
  const { trace, idempotencyKey } = event;
  return {
    e: JSON.stringify([definition.code, packActor(event.actor), ...definition.pack(event.data)]),
    ...(document !== undefined && { d: document }),
    ...((trace || idempotencyKey) && { m: JSON.stringify({ trace, key: idempotencyKey }) }),
  };
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
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'e') packed = fields[i + 1];
    else if (fields[i] === 'd') document = fields[i + 1];
    else if (fields[i] === 'v') version = fields[i + 1];
    else if (fields[i] === 'm') meta = fields[i + 1];
  }
  const values = parseArray(packed);
  const type = typeByCode.get(values[0]);
  if (!type) throw new UnknownEventTypeError(String(values[0]));
  const definition = definitionOf(type);
  if (definition.versioned && version === undefined)
    throw new MalformedEventError(`a ${type} without a version`);
  const event = {
    id: eventId(id, 'id'),
    type,
    data: definition.unpack(values.slice(2), document),
    actor: unpackActor(text(values[1], 'actor')),
  } as RecordedEvent;
  if (version === undefined && meta === undefined) return event;
  return {
    ...event,
    ...(version !== undefined && { version: count(version, 'v') }),
    ...(meta !== undefined && unpackMeta(meta)),
  };
}

function parseArray(packed: string | undefined): unknown[] {
  const value = packed === undefined ? undefined : parseJson(packed);
  if (Array.isArray(value)) return value;
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

const KINDS = { p: 'player', s: 'server', a: 'admin' } as const;

function packActor(actor: Actor): string {
  return `${actor.kind[0]}:${actor.id}`;
}

function unpackActor(packed: string): Actor {
  const kind = KINDS[packed[0] as keyof typeof KINDS];
  if (!kind || packed[1] !== ':') throw new MalformedEventError(`"${packed}" is no actor`);
  return { kind, id: packed.slice(2) };
}
