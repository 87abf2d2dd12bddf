import type { StreamName } from './event.js';

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
  /** A document too large or too delicate to be packed with the rest; it is kept byte for byte. */
  document?(data: Data): string;
  /** The data as a JSON array, without field names: 20 bytes less for each event. */
  pack(data: Data): readonly unknown[];
  /** @throws MalformedEventError when the values are not what `pack` makes */
  unpack(values: readonly unknown[], document: string | undefined): Data;
}
