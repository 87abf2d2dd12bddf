import type { EventId } from './event-id.js';
import type { StreamName } from './streams.js';

/** How events of one type are stored in the log. */
export interface EventDefinition<Data> {
  /**
   * Identifies the type and its schema version in the log: a letter and a number. A changed schema gets a new code, and
   * the old one must stay readable forever.
   */
  readonly code: string;
  readonly stream: StreamName;
  /** The board or player the event is about. It decides the partition, so events of one subject stay in order. */
  subject(data: Data): string;
  /** For versioned events: the part of the subject (such as a slot) whose version the event increments. */
  countsVersionOf?(data: Data): string;
  /** The event deletes the versioned part. The version counter continues. */
  readonly isDeletion?: boolean;
  /** The part of the subject whose current version is stored with the event. The event does not increment it. */
  readsVersionOf?(data: Data): string;
  /**
   * The event erases a player: the append script accepts no later events of the player. The script also adds a document to the
   * event: the head version of each of the player's slots and of the profile.
   */
  readonly isErasure?: boolean;
  /** The event is appended to every partition of the stream. */
  readonly inEveryPartition?: boolean;
  /** For events that go to several partitions: the data of the copies. `first` is the id of the original event. */
  toCopy?(data: Data, first: EventId): Data;
  /** A document that is stored byte for byte in a field of its own instead of being packed. */
  document?(data: Data): string;
  /** The part of the data that is the same in every repeat of a request, for the idempotency fingerprint. Default: all data. */
  asRequested?(data: Data): Data;
  /** The data as an array without field names, which saves about 20 bytes per event. */
  pack(data: Data): readonly unknown[];
  /** The reverse of `pack`. @throws MalformedEventError when a value is missing or has the wrong type */
  unpack(values: readonly unknown[], document: string | undefined): Data;
}
