import type { StreamName } from './event.js';
import type { EventId } from './event-id.js';

/** How one kind of event is kept in the log. */
export interface EventDefinition<Data> {
  /**
   * Names type and schema version in the log: a letter and the version.
   * A changed schema gets a new code, and the old one stays readable for ever.
   */
  readonly code: string;
  readonly stream: StreamName;
  /** What decides the partition: events of one subject stay in order. */
  subject(data: Data): string;
  /** The part of the subject whose events are counted as versions, for those that are. */
  versioned?(data: Data): string;
  /** Whether the version is the end of what it is a version of: until the next one, there is none. */
  readonly deletes?: boolean;
  /** The part of the subject whose versions the event carries the latest of, without counting on. */
  follows?(data: Data): string;
  /** Whether the log takes nothing more of the player behind it. Its document is what the append script makes: all heads. */
  readonly erases?: boolean;
  /** Whether every partition of the stream gets the event. */
  readonly everywhere?: boolean;
  /** For events that several partitions of the stream get: the data of all but the first, whose id is given. */
  copy?(data: Data, first: EventId): Data;
  /** A document too large or too delicate to be packed with the rest; it is kept byte for byte. */
  document?(data: Data): string;
  /** The data as a JSON array, without field names: 20 bytes less for each event. */
  pack(data: Data): readonly unknown[];
  /** @throws MalformedEventError when the values are not what `pack` makes */
  unpack(values: readonly unknown[], document: string | undefined): Data;
}
