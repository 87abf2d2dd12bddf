import { actorLetter, unpackActorKind } from './actor-code.js';
import { asEventId, asString, parseCount } from './checks.js';
import { MalformedEventError, UnknownEventTypeError } from './errors.js';
import type { Actor, Events, EventType, NewEvent, RecordedEvent } from './event.js';
import type { EventDefinition } from './event-definition.js';
import { packScoreLine, SCORE_LINE, unpackScoreLine } from './score-line.js';
import type { StreamName } from './streams.js';
import { boardDefined } from './types/board-defined.js';
import { boardRemoved } from './types/board-removed.js';
import { entryRevoked } from './types/entry-revoked.js';
import { playerBanned, playerUnbanned } from './types/player-banned.js';
import { playerErased, scoresErased } from './types/player-erased.js';
import { profilePatched } from './types/profile-patched.js';
import { saveDeleted } from './types/save-deleted.js';
import { saveWritten } from './types/save-written.js';
import { scoreSubmitted } from './types/score-submitted.js';

/** The definition of every event type. The compiler checks that none is missing. */
export const eventCatalog: { readonly [T in EventType]: EventDefinition<Events[T]> } = {
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

export function eventDefinitionOf<T extends EventType>(type: T): EventDefinition<Events[T]> {
  return eventCatalog[type];
}

export function eventTypesOf(stream: StreamName): EventType[] {
  return (Object.keys(eventCatalog) as EventType[]).filter(type => eventCatalog[type].stream === stream);
}

const typeByCode = new Map<unknown, EventType>();
for (const [type, { code }] of Object.entries(eventCatalog)) {
  if (typeByCode.has(code))
    throw new Error(`two event types have the code "${code}": change the code of one`);
  typeByCode.set(code, type as EventType);
}

/**
 * The fields of the stream entry that an event is stored in.
 *
 * | field | content |
 * | --- | --- |
 * | `e` | a JSON array of code, actor, and the packed data; scores use the shorter form of `packScoreLine` |
 * | `d` | the document, for events that have one |
 * | `v` | the version, for events that increment or read one; written by the append script |
 * | `m` | a JSON object with `trace` and `key` (the idempotency key); left out when both are missing |
 * | `t` | the time of the event in milliseconds, only where it differs from the time in the id; written by the append script |
 */
export interface PackedEvent {
  readonly e: string;
  readonly d?: string;
  readonly m?: string;
  readonly t?: string;
}

const SCORE_LINE_CODE = SCORE_LINE.trimEnd();

/** The code that field `e` of an event begins with. */
export function codeOf(type: EventType, e: string): string {
  return e.startsWith(SCORE_LINE) ? SCORE_LINE_CODE : eventDefinitionOf(type).code;
}

export function typeOfCode(code: string): EventType | undefined {
  return code === SCORE_LINE_CODE ? 'ScoreSubmitted' : typeByCode.get(code);
}

/**
 * Field `e` of an event in the form with this code. The archive stores the code of each event, so that the event gets its original
 * bytes back even when new events have another form.
 *
 * @returns undefined when this form cannot hold the event
 */
export function packAs(code: string, event: NewEvent): string | undefined {
  if (code === SCORE_LINE_CODE && isScore(event)) return packScoreLine(event);
  return code === eventDefinitionOf(event.type).code ? packArray(event) : undefined;
}

/** @param event a new event, or a copy of a recorded one, which keeps its time `at` */
export function packEvent<T extends EventType>(event: NewEvent<T> & { readonly at?: number }): PackedEvent {
  const definition = eventDefinitionOf(event.type);
  const document = definition.document?.(event.data);
  const { trace, idempotencyKey, at } = event;
  return {
    e: (isScore(event) ? packScoreLine(event) : undefined) ?? packArray(event),
    ...(document !== undefined && { d: document }),
    ...((trace || idempotencyKey) && { m: packMeta(trace, idempotencyKey) }),
    ...(at !== undefined && { t: String(at) }),
  };
}

export const packMeta = (trace?: string, key?: string): string => JSON.stringify({ trace, key });

const isScore = (event: NewEvent): event is NewEvent<'ScoreSubmitted'> => event.type === 'ScoreSubmitted';

/** The event as a JSON array. Idempotency fingerprints are made of this form, so it must not change when the log gets a shorter one. */
export function packArray<T extends EventType>({ type, actor, data }: NewEvent<T>): string {
  const { code, pack } = eventDefinitionOf(type);
  return JSON.stringify([code, `${actorLetter(actor)}:${actor.id}`, ...pack(data)]);
}

/**
 * @param fields alternating names and values, as in a reply from Redis
 * @throws MalformedEventError, UnknownEventTypeError the stream entry cannot be decoded and should become a dead letter
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
  const event = { id: asEventId(id, 'id'), type, data, actor } as RecordedEvent;
  if (version === undefined && meta === undefined && time === undefined) return event;
  return {
    ...event,
    ...(version !== undefined && { version: parseCount(version, 'v') }),
    ...(meta !== undefined && unpackMeta(meta)),
    ...(time !== undefined && { at: parseCount(time, 't') }),
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
  const definition = eventDefinitionOf(type);
  if (definition.countsVersionOf && !hasVersion)
    throw new MalformedEventError(`a ${type} event needs a version in field "v"`);
  const data = definition.unpack(values.slice(2), document);
  return { type, data, actor: unpackActor(asString(values[1], 'actor')) };
}

/** Matches the code of an event in a text form that only a newer Questlog can read. */
const TEXT_FORM_CODE = /^([a-z]\d+) /;

function parseArray(packed: string | undefined): unknown[] {
  const value = packed === undefined ? undefined : parseJson(packed);
  if (Array.isArray(value)) return value;
  const [, code] = TEXT_FORM_CODE.exec(packed ?? '') ?? [];
  if (code !== undefined) throw new UnknownEventTypeError(code);
  throw new MalformedEventError('field "e" is missing or is not a JSON array');
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
  if (packed[1] !== ':')
    throw new MalformedEventError(
      `actor is "${packed}", expected a letter, a colon, and an id, such as "p:ada"`,
    );
  return unpackActorKind(packed[0], packed.slice(2));
}
