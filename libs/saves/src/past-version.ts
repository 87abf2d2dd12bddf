import { type Actor, type EventId, formatEventId, MalformedEventError, parseEventId } from '#libs/events';
import { bytesOf, type SaveEvent } from './save.fold.js';

/** One version of a save: where the log has its document, and what a list of versions shows. */
export interface PastVersion {
  readonly id: EventId;
  readonly actor: Actor['kind'];
  /** Length of the document in UTF-8; nothing for a deletion. */
  readonly bytes: number | undefined;
  /** When, in milliseconds, where that is not the time of the event's id. */
  readonly at?: number;
}

/** A version is made once: what comes again is the same. */
export function evolvePastVersion(version: PastVersion | undefined, event: SaveEvent): PastVersion {
  const { id, at, actor } = event;
  return version ?? { id, actor: actor.kind, bytes: bytesOf(event), ...(at !== undefined && { at }) };
}

const KINDS: readonly Actor['kind'][] = ['player', 'server', 'admin'];

/** A version is kept as `<event id> <first letter of the actor's kind> <bytes, or -> [<ms>]`. */
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
