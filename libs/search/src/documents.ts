import type { PartitionKeys } from '#libs/event-log';
import type { StateKeys } from '#libs/projections';

/** The consumer group and projection of players' documents: saves, profiles, and their index. */
export const DOCUMENTS_GROUP = 'saves';

/** The collection of all profiles with a name. */
export const PROFILES = 'profiles';

/** The address of a document. */
export interface DocumentPlace {
  readonly keys: StateKeys;
  /** `profiles`, or a slot. */
  readonly collection: string;
  readonly player: string;
}

/** A document for the index. */
export interface PlayerDocument {
  /** Its index terms. */
  readonly texts: readonly string[];
  /** JSON, for people who look into the database. */
  readonly json: string;
}

/** A partition and its live generation. */
export interface LivePartition {
  readonly keys: PartitionKeys;
  readonly state: StateKeys;
}

export interface Matches {
  /** The number of matches. */
  readonly total: number;
  readonly players: readonly string[];
}

/**
 * A document store.
 *
 * There are two: sorted sets, which every Redis has, and JSON values with an index of Redis Search. Both give the same answers.
 */
export interface Documents {
  /**
   * Folded names that begin with a text, each with its player, as members of a sorted set, in byte order.
   *
   * @param after the member after which to begin; empty for the first page
   * @param seen the approximate number of members before the page
   */
  names(
    partitions: readonly LivePartition[],
    prefix: string,
    after: string,
    seen: number,
    limit: number,
  ): Promise<string[]>;
  /** Players whose document in the slot has all of the words. The empty word matches every document. */
  matches(
    partitions: readonly LivePartition[],
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches>;
}
