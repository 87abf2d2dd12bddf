import type { StreamName } from '#libs/events';

/**
 * Every key there is. Keys of one partition share its hash tag (`{s3}`: partition 3 of scores), so that one
 * script can touch them all, in a cluster too. Ids from outside stand last: they may hold colons.
 */
export class PartitionKeys {
  private readonly base: string;
  /** The partition's part of the log. */
  readonly stream: string;

  constructor(
    prefix: string,
    readonly streamName: StreamName,
    readonly partition: number,
  ) {
    this.base = `${prefix}:{${streamName[0]}${partition}}`;
    this.stream = `${this.base}:log`;
  }

  deadLetters(group: string): string {
    return `${this.base}:dead:${group}`;
  }

  idempotency(hash: string): string {
    return `${this.base}:idempotency:${hash}`;
  }

  /** hash: part of the subject -> head version */
  versions(subject: string): string {
    return `${this.base}:versions:${subject}`;
  }

  /** sorted set: order and player, by score */
  ranks(board: string): string {
    return `${this.base}:ranks:${board}`;
  }

  /** hash: player -> the run that counts */
  runs(board: string): string {
    return `${this.base}:runs:${board}`;
  }

  /** hash: board -> the player's scores there */
  scores(player: string): string {
    return `${this.base}:scores:${player}`;
  }

  /** hash: slot -> version, time, bytes */
  saves(player: string): string {
    return `${this.base}:saves:${player}`;
  }

  /** string: the document in a slot */
  save(player: string, slot: string): string {
    // Neither id can hold a slash.
    return `${this.base}:save:${player}/${slot}`;
  }
}

/** hash: stream -> number of partitions, written at the very first start */
export const topologyKey = (prefix: string) => `${prefix}:topology`;
