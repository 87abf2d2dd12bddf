import type { EventId } from './event-id.js';
import type { BoardDefined } from './types/board-defined.js';
import type { BoardRemoved } from './types/board-removed.js';
import type { EntryRevoked } from './types/entry-revoked.js';
import type { PlayerBanned, PlayerUnbanned } from './types/player-banned.js';
import type { PlayerErased, ScoresErased } from './types/player-erased.js';
import type { ProfilePatched } from './types/profile-patched.js';
import type { SaveDeleted } from './types/save-deleted.js';
import type { SaveWritten } from './types/save-written.js';
import type { ScoreSubmitted } from './types/score-submitted.js';

/** The data of every event type. Add a new type here and to `eventCatalog`. */
export interface Events {
  ScoreSubmitted: ScoreSubmitted;
  EntryRevoked: EntryRevoked;
  BoardDefined: BoardDefined;
  BoardRemoved: BoardRemoved;
  PlayerBanned: PlayerBanned;
  PlayerUnbanned: PlayerUnbanned;
  ScoresErased: ScoresErased;
  SaveWritten: SaveWritten;
  SaveDeleted: SaveDeleted;
  ProfilePatched: ProfilePatched;
  PlayerErased: PlayerErased;
}

export type EventType = keyof Events;

/** Who caused an event. */
export interface Actor {
  readonly kind: 'player' | 'server' | 'admin';
  /** A player id, or the id of the server or admin key that was used. */
  readonly id: string;
}

/** An event to append. */
export interface NewEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly data: Events[T];
  readonly actor: Actor;
  /** The W3C `traceparent` of the request that caused the event. */
  readonly trace?: string;
  /** The idempotency key of the request, kept for the audit trail. */
  readonly idempotencyKey?: string;
}

/**
 * An event that was read from the log. Use `timeOf` for its time. To order events, compare their ids, never their times.
 */
export type RecordedEvent<T extends EventType = EventType> = {
  [K in T]: NewEvent<K> & {
    readonly id: EventId;
    /**
     * Assigned by the append script. For types with `countsVersionOf`: the version of this event, from 1. For types with
     * `readsVersionOf`: the version at that time, unset while there was none.
     */
    readonly version?: number;
    /** The time in milliseconds since 1970, only set where the id is ahead of the clock: ids never go back when a clock does. */
    readonly at?: number;
  };
}[T];

/** When an event was appended, in milliseconds since 1970, by the clock of the Redis server. */
export function timeOf({ id, at }: { readonly id: EventId; readonly at?: number | undefined }): number {
  return at ?? id.ms;
}
