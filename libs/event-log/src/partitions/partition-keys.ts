import type { StreamName } from '#libs/events';

/** The epoch of a stream that was never cut anew. */
export const FIRST_EPOCH = 1;

/** What the names of partitions end with: nothing in the first epoch. */
const epochSuffix = (epoch: number) => (epoch === FIRST_EPOCH ? '' : `e${epoch}`);

/**
 * The keys of one partition. Those of the log are methods; other libraries name theirs with `key`.
 *
 * All of them share the partition's hash tag (`{s3}`: partition 3 of scores), so that one script can use them together in a
 * cluster, too. Ids from outside stand last: they may contain colons.
 */
export class PartitionKeys {
  readonly base: string;
  /** The partition's part of the log. */
  readonly stream: string;

  constructor(
    /** What stands before every key. */
    readonly prefix: string,
    readonly streamName: StreamName,
    readonly partition: number,
    /** Counts how often the stream was cut anew: what is of another epoch is beside it, and out of its way. */
    readonly epoch = FIRST_EPOCH,
  ) {
    this.base = `${prefix}:{${streamName[0]}${partition}${epochSuffix(epoch)}}`;
    this.stream = `${this.base}:log`;
  }

  /** A key of this partition; each library names its own. @param id from outside, perhaps with colons: it stands last */
  key(kind: string, id?: string): string {
    return id === undefined ? `${this.base}:${kind}` : `${this.base}:${kind}:${id}`;
  }

  idempotency(hash: string): string {
    return this.key('idempotency', hash);
  }

  /** string: written for replicas to confirm what was written before it */
  confirmed(): string {
    return this.key('confirmed');
  }

  /** Never there: what is asked of it tells whether the partition's server would take a write. */
  probe(): string {
    return this.key('probe');
  }

  /**
   * hash: part of the subject -> head version, its event id, and bytes (`3 1700-0/17`) or `-` when it is a deletion; for a
   * player also `/usage` -> slots that were ever used, and bytes of all saves now
   */
  versions(subject: string): string {
    return this.key('versions', subject);
  }

  /** hash: board -> what it is by the log's last word: event id, source or `-`, definition as JSON */
  definitions(): string {
    return this.key('definitions');
  }

  /** string: how often a board that counts another's scores was defined here; unset: never since it is counted */
  derivations(): string {
    return this.key('derivations');
  }

  /** string: a player has submitted a score to a board a short while ago */
  interval(board: string, player: string): string {
    // Neither id can hold a slash.
    return this.key('interval', `${board}/${player}`);
  }

  /**
   * hash: player -> the event that erases the player, and ` gone` when nothing but the log has the player any more.
   * Of these players, the partition takes nothing.
   */
  erasing(): string {
    return this.key('erasing');
  }

  /**
   * hash: `epoch` of who erases, `events` -> how many were deleted from the log, `purging` while some are,
   * `board:<board>` -> to be built anew, `orphans` when a move brought idempotency records of such events
   */
  erasures(): string {
    return this.key('erasures');
  }

  /**
   * string: `moving <attempt>` while another log is made of this one; `closed <attempt>` when this one takes nothing more,
   * for a moment or, once the other one has taken its place, for ever
   */
  gate(): string {
    return this.key('gate');
  }

  /** set: players who got something that lets them in since the gate says `moving` */
  touched(): string {
    return this.key('touched');
  }

  /**
   * hash: what the log had when it was last looked at (`added`, `length`, `removed`, `first`, `last`, `group:<group>`), what is
   * gone of it (`trimmed`, `gone`, `lost`), `damage` while that is not accepted, `reset:<group>` while a group lacks events,
   * `account:<group>` by which its skipped events are noticed, `missed:<group>` and `repeated:<group>` until it is rebuilt,
   * `missedEver:<group>` and `repeatedEver:<group>`,
   * `revision` that counts losses, and `at`, when it was noted
   */
  ledger(): string {
    return this.key('ledger');
  }

  /** hash: idempotency key -> an event that this partition and others get, as JSON, until all of them have it */
  unfinishedCopies(): string {
    return this.key('unfinished-copies');
  }

  /** hash: event id -> why a group's state is without it: `dead <dead letter>`, `dropped`, `retried` or `failed` */
  skipped(group: string): string {
    return this.key('skipped', group);
  }

  /** hash: which generation of a group's state is live, and what its writers must know of it */
  live(group: string): string {
    return this.key('live', group);
  }
}

/**
 * hash: stream -> number of partitions, written at the very first start; `<stream>:epoch`, when it was cut anew, and
 * `<stream>:movedUpTo`: the last event before that; `<stream>:built`: epochs begun; `moving`: who cuts anew, and until when
 * that is believed
 */
export const topologyKey = (prefix: string) => `${prefix}:topology`;

/** What a generation is called that will never be live again: another log has taken the place of its partition's. */
export const MOVED = 'moved';

/** A key of a partition, taken apart. */
export interface PartitionKeyName {
  readonly initial: string;
  readonly partition: number;
  readonly epoch: number;
  /** What stands behind the partition: `log`, `live:scores`. */
  readonly rest: string;
}

/** @returns nothing for what is no key of a partition */
export function parsePartitionKey(prefix: string, key: string): PartitionKeyName | undefined {
  if (!key.startsWith(`${prefix}:{`)) return undefined;
  const [, initial = '', partition, epoch = FIRST_EPOCH, rest = ''] =
    /^\{([sp])(\d+)(?:e(\d+))?\}:(.*)$/s.exec(key.slice(prefix.length + 1)) ?? [];
  if (partition === undefined) return undefined;
  return { initial, partition: Number(partition), epoch: Number(epoch), rest };
}

/** A pattern that all keys of a stream's partitions match, of whichever epoch. */
export const partitionKeysLike = (prefix: string, stream: StreamName, rest = '*') =>
  `${prefix}:{${stream[0]}*}:${rest}`;

/** hash: `asked` counts who wants running processes to look at the log; `looked` -> up to which of these they have */
export const logLookKey = (prefix: string) => `${prefix}:log-look`;

/** stream: the dead letters of a group */
export const deadLettersKey = (keys: PartitionKeys, group: string) => keys.key('dead', group);
