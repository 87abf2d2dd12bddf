import { type Actor, type EventId, formatEventId, MalformedEventError, parseEventId } from '#libs/events';
import { bytesOf, type SaveEvent } from './save.fold.js';

/** A version of a save: the place of its document in the log, and what the history shows. */
export interface PastVersion {
  readonly id: EventId;
  readonly actor: Actor['kind'];
  /** UTF-8 bytes of the document; undefined for a deletion. */
  readonly bytes: number | undefined;
  /** When it was written, in milliseconds since 1970, if the event's id has another time. */
  readonly at?: number;
}

/** A version never changes, so one that is delivered again is the same. */
export function evolvePastVersion(version: PastVersion | undefined, event: SaveEvent): PastVersion {
  const { id, at, actor } = event;
  return version ?? { id, actor: actor.kind, bytes: bytesOf(event), ...(at !== undefined && { at }) };
}

const KINDS: readonly Actor['kind'][] = ['player', 'server', 'admin'];

/** The stored format is `<event id> <first letter of the actor's kind> <bytes, or -> [<ms>]`. */
export function formatPastVersion({ id, actor, bytes, at }: PastVersion): string {
  return `${formatEventId(id)} ${actor[0]} ${bytes ?? '-'}${at === undefined ? '' : ` ${at}`}`;
}

export function parsePastVersion(text: string): PastVersion {
  const [id = '', letter, bytes, at] = text.split(' ');
  const actor = KINDS.find(kind => kind[0] === letter);
  if (!actor) throw new MalformedEventError(`"${text}" is no version of a save`);
  const version = { id: parseEventId(id), actor, bytes: bytes === '-' ? undefined : Number(bytes) };
  return at === undefined ? version : { ...version, at: Number(at) };
}
