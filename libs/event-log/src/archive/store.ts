/** An object of a store. */
export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** When it was written, in milliseconds since 1970, by the clock of the store. */
  readonly writtenAt: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where the archive's objects are. Objects are immutable, and a name has slashes between its parts, such as
 * `scores-3/manifest.json`. An object appears under its name completely or not at all.
 *
 * Every function throws a `Store…Error` of `errors.ts` when the store fails.
 */
export interface ArchiveStore {
  /** For messages: without credentials. */
  readonly url: string;

  /**
   * Writes an object unless there is one with this name. When it returns, the object is durable.
   *
   * After a lost answer the write is repeated, so `exists` can mean that this call wrote the object. Names contain a hash of the
   * content, so that both are a success.
   */
  put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'>;

  /**
   * @param range only these bytes; fewer when the object ends before
   * @throws ObjectMissingError
   */
  get(name: string, range?: ByteRange): Promise<Buffer>;

  /** The objects whose name starts with the prefix, in any order. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Deletes an object. It is no error when there is none. */
  delete(name: string): Promise<void>;

  /** Closes connections. */
  close(): void;
}
