import { compareEventIds, parseEventId } from '#libs/events';

/** What a partition of the log had at one moment. */
export interface Extent {
  /** Counts the losses that were noted: what was seen before one cannot be compared with what is there after it. */
  readonly revision: number;
  /** Entries that were ever added, those that are there, and those that were erased or trimmed and accounted for. */
  readonly added: number;
  readonly length: number;
  readonly removed: number;
  /** The last id that was given out, and the first entry; `0-0` without any. */
  readonly last: string;
  readonly first: string;
}

/** What is kept of a partition beside its stream. */
export interface Ledger extends Extent {
  /** Entries that an archiver has taken away. */
  readonly trimmed: number;
  /** Entries that are gone and were noted as lost. Below zero when the stream was deleted and began anew. */
  readonly gone: number;
  /** Events that were ever lost. */
  readonly lost: number;
  /** Entries that were added before the last loss, as far as whoever noted it knew. */
  readonly knownAdded: number;
  /** Why the log is not whole; empty for one that is, or whose loss was accepted. */
  readonly damage: string;
}

/** What `look-at-log.lua` found, without what only its callers need. */
export interface LogFacts {
  readonly now: number;
  readonly stream?:
    | { length: number; added: number; last: string; first: string; deleted: string }
    | undefined;
  readonly erased: number;
  /** Whether boards are defined, or a projection has applied events: then there were events. */
  readonly defined: boolean;
  readonly applied: boolean;
  readonly bases?: readonly string[];
  readonly missing?: readonly string[];
}

export interface Loss {
  /** Events, at least. */
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
  trimmed: 0,
  gone: 0,
  lost: 0,
  knownAdded: 0,
  damage: '',
};

const EMPTY = { length: 0, added: 0, last: '0-0', first: '0-0', deleted: '0-0' };

/** What the partition has now, at a ledger's revision. */
export function extentOf({ stream = EMPTY, erased }: LogFacts, trimmed: number, revision: number): Extent {
  const { length, added, last, first } = stream;
  return { revision, added, length, removed: erased + trimmed, last, first };
}

/** What `gone` must be for the account to come out. */
export function unaccountedFor({ stream = EMPTY, erased }: LogFacts, trimmed: number): number {
  return stream.added - stream.length - erased - trimmed;
}

/**
 * Whether the log has lost events: entries added are entries there, erased, trimmed, or gone and noted, exactly, and what
 * was seen before is there still.
 *
 * @param known the extent that was seen last: by this process, or as the ledger has it; nothing at first sight
 */
export function lossIn(facts: LogFacts, ledger: Ledger, known: Extent | undefined): Loss | undefined {
  const { stream = EMPTY, erased } = facts;
  if (stream.added === 0) return deleted(facts, ledger, known);
  const missing = unaccountedFor(facts, ledger.trimmed) - ledger.gone;
  if (known && isRecreated(stream, known, erased + ledger.trimmed, missing)) return recreated(known);
  if (missing > 0) return { events: missing, reason: `${count(missing)} gone: trimmed or deleted by hand` };
  if (missing < 0) return known ? recreated(known) : { events: -missing, reason: 'it began anew' };
  if (known && (stream.added < known.added || isBefore(stream.last, known.last))) {
    const events = Math.max(1, known.added - stream.added);
    return {
      events,
      reason: `${count(events)} gone from its end: a failover to a replica without them, or an older backup`,
    };
  }
  // What was erased is not behind the last erased one; what an archiver took is before the first that is there.
  const isUnaccounted = (id: string) =>
    isBefore(stream.deleted, id) && (ledger.trimmed === 0 || isBefore(stream.first, id));
  const unseen = stream.length === 0 ? [] : (facts.missing?.filter(isUnaccounted) ?? []);
  if (unseen.length > 0)
    return {
      events: unseen.length,
      reason: `acknowledged events are gone (${unseen.join(', ')} and perhaps others before): a failover to a replica without them`,
    };
  const ahead = facts.bases?.find(base => isBefore(stream.last, base));
  if (ahead !== undefined)
    return { events: 1, reason: `it ends before ${ahead}, which a projection has: an older backup` };
  return undefined;
}

/** Nothing was ever added to what is there now. */
function deleted({ defined, applied }: LogFacts, ledger: Ledger, known?: Extent): Loss | undefined {
  const reason = 'the stream was deleted';
  if (known && known.length > 0) return { events: known.length, reason };
  const wasUsed = (known?.added ?? 0) > 0 || ledger.revision > 0;
  return !wasUsed && (defined || applied) ? { events: 1, reason } : undefined;
}

/** Whether it is another stream of the same name: the first entries of one go only with an account of them. */
function isRecreated(stream: typeof EMPTY, known: Extent, removed: number, missing: number): boolean {
  if (known.first === '0-0' || !isBefore(known.first, stream.first)) return false;
  return stream.added < known.added || (removed === known.removed && missing <= 0);
}

function recreated(known: Extent): Loss {
  return { events: Math.max(1, known.length), reason: 'the stream was deleted, and began anew' };
}

export const isBefore = (a: string, b: string) => compareEventIds(parseEventId(a), parseEventId(b)) < 0;

const count = (events: number) => (events === 1 ? '1 event is' : `${events.toLocaleString('en')} events are`);
