import { type Actor, type EventId, formatEventId, MalformedEventError, parseEventId } from '#libs/events';
import { bytesOf, type SaveEvent } from './save.fold.js';

/** One version of a save: where the log has its document, and what a list of versions shows. */
export interface PastVersion {
  readonly id: EventId;
  readonly actor: Actor['kind'];
  /** Length of the document in UTF-8; nothing for a deletion. */
  readonly bytes: number | undefined;
}

/** A version is made once: what comes again is the same. */
export function evolvePastVersion(version: PastVersion | undefined, event: SaveEvent): PastVersion {
  return version ?? { id: event.id, actor: event.actor.kind, bytes: bytesOf(event) };
}

const KINDS: readonly Actor['kind'][] = ['player', 'server', 'admin'];

/** A version is kept as `<event id> <first letter of the actor's kind> <bytes, or ->`. */
export function formatPastVersion({ id, actor, bytes }: PastVersion): string {
  return `${formatEventId(id)} ${actor[0]} ${bytes ?? '-'}`;
}

export function parsePastVersion(text: string): PastVersion {
  const [id = '', letter, bytes] = text.split(' ');
  const actor = KINDS.find(kind => kind[0] === letter);
  if (!actor) throw new MalformedEventError(`"${text}" is no version of a save`);
  return { id: parseEventId(id), actor, bytes: bytes === '-' ? undefined : Number(bytes) };
}
