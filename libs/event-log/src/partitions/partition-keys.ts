import type { StreamName } from '#libs/events';

/** The log epoch of a stream that was never repartitioned. */
export const FIRST_EPOCH = 1;

/** The suffix of a partition's hash tag; empty in the first epoch. */
const epochSuffix = (epoch: number) => (epoch === FIRST_EPOCH ? '' : `e${epoch}`);

/**
 * The keys of one partition. Keys of the log are methods; other libraries build theirs with `key`.
 *
 * All keys share the partition's hash tag (`{s3}`: partition 3 of scores), so that one script can use them together on a
 * cluster. Ids from clients come last, because they may contain colons.
 */
export class PartitionKeys {
  readonly base: string;
  /** The key of the partition's stream. */
  readonly stream: string;

  constructor(
    /** The prefix of every key. */
    readonly prefix: string,
    readonly streamName: StreamName,
    readonly partition: number,
    /** The log epoch. Partitions of different epochs have different keys. */
    readonly epoch = FIRST_EPOCH,
  ) {
    this.base = `${prefix}:{${streamName[0]}${partition}${epochSuffix(epoch)}}`;
    this.stream = `${this.base}:log`;
  }

  /** A key of this partition. @param id from a client; it comes last because it may contain colons */
  key(kind: string, id?: string): string {
    return id === undefined ? `${this.base}:${kind}` : `${this.base}:${kind}:${id}`;
  }

  /**
   * hash, the catalog of the archive: `epoch` of the archiver that wrote it, `manifest`, the object that lists the segments, `floor`,
   * the last id that is only in the archive, and `trimmed`, the number of entries up to there. Without a floor the stream is whole.
   * One script sets `floor` and `trimmed` and trims the stream. A reader of several commands reads the stream first.
   */
  archive(): string {
    return this.key('archive');
  }

  idempotency(hash: string): string {
    return this.key('idempotency', hash);
  }

  /** string: written so that replicas confirm it, and with it all earlier writes */
  confirmed(): string {
    return this.key('confirmed');
  }

  /** never exists: deleting it shows whether the partition's server accepts writes */
  probe(): string {
    return this.key('probe');
  }

  /**
   * hash: part of the subject -> head version, its event id, and bytes (`3 1700-0/17`), or `-` for a deletion; for a player also
   * `/usage` -> slots that were ever used, and bytes of all current saves
   */
  versions(subject: string): string {
    return this.key('versions', subject);
  }

  /** hash: board -> its latest definition in the log: event id, source or `-`, definition as JSON */
  definitions(): string {
    return this.key('definitions');
  }

  /** string: how many times a derived board was defined in this partition; unset for none */
  derivations(): string {
    return this.key('derivations');
  }

  /** string that expires: the player has submitted a score to the board within its `minInterval` */
  interval(board: string, player: string): string {
    // Neither id can contain a slash.
    return this.key('interval', `${board}/${player}`);
  }

  /**
   * hash: player -> the event that erases the player, and ` gone` once only the log still contains the player. The partition
   * accepts no events of these players.
   */
  erasing(): string {
    return this.key('erasing');
  }

  /**
   * hash: `epoch` of the erasing process, `events` -> number of events deleted from the log, `purging` while it deletes,
   * `board:<board>` -> the board must be rebuilt, `orphans` if a repartition copied idempotency records of erased events
   */
  erasures(): string {
    return this.key('erasures');
  }

  /**
   * string: `moving <attempt>` while a repartition copies this partition; `closed <attempt>` when the partition accepts no more
   * events, either for a moment or, after the switch, for ever
   */
  gate(): string {
    return this.key('gate');
  }

  /** set: players who got a session or a secret since the gate is `moving` */
  touched(): string {
    return this.key('touched');
  }

  /**
   * hash: the extent of the log at the last check (`added`, `length`, `removed`, `first`, `last`, `group:<group>`), what was
   * removed from it (`gone`, `lost`), `damage` until the loss is accepted, `reset:<group>` while a group lacks events,
   * `account:<group>` to notice events that the group skips, `missed:<group>` and `repeated:<group>` until it is rebuilt,
   * `missedEver:<group>` and `repeatedEver:<group>`, `revision` that counts losses, and `at`, the time of the check
   */
  ledger(): string {
    return this.key('ledger');
  }

  /** hash: idempotency key -> an event for all partitions, as JSON, until all of them have it */
  unfinishedCopies(): string {
    return this.key('unfinished-copies');
  }

  /** hash: event id -> why a group's state lacks the event: `dead <dead letter>`, `dropped`, `retried`, or `failed` */
  skipped(group: string): string {
    return this.key('skipped', group);
  }

  /** hash: the live generation of a group's state, and what its writers need to know */
  live(group: string): string {
    return this.key('live', group);
  }
}

/**
 * hash: stream -> number of partitions, written at the very first start. After a repartition: `<stream>:epoch`, the log epoch, and
 * `<stream>:movedUpTo`, the last event before it. `<stream>:built`: the last epoch that was begun; `moving`: the running
 * attempt, and when its lease expires
 */
export const topologyKey = (prefix: string) => `${prefix}:topology`;

/** Stands for the live generation of a partition that a repartition has replaced. */
export const MOVED = 'moved';

/** The parts of a partition's key. */
export interface PartitionKeyName {
  readonly initial: string;
  readonly partition: number;
  readonly epoch: number;
  /** The part after the partition: `log`, `live:scores`. */
  readonly rest: string;
}

/** @returns undefined for other keys */
export function parsePartitionKey(prefix: string, key: string): PartitionKeyName | undefined {
  if (!key.startsWith(`${prefix}:{`)) return undefined;
  const [, initial = '', partition, epoch = FIRST_EPOCH, rest = ''] =
    /^\{([sp])(\d+)(?:e(\d+))?\}:(.*)$/s.exec(key.slice(prefix.length + 1)) ?? [];
  if (partition === undefined) return undefined;
  return { initial, partition: Number(partition), epoch: Number(epoch), rest };
}

/** A pattern that matches the keys of a stream's partitions in every epoch. */
export const partitionKeysLike = (prefix: string, stream: StreamName, rest = '*') =>
  `${prefix}:{${stream[0]}*}:${rest}`;

/** hash: `asked` counts requests to running processes to check the log; `looked` -> the last request that they have served */
export const logLookKey = (prefix: string) => `${prefix}:log-look`;

/** stream: the dead letters of a group */
export const deadLettersKey = (keys: PartitionKeys, group: string) => keys.key('dead', group);
