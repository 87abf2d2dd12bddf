import type { EventType, NewEvent } from '#libs/events';
import type { EventRef } from '../reading/event-ref.js';

/** The head version that a write requires: a number (0: there is no version, or the last one is a deletion), or any version. */
export type ExpectedVersion = number | 'existing';

/** The conditions of an append. The append script checks them in the same step as it appends. */
export interface AppendOptions {
  readonly expectedVersion?: ExpectedVersion;
  /** The definition that the caller judged the event by, as `definedBy()` names it. */
  readonly definedBy?: string;
  /** The number of shards in that definition. It decides the partition of the event. */
  readonly shards?: number;
  /** Minimum milliseconds since the player's last score on the board that was appended with this option. */
  readonly minInterval?: number;
  /** The request as it was sent, where the document is derived from it. An idempotency key belongs to the request. */
  readonly request?: string;
  /** Answer only if the idempotency key was used before; do not append. */
  readonly replayOnly?: boolean;
  /** The number of slots that the player may ever use. */
  readonly slots?: number;
  /** The total bytes of all saves of the player. */
  readonly saveBytes?: number;
  /** The size of the profile with the patch, to keep it within its limit. */
  readonly profile?: PatchedProfile;
  /** Refuse the first score of a board that is not defined. */
  readonly existingBoard?: boolean;
  /** Whether another board counts the scores of this board; the log looks it up where it matters. */
  readonly use?: BoardUse;
}

/** The result of a search for boards that count the scores of a board. */
export interface BoardUse {
  /** How many derived boards had been defined in the partition before the search. If that number changes, the search is repeated. */
  readonly derivations: string;
  readonly counted: boolean;
}

/** A profile with a patch applied, as the caller saw it. */
export interface PatchedProfile {
  /** The version that the patch was applied to; 0 for none. */
  readonly version: number;
  /** Bytes of the profile with the patch. */
  readonly bytes: number;
  readonly patchBytes: number;
  /** Maximum bytes of the profile, including patches that are appended and not applied yet. */
  readonly mostBytes: number;
}

export interface Appended {
  readonly ref: EventRef;
  /** For versioned events: the version of this event. */
  readonly version?: number;
  /** True if the idempotency key was used before: nothing was appended, and this is the first event. */
  readonly replayed: boolean;
  /** The time of the event in milliseconds since 1970, where it differs from its id. */
  readonly at?: number;
}

/** One event of a batch. */
export interface BatchItem<T extends EventType = EventType> {
  readonly event: NewEvent<T>;
  readonly options?: AppendOptions;
}
