import type { StreamName } from '#libs/events';

/** The epoch of a stream that was never cut anew. */
export const FIRST_EPOCH = 1;

/** What the names of partitions end with: nothing in the first epoch. */
const epochSuffix = (epoch: number) => (epoch === FIRST_EPOCH ? '' : `e${epoch}`);

/**
 * Every key there is. Keys of one partition share its hash tag (`{s3}`: partition 3 of scores), so that one
 * script can touch them all, in a cluster too. Ids from outside stand last: they may hold colons.
 */
export class PartitionKeys {
  private readonly base: string;
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

  /** sorted set: workers of a group that read the partition, by when they last said so (milliseconds); gone when all are silent */
  workers(group: string): string {
    return `${this.base}:workers:${group}`;
  }

  deadLetters(group: string): string {
    return `${this.base}:dead:${group}`;
  }

  idempotency(hash: string): string {
    return `${this.base}:idempotency:${hash}`;
  }

  /** string: written for replicas to confirm what was written before it */
  confirmed(): string {
    return `${this.base}:confirmed`;
  }

  /** Never there: what is asked of it tells whether the partition's server would take a write. */
  probe(): string {
    return `${this.base}:probe`;
  }

  /**
   * hash: part of the subject -> head version, its event id, and bytes (`3 1700-0/17`) or `-` when it is a deletion; for a
   * player also `/usage` -> slots that were ever used, and bytes of all saves now
   */
  versions(subject: string): string {
    return `${this.base}:versions:${subject}`;
  }

  /** hash: board -> what it is by the log's last word: event id, source or `-`, definition as JSON */
  definitions(): string {
    return `${this.base}:definitions`;
  }

  /** string: how often a board that counts another's scores was defined here; unset: never since it is counted */
  derivations(): string {
    return `${this.base}:derivations`;
  }

  /** string: a player has submitted a score to a board a short while ago */
  interval(board: string, player: string): string {
    // Neither id can hold a slash.
    return `${this.base}:interval:${board}/${player}`;
  }

  /** hash: board -> nothing; boards that the player has scored on, counted once the player has with a session */
  boards(player: string): string {
    return `${this.base}:boards:${player}`;
  }

  /** hash: player -> the secret that a player returns with, hashed */
  credentials(): string {
    return `${this.base}:credentials`;
  }

  /** list: the player's sessions, by the hashes of their tokens, oldest first; some may have ended */
  sessions(player: string): string {
    return `${this.base}:sessions:${player}`;
  }

  /** string: how many logins as the player failed of late */
  failedLogins(player: string): string {
    return `${this.base}:failed-logins:${player}`;
  }

  /**
   * hash: player -> the event that erases the player, and ` gone` when nothing but the log has the player any more.
   * Of these players, the partition takes nothing.
   */
  erasing(): string {
    return `${this.base}:erasing`;
  }

  /**
   * hash: `epoch` of who erases, `events` -> how many were deleted from the log, `purging` while some are,
   * `board:<board>` -> to be built anew, `orphans` when a move brought idempotency records of such events
   */
  erasures(): string {
    return `${this.base}:erasures`;
  }

  /**
   * string: `moving <attempt>` while another log is made of this one; `closed <attempt>` when this one takes nothing more,
   * for a moment or, once the other one has taken its place, for ever
   */
  gate(): string {
    return `${this.base}:gate`;
  }

  /** set: players who got something that lets them in since the gate says `moving` */
  touched(): string {
    return `${this.base}:touched`;
  }

  /**
   * hash: what the log had when it was last looked at (`added`, `length`, `removed`, `first`, `last`, `group:<group>`), what is
   * gone of it (`trimmed`, `gone`, `lost`), `damage` while that is not accepted, `reset:<group>` while a group lacks events,
   * `account:<group>` by which its skipped events are noticed, `missed:<group>` and `repeated:<group>` until it is rebuilt,
   * `missedEver:<group>` and `repeatedEver:<group>`,
   * `revision` that counts losses, and `at`, when it was noted
   */
  ledger(): string {
    return `${this.base}:ledger`;
  }

  /** hash: idempotency key -> an event that this partition and others get, as JSON, until all of them have it */
  unfinishedCopies(): string {
    return `${this.base}:unfinished-copies`;
  }

  /** hash: event id -> why a group's state is without it: `dead <dead letter>`, `dropped`, `retried` or `failed` */
  skipped(group: string): string {
    return `${this.base}:skipped:${group}`;
  }

  /** hash: which generation of a group's state is live, and what its writers must know of it */
  live(group: string): string {
    return `${this.base}:live:${group}`;
  }

  /** hash: how far the generation is that is being built for a group */
  build(group: string): string {
    return `${this.base}:build:${group}`;
  }

  /** The keys of what projections keep, in one of their generations. */
  state(generation: number, documents: DocumentStoreName = 'plain'): StateKeys {
    return new StateKeys(this.base, generation, documents);
  }
}

/** How a generation keeps what players are found by: in sorted sets, or as JSON values that Redis Search indexes. */
export type DocumentStoreName = 'plain' | 'json';

/** What the field says that names it; nothing for a generation that is older than the field. */
export const documentStoreName = (field: string | null | undefined): DocumentStoreName =>
  field === 'json' ? 'json' : 'plain';

/** Versions in one hash: Redis keeps a hash without an index of its own up to 128 fields, in a third of the memory. */
const VERSIONS_TOGETHER = 100;

/** Keys of projected state. No id can hold an `@`: the generation is unmistakable. */
export class StateKeys {
  private readonly runsOf: string;
  private readonly ranksOf: string;
  private readonly scoresOf: string;
  /** Keys of boards that were asked for: few, and one of them is needed for every event. */
  private readonly runsByBoard = new Map<string, string>();

  constructor(
    private readonly base: string,
    readonly generation: number,
    readonly documents: DocumentStoreName = 'plain',
  ) {
    this.runsOf = `${this.prefix('runs')}:`;
    this.ranksOf = `${this.prefix('ranks')}:`;
    this.scoresOf = `${this.prefix('scores')}:`;
  }

  /** How all keys of one kind begin. */
  prefix(kind: string): string {
    return `${this.base}:${kind}@${this.generation}`;
  }

  /**
   * hash: `b:<board>` -> its definition, `q:<board>` -> its periods with scores, `p:<player>` -> whether banned,
   * `r:<board>/<player>` -> number of revocations
   */
  rules(): string {
    return this.prefix('rules');
  }

  /** sorted set: members that begin as the tie-break says, by score */
  ranks(board: string, period?: string): string {
    return this.ranksOf + inPeriod(board, period);
  }

  /** sorted set: scores that are on the board, by themselves; kept where a rank is a number of scores */
  levels(board: string, period?: string): string {
    return `${this.prefix('levels')}:${inPeriod(board, period)}`;
  }

  /** hash: player -> the run that counts */
  runs(board: string, period?: string): string {
    const name = inPeriod(board, period);
    let key = this.runsByBoard.get(name);
    if (key === undefined) {
      key = this.runsOf + name;
      this.runsByBoard.set(name, key);
    }
    return key;
  }

  /** hash: board -> the player's scores there */
  scores(player: string): string {
    return this.scoresOf + player;
  }

  /** hash: slot -> version, time, bytes, or `-` when it is deleted */
  saves(player: string): string {
    return `${this.prefix('saves')}:${player}`;
  }

  /** string: the document in a slot */
  save(player: string, slot: string): string {
    // Neither id can hold a slash.
    return `${this.prefix('save')}:${player}/${slot}`;
  }

  /** hash: version -> event id, kind of actor, bytes; of a hundred versions */
  history(player: string, slot: string, version: number): string {
    return `${this.prefix('history')}:${player}/${slot}/${Math.floor(version / VERSIONS_TOGETHER)}`;
  }

  /** All hashes of versions up to the last one. */
  histories(player: string, slot: string, last: number): string[] {
    const count = Math.floor(last / VERSIONS_TOGETHER) + 1;
    return Array.from({ length: count }, (_, n) => this.history(player, slot, n * VERSIONS_TOGETHER));
  }

  /** hash: player -> version, profile as JSON */
  profiles(): string {
    return this.prefix('profiles');
  }

  /** hash: player -> name, of those whose profile has one */
  names(): string {
    return this.prefix('names');
  }

  /** Names partition and generation in letters and digits: `p0g1`. */
  get label(): string {
    return `${/\{(\w+)\}$/.exec(this.base)?.[1]}g${this.generation}`;
  }

  /** JSON: what a player is found by. @param collection `profiles`, or a slot */
  document(collection: string, player: string): string {
    // Neither can hold a slash.
    return `${this.prefix('document')}:${collection}/${player}`;
  }

  /** sorted set, all scores 0: text, NUL, player; by bytes. @param collection `profiles`, or a slot */
  search(collection: string): string {
    return `${this.prefix('search')}:${collection}`;
  }
}

/** Neither can hold a slash. */
const inPeriod = (board: string, period?: string) => (period === undefined ? board : `${board}/${period}`);

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

/** The index of Redis Search over the documents of all partitions and generations. */
export const documentIndex = (prefix: string) => `${prefix}:documents`;

/** How all keys of the partitions of players begin. */
export const playersPrefix = (prefix: string) => `${prefix}:{p`;

/** hash: what is to be done to a projection, and how far it is */
export const jobKey = (prefix: string, id: string) => `${prefix}:job:${id}`;

/** string: the id of the job that a projection has; there is one at a time */
export const activeJobKey = (prefix: string, group: string) => `${prefix}:active-job:${group}`;

/** string: which process works on that job */
export const jobLeaseKey = (prefix: string, group: string) => `${prefix}:job-lease:${group}`;

/** string: which process deletes the events of erased players */
export const eraserLeaseKey = (prefix: string) => `${prefix}:eraser-lease`;

/** string: how many processes have begun to do that: each has a greater number than those before */
export const eraserEpochKey = (prefix: string) => `${prefix}:eraser-epoch`;

/** hash: `asked` counts who wants running processes to look at the log; `looked` -> up to which of these they have */
export const logLookKey = (prefix: string) => `${prefix}:log-look`;

/** hash: board -> milliseconds since 1970; boards that the routes of Cache Quest have made, since when */
export const cacheQuestBoardsKey = (prefix: string) => `${prefix}:cache-quest-boards`;

/** string: whose session it is; gone when it has ended. @param hash of its token */
export const sessionKey = (prefix: string, hash: string) => `${prefix}:session:${hash}`;

/** string: how many logins from the address failed of late */
export const failedLoginsKey = (prefix: string, address: string) => `${prefix}:failed-logins:${address}`;

/** string: what a caller was admitted to lately. What names the caller stands last: it may hold colons. */
export const limitKey = (prefix: string, routeClass: string, role: string, id: string) =>
  `${prefix}:limit:${routeClass}:${role}:${id}`;

/** string: what was counted lately for a quota that is counted by the hour */
export const hourlyQuotaKey = (prefix: string, quota: string, id: string) =>
  limitKey(prefix, 'quota', quota, id);

/** string: bytes that a player has appended to the log lately */
export const hourlyBytesKey = (prefix: string, player: string) =>
  hourlyQuotaKey(prefix, 'player.bytesPerHour', player);
