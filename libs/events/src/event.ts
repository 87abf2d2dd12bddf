import type { BoardDefined } from './board-defined.js';
import type { BoardRemoved } from './board-removed.js';
import type { EntryRevoked } from './entry-revoked.js';
import type { EventId } from './event-id.js';
import type { PlayerBanned, PlayerUnbanned } from './player-banned.js';
import type { PlayerErased, ScoresErased } from './player-erased.js';
import type { ProfilePatched } from './profile-patched.js';
import type { SaveDeleted } from './save-deleted.js';
import type { SaveWritten } from './save-written.js';
import type { ScoreSubmitted } from './score-submitted.js';

/** Every kind of event there is, by type. A new kind is added here and in the catalog. */
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

/** The streams of the log. Each is cut into partitions. */
export const STREAMS = ['scores', 'players'] as const;
export type StreamName = (typeof STREAMS)[number];

/** Who caused an event: a player by id, a game server or an operator by the id of the key they showed. */
export interface Actor {
  readonly kind: 'player' | 'server' | 'admin';
  readonly id: string;
}

/** An event about to be appended. */
export interface NewEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly data: Events[T];
  readonly actor: Actor;
  /** W3C `traceparent` of the request that caused it. */
  readonly trace?: string;
  /** The caller's idempotency key, kept for the audit trail. */
  readonly idempotencyKey?: string;
}

/**
 * An event as the log holds it. Its time is the `ms` of its id, or `at`: see `timeOf`. Which of two events came first, ids
 * alone say.
 */
export type RecordedEvent<T extends EventType = EventType> = {
  [K in T]: NewEvent<K> & {
    readonly id: EventId;
    /**
     * Decided when the event was appended: its own number, from 1, where the definition counts versions; the
     * number of those before it where the definition follows them, and nothing when there are none.
     */
    readonly version?: number;
    /** Milliseconds since 1970. It is there only where the id is ahead: Redis's clock was, and ids never go back. */
    readonly at?: number;
  };
}[T];

/** When an event was appended, in milliseconds since 1970: by one clock, the server's. */
export function timeOf({ id, at }: { readonly id: EventId; readonly at?: number | undefined }): number {
  return at ?? id.ms;
}
