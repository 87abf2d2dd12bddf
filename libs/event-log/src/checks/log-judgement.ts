import { isOlderId } from '#libs/events';

/** The content of a partition of the log at one moment. */
export interface Extent {
  /** The number of recorded losses. Extents with different revisions cannot be compared. */
  readonly revision: number;
  /** Numbers of entries: ever added, present, and erased or archived. */
  readonly added: number;
  readonly length: number;
  readonly removed: number;
  /** The last id that was assigned, and the first entry; `0-0` if there is none. */
  readonly last: string;
  readonly first: string;
}

/** The stored account of a partition. */
export interface Ledger extends Extent {
  /** Missing entries that are already recorded as lost. Negative if the stream was deleted and created again. */
  readonly gone: number;
  /** Total events lost. */
  readonly lost: number;
  /** Entries that were added before the last loss, as far as the process that recorded it knew. */
  readonly knownAdded: number;
  /** Why the log is damaged; empty if it is not, or if the loss was accepted. */
  readonly damage: string;
}

/** The result of `look-at-log.lua` that losses are derived from. */
export interface LogFacts {
  readonly now: number;
  readonly stream?:
    | { length: number; added: number; last: string; first: string; deleted: string }
    | undefined;
  readonly erased: number;
  /** Entries that are only in the archive, and the last of them. */
  readonly trimmed: number;
  readonly floor?: string;
  /** Whether boards are defined, and whether a projection has applied events. Either shows that there were events. */
  readonly defined: boolean;
  readonly applied: boolean;
  readonly bases?: readonly string[];
  readonly missing?: readonly string[];
}

export interface Loss {
  /** The minimum number of events. */
  readonly events: number;
  readonly reason: string;
}

export const NOTHING: Ledger = {
  revision: 0,
  added: 0,
  length: 0,
  removed: 0,
  last: '0-0',
  first: '0-0',
  gone: 0,
  lost: 0,
  knownAdded: 0,
  damage: '',
};

const EMPTY = { length: 0, added: 0, last: '0-0', first: '0-0', deleted: '0-0' };

/** The current extent of the partition. */
export function extentOf({ stream = EMPTY, erased, trimmed }: LogFacts, revision: number): Extent {
  const { length, added, last, first } = stream;
  return { revision, added, length, removed: erased + trimmed, last, first };
}

/** The number of entries that are neither present nor erased nor archived. */
export function unaccountedFor({ stream = EMPTY, erased, trimmed }: LogFacts): number {
  return stream.added - stream.length - erased - trimmed;
}

/**
 * Checks whether the log has lost events. Each entry that was ever added must be present, erased, archived, or recorded as lost,
 * and everything that was seen before must still be there.
 *
 * @param known the extent that was seen last, by this process or in the ledger; undefined the first time
 * @returns undefined if nothing new is lost
 */
export function lossIn(facts: LogFacts, ledger: Ledger, known: Extent | undefined): Loss | undefined {
  const { stream = EMPTY, erased, trimmed, floor } = facts;
  if (stream.added === 0) return deleted(facts, ledger, known);
  const missing = unaccountedFor(facts) - ledger.gone;
  if (known && isRecreated(stream, known, erased + trimmed, missing)) return recreated(known);
  if (missing > 0) return { events: missing, reason: `${count(missing)} gone: trimmed or deleted by hand` };
  if (missing < 0) return known ? recreated(known) : { events: -missing, reason: 'it began anew' };
  if (known && (stream.added < known.added || isOlderId(stream.last, known.last))) {
    const events = Math.max(1, known.added - stream.added);
    return {
      events,
      reason: `${count(events)} gone from its end: a failover to a replica without them, or an older backup`,
    };
  }
  // Erased entries are not after the last erased id, and archived ones are not after the floor.
  const isUnaccounted = (id: string) =>
    isOlderId(stream.deleted, id) && (floor === undefined || isOlderId(floor, id));
  const unseen = stream.length === 0 ? [] : (facts.missing?.filter(isUnaccounted) ?? []);
  if (unseen.length > 0)
    return {
      events: unseen.length,
      reason: `acknowledged events are gone (${unseen.join(', ')} and perhaps others before): a failover to a replica without them`,
    };
  const ahead = facts.bases?.find(base => isOlderId(stream.last, base));
  if (ahead !== undefined)
    return { events: 1, reason: `it ends before ${ahead}, which a projection has: an older backup` };
  return undefined;
}

/** The case of a stream without entries. */
function deleted({ defined, applied }: LogFacts, ledger: Ledger, known?: Extent): Loss | undefined {
  const reason = 'the stream was deleted';
  if (known && known.length > 0) return { events: known.length, reason };
  const wasUsed = (known?.added ?? 0) > 0 || ledger.revision > 0;
  return !wasUsed && (defined || applied) ? { events: 1, reason } : undefined;
}

/** Whether the stream was deleted and created again: its first entry is later, though no removal is on record. */
function isRecreated(stream: typeof EMPTY, known: Extent, removed: number, missing: number): boolean {
  if (known.first === '0-0' || !isOlderId(known.first, stream.first)) return false;
  return stream.added < known.added || (removed === known.removed && missing <= 0);
}

function recreated(known: Extent): Loss {
  return { events: Math.max(1, known.length), reason: 'the stream was deleted, and began anew' };
}

const count = (events: number) => (events === 1 ? '1 event is' : `${events.toLocaleString('en')} events are`);
