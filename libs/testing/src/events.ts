import type { Actor, EventType, JsonObject, NewEvent, RecordedEvent } from '#libs/events';

export const SERVER: Actor = { kind: 'server', id: 'test' };

type Data<T extends EventType> = NewEvent<T>['data'];

/** A score event with an id of its own: `ms-seq`. */
export function scoreSubmitted(
  data: Omit<Data<'ScoreSubmitted'>, 'board'> & { board?: string },
  ms: number,
  seq = 0,
): RecordedEvent<'ScoreSubmitted'> {
  return { type: 'ScoreSubmitted', id: { ms, seq }, actor: SERVER, data: { board: 'board', ...data } };
}

/** The player's revocation with that number. */
export function entryRevoked(version: number, ms: number, seq = 0): RecordedEvent<'EntryRevoked'> {
  const data = { board: 'board', player: 'ada' };
  return { type: 'EntryRevoked', id: { ms, seq }, actor: SERVER, data, version };
}

/** The event as the log has it when so many revocations came before it. */
export function afterRevocations(
  revocations: number,
  event: RecordedEvent<'ScoreSubmitted'>,
): RecordedEvent<'ScoreSubmitted'> {
  return { ...event, ...(revocations > 0 && { version: revocations }) };
}

/** A save event as the log would hold it. */
export function saveWritten(version: number, ms: number, document = '{}'): RecordedEvent<'SaveWritten'> {
  const data = { player: 'ada', slot: 'auto', document };
  return { type: 'SaveWritten', id: { ms, seq: 0 }, actor: SERVER, data, version };
}

/** A deletion of the same save. */
export function saveDeleted(version: number, ms: number): RecordedEvent<'SaveDeleted'> {
  const data = { player: 'ada', slot: 'auto' };
  return { type: 'SaveDeleted', id: { ms, seq: 0 }, actor: SERVER, data, version };
}

/** A patch of a profile as the log would hold it. */
export function profilePatched(version: number, patch: JsonObject): RecordedEvent<'ProfilePatched'> {
  const data = { player: 'ada', patch };
  return { type: 'ProfilePatched', id: { ms: version, seq: 0 }, actor: SERVER, data, version };
}
