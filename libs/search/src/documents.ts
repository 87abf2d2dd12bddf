import type { PartitionKeys } from '#libs/event-log';
import type { StateKeys } from '#libs/projections';

/** The consumer group, and projection, that stores players' documents: saves, profiles, and what they are found by. */
export const DOCUMENTS_GROUP = 'saves';

/** The collection of all profiles that have a name. */
export const PROFILES = 'profiles';

/** Where a document is. */
export interface DocumentPlace {
  readonly keys: StateKeys;
  /** `profiles`, or a slot. */
  readonly collection: string;
  readonly player: string;
}

/** What is known of a document besides its text as it was written. */
export interface PlayerDocument {
  /** What it is found by. */
  readonly texts: readonly string[];
  /** JSON: what is shown to whoever looks into the database. */
  readonly json: string;
}

/** A partition, and the live generation of its state. */
export interface LivePartition {
  readonly keys: PartitionKeys;
  readonly state: StateKeys;
}

export interface Matches {
  /** How many there are. */
  readonly total: number;
  readonly players: readonly string[];
}

/**
 * Where documents are kept and found, in partitions whose generation is of one store.
 *
 * There are two: sorted sets, which any Redis has, and JSON values with an index of Redis Search. Both give the same
 * answers.
 */
export interface Documents {
  /**
   * Folded names that begin with a text, each with its player, as members of a sorted set, in the order of bytes.
   *
   * @param after the member behind which to begin; empty for the beginning
   * @param seen how many came before, about
   */
  names(
    partitions: readonly LivePartition[],
    prefix: string,
    after: string,
    seen: number,
    limit: number,
  ): Promise<string[]>;
  /** Players whose document in the slot has all of the words; the empty word is in every document. */
  matches(
    partitions: readonly LivePartition[],
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches>;
}
